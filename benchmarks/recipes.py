"""How many sequences does ``recipe="fast"`` need for what the converged ``recipe="paper"`` reaches, and what gives it?

One call trains once and appends a line of scores an epoch to ``WORK/recipes/NAME.jsonl``; called again it goes on from
its checkpoint. ``--change`` replaces fields of the recipe. ``WORK`` holds the sets that ``worm_quality.py prepare``
made; ``toy0``, ``toy1`` ... are made on the spot::

    python benchmarks/recipes.py run WORK pseudocells --recipe paper --rng 0 --until-converged
    python benchmarks/recipes.py run WORK pseudocells --recipe fast --rng 0
    python benchmarks/recipes.py run WORK toy0 --recipe fast --width 32 --change data_bias=false
    python benchmarks/recipes.py table WORK --out benchmarks/results/recipes.json
    python benchmarks/recipes.py figure benchmarks/results/recipes.json pseudocells docs/images/recipes.png
"""

from __future__ import annotations

import argparse
import json
from contextlib import suppress
from pathlib import Path

import numpy as np

LABELS = {"pseudocells": "tissue", "sim5tissues": "tissue"}
# converged: the running mean of the held-out auROC, per cell and per peak, gained less than this in so many epochs
GAIN, WAIT, SMOOTH = 0.002, 20, 5


def problem_of(work: Path, name: str):
    """AnnData with sequences, split and cell labels; the test peaks are those that are scored."""
    import anndata as ad

    import scbasset_tl as sb

    if not name.startswith("toy"):
        return ad.read_h5ad(work / f"{name}.h5ad"), LABELS[name]
    adata = sb.datasets.toy(rng=int(name[3:]))
    sb.pp.split_peaks(adata, fractions=(0.7, 0.05, 0.25))
    return adata, "cell_type"


class Converged(Exception):
    """Raised from inside the training loop to end it."""


def run(work: Path, name: str, a: argparse.Namespace) -> None:
    import torch

    import scbasset_tl as sb
    from scbasset_tl._adata.codes import sequence_codes
    from scbasset_tl._adata.model.problem import training_data
    from scbasset_tl.nn.embed import embed
    from scbasset_tl.nn.trunk import TrunkConfig
    from scbasset_tl.stats.auc import held_out_areas
    from scbasset_tl.train.checkpoint import load_checkpoint
    from scbasset_tl.train.device import make_fabric
    from scbasset_tl.train.loop import fit
    from scbasset_tl.train.recipe import make_recipe

    torch.set_num_threads(a.threads)
    sb.settings.verbosity = 0
    changes = {key: json.loads(value) for key, value in (change.split("=") for change in a.change)}
    tag = "_".join([name, a.recipe, str(a.width), str(a.rng), *(f"{key}-{changes[key]}" for key in changes)])
    out = work / "recipes" / f"{tag}.jsonl"
    out.parent.mkdir(exist_ok=True)
    adata, label_key = problem_of(work, name)
    codes = sequence_codes(adata)
    data = training_data(adata, codes, layer=None, batch_key=None, seed=a.rng)
    recipe = make_recipe(a.recipe, len(data.peaks("train")), **{"patience": 10_000, **changes})
    test = data.peaks("test")
    entries = data.open_entries.rows(test)
    rows = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []

    def score(state) -> None:
        with torch.no_grad():
            weight, bias = (part.cpu().numpy() for part in state.head())
        areas = held_out_areas(embed(state.trunk, codes[test]).cpu().numpy(), weight, bias, entries)
        adata.obsm["X_now"] = weight
        row = {
            "epoch": state.epoch,
            "sequences": state.epoch * len(data.peaks("train")),
            "per_cell": float(np.nanmean(areas[0].roc)),
            "per_peak": float(np.nanmean(areas[1].roc)),
            "label_score": sb.metrics.label_score(adata, label_key=label_key, use_rep="X_now", k=50),
            "train_auroc": state.history["train_auroc"][-1],
            "seconds": state.history["seconds"][-1],
        }
        last = state.epoch == recipe.max_epochs
        if last or state.epoch % 10 == 0:
            row["ari"] = sb.metrics.clustering_scores(adata, label_key=label_key, use_rep="X_now")["ari"]
        del rows[state.epoch - 1 :]
        rows.append(row)
        out.write_text("".join(json.dumps(line) + "\n" for line in rows))
        if a.until_converged and converged(rows):
            raise Converged

    checkpoint = out.with_suffix(".safetensors")
    saved = load_checkpoint(checkpoint) if checkpoint.exists() else None
    config = TrunkConfig.of_width(a.width, seq_len=codes.shape[1])
    fabric = make_fabric("auto", a.precision)
    with suppress(Converged):
        fit(data.problem(), config, recipe, fabric, seed=a.rng, checkpoint=checkpoint, saved=saved, on_epoch=score)
    print(tag, rows[-1])


