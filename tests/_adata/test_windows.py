"""The windows that regions stand for: the same DNA however they are named, and errors for what has none."""

import numpy as np
import pandas as pd
import pytest

import scbasset_tl as sb
from scbasset_tl._adata.windows import find_places, sequence_windows


@pytest.fixture(scope="module")
def fasta(tmp_path_factory):
    with sb.settings.override(verbosity=0):
        return sb.datasets.toy_genome(tmp_path_factory.mktemp("genome") / "toy.fa", n_vars=60)


@pytest.fixture
def adata():
    return sb.datasets.toy(n_obs=10, n_vars=60)


def same(one, other):
    return (
        one.name == other.name
        and list(one.chrom) == list(other.chrom)
        and np.array_equal(one.start, other.start)
        and np.array_equal(one.codes, other.codes)
    )


def test_names_positions_masks_and_slices_are_the_peaks(adata):
    names = list(adata.var_names[5:8])
    found = sequence_windows(adata, names, seq_len=192)
    np.testing.assert_array_equal(found.codes, adata.varm["dna_code"][5:8])
    assert found.name == names
    middle = (adata.var["start"] + adata.var["end"]) // 2
    assert list(found.start) == list(middle[5:8] - 96)
    assert list(found.chrom) == list(adata.var["chr"][5:8])
    mask = np.isin(np.arange(60), [5, 6, 7])
    for regions in ([5, 6, 7], mask, slice(5, 8), pd.Index(names), np.array(names), pd.Series(mask, adata.var_names)):
        assert same(sequence_windows(adata, regions, seq_len=192), found)
        assert find_places(adata, regions).name == names
    assert sequence_windows(adata, names[0], seq_len=192).name == names[:1]
    assert sequence_windows(adata, names[::-1], seq_len=192).name == names[::-1]


def test_the_fasta_gives_the_same_dna(adata, fasta):
    found = sequence_windows(adata, [5, 40], seq_len=192)
    assert same(sequence_windows(adata, [5, 40], fasta=fasta, seq_len=192), found)
    longer = sequence_windows(adata, [5, 40], fasta=fasta, seq_len=384)
    np.testing.assert_array_equal(longer.codes[:, 96:-96], found.codes)
    del adata.varm["dna_code"]
    assert same(sequence_windows(adata, [5, 40], fasta=fasta, seq_len=192), found)


def test_any_regions_as_texts_or_a_table(adata, fasta):
    found = sequence_windows(adata, [5, 40], seq_len=192)
    table = adata.var.iloc[[5, 40]][["chr", "start", "end"]]
    assert same(sequence_windows(adata, table, fasta=fasta, seq_len=192), found)
    assert same(sequence_windows(adata, table.reset_index(drop=True), fasta=fasta, seq_len=192), found)
    moved = [f"{row.chr}:{row.start + 10}-{row.end + 10}" for row in table.itertuples()]
    shifted = sequence_windows(adata, moved, fasta=fasta, seq_len=192)
    assert shifted.name == moved
    assert list(shifted.start) == list(found.start + 10)
    np.testing.assert_array_equal(shifted.codes[:, :-10], found.codes[:, 10:])


def test_peaks_among_other_regions_lie_where_var_says(adata, fasta):
    names = [f"peak{number}" for number in range(60)]
    adata.var_names = names
    chrom, start, end = adata.var.loc["peak5", ["chr", "start", "end"]]
    mixed = sequence_windows(adata, ["peak5", f"{chrom}:{start}-{end}", "peak5"], fasta=fasta, seq_len=192)
    assert mixed.name == ["peak5", f"{chrom}:{start}-{end}", "peak5"]
    assert (mixed.codes == adata.varm["dna_code"][5]).all()


def test_peaks_without_regions_are_counted_from_zero(adata):
    adata.var = adata.var.drop(columns=["chr", "start", "end"])
    adata.var_names = [f"peak{number}" for number in range(60)]
    found = sequence_windows(adata, ["peak3"], seq_len=192)
    assert (list(found.chrom), found.start.tolist()) == ([""], [0])
    np.testing.assert_array_equal(found.codes[0], adata.varm["dna_code"][3])


def test_the_columns_that_add_sequences_was_told(adata, fasta):
    adata.var = adata.var.rename(columns={"chr": "contig", "start": "from", "end": "to"})
    adata.var_names = [f"peak{number}" for number in range(60)]
    sb.pp.add_sequences(adata, fasta, seq_len=192, region_keys=("contig", "from", "to"))
    assert sequence_windows(adata, ["peak3"], seq_len=192).start[0] == adata.var[["from", "to"]].iloc[3].sum() // 2 - 96


