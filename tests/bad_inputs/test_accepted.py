"""What looks odd and can be used. A case is (what, what happens, how it is made, the call, what holds after, note)."""

import re

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import scbasset_tl as sb

SMALL = {"trunk": 4, "n_latent": 6, "max_epochs": 2, "batch_size": 32, "accelerator": "cpu"}
SEQUENCE = "".join(np.random.default_rng(0).choice(list("ACGTacgt"), 89_220))


def train(**arguments):
    return lambda world: sb.tl.scbasset(world.data, **{**SMALL, **arguments})


def add(world):
    path = world.file("genome.fa", f">chr1\n{SEQUENCE}\n")
    del world.data.varm["dna_code"]  # the codes are of another genome
    sb.pp.add_sequences(world.data, path, seq_len=192)


def matrix(change):
    return lambda world: setattr(world.data, "X", change(world.data.X))


def with_zeros(counts):
    """The same counts, and stored zeros in the first ten peaks."""
    full = sparse.csr_matrix(counts.toarray() + 1)
    full.data -= 1
    return sparse.hstack([full[:, :10], counts[:, 10:]], format="csr")


def empty_peaks(counts):
    counts = counts.toarray()
    counts[:, [1, 4]] = 0
    return counts


def repeat(field):
    return lambda world: setattr(world.data, field, ["name"] * len(getattr(world.data, field)))


def put(field, name, value):
    def make(world):
        slot = getattr(world.data, field)
        slot[name] = value

    return make


def all_but(part):
    """A first cell that is open in peaks of one part only."""

    def make(world):
        world.data.var["split"] = np.repeat(["train", "val", "test"], [70, 10, 10])
        counts = world.data.X.toarray()
        counts[0] = world.data.var["split"] == part
        world.data.X = counts

    return make


def codes(change):
    return lambda world: world.data.varm.__setitem__("dna_code", change(world.data.varm["dna_code"]))


def as_frame(world):
    world.data.varm["dna_code"] = pd.DataFrame(
        world.data.varm["dna_code"].astype(int), index=world.data.var_names
    ).rename(columns=str)


def in_a_layer_only(world):
    other = ad.AnnData(obs=world.data.obs, var=world.data.var, varm=dict(world.data.varm))
    other.layers["counts"] = world.data.X
    return other


def columns_of_var(world):
    world.data.var["score"], world.data.var["gene"] = np.arange(90.0), pd.Categorical(["a", None, "b"] * 30)


def read_only(world):
    """A folder in which no file can be made."""

    def refuse(source, target, **_):
        raise PermissionError(13, "Permission denied", str(target))

    world.patch.setattr("shutil.copyfile", refuse)


def rename(old, new):
    return lambda world: setattr(world.data, "var_names", world.data.var_names.str.replace(old, new, regex=True))


def joined(world):
    """Columns of regions that are empty for half of the peaks, as after an outer join."""
    start = np.where(np.arange(90) % 2, np.nan, np.arange(90) * 1000)
    world.data.var["chrom"], world.data.var["start"] = start * 0 + 1, start
    world.data.var["end"] = world.data.var["start"] + 300


def split(world):
    sb.pp.split_peaks(world.data)


def twice(world):
    """The first 30 peaks again, under another spelling of their contig."""
    names = world.data.var_names
    world.data.var_names = [*names[:60], *names[:30].str.removeprefix("chr")]


def is_read(world, reference):
    with_names = ad.AnnData(var=pd.DataFrame(index=[f"chr1:{1000 * row}-{1000 * row + 300}" for row in range(90)]))
    sb.pp.add_sequences(with_names, world.folder / "genome.fa", seq_len=192)
    return np.array_equal(world.data.varm["dna_code"], with_names.varm["dna_code"])


def is_together(world, reference):
    levels = world.data.var["split"].tolist()
    return levels[60:] == levels[:30]


def is_trained(world, reference):
    return bool(np.isfinite(world.data.obsm["X_scbasset"]).all() and np.isfinite(world.data.varm["scbasset"]).all())


def is_the_same(world, reference):
    return np.array_equal(world.data.obsm["X_scbasset"], reference.obsm["X_scbasset"])


def keeps_all(world, reference):
    return is_trained(world, reference) and world.data.shape == (60, 90)


def keeps_columns(world, reference):
    return is_the_same(world, reference) and list(world.data.var) == ["score", "gene", "split"]


