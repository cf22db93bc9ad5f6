"""What ATAC-Diff learns from, and how."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from scbasset_tl._validate import check_number, check_one_of, check_positive_int

if TYPE_CHECKING:
    from scbasset_tl.nn.denoiser import DiffusionConfig
    from scbasset_tl.nn.likelihood import PeakLikelihood

PRIOR_KL = ("marginal", "vade")
INFORMATION = ("mmd", "infonce")
_LONG = 10_000  # steps, above which the weights are averaged over ten times as many


@dataclass(frozen=True)
class DiffusionProblem:
    """Cells: vectors float32 (n, d), depths float32 (n,) = log(1 + open peaks), labels int64 (n, k) with -1 for none.

    Codes are judged by the ``likelihood`` of the cells' peaks; without one by the squared error of the vectors.
    """

    x: np.ndarray
    depth: np.ndarray
    labels: np.ndarray
    likelihood: PeakLikelihood | None = None

    def check(self, config: DiffusionConfig) -> None:
        """Refuse arrays that do not belong together or hold what cannot be learned from."""
        n_cells = len(self.x)
        shapes = {"x": (n_cells, config.n_input), "depth": (n_cells,), "labels": (n_cells, len(config.n_categories))}
        for name, shape in shapes.items():
            values = getattr(self, name)
            if values.shape != shape:
                message = f"{name} must have the shape {shape}, got {values.shape}."
                raise ValueError(message)
            if bad := int((~np.isfinite(values)).sum()):
                message = f"{name} has {bad} values that are not finite; every cell needs its own."
                raise ValueError(message)
        outside = (self.labels < -1) | (self.labels >= np.asarray(config.n_categories, dtype=np.int64))
        if outside.any():
            message = f"labels must lie from -1 to the number of categories, got {np.unique(self.labels[outside])[:5]}."
            raise ValueError(message)

    def checksum(self) -> str:
        """BLAKE2b of all arrays."""
        parts = [self.x, self.depth, self.labels]
        if self.likelihood is not None:
            parts += self.likelihood.arrays()
        digest = blake2b(digest_size=16)
        for part in parts:
            digest.update(str((part.shape, part.dtype)).encode())
            digest.update(np.ascontiguousarray(part).data)
        return digest.hexdigest()


@dataclass(frozen=True)
class DiffusionRecipe:
    """Everything that decides a run besides the data, the networks' shape and the seed.

    Attributes
    ----------
    max_steps, batch_size, lr
        Steps, cells in each, and the first learning rate, which falls to 0 in a straight line.
    ema
        Decay of the average of the weights, which is what is kept, after a fast beginning; ``None``: .999, or .9999 beyond 10,000 steps.
    alpha, lam
        Weights of the paper's objective: ``alpha`` of the information term, ``lam - alpha - 1`` of the KL to the prior.
    prior_kl
        To the ``marginal`` of the mixture, or ``vade``: to codes and components together.
    information
        ``mmd`` of codes and draws from the prior, or ``infonce`` of codes and vectors.
    val_fraction, check_every, patience
        Share of the cells that are held out, steps between two looks at them, and looks without a better one that end
        the run.
    warm_up
        Share of the steps in which only encoder and decoder learn; then the mixture is started from the codes.
    drop_labels, drop_z
        Share of the cells whose labels, or code, a step hides from the denoiser. A code tells nearly everything about
        its cell: only from cells without one does the denoiser learn how cells are distributed.
    """

    max_steps: int = 10_000
    batch_size: int = 256
    lr: float = 2e-3
    ema: float | None = None
    alpha: float = 0.1
    lam: float = 1.1001
    prior_kl: str = "marginal"
    information: str = "mmd"
    val_fraction: float = 0.1
    check_every: int = 250
    patience: int = 10
    warm_up: float = 0.1
    drop_labels: float = 0.1
    drop_z: float = 0.5

    def __post_init__(self) -> None:
        check_positive_int("max_steps", self.max_steps, minimum=2)
        check_positive_int("batch_size", self.batch_size, minimum=2)
        for name in ("check_every", "patience"):
            check_positive_int(name, getattr(self, name))
        check_number("lr", self.lr, low=0, open_low=True)
        check_number("alpha", self.alpha, low=0)
        check_number("lam", self.lam, low=1 + self.alpha)  # the weight of the KL is not negative
        check_one_of("prior_kl", self.prior_kl, PRIOR_KL)
        check_one_of("information", self.information, INFORMATION)
        for name in ("drop_labels", "drop_z"):
            check_number(name, getattr(self, name), low=0, high=1)
        for name in ("val_fraction", "warm_up"):
            check_number(name, getattr(self, name), low=0, high=0.5)
        if self.ema is not None:
            check_number("ema", self.ema, low=0, high=1)

    @property
    def n_warm(self) -> int:
        """Steps of the warm-up."""
        return round(self.warm_up * self.max_steps)

    @property
    def decay(self) -> float:
        """Decay of the average of the weights."""
        return self.ema if self.ema is not None else (0.9999 if self.max_steps > _LONG else 0.999)

    def to_dict(self) -> dict[str, Any]:
        """For ``uns[key]['params']`` and the checkpoint."""
        return asdict(self)
