"""Generated cells beside real ones: what is read of each, and the draws that make them comparable."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scbasset_tl._adata.columns import as_text, obs_column
from scbasset_tl._adata.matrix import counts_from, open_peaks
from scbasset_tl._adata.resolve import resolve
from scbasset_tl._validate import check_name

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData
    from scipy import sparse

MIN_CELLS = 10


class Cells(NamedTuple):
    """Open peaks of cells and their labels as text, "" where a cell has none."""

    opened: sparse.csr_matrix  # bool (n, P)
    labels: np.ndarray

    def rows(self, rows: np.ndarray) -> Cells:
        """Some of the cells."""
        return Cells(self.opened[rows], self.labels[rows])

    def draw(self, n: int, rng: np.random.Generator) -> Cells:
        """``n`` of the cells at random, or all in their order."""
        n_obs = len(self.labels)
        return self if n >= n_obs else self.rows(rng.choice(n_obs, n, replace=False))

    def halves(self, rng: np.random.Generator) -> tuple[Cells, Cells]:
        """Two random halves."""
        n = len(self.labels)
        if n < 2 * MIN_CELLS:
            message = (
                f"real has {n} cells: at least {2 * MIN_CELLS} are needed, as halves of them are compared. Pass more."
            )
            raise ValueError(message)
        order = rng.permutation(n)
        return self.rows(order[: n // 2]), self.rows(order[n // 2 :])


class Sets(NamedTuple):
    """Real and generated cells, and those that the model was trained on if they were given."""

    real: Cells
    generated: Cells
    training: Cells | None


def read_sets(
    real: AnnData | MuData,
    generated: AnnData | MuData,
    training: AnnData | MuData | None,
    *,
    layer: str | None,
    label_key: str | None,
    mod: str,
) -> Sets:
    """The sets of cells to compare; ``layer`` is one of the real and of the training cells."""
    first = resolve(real, mod)
    sets: list[Cells | None] = []
    for name, data in (("real", real), ("generated", generated), ("training", training)):
        if data is None:
            sets.append(None)
            continue
        adata = resolve(data, mod)
        _check(name, adata, first)
        opened = _drawn(adata) if name == "generated" else open_peaks(adata, layer)
        sets.append(Cells(opened, _labels(name, adata, label_key)))
    return Sets(*sets)  # type: ignore[arg-type]


def _check(name: str, adata: AnnData, real: AnnData) -> None:
    if not adata.var_names.equals(real.var_names):
        shared = len(adata.var_names.intersection(real.var_names))
        message = (
            f"{name} has {adata.n_vars} peaks, real {real.n_vars}, {shared} of them in both, or in another order: they "
            f"must be the same, as {name}[:, real.var_names] makes them where it has them all."
        )
        raise ValueError(message)
    if adata.n_obs < MIN_CELLS:
        message = f"{name} has {adata.n_obs} cells: fewer than {MIN_CELLS} cannot be compared. Generate or pass more."
        raise ValueError(message)


def _drawn(adata: AnnData) -> sparse.csr_matrix:
    """The open peaks of generated cells; of probabilities, all would count as open."""
    counts = counts_from(adata)
    fractions = int(np.count_nonzero(counts.data != np.floor(counts.data)))
    if fractions:
        message = (
            f"generated.X has {fractions} values that are no whole numbers, so they are no draws: pass what "
            'tl.generate(data, n, values="draws") returns.'
        )
        raise ValueError(message)
    return counts.astype(bool)


def _labels(name: str, adata: AnnData, label_key: str | None) -> np.ndarray:
    if label_key is None:
        return np.full(adata.n_obs, "", dtype=object)
    if check_name("label_key", label_key) not in adata.obs:
        message = (
            f"{name}.obs has no column {label_key!r}; it has {list(adata.obs.columns)[:20]}. tl.generate writes the columns "
            "that tl.atac_diff was given as condition_keys."
        )
        raise KeyError(message)
    column = obs_column(adata.obs, label_key)
    return np.where(column.isna(), "", as_text(column)).astype(object)
