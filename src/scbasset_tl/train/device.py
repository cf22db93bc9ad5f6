"""Devices, precision and processes through Lightning Fabric."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from scbasset_tl._validate import check_one_of, check_positive_int

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from lightning_fabric import Fabric

# not mps, which has no float64
ACCELERATORS = ("auto", "cpu", "gpu", "cuda")
# the optimizer keeps float32 weights and scales no gradients, which Fabric's other precisions ask for
PRECISIONS = ("32-true", "bf16-mixed")
# flags in /proc/cpuinfo of processors that multiply bf16 in hardware; others are slower than in float32
_BF16_FLAGS = {"amx_bf16", "avx512_bf16"}
_CPUINFO = Path("/proc/cpuinfo")
# ranks differ in how long they take to read; a process that died is noticed at once, not by this
_TIMEOUT = timedelta(minutes=30)


def make_fabric(accelerator: str, precision: str | None, *, devices: int = 1, num_nodes: int = 1) -> Fabric:
    """``devices`` devices of ``accelerator`` on each of ``num_nodes`` nodes, a process for each.

    ``accelerator="auto"`` is CUDA where there is one. ``precision=None`` is bf16 autocast on CUDA and on a CPU that
    :func:`cpu_has_bf16`, float32 elsewhere.
    """
    import torch
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments import LightningEnvironment
    from lightning_fabric.strategies import DDPStrategy

    check_one_of("accelerator", accelerator, ACCELERATORS)
    if precision is not None:
        check_one_of("precision", precision, PRECISIONS)
    devices, num_nodes = check_positive_int("devices", devices), check_positive_int("num_nodes", num_nodes)
    cuda = torch.cuda.is_available()
    if accelerator in ("gpu", "cuda") and not cuda:
        message = f"accelerator={accelerator!r}: torch finds no such device here; pass accelerator='cpu' or 'auto'."
        raise ValueError(message)
    on_cuda = cuda and accelerator != "cpu"
    if on_cuda and devices > (n_there := torch.cuda.device_count()):
        message = f"devices={devices}: torch finds {n_there} on this node; pass devices={n_there}, or fewer."
        raise ValueError(message)
    check_launcher(devices, num_nodes)
    precision = settled_precision(accelerator, precision)
    several = devices * num_nodes > 1
    with _warnings_only():
        fabric = Fabric(
            accelerator="cuda" if on_cuda else "cpu",
            devices=devices,
            num_nodes=num_nodes,
            # only the process group of DDP is used, which would average gradients and copy the whole model
            strategy=DDPStrategy(timeout=_TIMEOUT) if several else "auto",
            precision=precision,  # type: ignore[arg-type]
            # one alone is so under SLURM too, where lightning would count the tasks of the job
            plugins=None if several else LightningEnvironment(),
        )
    if several:
        fabric.launch()
    return fabric


def settled_precision(accelerator: str, precision: str | None) -> str:
    """``precision``, or what suits the device if that is ``None``."""
    import torch

    if precision is not None:
        return precision
    on_cuda = accelerator != "cpu" and torch.cuda.is_available()
    return "bf16-mixed" if on_cuda or cpu_has_bf16() else "32-true"


def cpu_has_bf16() -> bool:
    """Whether the processor has AMX or AVX-512 instructions for bf16, as Linux lists them, and torch can use them."""
    import torch

    if not torch.backends.mkldnn.is_available():
        return False
    try:
        lines = _CPUINFO.read_text().splitlines()
    except OSError:  # no Linux
        return False
    flags = next((line for line in lines if line.startswith("flags")), "")
    return not _BF16_FLAGS.isdisjoint(flags.split())


def single_device(accelerator: str) -> torch.device:
    """The device of a call that runs in one process and in float32."""
    return make_fabric(accelerator, "32-true").device


def check_launcher(devices: int, num_nodes: int) -> None:
    """Refuse a number of processes other than the one that torchrun or srun started."""
    wanted, launched = devices * num_nodes, _launched()
    # tasks of srun may be separate jobs: a call on one device needs no others
    if wanted == 1 and (launched is None or launched[0] == "srun"):
        return
    if launched is None:
        message = (
            f"devices={devices} and num_nodes={num_nodes} need {wanted} processes, and this is one alone, as a notebook "
            f"is: put the call into a script and start that with '{_torchrun(devices, num_nodes)}', or with srun."
        )
        raise ValueError(message)
    launcher, n_processes, n_local = launched
    if wanted != n_processes or (n_local is not None and n_local != devices):
        per_node = "" if n_local is None else f", {n_local} on this node"
        message = (
            f"devices={devices} and num_nodes={num_nodes} make {wanted} processes, but {launcher} started {n_processes}"
            f"{per_node}: pass the numbers that it was given, or start with '{_torchrun(devices, num_nodes)}'."
        )
        raise ValueError(message)
    if launcher == "srun" and "SLURM_NTASKS_PER_NODE" not in os.environ:
        message = f"srun was given no --ntasks-per-node, which lightning reads: pass --ntasks-per-node={devices}."
        raise ValueError(message)


def _launched() -> tuple[str, int, int | None] | None:
    """Launcher, processes, and processes on this node if it says so; nothing for a process started by itself."""
    here = os.environ
    if "TORCHELASTIC_RUN_ID" in here:
        n_local = here.get("LOCAL_WORLD_SIZE")
        return "torchrun", int(here["WORLD_SIZE"]), None if n_local is None else int(n_local)
    # set by srun alone: a script of sbatch has a SLURM_PROCID and the SLURM_NTASKS of the job as well
    if "SLURM_STEP_NUM_TASKS" in here and here.get("SLURM_JOB_NAME") not in ("bash", "interactive"):
        return "srun", int(here["SLURM_STEP_NUM_TASKS"]), None
    return None


@contextmanager
def _warnings_only() -> Iterator[None]:
    """Silence Lightning's notes on the precision, which ignore this package's verbosity."""
    logger = logging.getLogger("lightning_fabric")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _torchrun(devices: int, num_nodes: int) -> str:
    script = Path(sys.argv[0]).name if sys.argv[0].endswith(".py") else "script.py"
    nodes = f"--nnodes={num_nodes} --rdzv-backend=c10d --rdzv-endpoint=FIRST_NODE:29500 " if num_nodes > 1 else ""
    return f"torchrun {nodes}--nproc-per-node={devices} {script}"
