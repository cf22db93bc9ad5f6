"""Machine code on disk is a help: a full disk, a damaged file or a second process that saves it end no call."""

import importlib.util
import os

import numpy as np
import pytest

CODE = """
from scbasset_tl._kernel import kernel


@kernel()
def total(values):
    found = values[0] - values[0]
    for value in values:
        found += value
    return found
"""
FLOATS, INTEGERS = np.array([0.5, 1.0]), np.array([2, 3])


@pytest.fixture
def load(tmp_path):
    """The function as a new process would have it."""
    path = tmp_path / "code.py"
    path.write_text(CODE)

    def load():
        spec = importlib.util.spec_from_file_location("code_of_a_test", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.total

    return load


def files(tmp_path, kind):
    return sorted(tmp_path.rglob(f"*.{kind}"))


def test_saved_and_found_again(load, tmp_path):
    assert load()(FLOATS) == 1.5
    assert len(files(tmp_path, "nbc")) == 1
    again = load()
    assert again(FLOATS) == 1.5
    assert sum(again.stats.cache_hits.values()) == 1


@pytest.mark.skipif(os.name == "nt", reason="limits of Unix")
@pytest.mark.parametrize("limit", [0, 100])
def test_a_full_disk(load, tmp_path, limit):
    import resource

    total, before = load(), resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        found = total(FLOATS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert found == 1.5
    assert not files(tmp_path, "nbc")
    assert load()(FLOATS) == 1.5
    assert files(tmp_path, "nbc")


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
@pytest.mark.parametrize("length", [0, 1, 50])
def test_a_damaged_file(load, tmp_path, kind, length):
    load()(FLOATS)
    (path,) = files(tmp_path, kind)
    path.write_bytes(path.read_bytes()[:length])
    assert load()(FLOATS) == 1.5
    again = load()
    assert again(FLOATS) == 1.5
    assert sum(again.stats.cache_hits.values()) == 1


def test_code_of_other_types_under_the_name(load, tmp_path):
    """As two processes leave it that number their files at the same moment."""
    total = load()
    assert (total(FLOATS), total(INTEGERS)) == (1.5, 5)
    first, second = files(tmp_path, "nbc")
    first.write_bytes(second.read_bytes())
    again = load()
    assert (again(FLOATS), again(INTEGERS)) == (1.5, 5)
