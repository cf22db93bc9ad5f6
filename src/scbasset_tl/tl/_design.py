"""Sequences designed for a group of cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar

from scbasset_tl._docs import doc_params
from scbasset_tl._random import as_generator, settled_seed
from scbasset_tl._validate import check_positive_int

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    import numpy as np

    from scbasset_tl.genome.motifs import Motif

D = TypeVar("D")


@doc_params
def design(
    data: D,
    *,
    groupby: str,
    group: Any,
    key: str = "scbasset",
    start: Any = "random",
    n_sequences: int | None = None,
    n_rounds: int = 20,
    motifs: str | PathLike[str] | Motif | Sequence[Motif] | None = None,
    n_places: int = 32,
    beam: int = 1,
    window: int | tuple[int, int] | None = None,
    gc: tuple[float, float] = (0.35, 0.65),
    off_target: Literal["max", "mean"] = "max",
    penalty: float = 1.0,
    fasta: str | PathLike[str] | None = None,
    rng: int | np.random.Generator | None = 0,
    accelerator: str = "cpu",
    mod: str = "atac",
    key_added: str | None = None,
    copy: bool = False,
) -> D | None:
    """Design DNA that is open in one group of cells and closed in the others.

    Greedy search, or beam search with ``beam``. Each round evaluates every substitution, and with ``motifs`` each motif
    at random places on either strand, and makes the edit that adds most to the score. A sequence is done after
    ``n_rounds`` edits, or when no edit adds 0.001. The score is the mean logit of the group less ``penalty`` times that
    of the other groups. Logits are depth-normalised, and means over a sequence and its reverse complement.

    A round takes about 10 seconds for a sequence of 1,344 bp with the paper's network on one core, and a tenth of a
    second for the toy data; ``window=200`` takes a seventh of it. The search also exploits the network's errors: test
    designs with a model of another seed, by :func:`scbasset_tl.get.accessibility`.

    Parameters
    ----------
    {data}
    groupby
        Column of ``.obs`` with the groups. To design against some of the groups only, subset the data.
    group
        The category that the sequences are designed for.
    {key}
    start
        What the search starts from: ``"random"`` DNA with a GC content in the middle of ``gc``; ``"shuffled"``,
        dinucleotide shuffles of random peaks; peaks or, with ``fasta``, any regions, as in :func:`scbasset_tl.tl.ism`; or
        sequences as long as the model reads, codes (n, seq_len) or a mapping of names to DNA. An N becomes a random base.
    n_sequences
        How many to design; 10 by default, and all of ``start`` where that gives sequences.
    n_rounds
        Most edits of a sequence.
    motifs
        Also write the consensus of each of these motifs over the sequence: a MEME file, or what
        :func:`scbasset_tl.io.read_motifs` made of one.
    n_places
        Random places that each motif is tried at, in each round and on each strand.
    beam
        Sequences to keep side by side for each one: each round compares the edits of all of them and keeps the best
        sequences. 1 is greedy; a beam of n takes n times as long.
    window
        Change only so many bp around the middle, or the positions ``(first, last)``, ``last`` not included.
    gc
        Lowest and highest GC content of a sequence, from its start on.
    off_target
        How the other groups count: by the highest of their logits (``"max"``), or by their mean (``"mean"``).
    penalty
        Weight of the other groups; 0 designs for the group alone.
    fasta
        FASTA of the assembly that ``start`` names regions of.
    {rng}
    {accelerator}
    {mod}
    key_added
        Name of the slot instead of ``design``.
    {copy}

    Returns
    -------
    ``None``, or the changed copy. Writes

    `adata.uns['design' | key_added]` : :class:`dict`
        ``codes`` uint8 (n, seq_len), the designed sequences, and ``start_codes``; their ``names``, ``start`` and
        ``n_rounds``; ``logits`` float32 (n, most rounds + 1, groups), after each round and NaN after the last;
        ``groups`` with their ``vectors``, ``target``; ``edits``, a row for each edit; ``params``, ``model``, ``schema_version``.

    :func:`scbasset_tl.get.design` reads it as a table.

    Raises
    ------
    KeyError
        If there is no such model, column, group or peak.
    ValueError
        If an argument cannot be used, a motif is wider than ``window``, ``groupby`` has one group, or sequences of
        ``start`` have another length than the model reads or a GC content outside of ``gc``.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> sb.tl.design(adata, groupby="cell_type", group="type_1", n_sequences=3, n_rounds=2)
    >>> sb.get.design(adata).shape
    (3, 11)
    """
    from scbasset_tl._adata.kinds import DESIGN
    from scbasset_tl._adata.model.store import read_model
    from scbasset_tl._adata.resolve import target, writable
    from scbasset_tl._adata.results import claim, entry
    from scbasset_tl._adata.sequence.design import group_objective, pack
    from scbasset_tl._adata.sequence.design_starts import gc_counts, motif_patches, start_sequences
    from scbasset_tl._adata.sequence.ism import check_window
    from scbasset_tl._adata.write import write_slots
    from scbasset_tl._log import progress
    from scbasset_tl.genome.motif_input import as_motifs
    from scbasset_tl.train.device import single_device

    source = writable(data, mod, copy=copy)
    slots = claim(source, DESIGN, key_added, key=key)
    if n_sequences is not None:
        check_positive_int("n_sequences", n_sequences)
    check_positive_int("beam", beam)
    n_rounds, n_places = check_positive_int("n_rounds", n_rounds), check_positive_int("n_places", n_places)
    seed = settled_seed(rng)
    generator = as_generator(seed)
    model = read_model(source, key)
    trunk = model.trunk().to(single_device(accelerator))
    groups, objective = group_objective(
        source, model, groupby=groupby, group=group, off_target=off_target, penalty=penalty
    )
    seq_len = trunk.config.seq_len
    bounds, counts = check_window(window, seq_len), gc_counts(gc, seq_len)
    chosen = [] if motifs is None else as_motifs(motifs)
    patches = motif_patches(chosen, bounds)
    starts = start_sequences(source, start, n_sequences, fasta=fasta, seq_len=seq_len, gc=counts, rng=generator)

    from scbasset_tl.nn.design import Moves, design

    moves = Moves(bounds, counts, patches, n_places)
    with progress(len(starts.codes) * n_rounds, description="design", unit=" rounds") as bar:
        courses = design(
            trunk, starts.codes, objective, moves, n_rounds=n_rounds, rng=generator, beam=beam, tick=bar.update
        )
    params = {
        "key": key,
        "groupby": groupby,
        "group": groups[objective.target],
        "start": start if isinstance(start, str) else f"{len(starts.name)} given",
        "n_sequences": len(starts.name),
        "n_rounds": n_rounds,
        "n_motifs": len(chosen),
        "n_places": n_places,
        "beam": beam,
        "window": list(bounds),
        "gc": [float(value) for value in gc],
        "off_target": off_target,
        "penalty": objective.penalty,
        "fasta": None if fasta is None else str(fasta),
        "seed": seed,
    }
    names = [motif.name for motif in chosen]
    made = pack(starts, courses, objective=objective, groups=groups, motifs=names)
    made |= entry(DESIGN, params, slots, origin=model.origin())
    container, adata = target(data, mod, copy=copy)
    write_slots(adata, uns={slots["uns"]: made})
    return container if copy else None