def smooth(rows: list[dict], what: str) -> np.ndarray:
    """Running mean over the last ``SMOOTH`` epochs."""
    values = np.array([row[what] for row in rows])
    return np.array([values[max(0, i + 1 - SMOOTH) : i + 1].mean() for i in range(len(values))])


def converged(rows: list[dict]) -> bool:
    """Did neither held-out auROC gain ``GAIN`` within the last ``WAIT`` epochs?"""
    if len(rows) <= WAIT + SMOOTH:
        return False
    return all(
        values[-WAIT:].max() - values[:-WAIT].max() < GAIN
        for values in (smooth(rows, "per_cell"), smooth(rows, "per_peak"))
    )


def table(work: Path, out: Path) -> None:
    """The end of every run, and the best running mean of those that went on until nothing was gained."""
    runs = {}
    for path in sorted((work / "recipes").glob("*.jsonl")):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        runs[path.stem] = {name: [row.get(name) for row in rows] for name in rows[0] if name != "ari"}
        runs[path.stem]["ari"] = [row["ari"] for row in rows if "ari" in row][-1:]
        best = {what: round(float(smooth(rows, what).max()), 4) for what in ("per_cell", "per_peak")}
        runs[path.stem] |= {"best_mean": best, "converged": converged(rows)}
        last = rows[-1]
        shown = [last["sequences"], *(round(last[what], 4) for what in ("per_cell", "per_peak", "label_score"))]
        print(
            "|", path.stem, "|", last["epoch"], "|", *shown, "|", *best.values(), "|", runs[path.stem]["converged"], "|"
        )
    out.write_text(json.dumps(runs) + "\n")


def figure(results: Path, name: str, out: Path) -> None:
    """Held-out auROC against sequences processed, a line a run."""
    import matplotlib.pyplot as plt

    runs = json.loads(results.read_text())
    runs = {tag: run for tag, run in runs.items() if tag.startswith(f"{name}_") and "warmup" not in tag}
    panels = {
        "per_cell": "held-out auROC per cell",
        "per_peak": "held-out auROC per peak",
        "label_score": "label score",
    }
    figure, axes = plt.subplots(1, len(panels), figsize=(10, 3.2), layout="constrained")
    for axis, (what, label) in zip(axes, panels.items(), strict=True):
        for tag, run in runs.items():
            paper = "_paper_" in tag
            color = "0.55" if paper else "C0" if "batch_size-32" in tag else "C1"
            kind = "paper" if paper else "fast, minibatches of 32" if color == "C0" else "fast, minibatches of 128"
            axis.plot(run["sequences"], run[what], color=color, lw=1, label=kind)
        axis.set(xscale="log", xlabel="sequences processed", ylabel=label)
    handles = dict(zip(*reversed(axes[0].get_legend_handles_labels()), strict=True))
    axes[0].legend(handles.values(), handles.keys(), frameon=False, fontsize=8)
    out.parent.mkdir(exist_ok=True)
    figure.savefig(out, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("run")
    one.add_argument("work", type=Path)
    one.add_argument("set")
    one.add_argument("--recipe", choices=["paper", "fast"], default="fast")
    one.add_argument("--width", type=int, default=96)
    one.add_argument("--rng", type=int, default=0)
    one.add_argument("--change", nargs="*", default=[], help="name=JSON, fields of the recipe")
    one.add_argument("--until-converged", action="store_true")
    one.add_argument("--precision", default="bf16-mixed")
    one.add_argument("--threads", type=int, default=1)
    several = commands.add_parser("table")
    several.add_argument("work", type=Path)
    several.add_argument("--out", type=Path, required=True)
    drawn = commands.add_parser("figure")
    drawn.add_argument("results", type=Path)
    drawn.add_argument("set")
    drawn.add_argument("out", type=Path)
    a = parser.parse_args()
    if a.command == "run":
        run(a.work, a.set, a)
    elif a.command == "table":
        table(a.work, a.out)
    else:
        figure(a.results, a.set, a.out)


if __name__ == "__main__":
    main()
