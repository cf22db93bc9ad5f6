"""The index file against scipy's transposition, whatever happens while it is built."""

import errno
import resource
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from scipy import sparse

from scbasset_tl.stats import index_build
from scbasset_tl.stats.index_build import write_index
from scbasset_tl.stats.index_file import HEADER, open_index
from scbasset_tl.stats.transpose import Lines, _sorted, collected

SOURCE = {"name": "a matrix"}


def lines_of(cells_by_peaks, step=3, *, as_rows=False, after=None):
    """The lines of a matrix, ``step`` at a time; ``after(line)`` is called before each block."""
    matrix = sparse.csr_matrix(np.asarray(cells_by_peaks).T if as_rows else cells_by_peaks)

    def blocks(first, last):
        for start in range(first, last, step):
            if after is not None:
                after(start)
            block = matrix[start : min(start + step, last)]
            yield np.diff(block.indptr).astype(np.int64), block.indices

    return Lines(blocks, *matrix.shape, as_rows=as_rows)


def build(path, lines, source=SOURCE, check=lambda rows, columns: None):
    write_index(path, lines, source, check)


def holds(path, cells_by_peaks):
    """The file is whole and holds exactly these entries."""
    entries, source, checksum = open_index(path, verify=True)
    expected = sparse.csr_matrix(np.asarray(cells_by_peaks).T)
    np.testing.assert_array_equal(entries.indptr, expected.indptr)
    np.testing.assert_array_equal(entries.indices, expected.indices)
    assert entries.indptr.dtype == np.int64
    assert entries.indices.dtype == np.int32
    assert entries.n_cells == expected.shape[1]
    assert source == SOURCE
    assert checksum == entries.checksum()


@pytest.fixture
def cells(rng):
    return rng.random((20, 13)) < 0.3


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cells.index"


def left(path):
    return sorted(file.name for file in path.parent.iterdir())


@settings(max_examples=40, deadline=None)
@given(
    st_numpy.arrays(bool, st_numpy.array_shapes(min_dims=2, max_dims=2, max_side=9)),
    st.integers(1, 4),
    st.booleans(),
    st.integers(0, 3),
)
def test_any_matrix(tmp_path_factory, cells, step, as_rows, run):
    path = tmp_path_factory.mktemp("index") / "cells.index"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_build, "RUN", run)
        build(path, lines_of(cells, step, as_rows=as_rows))
    holds(path, cells)
    assert left(path) == ["cells.index"]


