"""TF activity by motif insertion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar

from scbasset_tl._docs import doc_params
from scbasset_tl._log import info
from scbasset_tl._random import settled_seed
from scbasset_tl._validate import check_one_of, check_positive_int

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    import numpy as np
    from anndata import AnnData

    from scbasset_tl.genome.motifs import Motif
    from scbasset_tl.infer.motif_effects import Experiment

D = TypeVar("D")
_SIGNIFICANT = 0.05


@doc_params
def tf_activity(
    data: D,
    motifs: str | PathLike[str] | Motif | Sequence[Motif | str],
    *,
    key: str = "scbasset",
    backgrounds: str | PathLike[str] | np.ndarray | None = None,
    n_background: int = 1000,
    n_null: int = 15000,
    groupby: str | None = None,
    strands: Literal["both", "+"] = "both",
    scale: Literal["logit", "sigmoid"] = "logit",
    mode: Literal["insert", "ablate"] = "insert",
    copies: int = 1,
    spacing: int | None = None,
    rng: int | np.random.Generator | None = 0,
    accelerator: str = "cpu",
    mod: str = "atac",
    key_added: str | None = None,
    copy: bool = False,
) -> D | None:
    """Score transcription factors in each cell by their motifs' effect on accessibility :cite:p:`Yuan2022`.

    Each motif is written into the middle of shuffled peaks, and the mean change of the predicted accessibility is the
    factor's activity in a cell; z-scores over cells make factors comparable. Everything is computed as a change of the
    embedding, so that the number of cells hardly matters.

    **Significance.** The statistic of a motif is the standard deviation of its raw activity over cells; with
    ``groupby`` also, for each group, the absolute difference of the mean raw activities of the group and of all other
    cells that have one. The null are PWMs whose columns are those of the motifs in random order (each order once; the
    motif itself on either strand is left out), pooled over motifs of like width and information content. Motifs and
    null are compared on the same 100 backgrounds. ``p = (1 + #null ≥ motif) / (1 + #null)`` within the pool; false
    discovery rates are Benjamini and Hochberg's over motifs, for each group by itself. Statistics are those of logits,
    whatever ``scale``. A motif whose columns are all alike, as that of a poly-A, differs little from its permutations
    and cannot become significant.

    **Ablation.** With ``mode="ablate"`` the best site of a motif (by log-likelihood) in each of the ``n_background``
    peaks that fit it best is overwritten by what stands there in a dinucleotide shuffle of the peak; the activity is
    the mean loss. For the null, motifs and permutations alike are ablated in the best tenth of up to 1,000 random
    peaks.

    Where few motifs drive much, permuted motifs of the same composition act on shuffled DNA too, and insertions may not be
    significant although the ranks are right, above all with a network that was trained briefly. Then look at
    ``mode="ablate"`` beside it.

    Parameters
    ----------
    {data}
    motifs
        File of motifs (MEME, JASPAR, TRANSFAC, HOMER), what :func:`scbasset_tl.io.read_motifs` made of one, or, with the
        extra ``motifs``, names of factors in JASPAR, ``"GATA1"`` or ``["GATA1", "SPI1"]``.
    {key}
    backgrounds
        Sequences to insert motifs into, used as they are: a FASTA file, or codes (n, seq_len) such as
        ``adata.varm['dna_code'][peaks]``. By default dinucleotide shuffles of random peaks. A factor that closes peaks which
        others open has little effect on shuffled peaks: pass open peaks.
    n_background
        Number of backgrounds, at least 10; of ``backgrounds``, which must be as many, all are taken. With
        ``mode="ablate"`` the number of peaks for each motif.
    n_null
        Permuted motifs in all, for the null, equally many of each motif as far as it has them; 0 leaves significance
        out. The expected time is printed first.
    groupby
        Column of ``.obs``: significance of each of its categories against the rest.
    strands
        ``"both"``: mean over the motif and its reverse complement. ``"+"``: the motif as it is, as in the original. In
        ablation: the strands on which sites are looked for.
    scale
        ``"logit"``: changes of depth-normalised logits, as in the paper. ``"sigmoid"``: of their sigmoid, as in the
        original's later code.
    mode
        ``"insert"`` or ``"ablate"``.
    copies, spacing
        Copies of the motif in each background, and bp between them (10 by default).
    {rng}
        A motif's own draws depend on it and on the PWM alone, not on the other motifs.
    {accelerator}
    {mod}
    key_added
        Name of both slots instead of ``tf_activity``.
    {copy}

    Returns
    -------
    ``None``, or the changed copy. Writes

    `adata.obsm['tf_activity' | key_added]` : :class:`numpy.ndarray` (dtype `float32`)
        z-scores of the activities over cells (n_obs, n_motifs), ddof 0; 0 for a motif without any variation.
    `adata.uns['tf_activity' | key_added]` : :class:`dict`
        ``names`` and ``ids`` of the motifs; ``effect``, their mean changes of the embedding (n_motifs, n_latent);
        ``mean`` and ``sd`` of the raw activities, which are ``z * sd + mean``; ``statistic``, ``p_value`` and ``fdr``
        (NaN without a null); ``groups`` with ``names``, ``effect`` (difference of mean logits), ``statistic``,
        ``p_value`` and ``fdr`` (n_motifs, n_groups); ``params``, the call.

    :func:`scbasset_tl.get.tf_activity` reads them as an AnnData of cells × motifs.

    Raises
    ------
    KeyError
        If the model, the sequences or the column is missing.
    ValueError
        If an argument cannot be used, a motif does not fit into the sequences, or ``groupby`` has fewer than two
        groups, or groups that differ only in ``/`` and ``|``.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> motif = sb.genome.Motif("M1", "TF1", adata.uns["toy"]["motifs"]["pwm"][0])
    >>> sb.tl.tf_activity(adata, motif, n_background=50, n_null=100)
    >>> adata.obsm["tf_activity"].shape
    (60, 1)
    """
    from scbasset_tl._adata.kinds import TF_ACTIVITY
    from scbasset_tl._adata.model.store import read_model
    from scbasset_tl._adata.resolve import target, writable
    from scbasset_tl._adata.results import claim
    from scbasset_tl._adata.sequence.tf_activity import compute_activity, group_contrasts, write_activity
    from scbasset_tl.genome.motif_input import as_motifs
    from scbasset_tl.train.device import single_device

    source = writable(data, mod, copy=copy)
    device = single_device(accelerator)
    check_one_of("scale", scale, ("logit", "sigmoid"))
    check_positive_int("n_null", n_null, minimum=0)
    model = read_model(source, key)
    slots = claim(source, TF_ACTIVITY, key_added, key=key)
    chosen = as_motifs(motifs)
    contrasts = group_contrasts(model.cell_embedding, source.obs, groupby)
    seed = settled_seed(rng)
    design: dict[str, Any] = {
        "mode": mode,
        "strands": strands,
        "n_background": check_positive_int("n_background", n_background, minimum=10),
        "copies": check_positive_int("copies", copies),
        "spacing": None if spacing is None else check_positive_int("spacing", spacing, minimum=0),
    }
    trunk = model.trunk().to(device)
    experiments = _experiments(source, chosen, trunk.config.seq_len, backgrounds=backgrounds, seed=seed, **design)
    activity = compute_activity(
        trunk,
        model.cell_embedding,
        [motif.pwm for motif in chosen],
        experiments,
        contrasts=contrasts.to_numpy(),
        n_null=n_null,
        scale=scale,
        seed=seed,
    )
    if mode == "insert" and activity.n_null and not (activity.fdr <= _SIGNIFICANT).any():
        info(
            f"no motif is significant by insertion at a false discovery rate of {_SIGNIFICANT}. Where few motifs drive much, "
            "permutations of them act on shuffled DNA too: look at mode='ablate' beside it."
        )
    container, adata = target(data, mod, copy=copy)
    params = {
        "key": key,
        **design,
        "backgrounds": _named(backgrounds),
        "groupby": groupby,
        "scale": scale,
        "seed": seed,
    }
    write_activity(adata, slots, chosen, activity, contrasts.index, params, model.origin())
    return container if copy else None


def _named(backgrounds: str | PathLike[str] | np.ndarray | None) -> str | None:
    """What ``params`` keeps of the backgrounds."""
    import numpy as np

    if isinstance(backgrounds, np.ndarray):
        return f"{len(backgrounds)} sequences"
    return None if backgrounds is None else str(backgrounds)


def _experiments(
    adata: AnnData,
    motifs: list[Motif],
    seq_len: int,
    *,
    mode: str,
    strands: str,
    backgrounds: str | PathLike[str] | np.ndarray | None,
    n_background: int,
    copies: int,
    spacing: int | None,
    seed: int,
) -> tuple[Experiment, Experiment]:
    """What is done for the activities, and for their significance."""
    import numpy as np

    from scbasset_tl._adata.codes import sequence_codes
    from scbasset_tl._adata.sequence.backgrounds import given_sequences, shuffled_peaks
    from scbasset_tl.genome.motifs import insertion_starts
    from scbasset_tl.infer.motif_effects import Ablation, Insertion

    check_one_of("mode", mode, ("insert", "ablate"))
    both = check_one_of("strands", strands, ("both", "+")) == "both"
    for motif in motifs:
        try:
            insertion_starts(seq_len, len(motif), copies=copies, spacing=spacing)
        except ValueError as error:
            message = f"motif {motif.id!r} ({motif.name}): {error}"
            raise ValueError(message) from None
    generator = np.random.default_rng(seed)
    if mode == "ablate":
        if backgrounds is not None or copies > 1 or spacing is not None:
            message = "backgrounds=, copies= and spacing= are of insertion; mode='ablate' changes the peaks themselves."
            raise ValueError(message)
        return Ablation.of_peaks(sequence_codes(adata, seq_len=seq_len), n_background, both_strands=both, rng=generator)
    if backgrounds is not None:
        codes = given_sequences(backgrounds, seq_len, generator)
    else:
        codes = shuffled_peaks(sequence_codes(adata, seq_len=seq_len), n_background, generator)
    insertion = Insertion(codes, both, copies, spacing, seed)
    return insertion, insertion.for_null()
