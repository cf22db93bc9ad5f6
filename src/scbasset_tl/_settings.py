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
        0: errors only; 1: warnings; 2: progress bars and short notes (default); 3: details.
    """

    verbosity: int = 2

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
