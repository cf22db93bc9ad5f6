"""Which motif sites the model uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from scbasset_tl._docs import doc_params
from scbasset_tl._validate import check_number

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from anndata import AnnData
    from mudata import MuData

    from scbasset_tl.genome.motifs import Motif

D = TypeVar("D", bound="AnnData | MuData")


@doc_params
def motif_hits(
    data: D,
    regions: Any,
    motifs: str | PathLike[str] | Motif | Sequence[Motif | str],
    *,
    fasta: str | PathLike[str] | None = None,
    groupby: str | None = None,
    groups: str | Sequence[str] | None = None,
    contrast: tuple[str, str] | None = None,
    p_value: float = 1e-3,
    background: Sequence[float] | None = None,
    window: int | tuple[int, int] | None = None,
    ism_key: str = "ism",
    key: str = "scbasset",
    mod: str = "atac",
    key_added: str | None = None,
    copy: bool = False,
) -> D | None:
    """Score the match of motifs and in-silico mutagenesis wherever a motif fits the DNA :cite:p:`Yuan2022`.

    Windows are scanned on both strands as FIMO does. At each hit the probabilities of the motif are compared with the
    model's change by each base (less the mean over the four bases): their dot product says how much the model uses the
    site, their Pearson correlation how alike the two are. Above zero the factor opens the region, below it closes it.

    The p-values compare the size of a score with the scores of the same hit after the importances of the window were
    rotated against its sequence, over all rotations; a present base keeps the importance of a present base. They are
    exact where importances do not depend on the position, and at least 1 / width of the window.

    Parameters
    ----------
    {data}
    regions
        Peaks as names, positions, a mask or a slice; with ``fasta`` any regions, as texts ``chr:start-end`` or a table
        with contig, start and end. ``None``: those of :func:`scbasset_tl.tl.ism`.
    motifs
        Path of a file (MEME, JASPAR, TRANSFAC, HOMER), motifs that :func:`scbasset_tl.io.read_motifs` returned, or, with
        the extra ``motifs``, names of factors in JASPAR.
    fasta
        FASTA with the regions' DNA, for regions that are no peaks.
    groupby
        Column of ``.obs``: scores for each of its categories; ``None`` is the mean over all cells.
    groups
        Categories of ``groupby`` to score; ``None`` is all.
    contrast
        Two categories of ``groupby``: scores for the first minus the second.
    p_value
        Largest p-value of a hit in the scan; the default is the paper's.
    background
        Frequencies of A, C, G and T that hits are held against; ``None`` is FIMO's, 0.275 for A and T and 0.225 for C
        and G.
    window
        Width in bp around the middle to scan, or its first position and the one after its last; ``None`` is all that
        the model reads, whatever part of it is stored.
    ism_key
        Entry of ``.uns`` of :func:`scbasset_tl.tl.ism`; what is not there is computed.
    {key}
    {mod}
    key_added
        Name for the slot instead of ``motif_hits``.
    {copy}

    Returns
    -------
    ``None``, or the changed copy. Writes

    `adata.uns['motif_hits' | key_added]` : :class:`dict`
        ``region``, ``motif`` (numbers in ``regions`` and ``motifs``), ``start``, ``end``, ``reverse``, ``score`` (bits) and
        ``p_value`` of each hit; ``dot``, ``pearson``, ``p_dot`` and ``p_pearson``, float32 (n_hits, n_groups); ``vector``, float32 (n_hits, n_latent), whose product with the vector of a
        cell is ``dot`` in this cell; the names
        ``regions``, ``chrom``, ``motifs``, ``motif_ids`` and ``groups``; the call in ``params``.
        :func:`scbasset_tl.get.motif_hits` makes a table of it, :func:`scbasset_tl.metrics.motif_match` compares single
        cells of groups.

    Raises
    ------
    KeyError
        If there is no such model, peak, column or group.
    ValueError
        If a motif is wider than the window, or an argument is out of range.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> toy = adata.uns["toy"]["motifs"]
    >>> motifs = [sb.genome.Motif(name, name, pwm) for name, pwm in zip(toy["name"], toy["pwm"])]
    >>> sb.tl.motif_hits(adata, [0, 1], motifs, groupby="cell_type")
    >>> sb.get.motif_hits(adata)["group"].nunique()
    5
    """
    from scbasset_tl._adata.kinds import MOTIF_HITS
    from scbasset_tl._adata.model.store import read_model
    from scbasset_tl._adata.readout import listed
    from scbasset_tl._adata.resolve import target, writable
    from scbasset_tl._adata.results import claim, entry
    from scbasset_tl._adata.sequence.ism import check_window, find_changes
    from scbasset_tl._adata.sequence.motif_hits import check_background, check_widths, find_hits, mean_vectors
    from scbasset_tl._adata.write import write_slots
    from scbasset_tl.genome.motif_input import as_motifs

    source = writable(data, mod, copy=copy)
    check_number("p_value", p_value, low=0, high=1, open_low=True)
    slots = claim(source, MOTIF_HITS, key_added, key=key)
    chosen, frequencies = as_motifs(motifs), check_background(background)
    model = read_model(source, key)
    vectors = mean_vectors(source, model, groupby=groupby, groups=groups, contrast=contrast)
    bounds = check_window(window, model.trunk().config.seq_len)
    changes = find_changes(source, model, regions, fasta=fasta, key=ism_key, window=bounds)
    check_widths(chosen, changes.codes.shape[1])
    hits = find_hits(changes, chosen, vectors, p_value=p_value, background=frequencies)
    params = {
        "key": key,
        "ism_key": ism_key,
        "groupby": groupby,
        "groups": None if groups is None else listed("groups", groups),
        "contrast": None if contrast is None else list(contrast),
        "p_value": p_value,
        "background": frequencies,
        "window": list(changes.window),
        "method": changes.method,
    }
    container, adata = target(data, mod, copy=copy)
    write_slots(adata, uns={slots["uns"]: {**entry(MOTIF_HITS, params, slots, origin=model.origin()), **hits}})
    return container if copy else None
