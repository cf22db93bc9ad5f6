"""Long work shows a bar, short work none."""

import errno
import io
import os
import sys

import numpy as np
import pytest
from scipy import sparse

import scbasset_tl as sb
from scbasset_tl import _log
from scbasset_tl.stats.logistic import fit_cells
from scbasset_tl.stats.low_rank import LowRank
from scbasset_tl.stats.open_entries import OpenEntries
from scbasset_tl.stats.peak_decoder import fit_peak_decoder


@pytest.fixture
def slow(monkeypatch):
    """As if all work took longer than the time after which bars appear."""
    monkeypatch.setattr(_log, "_LATE", 1e-9)


def random_entries():
    rng = np.random.default_rng(0)
    opened = sparse.random(80, 30, 0.3, format="csr", rng=rng)
    return rng, OpenEntries(opened.indptr.astype(np.int64), opened.indices.astype(np.int32), 30), opened


def work():
    rng, entries, opened = random_entries()
    matrix = LowRank(np.ones((40, 2), np.float32), np.ones((30, 2), np.float32), np.zeros(40, np.float32), sigmoid=True)
    return {
        "solving for cells": lambda: fit_cells(rng.normal(size=(80, 3)), entries, l2=1.0),
        "solving for peaks": lambda: fit_peak_decoder(
            rng.normal(size=(80, 3)), opened, center=np.zeros((30, 3)), rng=np.random.default_rng(0)
        ),
        "averaging": lambda: (
            matrix.average_columns(sparse.csr_matrix(np.full((2, 30), 1 / 30))),
            matrix.average_rows(sparse.csr_matrix(np.full((2, 40), 1 / 40))),
        ),
    }


@pytest.mark.parametrize("what", ["solving for cells", "solving for peaks", "averaging"])
def test_kernels_that_may_take_long(slow, capsys, what):
    with sb.settings.override(verbosity=2):
        work()[what]()
    assert f"{what}: 100%" in capsys.readouterr().err
    with sb.settings.override(verbosity=1):
        work()[what]()
    assert capsys.readouterr().err == ""


def test_short_work_shows_nothing(capsys):
    with sb.settings.override(verbosity=2):
        for call in work().values():
            call()
    assert capsys.readouterr().err == ""


def test_verbs_that_may_take_long(slow, capsys):
    data = sb.datasets.toy(n_obs=60, n_vars=120)
    sb.tl.scbasset(data, trunk=4, n_latent=4, max_epochs=1, accelerator="cpu")
    query = sb.datasets.toy(n_obs=60, n_vars=120)[:20].copy()
    with sb.settings.override(verbosity=2):
        capsys.readouterr()
        sb.get.report(data)
        assert "report: 100%" in capsys.readouterr().err
        sb.tl.map_cells(query, data, key_added="mapped")
        assert "solving for cells: 100%" in capsys.readouterr().err


def test_a_note_that_cannot_be_written_ends_no_work(monkeypatch):
    class Full:
        def write(self, text):
            raise OSError(28, "No space left on device")

    for stderr in (Full(), None):
        monkeypatch.setattr(sys, "stderr", stderr)
        with sb.settings.override(verbosity=2):
            _log.info("a note")
            _log.warning("a warning")


class Full(io.StringIO):
    """A stream whose disk is full."""

    def write(self, text):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def flush(self):
        self.write("")


def test_no_bar_ends_the_work_when_the_disk_behind_stderr_is_full(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Full())
    with sb.settings.override(verbosity=2), _log.progress(3, description="work", mininterval=0) as bar:
        assert not bar.disable
        for _ in range(3):
            bar.update()
        _log.warning("said to nobody")
    assert bar.n == 3


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1.2, "1 second"), (2, "2 seconds"), (89, "89 seconds"), (90, "2 minutes"), (5400, "1.5 hours")],
)
def test_times_are_in_the_unit_that_a_person_would_use(seconds, text):
    assert _log.duration(seconds) == text
