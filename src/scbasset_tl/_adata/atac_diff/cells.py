"""Cells out of a trained ATAC-Diff model: which real ones they follow, their vectors, and their open peaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from scbasset_tl._adata.atac_diff.labels import component_probabilities
from scbasset_tl._adata.atac_diff.space import SCBASSET, decoded
from scbasset_tl._adata.atac_diff.store import embed
from scbasset_tl._adata.cells import unit_length
from scbasset_tl._adata.model.store import read_model
from scbasset_tl._log import progress
from scbasset_tl._random import draw_seed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import torch
    from anndata import AnnData

    from scbasset_tl._adata.atac_diff.store import Stored
    from scbasset_tl.stats.low_rank import LowRank

_CELLS: Final = 4096  # that go through the networks together
_ENTRIES: Final = 1 << 20  # draw so many entries of cells × peaks together


class Sampling(NamedTuple):
    """How the diffusion is run backwards."""

    guidance: float
    steps: int
    device: torch.device


class Templates(NamedTuple):
    """Real cells that new ones take depth, batch and labels from."""

    rows: np.ndarray  # int64 (n,)
    codes: np.ndarray  # int64 (n, k)

    def blocks(self) -> Iterator[slice]:
        """Consecutive cells."""
        for start in range(0, len(self.rows), _CELLS):
            yield slice(start, min(start + _CELLS, len(self.rows)))


def templates(
    adata: AnnData, stored: Stored, condition: Mapping[str, Any] | None, n: int, rng: np.random.Generator
) -> Templates:
    """``n`` cells with the labels of ``condition``: each once before any comes twice."""
    asked = stored.conditions.asked(condition)
    codes = stored.conditions.codes(adata.obs)
    fits = np.ones(len(codes), dtype=bool)
    for column, category in asked.items():
        fits &= codes[:, column] == category
    fitting = np.flatnonzero(fits)
    if not len(fitting):
        message = f"condition={dict(condition or {})!r}: data has no such cell to take depth and batch from. Pass data with such cells."
        raise ValueError(message)
    rounds = [rng.permutation(fitting) for _ in range(-(-n // len(fitting)))]
    rows = np.concatenate(rounds)[:n]
    return Templates(rows, codes[rows])


def draw_vectors(stored: Stored, cells: Templates, how: Sampling, *, z: str, rng: np.random.Generator) -> np.ndarray:
    """Vectors x of new cells, float32 (n, d)."""
    import torch

    model = stored.model.to(how.device)
    generator = torch.Generator().manual_seed(draw_seed(rng))
    code_of = {
        "gmm": lambda rows, codes: _codes_of_prior(stored, codes, generator, rng),
        "cells": lambda rows, codes: _codes_of_cells(stored, rows, generator),
        "none": lambda rows, codes: None,
    }[z]
    x = np.empty((len(cells.rows), model.config.n_input), dtype=np.float32)
    with progress(len(x), description="generating", unit=" cells") as bar:
        for block in cells.blocks():
            rows, codes = cells.rows[block], cells.codes[block]
            drawn = model.sample(
                code_of(rows, codes),
                torch.from_numpy(codes),
                torch.from_numpy(stored.log_depth[rows]),
                generator=generator,
                guidance=how.guidance,
                steps=how.steps,
            )
            x[block] = drawn.cpu().numpy()
            bar.update(len(rows))
    model.cpu()
    return x


def _codes_of_prior(
    stored: Stored, codes: np.ndarray, generator: torch.Generator, rng: np.random.Generator
) -> torch.Tensor:
    import torch

    shares, given_label = (np.asarray(stored.entry[name]) for name in ("component", "component_given_label"))
    chances = component_probabilities(shares, given_label, codes, stored.conditions.n_categories).cumsum(axis=1)
    component = (rng.random(len(codes))[:, None] >= chances[:, :-1]).sum(axis=1)
    with torch.no_grad():
        return stored.model.mixture.sample(len(codes), generator=generator, component=torch.from_numpy(component))


def _codes_of_cells(stored: Stored, rows: np.ndarray, generator: torch.Generator) -> torch.Tensor:
    import torch

    model = stored.model
    with torch.no_grad():
        x, depth = (torch.from_numpy(part[rows]).to(model.shift) for part in (stored.space.vectors(), stored.log_depth))
        mu, logvar = model.encode(x, depth)
        return mu + (0.5 * logvar).exp() * torch.randn(mu.shape, generator=generator).to(mu)


def new_cells(adata: AnnData, stored: Stored, cells: Templates, x: np.ndarray) -> dict[str, Any]:
    """``obs`` and ``obsm`` of cells with the vectors ``x``."""
    names = stored.entry["slots"]
    log_depth = stored.log_depth[cells.rows]
    depth = adata.obs[str(names["depth"])].to_numpy()[cells.rows]
    obs = {**stored.conditions.table(cells.codes), str(names["depth"]): depth}
    obsm = {str(names["embedding"]): unit_length(embed(stored.model, x, log_depth)[0])}
    space = stored.entry["space"]
    if str(space["kind"]) == SCBASSET:
        slots = adata.uns[str(space["key"])]["slots"]
        of_depth = float(space["intercept"]) + float(space["slope"]) * log_depth
        obs[str(slots["obs"])] = (x[:, -1] + of_depth).astype(np.float32)
        obsm[str(slots["obsm"])] = x[:, :-1].copy()
        batches = read_model(adata, str(space["key"])).batches
        for column in batches.columns if batches is not None else []:
            obs.setdefault(column, adata.obs[column].array[cells.rows])
    elif "key" in space:
        obsm[str(space["key"])] = x
    index = pd.Index([f"generated_{number + 1}" for number in range(len(x))], dtype=object)
    return {"obs": pd.DataFrame(obs, index=index), "obsm": obsm}


def probabilities(stored: Stored, cells: Templates, x: np.ndarray) -> Iterator[tuple[slice, LowRank]]:
    """Blocks of cells and how probably each peak is open in them."""
    for block in cells.blocks():
        features = stored.space.features(x[block], cells.rows[block])
        yield block, decoded(features, stored.space.decoder, sigmoid=True)


def draw_peaks(stored: Stored, cells: Templates, x: np.ndarray, rng: np.random.Generator) -> sparse.csr_matrix:
    """Which peaks are open, 0 and 1 in float32 CSR; some cells at a time are drawn densely."""
    n_peaks = len(stored.space.decoder)
    step = max(1, _ENTRIES // n_peaks)
    parts, lengths = [], []
    with progress(len(x), description="drawing peaks", unit=" cells") as bar:
        for _, matrix in probabilities(stored, cells, x):
            for start in range(0, matrix.shape[0], step):
                chance = matrix.rows(slice(start, start + step)).dense()
                row, peak = np.nonzero(rng.random(chance.shape, dtype=np.float32) < chance)
                parts.append(peak.astype(np.int32))
                lengths.append(np.bincount(row, minlength=len(chance)))
                bar.update(len(chance))
    indptr, indices = np.concatenate([[0], *lengths]).cumsum(), np.concatenate(parts)
    return sparse.csr_matrix((np.ones(len(indices), dtype=np.float32), indices, indptr), shape=(len(x), n_peaks))


def imputed_features(
    stored: Stored, codes: np.ndarray, how: Sampling, *, strength: float, n_samples: int, rng: np.random.Generator
) -> np.ndarray:
    """Mean features (n, F) of ``n_samples`` cells that are drawn from each noised one and its code."""
    import torch

    model, space = stored.model.to(how.device), stored.space
    generator = torch.Generator().manual_seed(draw_seed(rng))
    vectors = space.vectors()
    n_obs = len(vectors)
    mean = np.zeros((n_obs, space.decoder.shape[1]), dtype=np.float32)
    with progress(n_obs * n_samples, description="imputing", unit=" cells") as bar, torch.no_grad():
        for start in range(0, n_obs, _CELLS):
            rows = slice(start, min(start + _CELLS, n_obs))
            x = torch.from_numpy(vectors[rows]).to(how.device)
            depth, labels = torch.from_numpy(stored.log_depth[rows]), torch.from_numpy(codes[rows])
            z, _ = model.encode(x, depth.to(how.device))
            for _ in range(n_samples):
                drawn = model.sample(
                    z,
                    labels,
                    depth,
                    generator=generator,
                    guidance=how.guidance,
                    steps=how.steps,
                    start=x,
                    strength=strength,
                )
                mean[rows] += space.features(drawn.cpu().numpy(), rows) / np.float32(n_samples)
                bar.update(len(x))
    model.cpu()
    return mean
