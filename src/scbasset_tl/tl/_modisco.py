"""Motifs that the model has learned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar

from scbasset_tl._docs import doc_params
from scbasset_tl._random import as_generator, recorded_seed
from scbasset_tl._validate import check_one_of, check_positive_int

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    import numpy as np
    from anndata import AnnData
    from mudata import MuData

    from scbasset_tl.genome.motifs import Motif

D = TypeVar("D", bound="AnnData | MuData")


@doc_params
def modisco(
    data: D,
    regions: Any = None,
    *,
    motifs: str | PathLike[str] | Motif | Sequence[Motif] | None = None,
    fasta: str | PathLike[str] | None = None,
    groupby: str | None = None,
    groups: str | Sequence[str] | None = None,
    contrast: tuple[str, str] | None = None,
    method: Literal["gradient", "ism"] = "gradient",
    window: int | tuple[int, int] | None = None,
    n_regions: int = 2000,
    key: str = "scbasset",
    accelerator: str = "cpu",
    mod: str = "atac",
    key_added: str | None = None,
    copy: bool = False,
    rng: int | np.random.Generator | None = 0,
    **arguments: Any,
) -> D | None:
    """Find recurring patterns in the contributions of bases with TF-MoDISco :cite:p:`Shrikumar2018`.

    Needs modisco-lite: ``pip install modisco-lite``. The contributions of the bases of each region, to the mean of
    all cells, to groups or to a contrast, go to modisco-lite. Each pattern is named after the motif that TOMTOM finds
    nearest.

    Parameters
    ----------
    {data}
    regions
        Peaks as names, positions, a mask or a slice; with ``fasta`` any regions, as texts ``chr:start-end`` or a table
        with contig, start and end. ``None``: peaks drawn at random.
    motifs
        Motifs to name patterns after: path of a file (MEME, JASPAR, TRANSFAC, HOMER), or motifs
        that :func:`scbasset_tl.io.read_motifs` returned. The p-values depend on all of them; they want 25 or more.
    fasta
        FASTA with the regions' DNA, for regions that are no peaks.
    groupby
        Column of ``.obs``: patterns for each of its categories; ``None`` is the mean over all cells.
    groups
        Categories of ``groupby``; ``None`` is all.
    contrast
        Two categories of ``groupby``: patterns of the first minus the second.
    method
        ``"gradient"``: to first order, fast. ``"ism"``: in-silico mutagenesis.
    window
        Width in bp around the middle, or its first position and the one after its last; ``None`` is all that the model
        reads.
    n_regions
        How many peaks to draw if ``regions`` is ``None``.
    {key}
    {accelerator}
    {mod}
    key_added
        Name for the slot instead of ``modisco``.
    {copy}
    {rng}
        Draws the peaks.
    **arguments
        Arguments of modisco-lite's ``TFMoDISco``. For short windows, for instance ``sliding_window_size=16``,
        ``flank_size=4``, ``trim_to_window_size=16``, ``initial_flank_to_add=4``, ``min_metacluster_size=30``.

    Returns
    -------
    ``None``, or the changed copy. Writes

    `adata.uns['modisco' | key_added]` : :class:`dict`
        For each pattern ``group``, ``positive``, ``n_sites``, ``motif`` and ``p_value`` (of TOMTOM), ``core`` (the part
        of it that contributes), ``pwm`` and ``contribution`` (n_patterns, width, 4); the call in ``params``.

    Raises
    ------
    ImportError
        If modisco-lite is not installed.
    KeyError
        If there is no such model, peak, column or group.
    ValueError
        If an argument is unknown to modisco-lite or out of range.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> sb.tl.modisco(adata, n_regions=100, sliding_window_size=16, flank_size=4, n_leiden_runs=1)
    >>> list(sb.get.modisco(adata))
    ['group', 'sign', 'n_sites', 'consensus', 'motif', 'p_value']
    """
    from scbasset_tl._adata.kinds import MODISCO
    from scbasset_tl._adata.model.store import read_model
    from scbasset_tl._adata.resolve import target, writable
    from scbasset_tl._adata.results import claim, entry
    from scbasset_tl._adata.sequence.ism import METHODS, check_window
    from scbasset_tl._adata.sequence.modisco import check_arguments, pack_patterns
    from scbasset_tl._adata.sequence.motif_hits import mean_vectors
    from scbasset_tl._adata.windows import sequence_windows
    from scbasset_tl._adata.write import write_slots
    from scbasset_tl.genome.discover import find_patterns, require_modisco
    from scbasset_tl.genome.motif_input import as_motifs
    from scbasset_tl.infer.attribution import attributions
    from scbasset_tl.train.device import single_device

    require_modisco()
    source = writable(data, mod, copy=copy)
    device = single_device(accelerator)
    check_one_of("method", method, METHODS)
    check_positive_int("n_regions", n_regions)
    slots = claim(source, MODISCO, key_added, key=key)
    targets = None if motifs is None else as_motifs(motifs)
    model = read_model(source, key)
    vectors = mean_vectors(source, model, groupby=groupby, groups=groups, contrast=contrast)
    trunk = model.trunk().to(device)
    bounds = check_window(window, trunk.config.seq_len)
    check_arguments(arguments, bounds[1] - bounds[0])
    generator, drawn = as_generator(rng), regions
    if regions is None:
        drawn = generator.choice(source.n_vars, min(n_regions, source.n_vars), replace=False)
    codes = sequence_windows(source, drawn, fasta=fasta, seq_len=trunk.config.seq_len).codes
    contributions = attributions(trunk, codes, vectors.to_numpy(), window=bounds, method=method)
    part = codes[:, slice(*bounds)]
    patterns = {
        str(name): find_patterns(part, values, arguments)
        for name, values in zip(vectors.index, contributions, strict=True)
    }
    params = {
        "key": key,
        "n_regions": len(codes),
        "groupby": groupby,
        "contrast": None if contrast is None else list(contrast),
        "method": method,
        "window": list(bounds),
        "rng": recorded_seed(rng),
        "arguments": arguments,
    }
    made = {**entry(MODISCO, params, slots, origin=model.origin()), **pack_patterns(patterns, targets)}
    container, adata = target(data, mod, copy=copy)
    write_slots(adata, uns={slots["uns"]: made})
    return container if copy else None
