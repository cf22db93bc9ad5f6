"""tl.map_cells: one genome is known by its bases, whatever its contigs are called and however many a FASTA holds."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import scbasset_tl as sb

LENGTH, SEQ_LEN, N_CELLS = 12_000, 192, 20
BASES = {name: "".join(np.random.default_rng(seed).choice(list("ACGT"), LENGTH)) for seed, name in enumerate("12")}


def fasta(path, contigs):
    path.write_text("".join(f">{name}\n{bases}\n" for name, bases in contigs.items()))
    return path


def cells(genome, contigs, shift=0, columns=False):
    starts = np.arange(500, LENGTH - 700, 400) + shift
    names = [f"{contig}:{start}-{start + 300}" for contig in contigs for start in starts]
    counts = np.random.default_rng(0).poisson(0.5, (N_CELLS, len(names)))
    counts[:, 0] = 1
    data = ad.AnnData(counts.astype(np.float32), var=pd.DataFrame(index=names))
    if columns:
        parts = [name.replace("-", ":").split(":") for name in names]
        data.var["where"], data.var["von"], data.var["bis"] = zip(
            *((c, int(s), int(e)) for c, s, e in parts), strict=True
        )
        data.var_names = [f"peak{number}" for number in range(len(names))]
    keys = ["where", "von", "bis"] if columns else None
    sb.pp.add_sequences(data, genome, seq_len=SEQ_LEN, region_keys=keys)
    return data


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    genome = fasta(tmp_path_factory.mktemp("ucsc") / "ucsc.fa", {f"chr{name}": bases for name, bases in BASES.items()})
    data = cells(genome, ["chr1", "chr2"])
    sb.tl.scbasset(data, trunk=4, n_latent=4, max_epochs=1)
    return data


@pytest.mark.parametrize("shift", [0, 70, -101])
@pytest.mark.parametrize("columns", [False, True])
def test_other_names_and_fewer_contigs_are_the_same_genome(reference, tmp_path, shift, columns, capsys):
    ensembl = fasta(tmp_path / "ensembl.fa", {**BASES, "MT": "ACGT" * 100})
    one = fasta(tmp_path / "one.fa", {"CHR1": BASES["1"]})
    for genome, contigs in ((ensembl, ["1", "2"]), (one, ["CHR1"])):
        query = cells(genome, contigs, shift, columns)
        capsys.readouterr()
        with sb.settings.override(verbosity=2):
            sb.tl.map_cells(query, reference)
        assert "the same bases in" in capsys.readouterr().err
        assert query.obsm["X_scbasset"].shape == (N_CELLS, 4)
    if not shift:  # windows that the reference has get its vectors
        np.testing.assert_array_equal(query.varm["scbasset"], reference.varm["scbasset"][: query.n_vars])


def test_masked_bases_are_no_difference(reference, tmp_path):
    masked = "N" * 2600 + BASES["1"][2600:]
    query = cells(fasta(tmp_path / "masked.fa", {"1": masked}), ["1"])
    sb.tl.map_cells(query, reference)
    assert "scbasset" in query.uns


def test_other_bases_are_another_genome(reference, tmp_path):
    changed = BASES["1"][:4000] + BASES["2"][4000:]
    before = cells(fasta(tmp_path / "other.fa", {"1": changed}), ["1"], 50)
    query = before.copy()
    with pytest.raises(
        ValueError, match=r"another genome \(other.fa\).*ucsc.fa.*bases differ in 18 of 27 windows.*'1:4150-4450'"
    ):
        sb.tl.map_cells(query, reference)
    assert set(query.uns) == set(before.uns)


def test_one_other_base_is_seen(reference, tmp_path):
    place = 500 + 400 * 5 + 150
    other = "A" if BASES["1"][place] != "A" else "C"
    query = cells(fasta(tmp_path / "snp.fa", {"1": BASES["1"][:place] + other + BASES["1"][place + 1 :]}), ["1"])
    with pytest.raises(ValueError, match=r"bases differ in 1 of 27 windows compared, the first is '1:2500-2800'"):
        sb.tl.map_cells(query, reference)


def test_where_no_windows_overlap_nothing_is_claimed(reference, tmp_path):
    query = cells(fasta(tmp_path / "far.fa", {"1": BASES["1"]}), ["1"], 200)
    with pytest.raises(
        ValueError, match=r"may be of another genome.*no windows overlap.*pp.add_sequences\(query, fasta\)"
    ):
        sb.tl.map_cells(query, reference)
