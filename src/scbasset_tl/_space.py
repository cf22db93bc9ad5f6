"""Whether a result fits into memory or onto a disk, before it is made."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

from scbasset_tl._files import size
from scbasset_tl._log import info

_WORTH_SAYING: Final = 1 << 30
_CGROUP: Final = Path("/sys/fs/cgroup")
_OWN_CGROUP: Final = Path("/proc/self/cgroup")


def check_memory(n_bytes: int, what: str, *, advice: str, say: bool = False) -> None:
    """Refuse ``what`` if it takes more memory than there is; tells its size first if that is large, or with ``say``."""
    _check(n_bytes, available_memory(), what, "memory", advice, say=say)


def check_disk(n_bytes: int, folder: Path, what: str, *, advice: str) -> None:
    """Tell the size of ``what``, and refuse it if the disk of ``folder`` has less left."""
    _check(n_bytes, shutil.disk_usage(folder).free, what, f"the disk of {str(folder)!r}", advice, say=True)


def available_memory() -> int | None:
    """Bytes that this process can still take without swapping; ``None`` where the system does not tell."""
    limits = []
    with suppress(OSError, StopIteration):
        line = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable"))
        limits.append(1024 * int(line.split()[1]))
    for group in _control_groups():
        with suppress(OSError, ValueError):  # the text "max" is no limit
            limit, used = (int(Path(group, f"memory.{name}").read_text()) for name in ("max", "current"))
            stat = dict(line.split() for line in Path(group, "memory.stat").read_text().splitlines())
            limits.append(limit - used + int(stat.get("inactive_file", 0)))  # files that were read count as used
    with suppress(AttributeError, OSError, ValueError):  # not on Windows
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min(limits, default=None)


def _control_groups() -> list[Path]:
    """The control group of this process and all around it: the limits of a container and of a batch job hold together."""
    own = ""
    with suppress(OSError, StopIteration):
        own = next(line[4:] for line in _OWN_CGROUP.read_text().splitlines() if line.startswith("0::/"))
    group = _CGROUP / own
    return [folder for folder in (group, *group.parents) if folder.is_relative_to(_CGROUP)]


def _check(n_bytes: int, available: int | None, what: str, where: str, advice: str, *, say: bool) -> None:
    if available is not None and n_bytes > available:
        message = f"{what} would take {size(n_bytes)}, and {where} has {size(available)} left: {advice}"
        raise MemoryError(message) if where == "memory" else OSError(message)
    if say or n_bytes > _WORTH_SAYING:
        info(f"{what} takes {size(n_bytes)}")
