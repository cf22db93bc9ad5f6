"""Divide the peaks into training, validation and test."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, TypeVar

from scbasset_tl._docs import doc_params
from scbasset_tl._keys import CHROM, END, SPLIT, SPLIT_LEVELS, START
from scbasset_tl._log import info
from scbasset_tl._validate import check_key_added, check_number, check_one_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from mudata import MuData

D = TypeVar("D", bound="AnnData | MuData")


@doc_params
def split_peaks(
    data: D,
    *,
    fractions: Sequence[float] = (0.9, 0.05, 0.05),
    by: Literal["peak", "chrom"] = "peak",
    holdout: str | Sequence[str] | Mapping[str, str | Sequence[str]] | None = None,
    rng: int | np.random.Generator | None = 0,
    region_keys: Sequence[str] | None = None,
    mod: str = "atac",
    key_added: str | None = None,
    copy: bool = False,
) -> D | None:
    """Divide the peaks into training, validation and test, at random as in scBasset :cite:p:`Yuan2022` or by contig.

    Neighbouring peaks can share sequence, and paralogous ones do; whole contigs held out are the stricter test. Peaks with
    the same window (contig, in any spelling, and middle) are kept in one part.

    Parameters
    ----------
    {data}
    fractions
        Shares of training, validation and test peaks; they sum to one. Validation or test may be zero.
    by
        ``"peak"`` draws single peaks; ``rng=10`` gives the original's split. ``"chrom"`` holds out whole contigs.
    holdout
        With ``by="chrom"``: contigs of the test peaks (validation peaks are drawn from the other contigs), or
        ``{{"val": contigs, "test": contigs}}``. ``None`` takes the contigs that come close to ``fractions``.
    {rng}
    region_keys
        Columns of ``.var`` with contig, start and end; see :func:`scbasset_tl.pp.add_sequences`. ``by="peak"`` needs
        none.
    {mod}
    key_added
        Name of the column instead of ``split``.
    {copy}

    Returns
    -------
    ``None``, or the changed copy. Writes

    `adata.var['split' | key_added]` : :class:`pandas.Series` (dtype `category`)
        ``train``, ``val`` or ``test``.

    Raises
    ------
    KeyError
        If ``by="chrom"`` and ``.var`` has no regions.
    ValueError
        For fractions that do not sum to one, contigs without peaks, and parts of fewer than two peaks.

    Examples
    --------
    >>> import anndata as ad
    >>> import numpy as np
    >>> import scbasset_tl as sb
    >>> adata = ad.AnnData(np.ones((2, 100)))
    >>> sb.pp.split_peaks(adata, rng=10)
    >>> adata.var["split"].value_counts(sort=False).to_dict()
    {{'train': 91, 'val': 4, 'test': 5}}
    """
    import numpy as np
    import pandas as pd

    from scbasset_tl._adata.repeats import first_of_windows, say_repeated
    from scbasset_tl._adata.resolve import target, writable_peaks
    from scbasset_tl._adata.write import write_slots
    from scbasset_tl.genome.contigs import one_spelling
    from scbasset_tl.genome.regions import first_of_window, read_regions
    from scbasset_tl.stats.splits import chrom_split, original_split

    check_one_of("by", by, ["peak", "chrom"])
    check_key_added(key_added, reserved=[CHROM, START, END])
    shares = _check_fractions(fractions)
    source = writable_peaks(data, mod, copy=copy, region_keys=region_keys)
    if by == "peak":
        if holdout is not None:
            message = f'holdout={holdout!r} names contigs, which by="peak" does not use: pass by="chrom".'
            raise ValueError(message)
        first = first_of_windows(source, region_keys)
        levels = original_split(source.n_vars, rng, shares, first=first)
    else:
        regions = read_regions(source.var, keys=region_keys, obs=source.obs)
        chrom, first = one_spelling(regions.chrom), first_of_window(regions)
        levels = chrom_split(np.asarray(chrom), rng, shares, **_check_holdout(holdout, chrom), first=first)
    name = SPLIT if key_added is None else key_added
    if name in source.var and not set(source.var[name].dropna().astype(str)) <= set(SPLIT_LEVELS):
        message = f"var[{name!r}] is there already, and no split into {list(SPLIT_LEVELS)}: choose another key_added, or delete it."
        raise ValueError(message)
    say_repeated(first)
    info("peaks: " + ", ".join(f"{(levels == level).sum():,} {level}" for level in SPLIT_LEVELS))

    container, adata = target(data, mod, copy=copy)
    write_slots(adata, var={name: pd.Categorical(levels, categories=list(SPLIT_LEVELS))})
    return container if copy else None


def _check_fractions(fractions: Sequence[float]) -> tuple[float, float, float]:
    listed = fractions if hasattr(fractions, "__len__") else []
    shares = [check_number("fractions", share, low=0, high=1) for share in listed]
    if len(shares) != 3 or abs(sum(shares) - 1) > 1e-6:
        message = f"fractions must be the shares of train, val and test and sum to one, got {fractions!r}."
        raise ValueError(message)
    train, val, test = shares
    if train == 0:
        message = f"fractions leave no peaks to train on: {fractions!r}."
        raise ValueError(message)
    return train, val, test


def _check_holdout(
    holdout: str | Sequence[str] | Mapping[str, str | Sequence[str]] | None, chrom: pd.Categorical
) -> dict[str, list[str] | None]:
    """Contigs of the validation and of the test peaks, each known and none in both."""
    from scbasset_tl.genome.contigs import match_contigs

    if holdout is None:
        return {"val": None, "test": None}
    parts = dict(holdout) if hasattr(holdout, "keys") else {"test": holdout}
    if not {"test"} <= set(parts) <= {"val", "test"}:
        message = f'holdout has {sorted(parts)}; it is a list of test contigs or {{"val": [...], "test": [...]}}.'
        raise ValueError(message)
    contigs = {}
    for level, names in parts.items():
        listed = isinstance(names, Iterable) and not isinstance(names, str)
        contigs[level] = [str(name) for name in (names if listed else [names])]
    named = [name for names in contigs.values() for name in names]
    present = list(chrom.categories)
    spelled = match_contigs(named, present)
    if unknown := [name for name in named if name not in spelled]:
        message = f"holdout: no peak lies on {unknown}; the peaks lie on {present[:20]}."
        raise ValueError(message)
    if len({spelled[name] for name in named}) < len(named):
        message = f"holdout names a contig twice: {named}."
        raise ValueError(message)
    held_out = {level: [spelled[name] for name in names] for level, names in contigs.items()}
    return {"val": held_out.get("val"), "test": held_out["test"]}