def test_another_assembly_is_refused(adata, tmp_path):
    other = sb.datasets.toy_genome(tmp_path / "other.fa", n_vars=70)
    with pytest.raises(
        ValueError, match=r"other\.fa \(assembly .*\) is not the assembly .* toy\.fa \(uns\['dna_code'\]"
    ):
        sequence_windows(adata, [5], fasta=other, seq_len=192)
    del adata.uns["dna_code"]
    assert sequence_windows(adata, [5], fasta=other, seq_len=192).codes.shape == (1, 192)


def test_places_are_those_of_the_windows(adata, fasta):
    table = pd.DataFrame({"chr": "chr1", "start": [100, 101], "end": [300, 302]}, index=["a", "a"])
    for regions in ([5, 40], table, ["chr1:100-300", adata.var_names[7], "chr1:100-300"]):
        found, windows = find_places(adata, regions), sequence_windows(adata, regions, fasta=fasta, seq_len=192)
        assert found.name == windows.name
        assert found.place == [(chrom, start + 96) for chrom, start in zip(windows.chrom, windows.start, strict=True)]
        some = sequence_windows(adata, found.some([1]), fasta=fasta, seq_len=192)
        np.testing.assert_array_equal(some.codes, windows.codes[[1]])
    adata.var = pd.DataFrame(index=[f"peak{number}" for number in range(60)])
    assert find_places(adata, [5]).place == [("", "peak5")]


def test_texts_of_regions_and_of_peaks_whose_names_repeat(adata, fasta):
    adata.var_names = ["peak0", "peak0", *adata.var_names[2:]]
    with pytest.raises(ValueError, match="var_names repeat"):
        sequence_windows(adata, ["peak0", "chr1:100-300"], fasta=fasta, seq_len=192)


def test_the_same_assembly_with_other_names_of_contigs(adata, fasta, tmp_path, capsys):
    other = tmp_path / "ensembl.fa"
    other.write_text(fasta.read_text().replace(">chr", ">") + ">KI270728.1\nACGT\n")
    found = sequence_windows(adata, [5, 40], fasta=fasta, seq_len=192)
    with sb.settings.override(verbosity=2):
        assert same(sequence_windows(adata, [5, 40], fasta=other, seq_len=192), found)
    assert "ensembl.fa is not toy.fa, but has the same sequences" in capsys.readouterr().err
    texts = [
        f"{chrom.removeprefix('chr')}:{start}-{start + 192}"
        for chrom, start in zip(found.chrom, found.start, strict=True)
    ]
    for path in (fasta, other):
        np.testing.assert_array_equal(sequence_windows(adata, texts, fasta=path, seq_len=192).codes, found.codes)
    del adata.varm["dna_code"]
    with pytest.raises(ValueError, match="is not the assembly"):
        sequence_windows(adata, [5, 40], fasta=other, seq_len=192)


def test_other_bases_in_contigs_of_the_same_names_and_lengths_are_refused(adata, fasta, tmp_path):
    lines = fasta.read_text().splitlines()
    exchange = str.maketrans("ACGTacgt", "TGCAtgca")
    other = tmp_path / "toy.fa"
    other.write_text("\n".join(line if line[0] == ">" else line.translate(exchange) for line in lines) + "\n")
    with sb.genome.Fasta(other) as genome:
        assert genome.checksum() == adata.uns["dna_code"]["checksum"]
    for regions in ([5], ["chr1:100-300"]):
        with pytest.raises(ValueError, match="is not the assembly .* other bases in 60 of 60 peaks compared"):
            sequence_windows(adata, regions, fasta=other, seq_len=192)
    adata.varm["dna_code"][:, 100] = 4  # one base is enough
    with pytest.raises(ValueError, match="other bases in"):
        sequence_windows(adata, [5], fasta=fasta, seq_len=192)


def test_windows_of_nothing_but_n_are_named(capsys):
    adata = sb.datasets.toy(n_obs=30, n_vars=60)
    sb.tl.scbasset(adata, trunk=4, n_latent=4, max_epochs=1, accelerator="cpu")
    adata.varm["dna_code"][3] = 4
    with sb.settings.override(verbosity=1):
        sb.tl.ism(adata, [2], window=2)
        sb.get.accessibility(adata, sequences={"c": "C" * 192})
        assert "WARNING" not in capsys.readouterr().err
        for call in (
            lambda: sb.tl.ism(adata, [2, 3], window=2),
            lambda: sb.get.accessibility(adata, regions=[2, 3]),
            lambda: sb.get.accessibility(adata, sequences={"c": "C" * 192, "n": "N" * 192}),
        ):
            call()
            assert "WARNING: 1 of 2 windows hold nothing but N (first: [" in capsys.readouterr().err
