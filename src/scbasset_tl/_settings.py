"""User settings: how much the package says."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Settings:
    """Package-wide settings.

    Attributes
    ----------
    verbosity
        0: errors only; 1: warnings; 2: progress bars and short notes (default).
    """

    verbosity: int = 2

    def __setattr__(self, name: str, value: object) -> None:
        names = [field.name for field in fields(self)]
        if name not in names:
            message = f"unknown setting {name!r}; there are {names}"
            raise AttributeError(message)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 2:
            message = (
                f"settings.verbosity must be 0 (errors), 1 (warnings) or 2 (progress bars and notes), got {value!r}."
            )
            raise ValueError(message)
        super().__setattr__(name, value)

    @contextmanager
    def override(self, **changes: int) -> Iterator[None]:
        """Change settings inside a ``with`` block, e.g. ``with settings.override(verbosity=0):``."""
        names = {field.name for field in fields(self)}
        if unknown := set(changes) - names:
            message = f"unknown setting {sorted(unknown)}; there are {sorted(names)}"
            raise TypeError(message)
        before = {name: getattr(self, name) for name in changes}
        try:
            for name, value in changes.items():
                setattr(self, name, value)
            yield
        finally:
            for name, value in before.items():
                setattr(self, name, value)


settings = Settings()