def has_no_index(world, reference):
    return [path.name for path in world.folder.iterdir()] == ["genome.fa"] and "dna_code" in world.data.varm


def is_padded(world, reference):
    return (world.data.varm["dna_code"][[0, -1]] == 4).any(axis=1).tolist() == [False, True]


def no_n(world, reference):
    return (world.data.varm["dna_code"][1:-1] < 4).all()


TRAINS, SAME = "trains", "trains, with the result of the open peaks alone"
CASES = [
    ("empty peaks", "trains, and keeps them", matrix(empty_peaks), train(), keeps_all, "2 of 90 peaks are open in no cell"),
    ("a cell open in no training peak", TRAINS, all_but("test"), train(), is_trained, "1 of 60 cells have no open peak"),
    ("a cell open in all training peaks", TRAINS, all_but("train"), train(), is_trained),
    ("fractional counts", SAME, matrix(lambda x: x * 0.37), train(), is_the_same),
    ("stored zeros", SAME, matrix(with_zeros), train(), is_the_same),
    ("bool", SAME, matrix(lambda x: x.astype(bool)), train(), is_the_same),
    ("dense, float64", SAME, matrix(lambda x: x.toarray().astype(float)), train(), is_the_same),
    ("CSC", SAME, matrix(lambda x: x.tocsc()), train(), is_the_same),
    ("a layer, and no `X`", SAME, in_a_layer_only, train(layer="counts"), is_the_same),
    ("repeated names of peaks", SAME, repeat("var_names"), train(), is_the_same),
    ("repeated names of cells", SAME, repeat("obs_names"), train(), is_the_same),
    ("cells in another order", TRAINS, lambda w: w.data[::-1].copy(), train(), is_trained),
    ("more columns in `var`, with missing values", "trains, and keeps them", columns_of_var, train(), keeps_columns),
    ("codes as int64", SAME, codes(lambda x: x.astype(np.int64)), train(), is_the_same),
    ("codes as a table, as scvi-tools writes them", SAME, as_frame, train(), is_the_same),
    ("nothing held out", TRAINS, put("var", "split", "train"), train(), is_trained),
    ("batches as numbers", TRAINS, put("obs", "batch", np.arange(60) % 3), train(batch_key="batch"), is_trained),
    ("two cells", TRAINS, lambda w: w.data[:2].copy(), train(), is_trained),
    ("a folder without permission for the index of the FASTA", "reads it", read_only, add, has_no_index,
     "cannot be written to"),
    ("a window past the end of the contig", "is filled with N", None, add, is_padded),
    ("contigs `1`, `CHR1`, `chr01` and `GRCh38_chr1` in a FASTA with `chr1`", "are read as `chr1`", rename("^chr1", "GRCh38_chr1"),
     add, is_read, "contigs of the peaks are read as genome.fa spells them: 'GRCh38_chr1' as 'chr1'"),
    ("peaks that `make_unique` or `concat` named", "reads the region", rename("$", "-1"), add, is_read, "90 of 90 names go on"),
    ("columns of regions that are empty for some peaks", "reads the names of these", joined, add, is_read,
     "are empty for 45 of 90 peaks"),
    ("peaks twice, under two spellings", "are split alike", twice, split, is_together, "30 of 90 peaks have the window"),
    ("lower case (soft-masked) bases", "are sequence", None, add, no_n),
]  # fmt: skip
_REFERENCE = []


@pytest.fixture
def reference(tiny):
    """The same data, untouched, after the same training."""
    if not _REFERENCE:
        _REFERENCE.append(sb.tl.scbasset(tiny, **SMALL, copy=True))
    return _REFERENCE[0]


@pytest.mark.filterwarnings("ignore:(Observation|Variable) names are not unique:UserWarning")
@pytest.mark.parametrize("case", [pytest.param(case, id=case[0]) for case in CASES])
def test_accepted(world, page, shortened, reference, capsys, case):
    what, happens, prepare, call, holds, *words = case
    other = prepare(world) if prepare else None
    world.data = world.data if other is None else other
    with sb.settings.override(verbosity=2):
        call(world)
    assert holds(world, reference)
    notes = re.findall(r"scbasset_tl: (.*)", capsys.readouterr().err)
    for word in words:
        (note,) = [note for note in notes if word in note]
        happens += f"<br>note: `{shortened(note)}`"
    page.hold("Accepted", what, happens)


def test_the_page_has_these_rows(page):
    page.hold_order({"Accepted": CASES})
