"""Everything that writes files, killed, interrupted, without room, without rights, twice at once and under odd names.

Started as a process of its own, with a folder, how many operations of each writer ("all", or so many by a fixed seed) and, if
not all are wanted, the names of attacks and of writers. Each try is a fork, so that SIGKILL ends nothing else. A line of JSON for
each try says what became of it.
"""

import builtins
import gc
import importlib
import io
import itertools
import json
import os
import pkgutil
import resource
import shutil
import signal
import sys
import time
import traceback
import warnings
from pathlib import Path

import numpy as np
from writers import fingerprint, give_up_root, load, prepare

import scbasset_tl
from scbasset_tl import _hdf5
from scbasset_tl.train.checkpoint import load_checkpoint

EVENTS = {
    "open", "os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "fcntl.flock", "fcntl.ioctl",
    "ctypes.dlsym", "shutil.copyfile", "shutil.rmtree",
}  # fmt: skip
SOME = 5  # so many operations of a writer are for tests that may not take long
SHORT = "1"  # the run that leaves out writers like others
WRITING = os.O_WRONLY | os.O_RDWR
ATTACKS = ["kill", "interrupt", "full disk", "read-only folder", "folder in the way", "odd names", "two at once"]
ALL_IN_ONE = "blank Größe-基因\nline %20[1]*?'\"$(x)" + "x" * 240
NAMES = ["a name with blanks ", "Größe-基因-é", "two\nlines", "%20[1]*?'\"$(x)", "-rf", "x" * 240]
OWN = "scbtmp"


class Counter:
    """Counts what is done to files from now on, and ends the process, or interrupts it, at the ``at``-th."""

    def __init__(self, at, *, kill):
        self.n, self.at, self.kill, self.on = 0, at, kill, True
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a process in the background may ignore it
        self.open = io.open
        io.open = builtins.open = self.opened
        for module, name in ((os, "fsync"), (os, "posix_fallocate"), (np.memmap, "flush")):
            self.wrap(module, name)
        self.wrap(_hdf5._Disk, "write")
        sys.addaudithook(self.hear)

    def tick(self):
        if not self.on:
            return False
        self.n += 1
        return self.n == self.at

    def end(self):
        os.kill(os.getpid(), signal.SIGKILL if self.kill else signal.SIGINT)

    def hear(self, event, arguments):
        if event not in EVENTS or (event == "open" and not (isinstance(arguments[2], int) and arguments[2] & WRITING)):
            return
        if self.tick():
            self.end()

    def wrap(self, owner, name):
        original = getattr(owner, name, None)
        if original is not None:
            setattr(
                owner, name, lambda *args, **kwargs: (self.end() if self.tick() else None, original(*args, **kwargs))[1]
            )

    def opened(self, file, mode="r", *args, **kwargs):
        found = self.open(file, mode, *args, **kwargs)
        return found if mode in ("r", "rb") else Torn(found, self)


