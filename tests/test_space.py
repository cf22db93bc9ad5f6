import pytest

import scbasset_tl as sb
from scbasset_tl import _space


def test_memory_of_this_machine():
    available = _space.available_memory()
    assert available is None or 1e6 < available < 1e15


def test_what_does_not_fit_is_refused_with_both_sizes(monkeypatch, tmp_path):
    monkeypatch.setattr(_space, "available_memory", lambda: 2_000_000)
    with pytest.raises(MemoryError, match="x would take 3.0 MB, and memory has 2.0 MB left: do less"):
        _space.check_memory(3_000_000, "x", advice="do less")
    with pytest.raises(OSError, match="would take 9,223,372,036.9 GB, and the disk of"):
        _space.check_disk(2**63, tmp_path, "x", advice="do less")
    monkeypatch.setattr(_space, "available_memory", lambda: None)
    _space.check_memory(2**63, "x", advice="do less")


def test_the_size_is_said_first_where_it_is_large_or_asked_for(capsys):
    with sb.settings.override(verbosity=2):
        _space.check_memory(1000, "x", advice="")
        assert capsys.readouterr().err == ""
        _space.check_memory(1000, "x", advice="", say=True)
        assert "x takes 0.0 MB" in capsys.readouterr().err


def test_the_limit_of_a_container(monkeypatch, tmp_path):
    monkeypatch.setattr(_space, "_CGROUP", tmp_path)
    for name, text in (("max", "5000"), ("current", "3000"), ("stat", "anon 1\ninactive_file 1000")):
        (tmp_path / f"memory.{name}").write_text(text)
    assert _space.available_memory() == 3000
    (tmp_path / "memory.max").write_text("max")
    assert _space.available_memory() is None or _space.available_memory() > 3000


def test_the_limit_of_a_batch_job(monkeypatch, tmp_path):
    """It is that of a group in which the group of the process lies, as SLURM makes them."""
    monkeypatch.setattr(_space, "_CGROUP", tmp_path)
    own = tmp_path / "own"
    own.write_text("4:memory:/elsewhere\n0::/slurm/job_7/step_0/task_0\n")
    monkeypatch.setattr(_space, "_OWN_CGROUP", own)
    for folder, limit in (
        ("slurm/job_7/step_0/task_0", "max"),
        ("slurm/job_7", "5000"),
        ("slurm", "9000"),
        (".", "max"),
    ):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        for name, text in (("max", limit), ("current", "3000"), ("stat", "anon 1\ninactive_file 1000")):
            (tmp_path / folder / f"memory.{name}").write_text(text)
    assert _space.available_memory() == 3000
