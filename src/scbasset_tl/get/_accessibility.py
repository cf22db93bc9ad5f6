"""Denoised and predicted accessibility, a block at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from scbasset_tl._docs import doc_params

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from os import PathLike

    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from mudata import MuData


@doc_params
def accessibility(
    data: AnnData | MuData,
    *,
    obs: Any = None,
    var: Any = None,
    regions: str | Sequence[str] | pd.DataFrame | None = None,
    sequences: str | Sequence[str] | np.ndarray | Mapping[str, Any] | None = None,
    fasta: str | PathLike[str] | None = None,
    groupby: str | None = None,
    groups: str | Sequence[str] | None = None,
    normalize_depth: bool = True,
    scale: Literal["logit", "sigmoid"] = "logit",
    average: Literal["none", "strands", "strands_shifts"] | None = None,
    decoder: Literal["dna", "fitted"] = "dna",
    key: str = "scbasset",
    accelerator: str = "cpu",
    mod: str = "atac",
) -> pd.DataFrame:
    """Predicted accessibility of any block of cells and peaks, or of DNA the model never saw :cite:p:`Yuan2022`.

    For the data's own peaks it is a product of stored slots: no genome, no network, and no more memory than the block
    asked for. Other regions and sequences are read by the network.

    ======================  =====================  ======================================================
    ``normalize_depth``     ``scale``              value for peak vector h, cell vector w, cell bias c
    ======================  =====================  ======================================================
    true                    ``"logit"``            h · w, the paper's depth-normalised accessibility
    true                    ``"sigmoid"``          sigmoid(h · w), the original code's since 2023
    false                   ``"logit"``            h · w + c
    false                   ``"sigmoid"``          sigmoid(h · w + c), the model's probability
    ======================  =====================  ======================================================

    With a batch-corrected model, normalised values leave the batches out, and the others include each cell's own.

    With ``groupby`` each value is the mean over the cells of a group: of their logits, or of their sigmoids, which is
    not the sigmoid of the mean logit. No cells × peaks matrix is formed for either.

    Parameters
    ----------
    {data}
    obs, var
        Cells and peaks: names, positions, a mask or a slice; ``None`` is all.
    regions
        Windows to read instead of ``var``: texts ``chr:start-end`` or a table with contig, start and end. The model
        reads its length of sequence around their middle.
    sequences
        DNA to read instead of ``var``, as long as what the model reads: text, a list of texts, codes (n, seq_len), or
        a mapping of names to either.
    fasta
        Genome that ``regions`` are read from; names of peaks need none. Without ``regions`` a FASTA file of sequences to
        read, each as long as what the model reads, such as :func:`scbasset_tl.io.write_fasta` writes.
    groupby
        Column of ``.obs``: mean over the cells of each of its categories.
    groups
        Categories to take, in this order; all by default.
    normalize_depth
        Leave the cells' biases (and batches) out.
    scale
        ``"logit"`` or ``"sigmoid"``.
    {average}
    decoder
        ``"dna"``: the peaks' embeddings, as tabled. ``"fitted"``, for the data's own peaks: the regressions of
        :func:`scbasset_tl.tl.fit_decoder`, which fill in reads better. Its depth-normalised values are
        computed at the mean bias of the cells: their sigmoids are probabilities in a cell of ordinary depth.
    {key}
    {accelerator}
    {mod}

    Returns
    -------
    :class:`pandas.DataFrame` (dtype `float32`), cells or groups × peaks, regions or sequences.

    Raises
    ------
    KeyError
        If there is no such model, cell, peak, column or group.
    ValueError
        If an argument cannot be used, or regions and sequences cannot be read.
    MemoryError
        If the block would not fit into memory; nothing is computed then.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> sb.get.accessibility(adata, obs=slice(0, 3), var=[0, 5]).shape
    (3, 2)
    >>> sb.get.accessibility(adata, sequences={{"poly_a": "A" * 192}}, groupby="cell_type").shape
    (5, 1)

    Sequences of a FASTA file:

    >>> sb.io.write_fasta({{"poly_a": "A" * 192, "poly_c": "C" * 192}}, "sequences.fa")
    >>> list(sb.get.accessibility(adata, fasta="sequences.fa", groupby="cell_type"))
    ['poly_a', 'poly_c']

    A whole matrix, a few hundred peaks at a time:

    >>> for start in range(0, adata.n_vars, 100):
    ...     block = sb.get.accessibility(adata, var=slice(start, start + 100))
    """
    import pandas as pd

    from scbasset_tl._adata.model.denoised import DECODERS, group_weights, low_rank, new_peaks
    from scbasset_tl._adata.model.peak_vectors import check_average, vectors_of
    from scbasset_tl._adata.model.store import read_model
    from scbasset_tl._adata.positions import positions
    from scbasset_tl._adata.readout import output_vectors
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl._space import check_memory
    from scbasset_tl._validate import check_one_of
    from scbasset_tl.train.device import ACCELERATORS

    check_one_of("scale", scale, ("logit", "sigmoid"))
    check_one_of("decoder", decoder, DECODERS)
    check_one_of("accelerator", accelerator, ACCELERATORS)
    adata = resolve(data, mod)
    model = read_model(adata, key)
    forms = check_average(model, average)
    rows = output_vectors(adata, model, obs=obs, groupby=groupby, groups=groups).index
    if (var is not None) + (regions is not None) + (sequences is not None) > 1:
        message = "var=, regions= and sequences= are three ways to say what is read: pass one of them."
        raise ValueError(message)
    if fasta is not None and (var is not None or sequences is not None):
        message = (
            "fasta= goes with regions=, or alone as a file of sequences: leave out either it or var= and sequences=."
        )
        raise ValueError(message)
    embed: Callable[[], np.ndarray] | None = None
    if regions is None and sequences is None and fasta is None:
        columns = adata.var_names
        chosen = positions("var", columns, var)
        columns = columns[chosen]
        if decoder == "dna":
            embed = vectors_of(adata, model, chosen, forms, accelerator)
        elif average is not None:
            message = f"average={average!r} says how DNA is read, which decoder='fitted' does not do: leave it out."
            raise ValueError(message)
        advice = (
            "ask for fewer cells or peaks at a time, for groups (groupby=), or for a file: tl.denoise(data, path=...)."
        )
    else:
        if decoder == "fitted":
            message = "decoder='fitted' knows the data's own peaks only: leave it out for regions= and sequences=."
            raise ValueError(message)
        columns, embed = new_peaks(
            adata,
            model,
            regions=regions,
            sequences=sequences,
            fasta=fasta,
            average=forms,
            accelerator=accelerator,
        )
        advice = "ask for fewer cells, regions or sequences at a time, or for groups (groupby=)."
    check_memory(4 * len(rows) * len(columns), f"a block of {len(rows):,} × {len(columns):,} values", advice=advice)
    if embed is not None:
        matrix = low_rank(adata, model, normalize_depth=normalize_depth, scale=scale, peaks=embed())
    else:
        from scbasset_tl._adata.model.decoder import fitted_matrix  # torch comes with it

        matrix = fitted_matrix(adata, model, normalize_depth=normalize_depth, scale=scale, peaks=chosen)
    if groupby is None:
        values = matrix.rows(positions("obs", adata.obs_names, obs)).dense()
    else:
        values = matrix.average_rows(group_weights(adata.obs[groupby], rows))
    return pd.DataFrame(values, index=rows, columns=columns)
