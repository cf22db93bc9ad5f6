"""Arguments that several scores share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scbasset_tl._validate import check_positive_int

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd


def neighbor_numbers(k: int | Sequence[int]) -> list[int]:
    """``k`` as a list of whole numbers, checked."""
    import numpy as np

    numbers = [check_positive_int("k", value) for value in (k if np.ndim(k) else [k])]  # type: ignore[union-attr]
    if not numbers:
        message = "k is empty: pass one number of neighbours or several."
        raise ValueError(message)
    return numbers


def check_baseline(baseline: Any) -> pd.DataFrame:
    """``baseline`` if it is a table of cells × motifs in which each has one row or column."""
    import pandas as pd

    from scbasset_tl._adata.cells import check_unique

    if not isinstance(baseline, pd.DataFrame):
        message = f"baseline must be a DataFrame, cells × motifs, got {type(baseline).__name__}."
        raise TypeError(message)
    check_unique(baseline.index, "baseline: cell names repeat in its index")
    check_unique(baseline.columns, "baseline: motif names repeat in its columns")
    return baseline
