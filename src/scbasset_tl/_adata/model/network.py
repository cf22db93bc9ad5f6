"""The network that is to be trained: its shape, and the weights it starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from scbasset_tl._adata.model.store import pack_trunk, read_network, read_trunk_file
from scbasset_tl._adata.resolve import resolve
from scbasset_tl._files import as_path
from scbasset_tl._validate import check_positive_int

if TYPE_CHECKING:
    from scbasset_tl.nn.trunk import Trunk, TrunkConfig


def warm_trunk(warm_start: Any, mod: str) -> Trunk | None:
    """The trunk of ``warm_start``: an AnnData or MuData with a model, or the path of one; ``None`` gives ``None``."""
    if warm_start is None:
        return None
    if hasattr(warm_start, "obs"):
        return read_network(resolve(warm_start, mod)).trunk()
    return read_trunk_file(as_path("warm_start", warm_start), "warm_start")


def trunk_digest(trunk: Trunk) -> str:
    """Tells one trunk from another: the digest of its model, as in other results' ``uns[...]['model']``."""
    return blake2b(pack_trunk(trunk).data, digest_size=16).hexdigest()


def trunk_config(trunk: Any, start: Trunk | None, *, seq_len: int, n_latent: int) -> TrunkConfig:
    """The shape that ``trunk`` asks for, by default that of ``start``, which must have it."""
    from scbasset_tl.nn.trunk import TrunkConfig

    if trunk is None:
        trunk = TrunkConfig(seq_len=seq_len) if start is None else start.config
    if isinstance(trunk, TrunkConfig):
        config = replace(trunk, seq_len=seq_len, n_latent=n_latent)
    elif isinstance(trunk, Mapping):
        if unknown := sorted(set(trunk) - set(TrunkConfig.__dataclass_fields__)):
            message = f"trunk has {unknown}; a trunk is described by {list(TrunkConfig.__dataclass_fields__)}."
            raise ValueError(message)
        config = TrunkConfig.from_dict({**trunk, "seq_len": seq_len, "n_latent": n_latent})
    else:
        config = TrunkConfig.of_width(check_positive_int("trunk", trunk), seq_len=seq_len, n_latent=n_latent)
    if start is not None:
        _check_same_shape(start.config, config)
    return config


def _check_same_shape(start: TrunkConfig, wanted: TrunkConfig) -> None:
    """Refuse to start from a trunk of another shape, naming each difference."""
    one, other = start.to_dict(), wanted.to_dict()
    differ = [f"{name}: {one[name]} there, {other[name]} wanted" for name in one if one[name] != other[name]]
    if differ:
        message = (
            f"warm_start is a trunk of another shape ({'; '.join(differ)}). Leave trunk out to take its shape; seq_len is "
            "that of pp.add_sequences, n_latent that of the call."
        )
        raise ValueError(message)
