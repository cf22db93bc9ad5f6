"""Short notes to the user and progress bars, both behind ``settings.verbosity``."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from scbasset_tl._settings import settings

if TYPE_CHECKING:
    from tqdm.auto import tqdm

_LATE: Final = 2.0  # seconds


def info(message: str) -> None:
    """Tell the user something worth knowing (verbosity 2 and up)."""
    if settings.verbosity >= 2:
        _say(message)


def warning(message: str) -> None:
    """Tell the user something that is probably wrong (verbosity 1 and up)."""
    if settings.verbosity >= 1:
        _say(f"WARNING: {message}")


def _say(message: str) -> None:
    _Stderr().write(f"scbasset_tl: {message}\n")


class _Stderr:
    """stderr as it is at the time, which may be none, closed, or on a full disk: no reason to end the work."""

    def __init__(self) -> None:
        self._file = sys.stderr

    def write(self, text: str) -> None:
        with suppress(AttributeError, OSError, ValueError):
            self._file.write(text)

    def flush(self) -> None:
        with suppress(AttributeError, OSError, ValueError):
            self._file.flush()

    def __getattr__(self, name: str) -> Any:  # tqdm asks for the encoding and the width
        return getattr(self._file, name)


def progress(total: int, *, description: str, unit: str = "it", **kwargs: Any) -> tqdm:
    """A progress bar that stays silent below verbosity 2."""
    import warnings

    with warnings.catch_warnings():
        # in a notebook without ipywidgets tqdm draws the bar as text, as it should, and warns
        warnings.filterwarnings("ignore", "IProgress not found")
        from tqdm.auto import tqdm

    kwargs.setdefault("disable", settings.verbosity < 2)
    return tqdm(total=total, desc=description, unit=unit, dynamic_ncols=True, file=_Stderr(), **kwargs)


def late_progress(total: int, *, description: str, unit: str) -> tqdm:
    """A progress bar for work that is mostly short: it appears after two seconds."""
    return progress(total, description=description, unit=unit, delay=_LATE)


def duration(seconds: float) -> str:
    """A time to wait for, in the unit that a person would use."""
    if seconds < 90:
        return f"{seconds:.0f} second{'s' if round(seconds) != 1 else ''}"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
