"""Scores of genes from the peaks at their promoters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeVar

from scbasset_tl._docs import doc_params
from scbasset_tl._keys import SCBASSET
from scbasset_tl._validate import check_one_of, check_positive_int
from scbasset_tl.tl._arguments import refuse_meaningless

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd

D = TypeVar("D")
_FARTHEST: Final = 1_000_000_000


@doc_params
def gene_scores(
    data: D,
    genes: str | PathLike[str] | pd.DataFrame | None = None,
    *,
    kind: Literal["denoised", "raw"] = "denoised",
    promoter: int = 2000,
    normalize_depth: bool = True,
    scale: Literal["logit", "sigmoid"] = "logit",
    decoder: Literal["dna", "fitted"] = "dna",
    layer: str | None = None,
    key: str = "scbasset",
    mod: str = "atac",
    key_added: str | None = None,
    copy: bool = False,
) -> D | None:
    """Score each gene in each cell by the mean accessibility of the peaks at its promoter :cite:p:`Yuan2022`.

    A peak belongs to a gene if any of its bases is at most ``promoter`` bp from a transcription start site of the gene,
    on either side; a peak may belong to several genes. Genes without a peak are left out, counted and listed.

    Parameters
    ----------
    {data}
    genes
        Start sites: a table, or a GTF or GFF3 file, as :func:`scbasset_tl.genome.read_genes` takes them. ``None``: the peak
        annotation of 10x Genomics that muon keeps in ``uns['atac']['peak_annotation']``, by its column ``distance``.
        It lists a distal peak for the gene with the closest start site only and calls a peak in the body of a gene
        distal at distance 0, which is left out: a GTF file gives other peaks, and more of them.
    kind
        ``"denoised"``: mean of the model's accessibility, by one product with the mean peak vector, without any
        cells × peaks matrix (``scale="sigmoid"``: a block of it at a time). ``"raw"``: share of the gene's peaks that are
        open, to compare with; no model is needed.
    promoter
        Largest distance to the start site, in bp; at most 1,000,000,000.
    normalize_depth
        Leave the cells' biases (and batches) out; raw shares are divided by the cell's number of open peaks and
        multiplied by the median number.
    scale
        ``"logit"`` or ``"sigmoid"``, of denoised scores.
    decoder
        ``"dna"``: the peaks' embeddings, as the model has them. ``"fitted"``: what :func:`scbasset_tl.tl.fit_decoder`
        fitted to the data's own peaks, which fills in reads better; of denoised scores.
    layer
        Layer with the accessibility of raw scores; ``None`` is ``.X``. Values above zero count as open.
    {key}
    {mod}
    key_added
        Name of both slots instead of ``gene_scores``, or for raw scores ``gene_scores_raw``.
    {copy}

    Returns
    -------
    ``None``, or the changed copy. Writes

    `adata.obsm['gene_scores' | key_added]` : :class:`numpy.ndarray` (dtype `float32`)
        Scores (n_obs, n_genes).
    `adata.uns['gene_scores' | key_added]` : :class:`dict`
        ``names`` of the genes; ``n_peaks`` of each; ``skipped``, genes without a peak; ``params``, the call;
        ``model``, what tells the model of denoised scores from another.

    :func:`scbasset_tl.get.gene_scores` reads them as an AnnData of cells × genes.

    Raises
    ------
    KeyError
        If there is no such model, layer, column or annotation.
    ValueError
        If an argument cannot be used, peaks and genes share no contig, or no gene has a peak.
    MemoryError
        If the scores would not fit into memory.

    Examples
    --------
    >>> import pandas as pd
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> genes = pd.DataFrame({{"gene": ["a", "b"], "chr": "chr1", "tss": [3_000, 12_000]}})
    >>> sb.tl.gene_scores(adata, genes)
    >>> adata.obsm["gene_scores"].shape
    (60, 2)
    """
    from scbasset_tl._adata.kinds import GENE_SCORES, RAW_GENE_SCORES
    from scbasset_tl._adata.model.denoised import DECODERS, own_peaks
    from scbasset_tl._adata.model.store import read_model
    from scbasset_tl._adata.resolve import target, writable
    from scbasset_tl._adata.results import claim, entry
    from scbasset_tl._adata.rna.gene_scores import promoters, raw_scores
    from scbasset_tl._adata.write import write_slots
    from scbasset_tl._space import check_memory

    source = writable(data, mod, copy=copy)
    denoised = check_one_of("kind", kind, ("denoised", "raw")) == "denoised"
    check_one_of("scale", scale, ("logit", "sigmoid"))
    check_one_of("decoder", decoder, DECODERS)
    if check_positive_int("promoter", promoter, minimum=0) > _FARTHEST:
        message = f"promoter must be at most {_FARTHEST:,} bp, got {promoter:,}."
        raise ValueError(message)
    of_denoised = {"scale": scale != "logit", "decoder": decoder != "dna", "key": key != SCBASSET}
    refuse_meaningless(kind, of_denoised=of_denoised, of_raw={"layer": layer is not None})
    result = GENE_SCORES if denoised else RAW_GENE_SCORES
    slots = claim(source, result, key_added, key=key if denoised else None)
    model = read_model(source, key) if denoised else None
    with_peaks = promoters(source, genes, promoter)
    check_memory(
        4 * source.n_obs * len(with_peaks.names),
        f"obsm[{slots['obsm']!r}], {source.n_obs:,} cells × {len(with_peaks.names):,} genes,",
        advice="take fewer cells, or fewer genes: a table with the rows of some.",
    )
    if model is not None:
        matrix = own_peaks(source, model, normalize_depth=normalize_depth, scale=scale, decoder=decoder)
        scores = matrix.average_columns(with_peaks.weights)
    else:
        scores = raw_scores(source, layer, with_peaks.weights, normalize_depth=normalize_depth)
    params = {
        "genes": None if genes is None else "table" if hasattr(genes, "columns") else str(genes),
        "kind": kind,
        "promoter": promoter,
        "normalize_depth": bool(normalize_depth),
        **({"key": key, "scale": scale, "decoder": decoder} if denoised else {"layer": layer}),
    }
    container, adata = target(data, mod, copy=copy)
    made = {
        **entry(result, params, slots, origin=None if model is None else model.origin()),
        "names": with_peaks.names,
        "n_peaks": with_peaks.n_peaks,
        "skipped": with_peaks.skipped,
    }
    write_slots(adata, obsm={slots["obsm"]: scores}, uns={slots["uns"]: made})
    return container if copy else None
