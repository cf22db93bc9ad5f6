"""Checks of user input: each error names the argument or slot, the value, and what fixes it."""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable


def check_positive_int(name: str, value: Any, *, minimum: int = 1) -> int:
    """``value`` as an int of at least ``minimum``; a bool or a fraction is refused."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < minimum:
        message = f"{name} must be a whole number of at least {minimum}, got {value!r}."
        raise ValueError(message)
    return int(value)


def check_number(name: str, value: Any, *, low: float, high: float = float("inf"), open_low: bool = False) -> float:
    """``value`` as a finite float in [low, high], or (low, high] with ``open_low``."""
    number = float(value) if isinstance(value, numbers.Real) and not isinstance(value, bool) else float("nan")
    inside = low < number <= high if open_low else low <= number <= high
    if not inside or number in (float("inf"), float("-inf")):
        bound = f"{'above' if open_low else 'at least'} {low:g}" + (
            f" and at most {high:g}" if high < float("inf") else ""
        )
        message = f"{name} must be a finite number {bound}, got {value!r}."
        raise ValueError(message)
    return number


def check_name(name: str, value: Any) -> str:
    """``value`` if it is text, as the names of slots and columns are."""
    if not isinstance(value, str):
        message = f"{name} must be text, got {value!r}."
        raise ValueError(message)
    return value


def check_key_added(key_added: Any, *, reserved: Collection[str] = ()) -> str | None:
    """``key_added`` if slots of that name survive in files, where ``a/b`` is ``b`` inside ``a``, and is not ``reserved``."""
    if key_added is None:
        return None
    if not isinstance(key_added, str) or not key_added.strip() or "/" in key_added:
        message = f"key_added must be a name without '/', which files cannot hold, got {key_added!r}."
        raise ValueError(message)
    if key_added in reserved:
        message = (
            f"key_added={key_added!r} would replace a slot that is needed, or another result: choose another name."
        )
        raise ValueError(message)
    return key_added


def check_one_of(name: str, value: Any, allowed: Iterable[str]) -> str:
    """``value`` if it is one of ``allowed``."""
    options = list(allowed)
    if value not in options:
        message = f"{name} must be one of {options}, got {value!r}."
        raise ValueError(message)
    return value