class Torn:
    """A file of which the process ends when half of something is written."""

    def __init__(self, file, counter):
        self._file, self._counter = file, counter

    def write(self, data):
        if self._counter.tick():
            self._file.write(data[: len(data) // 2])
            self._file.flush()
            self._counter.end()
        return self._file.write(data)

    def writelines(self, lines):
        for line in lines:
            self._file.write(line)

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __iter__(self):
        return iter(self._file)

    def __enter__(self):
        self._file.__enter__()
        return self

    def __exit__(self, *args):
        return self._file.__exit__(*args)


def fork(work):
    """``work()`` in another process: what it returns or raises, in words, or how it ended."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # or notes would be cut off by the limit on files
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            try:
                said = ["done", work()]
            except BaseException as error:  # noqa: BLE001
                said = [type(error).__name__, str(error), traceback.format_exc()[-1500:]]
            os.write(send, json.dumps(said).encode()[:60_000])
        finally:
            os._exit(0)
    return child, receive, send


def wait(started):
    child, receive, send = started
    os.close(send)
    text = b""
    while more := os.read(receive, 1 << 16):
        text += more
    os.close(receive)
    _, status = os.waitpid(child, 0)
    return json.loads(text) if text else [f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "exit", ""]


def names_in(folder):
    return {file.name for file in folder.iterdir()}


class Place:
    """A folder with the first version of what one writer writes."""

    def __init__(self, folder, writer, file=None):
        self.writer = writer
        self.path = folder / (file or writer.file)
        folder.mkdir(parents=True)
        self.before = set()

    def make_first(self):
        said = wait(fork(lambda: (self.writer.first or (lambda path: self.writer.write(0, path)))(self.path) and None))
        if said[0] != "done":
            sys.exit(f"{self.path}: {said}")
        self.before = names_in(self.path.parent)
        return self

    def write(self, number=1, **how):
        return wait(fork(lambda: self.writer.write(number, self.path) and None, **how))

    def read(self):
        """What is there, in a process of its own."""
        if not self.path.exists():
            return "none"
        work = lambda: fingerprint({"": repr(self.writer.read(self.path))})
        if self.path.suffix == ".zarr":  # it starts threads, which are no more after a fork
            said = wait(fork(work))
            return said[1] if said[0] == "done" else f"{said[0]}: {said[1]}"
        try:
            return work()
        except Exception as error:  # noqa: BLE001
            return f"{type(error).__name__}: {error}"

    def left(self):
        return sorted(
            name for name in names_in(self.path.parent) if OWN in name or name.endswith((".partial", ".progress"))
        )


class Gauntlet:
    """All attacks on one writer."""

    def __init__(self, name, writer, folder, n_points):
        self.name, self.writer, self.folder, self.n_points = name, writer, folder, n_points
        self.whole = n_points is None or n_points > SOME
        if not self.whole and writer.slow:
            self.n_points = 1
        self.numbers = itertools.count()
        self.first = self.place().make_first()
        self.second = self.fresh()
        said = wait(fork(self.counted))
        if said[0] != "done":
            sys.exit(f"{name}: {said}")
        self.total = said[1]
        self.states = {self.first.read(): "old", self.second.read(): "new", "none": "none"}
        if len(self.states) < 2:
            sys.exit(f"{name}: the two versions are equal")
        self.fine = {"new", "whole" if writer.steps else "new", self.states[self.first.read()]}

    def place(self, file=None):
        return Place(self.folder / f"{next(self.numbers)}", self.writer, file)

    def fresh(self, file=None):
        """A copy of the first version."""
        place = self.place(file)
        if file is None:
            shutil.copytree(self.first.path.parent, place.path.parent, dirs_exist_ok=True, symlinks=True)
            place.before = set(self.first.before)
            return place
        return place.make_first()

    def state(self, place):
        if self.writer.steps and place.path.exists():
            try:
                load_checkpoint(place.path)
            except ValueError as error:
                return str(error)
            return "whole"
        return self.states.get(read := place.read(), read[:300])

    def say(self, attack, try_, place, said, *, ok, **more):
        state = self.state(place)
        print(json.dumps({
            "writer": self.name, "attack": attack, "try": try_, "said": said[:2], "state": state, "left": place.left(),
            "ok": bool(ok(state)), **more,
        }), flush=True)  # fmt: skip
        shutil.rmtree(place.path.parent, ignore_errors=True)

    def counted(self):
        """Write the second version; how many operations that takes."""
        counter = Counter(-1, kill=True)
        self.writer.write(1, self.second.path)
        counter.on = False
        return counter.n

    def points(self):
        total = self.total
        if self.n_points is None or self.n_points >= total:
            return range(1, total + 1)
        drawn = np.random.default_rng(0).choice(np.arange(1, total + 1), self.n_points, replace=False).tolist()
        last = () if self.writer.slow and not self.whole else (total - 1, total)
        return sorted({*drawn, *last})

    def attacked(self, at, path, *, kill):
        counter = Counter(at, kill=kill)
        try:
            self.writer.write(1, path)
        finally:
            counter.on = False

    def kill(self):
        again = 0
        for at in self.points():
            place = self.fresh()
            said = wait(fork(lambda place=place, at=at: self.attacked(at, place.path, kill=True)))
            state, left, repaired = self.state(place), place.left(), None
            if self.whole or self.writer.steps or (left and again < 1) or state == "none":
                again += 1
                repaired = self.repair(place)
            self.say(
                "kill", at, place, said, after=state, total=self.total, repaired=repaired,
                ok=lambda _, said=said, state=state, repaired=repaired: said[0] in ("signal 9", "done")
                and state in self.fine and repaired in (None, "done"),
            )  # fmt: skip

    def repair(self, place):
        """The next call makes it whole, and leaves nothing behind."""
        said = place.write()
        if said[0] != "done":
            return str(said)
        state = self.states.get(place.read())
        return "done" if state == "new" and not place.left() else f"{state}, {place.left()}"

    def interrupt(self):
        for at in self.points():
            place = self.fresh()
            said = wait(fork(lambda place=place, at=at: self.attacked(at, place.path, kill=False)))
            left = [name for name in place.left() if OWN in name]
            self.say(
                "interrupt", at, place, said, total=self.total,
                ok=lambda state, left=left, said=said: state in self.fine and not left
                and (said[0] == "KeyboardInterrupt" or (said[0] == "done" and state in ("new", "whole"))),
            )  # fmt: skip

    def full_disk(self):
        path = self.second.path
        sizes = [file.stat().st_size for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()]
        shares = np.linspace(0.01, 0.99, 40) if self.whole else (0.01, 0.9)
        for limit in sorted({int(max(sizes) * share) for share in shares}):
            place = self.fresh()

            def limited(place=place, limit=limit):
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
                self.writer.write(1, place.path)

            said = wait(fork(limited))
            self.say(
                "full disk",
                limit,
                place,
                said,
                ok=lambda state, said=said, place=place: self.is_told(said, state, place),
            )

    def is_told(self, said, state, place):
        """An error of the system that names the path, and nothing changed."""
        if said[0] == "done":  # what is too large is not of this writer, or it does without
            return state in ("new", "whole") or (self.writer.quiet and state == "none")
        of_fasta = place.path.name.removesuffix(".fai").removesuffix(".gzi")  # an index is called by its FASTA
        named = of_fasta in said[1] or repr(place.path.name)[1:-1] in said[1]
        kinds = {
            "OSError",
            "PermissionError",
            "IsADirectoryError",
            "NotADirectoryError",
            "FileExistsError",
            "ValueError",
        }
        return said[0] in kinds and named and (state in self.fine or state == self.states[self.first.read()])

    def read_only_folder(self):
        place = self.fresh()

        def without_rights():
            for folder, _, _ in os.walk(place.path.parent):
                Path(folder).chmod(0o555)
            give_up_root()
            self.writer.write(1, place.path)

        said = wait(fork(without_rights))
        for folder, _, _ in os.walk(place.path.parent):
            Path(folder).chmod(0o755)
        self.say("read-only folder", "", place, said, ok=lambda state: self.is_told(said, state, place))

    def folder_in_the_way(self):
        place = self.fresh()
        if place.path.is_dir():
            shutil.rmtree(place.path)
        place.path.unlink(missing_ok=True)
        place.path.write_text("mine") if self.writer.folder else place.path.mkdir()
        said = place.write()
        kept = (
            place.path.read_text() == "mine" if self.writer.folder else place.path.is_dir() and not names_in(place.path)
        )
        named = place.path.name in said[1] if isinstance(said[1], str) else self.writer.quiet
        quiet = self.writer.quiet and said[0] == "done"
        kinds = ("IsADirectoryError", "NotADirectoryError", "ValueError", "FileExistsError")
        shutil.rmtree(place.path, ignore_errors=True)
        place.path.unlink(missing_ok=True)
        self.say("folder in the way", "", place, said, ok=lambda _: kept and named and (quiet or said[0] in kinds))

    def odd_names(self):
        for name in NAMES if self.whole else [ALL_IN_ONE]:
            _, dot, suffix = self.writer.file.partition(".")
            stem = name.encode()[: 225 - len(suffix)].decode(errors="ignore")  # file systems take 255
            place = self.fresh(f"{stem}{dot}{suffix}")
            said = place.write()
            self.say("odd names", name, place, said, ok=lambda state, said=said, place=place: said[0] == "done"
                     and self.states.get(place.read()) == "new" and not place.left())  # fmt: skip

    def two_at_once(self):
        for number in range(25 if self.whole else 1):
            place = self.fresh()
            gate, opener = os.pipe()

            def both(which, place=place, gate=gate, opener=opener):
                os.close(opener)
                os.read(gate, 1)  # until the gate is closed
                self.writer.write(which, place.path)

            started = [fork(lambda which=which, both=both: both(which)) for which in (0, 1)]
            os.close(gate)
            os.close(opener)
            said = [wait(each) for each in started]
            fine = ("done", "BlockingIOError", "FileExistsError")
            told = all(each[0] in fine and (each[0] == "done" or place.path.name in each[1]) for each in said)
            self.say(
                "two at once", number, place, [each[0] + ": " + str(each[1]) for each in said],
                ok=lambda state, told=told, said=said, place=place: told and "done" in [each[0] for each in said]
                and state in ("old", "new", "whole") and not place.left(),
            )  # fmt: skip


def import_all():
    """Before the forks, each of which would import it anew; nothing is run, as threads do not survive a fork."""
    sys.dont_write_bytecode = True
    for name in ("Bio.bgzf", "lightning_fabric", "pyarrow.parquet", "pyfaidx", "safetensors.torch", "sklearn", "zarr"):
        importlib.import_module(name)
    for module in pkgutil.walk_packages(scbasset_tl.__path__, "scbasset_tl."):
        if not module.name.endswith(("__main__", "loss_triton")):
            importlib.import_module(module.name)


def main(folder, how, attacks, names):
    folder = Path(folder)
    warnings.simplefilter("ignore")
    import_all()
    said = wait(fork(lambda: prepare(folder)))
    if said[0] != "done":
        sys.exit(str(said))
    writers = load(folder)
    gc.freeze()  # what forks share
    for name, writer in writers.items():
        if (names and name not in names) or (writer.like and not names and how == SHORT):
            continue
        gauntlet = Gauntlet(name, writer, folder / name.replace(" ", "-"), None if how == "all" else int(how))
        for attack in attacks or ATTACKS:
            started = time.perf_counter()
            getattr(gauntlet, attack.replace(" ", "_").replace("-", "_"))()
            print(f"{name}: {attack}: {time.perf_counter() - started:.1f} s", file=sys.stderr, flush=True)
        shutil.rmtree(gauntlet.folder, ignore_errors=True)


if __name__ == "__main__":
    words = sys.argv[3:]
    main(
        sys.argv[1],
        sys.argv[2],
        [word for word in words if word in ATTACKS],
        [word for word in words if word not in ATTACKS],
    )
