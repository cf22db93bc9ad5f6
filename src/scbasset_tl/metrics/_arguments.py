"""Arguments and their texts that several scores share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scbasset_tl._validate import check_positive_int

if TYPE_CHECKING:
    from collections.abc import Sequence


def neighbor_numbers(k: int | Sequence[int]) -> list[int]:
    """``k`` as a list of whole numbers, checked."""
    import numpy as np

    numbers = [check_positive_int("k", value) for value in (k if np.ndim(k) else [k])]  # type: ignore[union-attr]
    if not numbers:
        message = "k is empty: pass one number of neighbours or several."
        raise ValueError(message)
    return numbers
