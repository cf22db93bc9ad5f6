"""chromVAR's scores, as a baseline that knows motifs but learns nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from scbasset_tl._docs import doc_params
from scbasset_tl._random import as_generator, recorded_seed
from scbasset_tl._validate import check_number, check_positive_int

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    import numpy as np
    from anndata import AnnData
    from mudata import MuData

    from scbasset_tl.genome.motifs import Motif

D = TypeVar("D", bound="AnnData | MuData")


@doc_params
def motif_deviations(
    data: D,
    motifs: str | PathLike[str] | Motif | Sequence[Motif | str] | None = None,
    *,
    kmers: int | None = None,
    p_value: float = 5e-5,
    width: int = 500,
    n_background: int = 50,
    background: Sequence[float] | None = None,
    layer: str | None = None,
    rng: int | np.random.Generator | None = 0,
    mod: str = "atac",
    key_added: str | None = None,
    copy: bool = False,
) -> D | None:
    """Score motifs in cells by the deviations of chromVAR :cite:p:`Schep2017`, a baseline for TF activities.

    Motifs are those given or, as chromVAR offers too, all k-mers of one length, a k-mer and its reverse complement
    counting as one. For each, the number of open peaks with it in a cell is compared with the number expected from
    depth, and with peaks of similar GC content and depth. Counts enter as open or not. Peaks that are open in no cell
    are left out.

    Parameters
    ----------
    {data}
    motifs
        Path of a file (MEME, JASPAR, TRANSFAC, HOMER), motifs that :func:`scbasset_tl.io.read_motifs` returned, or, with
        the extra ``motifs``, names of factors in JASPAR.
    kmers
        Length of k-mers (at most 8; 6 makes 2,080 of them) instead of motifs. A peak has a k-mer if either strand does.
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
    {rng}
        Draws the background peaks.
    {mod}
    key_added
        Name of both slots instead of ``motif_deviations``.
    {copy}

    Returns
    -------
    ``None``, or the changed copy. Writes

    `adata.obsm['motif_deviations' | key_added]` : :class:`numpy.ndarray` (dtype `float32`)
        Deviation z-scores (n_obs, n_motifs); NaN for a motif that no peak has.
    `adata.uns['motif_deviations' | key_added]` : :class:`dict`
        ``names`` and ``ids`` of the motifs, and ``params``, the call.

    :func:`scbasset_tl.get.motif_deviations` reads them as a table of cells × motifs.

    Raises
    ------
    KeyError
        If there are no sequences: ``varm['dna_code']``.
    ValueError
        If the matrix or an argument is out of range, or the slots hold something else.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> toy = adata.uns["toy"]["motifs"]
    >>> motifs = [sb.genome.Motif(name, name, pwm) for name, pwm in zip(toy["name"], toy["pwm"])]
    >>> sb.tl.motif_deviations(adata, motifs)
    >>> sb.get.motif_deviations(adata).shape
    (60, 12)
    >>> sb.tl.motif_deviations(adata, kmers=3, key_added="kmers")
    >>> list(sb.get.motif_deviations(adata, key="kmers"))[:3]
    ['AAA', 'AAC', 'AAG']
    """
    import numpy as np

    from scbasset_tl._adata.codes import sequence_codes
    from scbasset_tl._adata.kinds import MOTIF_DEVIATIONS
    from scbasset_tl._adata.matrix import open_entries_from, slot_name
    from scbasset_tl._adata.resolve import target, writable
    from scbasset_tl._adata.results import claim
    from scbasset_tl._adata.sequence.motif_deviations import check_kmers, motif_matches, write_deviations
    from scbasset_tl._adata.sequence.motif_hits import check_background, check_widths
    from scbasset_tl._space import check_memory
    from scbasset_tl.genome.codes import gc_share
    from scbasset_tl.genome.kmers import has_kmers, kmer_names
    from scbasset_tl.genome.motif_input import as_motifs
    from scbasset_tl.genome.motifs import unique_names
    from scbasset_tl.stats.deviations import background_peaks, deviations

    source = writable(data, mod, copy=copy)
    slots = claim(source, MOTIF_DEVIATIONS, key_added)
    k = check_kmers(kmers, motifs, p_value, background)
    chosen, frequencies = [] if motifs is None else as_motifs(motifs), check_background(background)
    check_number("p_value", p_value, low=0, high=1, open_low=True)
    check_positive_int("n_background", n_background, minimum=2)
    codes = sequence_codes(source)
    size = min(check_positive_int("width", width), codes.shape[1])
    check_widths(chosen, size)
    if k is not None and k > size:
        message = (
            f"kmers={k} are longer than the {size} bp of each peak that are looked at: raise width= (now {width})."
        )
        raise ValueError(message)
    names, ids = (unique_names(chosen), [motif.id for motif in chosen]) if k is None else [kmer_names(k)] * 2
    what = f"the deviations of {len(names):,} {'motifs' if k is None else 'k-mers'} in {source.n_obs:,} cells"
    check_memory(48 * len(names) * source.n_obs, what, advice="take fewer motifs, shorter k-mers or fewer cells.")
    open_entries = open_entries_from(source, layer)
    peaks = np.flatnonzero(open_entries.peak_counts())
    if len(peaks) < 2:
        message = f"{slot_name(layer)} has {len(peaks)} peaks with open entries; at least 2 are needed."
        raise ValueError(message)
    open_entries = open_entries.rows(peaks)
    first = codes.shape[1] // 2 - size // 2
    codes = codes[peaks, first : first + size]
    has_motif = motif_matches(codes, chosen, p_value, frequencies) if k is None else has_kmers(codes, k)
    similar = background_peaks(gc_share(codes), open_entries.peak_counts(), n_background, as_generator(rng))
    scores = deviations(open_entries.csr(np.float64), has_motif, similar)
    container, adata = target(data, mod, copy=copy)
    params = {
        "kmers": k,
        "p_value": p_value if k is None else None,
        "width": size,
        "n_background": n_background,
        "background": frequencies if k is None else None,
        "layer": layer,
    }
    write_deviations(adata, slots, names, ids, scores, {**params, "seed": recorded_seed(rng)})
    return container if copy else None
