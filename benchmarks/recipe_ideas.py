"""Which ideas for training in fewer epochs pay? Each is tried alone against the same baseline, ``recipe="fast"``.

A laboratory with a loop of its own, so that what does not pay never enters the package. Small data only: the targets are dense.
Scores are those of held-out peaks at the end of training, for equal numbers of sequences::

    python benchmarks/recipe_ideas.py WORK toy0 toy1 toy2 --width 32 --batch-size 32 --epochs 22 --out ideas_toy.json
    python benchmarks/recipe_ideas.py WORK pseudocells --epochs 12 --ideas base svd ema
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from pathlib import Path

import numpy as np
import torch
from recipes import problem_of
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from worm_quality import lsi

import scbasset_tl as sb
from scbasset_tl._adata.codes import sequence_codes
from scbasset_tl._adata.matrix import open_entries_from
from scbasset_tl.nn.codes import augment, one_hot
from scbasset_tl.nn.embed import embed
from scbasset_tl.nn.head import Head
from scbasset_tl.nn.trunk import Trunk, TrunkConfig
from scbasset_tl.stats.auc import held_out_areas
from scbasset_tl.train.recipe import make_recipe

IDEAS = {
    "base": {},
    # the ingredients of the recipe, each switched off
    "no data bias": {"data_bias": False},
    "one augmentation a minibatch": {"per_sequence": False},
    "constant rate": {"schedule": "constant"},
    "no warm-up": {"warmup": 0.0},
    "Adam's eps 1e-7 for cells": {"head_eps": None},
    # what it has not
    "SVD start": {"svd": True},
    "batch x 2": {"times": 2},
    "batch x 4": {"times": 4},
    "EMA .99": {"ema": 0.99},
    "EMA .999": {"ema": 0.999},
    "residual vector for each peak": {"residual": 1e-3},
    "exact cell vectors after each epoch": {"solve": 1},
    "exact cell vectors at the end": {"solve": 10**9},
    "rate x 2": {"rate": 2.0},
    "rate / 2": {"rate": 0.5},
}
CUSTOM = ("svd", "times", "ema", "residual", "solve", "rate")


def train(data, idea: dict, *, width: int, batch_size: int, epochs: int, seed: int, precision: str) -> dict:
    """Scores of one run on ``data`` = (codes, entries, parts, adata, label_key)."""
    codes, entries, parts, adata, label_key = data
    own = {name: idea.get(name) for name in CUSTOM}
    batch_size *= own["times"] or 1
    changes = {name: value for name, value in idea.items() if name not in CUSTOM}
    recipe = make_recipe("fast", len(parts["train"]), max_epochs=epochs, batch_size=batch_size)
    recipe = type(recipe)(**{**recipe.__dict__, **changes})
    generator = torch.Generator().manual_seed(seed)
    trunk = Trunk(TrunkConfig.of_width(width, seq_len=codes.shape[1]), generator)
    head = Head(entries.n_cells, 32, generator=generator)
    peaks = torch.as_tensor(codes[parts["train"]])
    y = torch.as_tensor(entries.rows(parts["train"]).dense(), dtype=torch.float32)
    with torch.no_grad():
        if recipe.data_bias:
            share = (y.sum(0) + 0.5) / (len(y) + 1)
            head.bias.copy_(torch.log(share / (1 - share)))
        if own["svd"]:
            start = lsi(adata.X, 33)
            head.weight.copy_(torch.as_tensor(0.25 * start / start.std(0), dtype=torch.float32))
    residual = torch.nn.Parameter(torch.zeros(len(peaks), 32))
    groups = [
        {"params": list(trunk.parameters()), "base": recipe.eps},
        {"params": list(head.parameters()), "base": recipe.head_eps or recipe.eps},
    ]
    if own["residual"]:
        groups.append({"params": [residual], "base": recipe.eps})
    optimizer = torch.optim.Adam(groups, lr=recipe.lr, betas=recipe.betas, fused=True)
    average = copy.deepcopy((trunk, head)) if own["ema"] else None
    n_steps, step, started = epochs * -(-len(peaks) // batch_size), 0, time.perf_counter()
    for epoch in range(epochs):
        trunk.train()
        for ids in torch.randperm(len(peaks), generator=generator).split(batch_size):
            if len(ids) < 2:
                continue
            n_draws = len(ids) if recipe.per_sequence else 1
            flip = torch.rand(n_draws, generator=generator) < 0.5
            by = torch.randint(-3, 4, (n_draws,), generator=generator)
            drawn = augment(peaks[ids], flip.expand(len(ids)), by.expand(len(ids)))
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16-mixed"):
                h = trunk(one_hot(drawn)).float()
            if own["residual"]:
                h = h + residual[ids]
            loss = bce(torch.addmm(head.bias, h, head.weight.T), y[ids])
            if own["residual"]:
                loss = loss + own["residual"] * residual[ids].square().mean()
            optimizer.zero_grad()
            loss.backward()
            correction = (1 - recipe.betas[1] ** (step + 1)) ** 0.5
            for group in optimizer.param_groups:
                group["lr"] = recipe.lr_at(step, n_steps) * (own["rate"] or 1)
                group["eps"] = group["base"] / correction
            optimizer.step()
            step += 1
            if average is not None:
                follow(average, (trunk, head), min(own["ema"], step / (step + 10)))
        if own["solve"] and ((epoch + 1) % own["solve"] == 0 or epoch + 1 == epochs):
            solve(embed(trunk, peaks), y, head)
    seconds = time.perf_counter() - started
    trunk, head = average if average is not None else (trunk, head)
    test = parts["test"]
    weight, bias = head.weight.detach().numpy(), head.bias.detach().numpy()
    areas = held_out_areas(embed(trunk, codes[test]).numpy(), weight, bias, entries.rows(test))
    adata.obsm["X_now"] = weight
    scores = dict(zip(("per_cell", "per_peak"), (float(np.nanmean(part.roc)) for part in areas), strict=True))
    scores["label_score"] = sb.metrics.label_score(adata, label_key=label_key, use_rep="X_now", k=50)
    scores["ari"] = sb.metrics.clustering_scores(adata, label_key=label_key, use_rep="X_now")["ari"]
    return {**scores, "seconds": seconds}


def follow(average, now, decay: float) -> None:
    """Exponential moving average of all weights and running statistics."""
    with torch.no_grad():
        for kept, module in zip(average, now, strict=True):
            for mean, value in zip(kept.state_dict().values(), module.state_dict().values(), strict=True):
                if mean.is_floating_point():
                    mean.lerp_(value, 1 - decay)


def solve(h: torch.Tensor, y: torch.Tensor, head: Head, *, l2: float = 1.0, n_iter: int = 6) -> None:
    """Damped Newton for all cells at once, from where they are; the intercept carries no penalty."""
    x = torch.cat([h, torch.ones(len(h), 1)], 1).double()
    w = torch.cat([head.weight.detach(), head.bias.detach()[:, None]], 1).double()
    penalty = torch.full((x.shape[1],), l2, dtype=torch.float64)
    penalty[-1] = 1e-6
    for _ in range(n_iter):
        p = torch.sigmoid(x @ w.T)
        gradient = (p - y).T @ x + penalty * w
        hessian = torch.einsum("pi,pc,pj->cij", x, p * (1 - p), x) + torch.diag(penalty)
        stride = torch.linalg.solve(hessian, gradient)
        w -= stride / stride.norm(dim=1, keepdim=True).clamp(min=2) * 2
    with torch.no_grad():
        head.weight.copy_(w[:, :-1])
        head.bias.copy_(w[:, -1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("sets", nargs="+")
    parser.add_argument("--ideas", nargs="+", default=list(IDEAS), choices=list(IDEAS))
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--rng", type=int, default=0)
    parser.add_argument("--precision", default="bf16-mixed")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    sb.settings.verbosity = 0
    rows = json.loads(a.out.read_text()) if a.out.exists() else []
    for name in a.sets:
        adata, label_key = problem_of(a.work, name)
        parts = {level: np.flatnonzero(adata.var["split"] == level) for level in ("train", "test")}
        data = sequence_codes(adata), open_entries_from(adata), parts, adata, label_key
        for idea in a.ideas:
            where = {"set": name, "idea": idea, "epochs": a.epochs, "width": a.width, "rng": a.rng}
            if any(where.items() <= row.items() for row in rows):
                continue
            options = {"width": a.width, "batch_size": a.batch_size, "epochs": a.epochs, "seed": a.rng}
            rows.append({**where, **train(data, IDEAS[idea], **options, precision=a.precision)})
            a.out.write_text(json.dumps(rows, indent=1) + "\n")
            shown = {key: round(value, 3) if isinstance(value, float) else value for key, value in rows[-1].items()}
            print(shown, flush=True)


if __name__ == "__main__":
    main()
