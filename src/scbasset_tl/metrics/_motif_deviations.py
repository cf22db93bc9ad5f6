"""chromVAR's scores, as a baseline that knows motifs but learns nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scbasset_tl._docs import doc_params
from scbasset_tl._random import as_generator
from scbasset_tl._validate import check_number, check_positive_int

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from mudata import MuData
    from scipy import sparse

    from scbasset_tl.genome.motifs import Motif


@doc_params
def motif_deviations(
    data: AnnData | MuData,
    motifs: str | PathLike[str] | Motif | Sequence[Motif | str],
    *,
    p_value: float = 5e-5,
    width: int = 500,
    n_background: int = 50,
    background: Sequence[float] | None = None,
    layer: str | None = None,
    mod: str = "atac",
    rng: int | np.random.Generator | None = 0,
) -> pd.DataFrame:
    """Deviation z-scores of motifs as in chromVAR :cite:p:`Schep2017`, a baseline for TF activities.

    For each motif, how many peaks that have it are open in a cell, against what depth lets expect and against peaks of
    like GC content and depth. Counts enter as open or not. Peaks that are open in no cell are left out.

    Parameters
    ----------
    {data}
    motifs
        Path of a file (MEME, JASPAR, TRANSFAC, HOMER), motifs that :func:`scbasset_tl.io.read_motifs` returned, or, with
        the extra ``motifs``, names of factors in JASPAR.
    p_value
        A peak has a motif if FIMO's p-value of its best match is at most this.
    width
        Bases around the peak's middle to look for matches in and to take the GC content of, or all that
        ``varm['dna_code']`` holds.
    n_background
        Sets of background peaks, at least 2.
    background
        Frequencies of A, C, G and T that matches are held against; ``None`` is FIMO's.
    {layer}
    {mod}
    {rng}
        Draws the background peaks.

    Returns
    -------
    :class:`pandas.DataFrame` (dtype `float64`), cells × motifs; NaN for a motif that no peak has.

    Raises
    ------
    KeyError
        If there are no sequences: ``varm['dna_code']``.
    ValueError
        If the matrix or an argument is out of range.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> toy = adata.uns["toy"]["motifs"]
    >>> motifs = [sb.genome.Motif(name, name, pwm) for name, pwm in zip(toy["name"], toy["pwm"])]
    >>> sb.metrics.motif_deviations(adata, motifs).shape
    (60, 12)
    """
    import numpy as np
    import pandas as pd
    from scipy import sparse

    from scbasset_tl._adata.matrix import labels_from
    from scbasset_tl._adata.motif_hits import check_background, check_widths
    from scbasset_tl._adata.problem import sequence_codes
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl.genome.motif_input import as_motifs
    from scbasset_tl.genome.motifs import unique_names
    from scbasset_tl.stats.deviations import background_peaks, deviations

    adata, chosen, frequencies = resolve(data, mod), as_motifs(motifs), check_background(background)
    check_number("p_value", p_value, low=0, high=1, open_low=True)
    check_positive_int("n_background", n_background, minimum=2)
    codes = sequence_codes(adata)
    size = min(check_positive_int("width", width), codes.shape[1])
    check_widths(chosen, size)
    labels = labels_from(adata, layer)
    peaks = np.flatnonzero(labels.peak_counts())
    labels = labels.rows(peaks)
    first = codes.shape[1] // 2 - size // 2
    codes = codes[peaks, first : first + size]
    has_motif = _matches(codes, chosen, p_value, frequencies)
    similar = background_peaks(_gc_share(codes), labels.peak_counts(), n_background, as_generator(rng))
    ones = np.ones(len(labels.indices))
    open_in = sparse.csr_matrix((ones, labels.indices, labels.indptr), shape=(len(peaks), labels.n_cells))
    scores = deviations(open_in, has_motif, similar)
    return pd.DataFrame(scores, index=adata.obs_names, columns=unique_names(chosen))


def _gc_share(codes: np.ndarray) -> np.ndarray:
    """Share of C and G among the known bases of each sequence (P,); one half where none is known."""
    known = (codes < 4).sum(axis=1)
    strong = ((codes == 1) | (codes == 2)).sum(axis=1)
    return (strong + (known == 0) * 0.5) / (known + (known == 0))


def _matches(codes: np.ndarray, motifs: Sequence[Motif], p_value: float, frequencies: np.ndarray) -> sparse.csr_matrix:
    """Peaks × motifs, 1 where there is a match."""
    import numpy as np
    from scipy import sparse

    from scbasset_tl.genome.scan import scan

    hits = scan([motif.pwm for motif in motifs], codes, p_value=p_value, background=frequencies)
    pairs = np.unique(np.stack([hits.sequence, hits.motif]), axis=1)
    return sparse.csr_matrix((np.ones(pairs.shape[1]), tuple(pairs)), shape=(len(codes), len(motifs)))
