"""Find the places of peaks in their table: three columns of many spellings, the names, or one column of regions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd

from scbasset_tl._keys import CHROM, END, START

if TYPE_CHECKING:
    from collections.abc import Sequence

# as scvi-tools and CREsted write them, bioframe, UCSC, Bioconductor; of several the first
_COLUMNS: Final = (
    (CHROM, START, END),
    ("chrom", "start", "end"),
    ("chrom", "chromStart", "chromEnd"),
    ("seqnames", "start", "end"),
)
# without case, # and what joins words
_CHROMS: Final = ("chr", "chrom", "chromosome", "chromosomename", "seqnames", "seqname", "seqid", "contig", "peakchr")
_STARTS: Final = ("start", "chromstart", "chrstart", "peakstart", "startposition", "startpos", "begin")
_ENDS: Final = ("end", "chromend", "chrend", "peakend", "endposition", "endpos", "stop")
_WHOLE: Final = (
    *("interval", "intervals", "peak", "peaks", "peakid", "peakname", "region", "regions", "regionid", "regionname"),
    *("coordinates", "coords", "location", "locus", "geneids", "id", "name", "feature", "featureid", "featurename"),
)
_JOINTS: Final = re.compile(r"[\W_]+")
# the colon ends the contig, but for HLA-A*01:01; else matched from the right, as names may hold the separators themselves
_COLON: Final = r"^\s*([^*]*?[^:_*-]):(\d{1,18})[-_](\d{1,18})([-_.|].*)?\s*$"
_NAME: Final = r"^\s*(.*[^:_-])[:_-](\d{1,18})[-_](\d{1,18})()\s*$"
_SUFFIX: Final = r"[-_.|][^-_.|]*$"
_MOST_SUFFIXES: Final = 2
FORMS: Final = "chr:start-end or chr-start-end"


class Split(NamedTuple):
    """Contig, start and end of each text, missing where it is no region, and which texts go on after the region."""

    parts: pd.DataFrame
    suffixed: np.ndarray

    @property
    def good(self) -> np.ndarray:
        """Which texts are regions, their ends right or not, bool (n,)."""
        return self.parts[0].notna().to_numpy()


def find_columns(table: pd.DataFrame) -> Sequence[str] | None:
    """The columns with contig, start and end; ``None`` if one is missing or several could be meant."""
    if standard := next((columns for columns in _COLUMNS if set(columns) <= set(table.columns)), None):
        return standard
    alike = [_alike(table, names) for names in (_CHROMS, _STARTS, _ENDS)]
    return [columns[0] for columns in alike] if all(len(columns) == 1 for columns in alike) else None


def find_whole(table: pd.DataFrame) -> str | None:
    """The column whose every value is a region; ``None`` without one, or if several disagree."""
    splits = {column: split for column in _alike(table, _WHOLE) if (split := _all_regions(table[column]))}
    first = next(iter(splits.values()), None)
    return next(iter(splits)) if first and all(first.parts.equals(other.parts) for other in splits.values()) else None


def describe(table: pd.DataFrame) -> str:
    """The columns that are there, for errors, and those among them that could be meant."""
    columns = [str(column) for column in table.columns]
    text = f"var has the columns {columns[:12]}{' and more' if len(columns) > 12 else ''}" if columns else ""
    several = [names for names in (_alike(table, kind) for kind in (_CHROMS, _STARTS, _ENDS)) if len(names) > 1]
    if several:
        text += f", of which {' and '.join(map(str, several[0]))} could be meant"
    elif regions := [column for column in table.columns if _all_regions(table[column])]:
        text += f"; var[{regions[0]!r}] holds regions: adata.var_names = adata.var[{regions[0]!r}].astype(str)"
    return text


def split_regions(texts: pd.Index | pd.Series) -> Split:
    """Take texts such as ``chr1:100-200`` apart; what ``make_unique`` and ``concat`` add behind is left out."""
    left = pd.Series(np.asarray(texts.astype(str), dtype=object), dtype=object)
    parts = left.str.extract(_COLON)
    bad = ~_ascending(parts)
    parts[bad] = left[bad].str.extract(_NAME)
    suffixed = parts[3].fillna("").ne("").to_numpy()
    for _ in range(_MOST_SUFFIXES):
        left = left[~_ascending(parts.loc[left.index])].str.replace(_SUFFIX, "", regex=True)
        shorter = left.str.extract(_NAME)
        rows = left.index[_ascending(shorter)]
        parts.loc[rows] = shorter.loc[rows]
        suffixed[rows] = True
    return Split(parts[[0, 1, 2]].set_axis(texts.index if isinstance(texts, pd.Series) else texts), suffixed)


def _ascending(parts: pd.DataFrame) -> pd.Series:
    start, end = (pd.to_numeric(parts[column], errors="coerce") for column in (1, 2))
    return start < end


def _alike(table: pd.DataFrame, names: tuple[str, ...]) -> list[str]:
    return [column for column in table.columns if _JOINTS.sub("", str(column)).casefold() in names]


def _all_regions(values: pd.Series) -> Split | None:
    """The values taken apart, if they are text and all regions."""
    if not len(values) or values.dtype.kind in "biufcmM" or not split_regions(values.iloc[:1]).good.all():
        return None
    split = split_regions(values)
    return split if split.good.all() else None
