"""Patterns that modisco-lite found: kept in ``.uns``, and read again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scbasset_tl._log import info
from scbasset_tl.genome.codes import decode
from scbasset_tl.genome.discover import Pattern, nearest_motifs, require_modisco
from scbasset_tl.genome.motifs import unique_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scbasset_tl.genome.motifs import Motif

_DEFAULTS = {"sliding_window_size": 21, "flank_size": 10}


def check_arguments(arguments: Mapping[str, Any], width: int) -> None:
    """Refuse arguments that modisco-lite does not know, and windows that hold none of its seqlets."""
    from inspect import signature

    names = [
        name for name in signature(require_modisco()).parameters if name not in ("one_hot", "hypothetical_contribs")
    ]
    if unknown := sorted(set(arguments) - set(names)):
        message = f"modisco-lite has no argument {unknown[0]!r}; it has {names}."
        raise ValueError(message)
    sizes = {**_DEFAULTS, **arguments}
    least = sizes["sliding_window_size"] + 2 * sizes["flank_size"]
    if width < least:
        message = (
            f"window={width} is less than the {least} bp of a seqlet (sliding_window_size + 2 × flank_size): widen the "
            "window, or pass smaller sizes."
        )
        raise ValueError(message)


def pack_patterns(patterns_of: Mapping[str, Sequence[Pattern]], motifs: Sequence[Motif] | None) -> dict[str, Any]:
    """The entry of ``.uns``: matrices of one shape, with zeros after the end of shorter ones."""
    patterns = [pattern for of_group in patterns_of.values() for pattern in of_group]
    if not patterns:
        info("modisco-lite found no pattern: pass more regions, or a smaller min_metacluster_size")
    widest = max((len(pattern.pwm) for pattern in patterns), default=0)
    matrices = np.zeros((2, len(patterns), widest, 4), dtype=np.float32)
    for number, pattern in enumerate(patterns):
        matrices[:, number, : len(pattern.pwm)] = pattern.pwm, pattern.contribution
    names, p_values = np.full(len(patterns), "", dtype=object), np.full(len(patterns), np.nan)
    if motifs is not None and patterns:
        best, p_values = nearest_motifs(patterns, [motif.pwm for motif in motifs])
        names = np.array(unique_names(list(motifs)), dtype=object)[best]
    return {
        "group": np.array([group for group, of_group in patterns_of.items() for _ in of_group], dtype=object),
        "positive": np.array([pattern.positive for pattern in patterns], dtype=bool),
        "n_sites": np.array([pattern.n_sites for pattern in patterns], dtype=np.int64),
        "pwm": matrices[0],
        "contribution": matrices[1],
        "core": np.array([pattern.core() for pattern in patterns], dtype=np.int64).reshape(-1, 2),
        "motif": names,
        "p_value": p_values,
    }


def pattern_table(entry: Mapping[str, Any]) -> pd.DataFrame:
    """A row for each pattern."""
    columns = {
        "group": np.asarray(entry["group"], dtype=object),
        "sign": np.where(np.asarray(entry["positive"], dtype=bool), "+", "-").astype(object),
        "n_sites": np.asarray(entry["n_sites"]),
        "motif": np.asarray(entry["motif"], dtype=object),
        "p_value": np.asarray(entry["p_value"]),
    }
    cores = [slice(*(int(end) for end in core)) for core in np.asarray(entry["core"])]
    letters = [
        str(decode(pwm[core].argmax(axis=1).astype(np.uint8)))
        for pwm, core in zip(np.asarray(entry["pwm"]), cores, strict=True)
    ]
    table = pd.DataFrame(columns)
    table.insert(3, "consensus", np.array(letters, dtype=object))
    return table
