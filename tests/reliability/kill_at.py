"""Run io.write_model once for each file operation that it makes, killed at that operation; started as a process of its own.

Arguments: the file with the model, the file to write into, a folder for the results, and every how manyth operation.
Prints how many operations there are. Each run is a fork, so that SIGKILL ends nothing else.
"""

import os
import shutil
import signal
import sys
import warnings
from pathlib import Path

import anndata as ad

import scbasset_tl as sb
from scbasset_tl import _hdf5, _settings  # noqa: F401  (imported before the forks)

EVENTS = {
    "open",
    "os.rename",
    "os.link",
    "os.remove",
    "os.mkdir",
    "os.rmdir",
    "os.truncate",
    "fcntl.flock",
    "fcntl.ioctl",
}
_state = {"on": False, "n": 0, "at": -1}


def count(event="write", arguments=()):
    if not _state["on"] or (event != "write" and event not in EVENTS):
        return
    if event == "open" and not (len(arguments) > 2 and isinstance(arguments[2], int) and arguments[2] & 3):
        return  # opened for reading
    _state["n"] += 1
    if _state["n"] == _state["at"]:
        os.kill(os.getpid(), signal.SIGKILL)


def run(model, target, at):
    """Write in a fork; returns the number of operations, or -1 if it was killed."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            warnings.simplefilter("ignore")
            write = _hdf5._Disk.write
            _hdf5._Disk.write = lambda self, data: (count(), write(self, data))[1]
            sys.addaudithook(count)
            _state.update(on=True, at=at)
            sb.io.write_model(model, target)
            _state["on"] = False
            os.write(send, str(_state["n"]).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(send)
    _, status = os.waitpid(child, 0)
    text = os.read(receive, 20).decode()
    os.close(receive)
    if not text and not os.WIFSIGNALED(status):
        sys.exit("the call failed")
    return int(text) if text else -1


def main(model, target, folder, step):
    model, target, folder, step = ad.read_h5ad(model), Path(target), Path(folder), int(step)

    def fresh(number):
        place = folder / f"{number}"
        place.mkdir()
        (shutil.copytree if target.is_dir() else shutil.copy)(target, place / target.name)
        return place / target.name

    total = run(model, fresh(0), -1)
    for number in range(1, total + 1):
        if number % step == 0 or number > total - 12:
            run(model, fresh(number), number)
    print(total)


if __name__ == "__main__":
    main(*sys.argv[1:])
