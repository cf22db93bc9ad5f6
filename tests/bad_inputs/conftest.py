"""Bad inputs: run one, compare everything with how it was, and hold the page of the docs to the messages given.

``pytest tests/bad_inputs --write-page`` writes ``docs/bad_input.md`` anew.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

PAGE = Path(__file__).parents[2] / "docs" / "bad_input.md"
SECTIONS = [
    "pp.add_sequences",
    "pp.filter_peaks",
    "pp.split_peaks",
    "pp.downsample_counts",
    "pp.shuffle_accessibility",
    "pp.tokenize_regions",
    "tl.scbasset: the data",
    "tl.scbasset: arguments",
    "tl.scbasset: checkpoints and interruption",
    "tl.scbasset: the index file",
    "tl.tf_activity",
    "ism",
    "tl.motif_hits",
    "tl.modisco",
    "tl.variant_effect",
    "tl.design",
    "tl.denoise",
    "tl.fit_decoder",
    "tl.lsi",
    "tl.gene_scores",
    "tl.rank_peaks_groups",
    "tl.map_cells",
    "tl.annotate",
    "tl.scembed",
    "tl.atac_diff",
    "tl.generate",
    "tl.impute",
    "get",
    "get.accessibility",
    "metrics",
    "metrics.batch_mixing",
    "metrics.compare_models",
    "metrics.embedding_rank_distance",
    "metrics.learning_curve",
    "metrics.motif_match",
    "metrics.perturbation",
    "metrics.gene_expression_correlation",
    "metrics.imputation",
    "tl.motif_deviations",
    "metrics.tf_expression_correlation",
    "io",
    "io.read_motifs",
    "io.write_fasta",
    "io.write_model",
    "io.read_geniml",
    "io.write_geniml",
    "datasets",
    "genome",
    "Accepted",
]
INTRO = """\
# Bad input

What happens to input that cannot be used, and, at the end, to input that looks odd but can. Every row is a test in
`tests/bad_inputs`: it makes the input, checks the error, and compares the data before and after, down to bytes, index
and dtypes. They are never changed: all checks and all work come before the first slot is written.

