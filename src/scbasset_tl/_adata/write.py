"""Write all slots of a verb, or none."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from anndata import ImplicitModificationWarning

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from anndata import AnnData
    from mudata import MuData

_FIELDS = ("obs", "var", "obsm", "varm", "layers", "uns")


def write_slots(adata: AnnData, *, drop: Iterable[tuple[str, str]] = (), **slots: Mapping[str, Any]) -> None:
    """Assign ``obs=``, ``var=``, ``obsm=``, ``varm=``, ``layers=`` and ``uns=`` entries; if one fails, undo those before it.

    ``drop`` names slots, as (field, name), that are deleted where they are there.
    A view becomes an AnnData of its own first, silently: that is what writing to it means.
    """
    before: list[tuple[str, str, Any]] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImplicitModificationWarning)
        try:
            for field in _FIELDS:
                for name, value in slots.get(field, {}).items():
                    store = getattr(adata, field)
                    before.append((field, name, store.get(name)))
                    store[name] = _without_none(value) if field == "uns" else value
            for field, name in drop:
                if (value := getattr(adata, field).get(name)) is not None:
                    before.append((field, name, value))
                    del getattr(adata, field)[name]
        except BaseException:
            for field, name, value in reversed(before):
                store = getattr(adata, field)
                if value is not None:
                    store[name] = value
                elif name in store:
                    del store[name]
            raise


@contextmanager
def all_or_nothing(container: AnnData | MuData, adata: AnnData) -> Iterator[None]:
    """Undo on an error or Ctrl-C what the body did to ``.var`` and to which cells and peaks there are."""
    both, var = (container, adata), adata.var.copy()
    before = [dict(vars(each)) for each in both]
    try:
        yield
    except BaseException:
        for each, state in zip(both, before, strict=True):
            vars(each).clear()
            vars(each).update(state)
        adata.var = var
        raise


def _without_none(value: Any) -> Any:
    """An entry without values that are ``None``, which anndata before 0.12 and other readers of h5ad cannot read."""
    if not isinstance(value, Mapping):
        return value
    return {name: _without_none(inner) for name, inner in value.items() if inner is not None}
