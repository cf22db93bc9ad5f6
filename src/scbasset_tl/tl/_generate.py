"""Draw new cells from a trained ATAC-Diff model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from scbasset_tl._docs import doc_params
from scbasset_tl._random import as_generator, recorded_seed
from scbasset_tl._validate import check_number, check_one_of, check_positive_int

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from anndata import AnnData
    from mudata import MuData


@doc_params
def generate(
    data: AnnData | MuData,
    n_obs: int,
    *,
    key: str = "atac_diff",
    condition: Mapping[str, Any] | None = None,
    guidance: float = 1.0,
    steps: int = 50,
    z: Literal["gmm", "cells", "none"] = "gmm",
    values: Literal["draws", "probability"] = "draws",
    accelerator: str = "auto",
    rng: int | np.random.Generator | None = 0,
    mod: str = "atac",
) -> AnnData:
    """Draw new cells of the same peaks from a trained ATAC-Diff model :cite:p:`Huang2024`.

    Each new cell takes its depth, its batch and the labels that are not asked for from a real cell, all from the same
    one, drawn among those that have the labels asked for. Everything else is drawn from the model.

    Parameters
    ----------
    {data}
    n_obs
        Cells to draw.
    key
        Entry of ``.uns`` that the model was written to (``key_added`` of :func:`scbasset_tl.tl.atac_diff`).
    condition
        Category that all cells are to have in some of the ``condition_keys``, such as ``{{"cell_type": "B"}}``; ``None``
        is the mixture of labels that the data have. The same ``rng`` gives each condition random draws of its own.
    guidance
        How far to go from the cell that the model would draw without labels to the one with them: 0 ignores the labels,
        1 is the plain conditional, more exaggerates what sets a label apart, at the price of variety.
    steps
        Times that sampling visits (DDIM), of 1,000.
    z
        ``"gmm"``: codes from the mixture, its Gaussians in the shares that the cell's labels have; ``"cells"``: the code
        of the real cell, with its uncertainty; ``"none"``: the model without codes.
    values
        ``"draws"``: 0 and 1, sparse; ``"probability"``: that a peak is open, dense.
    accelerator
        ``"auto"``, ``"cpu"``, ``"gpu"`` or ``"cuda"``.
    {rng}
    {mod}

    Returns
    -------
    AnnData with `X` float32, `var` of the data, and

    `obs` :
        The condition columns, and the depth aimed at under the name that it has in the data.
    `obsm['X_atac_diff']` (or ``key``) : :class:`numpy.ndarray` (dtype `float32`)
        Codes of the new cells as the model reads them, comparable with those of the data.
    `obsm['X_scbasset']` (or the embedding that the model was trained in) : :class:`numpy.ndarray` (dtype `float32`)
        The vectors drawn; for a scBasset model also their biases, under the name that these have in the data's `obs`.
    `uns['atac_diff_generated']` : :class:`dict`
        The call.

    Raises
    ------
    KeyError
        If there is no such model or column.
    ValueError
        If no cell has the labels asked for, or an argument or slot holds what cannot be used.
    MemoryError
        If the cells would not fit into memory; nothing is computed then.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> sb.tl.atac_diff(adata, condition_keys="cell_type", max_steps=20)
    >>> sb.tl.generate(adata, 10, condition={{"cell_type": "type_1"}}).shape
    (10, 200)
    """
    from itertools import chain

    import numpy as np
    from anndata import AnnData

    from scbasset_tl._adata.atac_diff.cells import (
        Sampling,
        draw_peaks,
        draw_vectors,
        new_cells,
        probabilities,
        templates,
    )
    from scbasset_tl._adata.atac_diff.store import read_atac_diff
    from scbasset_tl._adata.kinds import GENERATED
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl._adata.results import entry
    from scbasset_tl._space import check_memory
    from scbasset_tl.train.device import single_device

    adata = resolve(data, mod)
    n_obs, steps = check_positive_int("n_obs", n_obs), check_positive_int("steps", steps)
    guidance = check_number("guidance", guidance, low=0)
    check_one_of("z", z, ("gmm", "cells", "none"))
    dense = check_one_of("values", values, ("draws", "probability")) == "probability"
    device = single_device(accelerator)
    if dense:
        what = f"probabilities of {n_obs:,} cells × {adata.n_vars:,} peaks"
        check_memory(
            4 * n_obs * adata.n_vars, what, advice="generate fewer cells, or values='draws', which are sparse."
        )
    seed = recorded_seed(rng)
    stored = read_atac_diff(adata, key)
    # cells of two types must not share their noise, whatever the seed
    generator = as_generator(rng, *chain.from_iterable(sorted(stored.conditions.asked(condition).items())))
    if not dense:
        # indices and values of the open peaks, twice while they are joined; vectors, codes, depth and names of cells
        n_open = max(1.0, float(np.expm1(stored.log_depth).mean()))
        n_bytes = n_obs * (2 * 8 * n_open + 4 * 4 * stored.model.config.n_input + 200)
        check_memory(int(n_bytes), f"{n_obs:,} new cells × {n_open:,.0f} open peaks", advice="generate fewer cells.")
    cells = templates(adata, stored, condition, n_obs, generator)
    x = draw_vectors(stored, cells, Sampling(guidance, steps, device), z=z, rng=generator)
    if dense:
        peaks = np.empty((n_obs, adata.n_vars), dtype=np.float32)
        for block, matrix in probabilities(stored, cells, x):
            for rows, chances in matrix.blocks():
                peaks[block][rows] = chances
    else:
        peaks = draw_peaks(stored, cells, x, generator)
    asked = {} if condition is None else {str(column): str(category) for column, category in condition.items()}
    params = {
        "key": key,
        "condition_columns": list(asked) or None,
        "condition": list(asked.values()) or None,
        "guidance": guidance,
        "steps": steps,
        "z": z,
        "values": values,
        "seed": seed,
    }
    made = entry(GENERATED, params, {}, origin={"key": key, "digest": stored.digest})
    return AnnData(peaks, var=adata.var.copy(), **new_cells(adata, stored, cells, x), uns={GENERATED.default: made})