def test_entries_are_mapped_and_read_only(path, cells):
    build(path, lines_of(cells))
    entries = open_index(path).open_entries
    assert isinstance(entries.indices, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        entries.indices[0] = 1
    np.testing.assert_array_equal(entries.rows(np.array([5, 2])).dense(), cells.T[[5, 2]])
    np.testing.assert_array_equal(entries.cell_counts(np.array([5, 2])), cells.T[[5, 2]].sum(axis=0))


def test_counts_are_checked_before_anything_is_written(path, cells):
    def check(rows, columns):
        np.testing.assert_array_equal(rows, cells.sum(axis=0))
        np.testing.assert_array_equal(columns, cells.sum(axis=1))
        assert path.with_name("cells.index.partial").stat().st_size == 0
        raise LookupError

    with pytest.raises(LookupError):
        build(path, lines_of(cells), check=check)
    assert left(path) == []


def test_blocks_are_collected(cells):
    lines = collected(lines_of(cells), 30)
    blocks = list(lines.blocks(2, 20))
    assert all(len(positions) >= 30 for _, positions in blocks[:-1])
    assert all(len(positions) - lengths[-3:].sum() < 30 for lengths, positions in blocks)
    assert 1 < len(blocks) < 6
    found = [np.concatenate(parts) for parts in zip(*blocks, strict=True)]
    for part, expected in zip(found, *lines_of(cells, 18).blocks(2, 20), strict=True):
        np.testing.assert_array_equal(part, expected)


@pytest.mark.parametrize(("run", "most", "n_writes"), [(512, 1 << 26, 1), (0, 1 << 26, 20), (512, 0, 20)])
def test_entries_are_written_many_at_a_time(path, cells, monkeypatch, run, most, n_writes):
    """So that a page of the file is not written once for each block that is read."""
    monkeypatch.setattr(index_build, "RUN", run)
    monkeypatch.setattr(index_build, "MOST_ENTRIES", most)
    original, writes = index_build.place, []

    def place(*arguments, **named):
        for done in original(*arguments, **named):
            writes.append(done)
            yield done

    monkeypatch.setattr(index_build, "place", place)
    build(path, lines_of(cells, 1))
    assert len(writes) == n_writes
    holds(path, cells)


def test_the_entries_of_a_row_stand_together(rng):
    lengths = rng.integers(0, 5, 30)
    rows = rng.integers(0, 7, lengths.sum()).astype(np.int32)
    lines = np.repeat(np.arange(100, 130), lengths)
    found = _sorted(lengths, rows, 100, np.bincount(rows, minlength=7))
    np.testing.assert_array_equal(found, lines[np.argsort(rows, kind="stable")])


class Killed(BaseException):
    pass


@pytest.fixture
def one_by_one(monkeypatch):
    """Each block is written by itself."""
    monkeypatch.setattr(index_build, "RUN", 0)


@pytest.mark.usefixtures("one_by_one")
@pytest.mark.parametrize("as_rows", [False, True])
@pytest.mark.parametrize("killed_at", [3, 9, 12])
def test_a_build_that_stopped_goes_on_to_the_same_bytes(path, cells, monkeypatch, as_rows, killed_at):
    whole = path.with_name("whole")
    build(whole, lines_of(cells, as_rows=as_rows))
    monkeypatch.setattr(index_build, "SAVE_EVERY_S", 0)
    seen = []

    def die(line):
        seen.append(line)
        if seen.count(killed_at) == 2:  # the first time it is counted
            raise Killed

    with pytest.raises(Killed):
        build(path, lines_of(cells, as_rows=as_rows, after=die))
    assert left(path) == ["cells.index.partial", "cells.index.progress", "whole"]
    with pytest.raises(FileNotFoundError, match="is not there"):
        open_index(path)
    with pytest.raises(ValueError, match="no index file"):
        open_index(path.with_name("cells.index.partial"))
    seen = []
    build(path, lines_of(cells, as_rows=as_rows, after=seen.append))
    assert seen[0] == killed_at
    assert path.read_bytes() == whole.read_bytes()
    assert left(path) == ["cells.index", "whole"]


@pytest.mark.usefixtures("one_by_one")
def test_blocks_after_the_last_save_are_written_again(path, cells, monkeypatch):
    times = iter([0, 0, *[1] * 99])  # saved after the first block and never again
    monkeypatch.setattr(index_build, "time", SimpleNamespace(monotonic=lambda: next(times)))
    with pytest.raises(Killed):
        build(path, lines_of(cells, after=die_at(15, time=2)))
    seen = []
    build(path, lines_of(cells, after=seen.append))
    assert seen[0] == 3
    holds(path, cells)


def die_at(line, *, time):
    seen = []

    def die(at):
        seen.append(at)
        if seen.count(line) == time:
            raise Killed

    return die


@pytest.mark.usefixtures("one_by_one")
def test_what_is_left_of_another_matrix_is_not_continued(path, cells):
    with pytest.raises(Killed):
        build(path, lines_of(~cells, after=die_at(9, time=2)), source={"name": "another"})
    build(path, lines_of(cells))
    holds(path, cells)


@pytest.mark.usefixtures("one_by_one")
@pytest.mark.parametrize("content", ["", "{", "[]", '{"source": 3}'])
def test_damaged_progress_means_a_new_start(path, cells, content):
    with pytest.raises(Killed):
        build(path, lines_of(cells, after=die_at(9, time=2)))
    path.with_name("cells.index.progress").write_text(content)
    build(path, lines_of(cells))
    holds(path, cells)


def test_killed_by_the_system(path, cells):
    """A process that ends without a word leaves nothing that passes for a file, and the next one finishes."""
    script = f"""
        import os, signal
        import numpy as np
        import scbasset_tl.stats.index_build as build
        from scbasset_tl.stats.transpose import Lines
        from pathlib import Path
        cells = np.array({cells.astype(int).tolist()})
        seen = []
        def blocks(first, last):
            for line in range(first, last):
                seen.append(line)
                if seen.count(11) == 2:
                    os.kill(os.getpid(), signal.SIGKILL)
                yield np.array([cells[line].sum()]), np.flatnonzero(cells[line]).astype(np.int32)
        build.SAVE_EVERY_S = build.RUN = 0
        build.write_index(Path({str(path)!r}), Lines(blocks, *cells.shape, False), {SOURCE!r}, lambda *counts: None)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False, stderr=subprocess.DEVNULL)
    assert done.returncode == -signal.SIGKILL
    assert left(path) == ["cells.index.partial", "cells.index.progress"]
    seen = []
    build(path, lines_of(cells, after=seen.append))
    assert seen[0] == 11
    holds(path, cells)


@pytest.mark.parametrize("as_rows", [False, True])
def test_a_matrix_that_changes_meanwhile(path, cells, as_rows):
    now = [cells, cells | (np.arange(13) == 4)]

    def blocks(first, last):
        return lines_of(now.pop(0), as_rows=as_rows).blocks(first, last)

    with pytest.raises(ValueError, match="changed while it was read"):
        build(path, lines_of(cells, as_rows=as_rows)._replace(blocks=blocks))
    assert left(path) == []


def test_no_space(path, cells, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=1000))
    with pytest.raises(OSError, match=r"index_file=.* would take 0.0 MB, and the disk of .* has 0.0 MB left"):
        build(path, lines_of(cells))
    assert left(path) == []


def test_the_system_refuses_the_space(path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))
    try:
        with pytest.raises(OSError, match="index_file=.*cannot be written: File too large. It needs"):
            build(path, lines_of(np.ones((100, 10), dtype=bool)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert left(path) == []


def test_a_file_that_is_there_stays(path, cells):
    build(path, lines_of(cells))
    before = path.read_bytes()
    build(path, lines_of(~cells))
    assert path.read_bytes() == before


@pytest.mark.parametrize("left_before", [b"", b"of a build that was killed"])
def test_a_file_system_without_locks(path, cells, monkeypatch, left_before):
    """Two builds at once would cut the file off below each other, so that nobody may start one."""

    def flock(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", flock)
    if left_before:
        path.with_name("cells.index.partial").write_bytes(left_before)
    message = r"index_file=.*cells.index': this file system has no locks \(No locks available\); name a file on a local"
    with pytest.raises(OSError, match=message):
        build(path, lines_of(cells))
    assert left(path) == (["cells.index.partial"] if left_before else [])


def test_one_process_builds_and_the_others_wait(path, cells):
    from concurrent.futures import ThreadPoolExecutor
    from threading import Event

    counting, go_on, by_second = Event(), Event(), []

    def pause(line):
        counting.set()
        assert go_on.wait(10)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(build, path, lines_of(cells, after=pause))
        assert counting.wait(10)
        second = pool.submit(build, path, lines_of(cells, after=by_second.append))
        go_on.set()
        first.result(), second.result()
    assert by_second == []
    holds(path, cells)
    assert left(path) == ["cells.index"]


def change(position, value):
    def damage(content):
        return content[:position] + value + content[position + len(value) :]

    return damage


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[:-1], r"has \d+ of \d+ bytes.*Delete it.*builds it again"),
        (lambda content: content + b"\0", r"has \d+ of \d+ bytes"),
        (lambda content: content[:HEADER], r"has 4096 of \d+ bytes"),
        (lambda content: content[:100], "header cannot be read"),
        (lambda content: b"", "no index file of scbasset_tl: name another"),
        (change(0, b"\x89HDF\r\n"), "no index file"),
        (change(8, b"nonsense"), "header cannot be read"),
        (lambda content: content.replace(b'"version": 1', b'"version": 9'), "a later scbasset_tl"),
        *(
            (lambda content, name=name: content.replace(b'"%b"' % name, b'"x%b"' % name[1:]), "header cannot be read")
            for name in (b"version", b"n_peaks", b"n_cells", b"nnz", b"checksum", b"source")
        ),
        (lambda content: content.replace(b'"n_peaks": 13', b'"n_peaks":"3"'), "header cannot be read"),
        (lambda content: content.replace(b'"version": 1', b'"version":[]'), "header cannot be read"),
        (change(HEADER + 16, b"\xff" * 8), "row pointers do not ascend"),
        (lambda content: content[:-1] + b"\x07", "checksum is wrong.*Delete it"),
    ],
)
def test_damaged_files(path, cells, damage, message):
    build(path, lines_of(cells))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=message):
        open_index(path, verify=True)


def test_memory_is_bounded_by_a_block(tmp_path):
    """Anonymous memory, sampled in a process of its own, while a file of 160 MB is built and read."""
    script = f"""
        import re, threading, time
        from pathlib import Path
        import numpy as np
        import scbasset_tl as sb
        from scbasset_tl.stats.index_build import write_index
        from scbasset_tl.stats.index_file import open_index
        from scbasset_tl.stats.transpose import Lines
        sb.settings.verbosity = 0
        n_cells, n_peaks, step = 4000, 20000, 100
        line = np.arange(0, n_peaks, 2, dtype=np.int32)
        def blocks(first, last):
            for start in range(first, last, step):
                n = min(step, last - start)
                yield np.full(n, len(line)), np.tile(line, n)
        def anonymous():
            return int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) << 10
        def build(name, n):
            write_index(Path({str(tmp_path)!r}) / name, Lines(blocks, n, n_peaks, False), {{}}, lambda *counts: None)
        build("warm", 200)  # compiled now
        open_index(Path({str(tmp_path)!r}) / "warm", verify=True)
        peak, before, done = [0], anonymous(), threading.Event()
        def watch():
            while not done.wait(0.01):
                peak[0] = max(peak[0], anonymous())
        thread = threading.Thread(target=watch)
        thread.start()
        build("large", n_cells)
        entries = open_index(Path({str(tmp_path)!r}) / "large", verify=True).open_entries
        counts = entries.cell_counts()
        done.set()
        thread.join()
        assert (counts == len(line)).all() and len(entries.indices) == n_cells * len(line)
        print(peak[0] - before)
    """
    if not Path("/proc/self/status").exists():
        pytest.skip("needs /proc")
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True, capture_output=True, text=True)
    assert int(done.stdout) < 120 << 20