This page is written by those tests (`pytest tests/bad_inputs --write-page`), and they fail when it is out of date.
Paths are shortened to `folder`. What scvi-tools 1.4.2 does with the same input stands beside some rows, where it was
measured.
"""
_ROW = re.compile(r"^\| (.*?) \| (.*) \|$")


def pytest_addoption(parser):
    parser.addoption("--write-page", action="store_true", help="write docs/bad_input.md from the messages given")


@dataclass
class World:
    """What a case may spoil: the data, files in a folder, and what the system says."""

    data: object
    folder: Path
    patch: pytest.MonkeyPatch
    model: ad.AnnData  # the data with a model, which all tests share

    def trained(self, *changes):
        """Data with a model, changed in turn; data that a change returns take their place."""
        data = self.model.copy()
        for change in changes:
            data = other if isinstance(other := change(data), ad.AnnData | md.MuData) else data
        return data

    def file(self, name, content):
        """A new file."""
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def fail_to_write(self, code, after=0):
        """Make the disk refuse, from the ``after + 1``-th file on."""
        written, original = [], os.fsync

        def fsync(handle):
            written.append(handle)
            if len(written) > after:
                raise OSError(code, os.strerror(code))
            original(handle)

        self.patch.setattr(os, "fsync", fsync)


@pytest.fixture
def world(tiny, tmp_path, monkeypatch, _trained_tiny):
    return World(tiny, tmp_path, monkeypatch, _trained_tiny)


def contents(value, place="data"):
    """(place, content) of every part of a value, down to types, order and bytes."""
    kind = type(value).__name__
    if isinstance(value, ad.AnnData | md.MuData):
        flags = [str(getattr(value, name, None)) for name in ("is_view", "isbacked", "filename", "axis")]
        yield place, (kind, value.shape, flags)
        fields = ("mod", "X", "layers", "obs", "var", "obsm", "varm", "obsp", "varp", "uns", "obsmap", "varmap")
        parts = [(f".{name}", getattr(value, name)) for name in fields if hasattr(value, name)]
    elif isinstance(value, Mapping):
        yield place, (kind, [*map(repr, value)])
        parts = [(f"[{key!r}]", part) for key, part in value.items()]
    elif isinstance(value, pd.DataFrame):
        yield place, (kind, [*map(repr, value.columns)])
        parts = [(".index", value.index), *((f"[{name!r}]", value[name]) for name in value)]
    elif isinstance(value, pd.Series | pd.Index):
        yield place, (kind, str(value.dtype), repr(value.name))
        parts = [(".values", value.to_numpy())]
        if isinstance(value.dtype, pd.CategoricalDtype):
            parts.append((".categories", list(value.dtype.categories)))
    elif sparse.issparse(value):
        yield place, (kind, value.shape)
        parts = [(f".{name}", getattr(value, name)) for name in ("data", "indices", "indptr")]
    elif isinstance(value, np.ndarray) and value.dtype != object:
        yield place, (kind, value.dtype.str, value.shape, value.tobytes())
        parts = []
    elif isinstance(value, list | tuple | np.ndarray):
        yield place, (kind, np.shape(value))
        parts = [(f"[{number}]", part) for number, part in enumerate(value)]
    elif hasattr(value, "to_memory"):  # a matrix in a file
        yield place, kind
        parts = [("[:]", value.to_memory())]
    else:
        yield place, (kind, repr(value))
        parts = []
    for name, part in parts:
        yield from contents(part, place + name)


@pytest.fixture
def snapshot():
    """Everything in a value by its place, to compare before and after."""
    return lambda value: dict(contents(value))


class Page:
    """The page as committed, or as it is being written."""

    def __init__(self, *, writing):
        self.writing = writing
        self.text = "" if writing or not PAGE.exists() else PAGE.read_text()
        self.sections, self.order = {}, {}
        for line in self.text.splitlines():
            if line.startswith("## "):
                rows = self.sections.setdefault(line[3:], {})
            elif (match := _ROW.match(line)) and not match[1].startswith(("what is", "---")):
                rows[match[1]] = match[2]

    def hold(self, section, what, text, *, quoted=None):
        """Compare a row with the page; what it quotes of another package may differ between their versions."""
        text = text.replace("|", r"\|")
        if self.writing:
            self.sections.setdefault(section, {})[what] = text
            return
        pattern = re.escape(text)
        if quoted:
            pattern = pattern.replace(re.escape(quoted.replace("|", r"\|")), ".+")
        row = self.sections.get(section, {}).get(what)
        assert row is not None, f"{PAGE.name} has no row {what!r} in {section!r}: run with --write-page"
        assert re.fullmatch(pattern, row), f"{PAGE.name} says {row!r}, but it is {text!r}: run with --write-page"

    def hold_order(self, cases):
        """Check that the sections of ``cases`` have exactly their rows, in their order."""
        order = {section: [row[0] for row in rows] for section, rows in cases.items()}
        assert all(len(set(names)) == len(names) for names in order.values())
        if self.writing:
            self.order |= order
            return
        assert self.text.startswith(INTRO)
        assert list(self.sections) == SECTIONS
        assert {section: list(self.sections[section]) for section in order} == order

    def write(self):
        if set(self.order) != set(SECTIONS):
            pytest.exit("--write-page needs all of tests/bad_inputs", returncode=pytest.ExitCode.USAGE_ERROR)
        lines = [INTRO]
        for section in SECTIONS:
            what = "odd" if section == "Accepted" else "wrong"
            lines += [f"## {section}", "", f"| what is {what} | what happens |", "| --- | --- |"]
            lines += [f"| {what} | {self.sections[section][what]} |" for what in self.order[section]]
            lines.append("")
        PAGE.write_text("\n".join(lines).rstrip() + "\n")


_PAGE = pytest.StashKey()


def pytest_configure(config):
    config.stash[_PAGE] = Page(writing=config.getoption("--write-page", default=False))


def pytest_sessionfinish(session, exitstatus):
    page = session.config.stash[_PAGE]
    if page.writing and exitstatus == pytest.ExitCode.OK:
        page.write()


@pytest.fixture
def page(pytestconfig):
    return pytestconfig.stash[_PAGE]


@pytest.fixture
def shortened(world):
    """A message as it stands on the page: without what differs from run to run."""

    def shorten(text):
        text = text.replace(str(world.folder), "folder")
        text = re.sub(r"[\d.]+ [GT]B left", "… left", text)
        return re.sub(r" at 0x[0-9A-Fa-f]+", "", text)

    return shorten


@pytest.fixture
def refused(world, page, snapshot, shortened):
    """Run one case: the error it is due, nothing changed, nothing left behind, and what the page says."""

    def check(section, what, prepare, call, error, *words, peer=None):
        replaced = prepare(world) if prepare else None
        world.data = world.data if replaced is None else replaced
        before = snapshot(world.data)
        with pytest.raises(error) as caught:
            call(world)
        assert type(caught.value) is error
        message = str(caught.value.args[0] if error is KeyError else caught.value)
        for word in words:
            assert word in message
        after = snapshot(world.data)
        assert [place for place in {**before, **after} if before.get(place) != after.get(place)] == []
        assert [file.name for file in world.folder.iterdir() if file.name.startswith(".")] == []
        cause = caught.value.__cause__
        text = f"{error.__name__}: `{shortened(message)}`" if message else error.__name__
        page.hold(
            section, what, text + (f"<br>*scvi-tools:* {peer}" if peer else ""), quoted=cause and shortened(str(cause))
        )

    return check
