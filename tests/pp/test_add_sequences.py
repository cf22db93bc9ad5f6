import anndata as ad
import mudata
import numpy as np
import pytest

import scbasset_tl as sb
from scbasset_tl.genome import decode


def naive_window(sequence, start, end, seq_len):
    """One base after the other."""
    left = (start + end) // 2 - seq_len // 2
    bases = [sequence[i].upper() if 0 <= i < len(sequence) else "N" for i in range(left, left + seq_len)]
    return "".join(bases)


def expected(adata, contigs, seq_len):
    regions = zip(adata.var["chr"], adata.var["start"], adata.var["end"], strict=True)
    return [naive_window(contigs[chrom], start, end, seq_len) for chrom, start, end in regions]


@pytest.mark.parametrize("seq_len", [1, 100, 101, 1344])
def test_windows_against_one_base_after_the_other(atac, fasta, contigs, seq_len):
    assert sb.pp.add_sequences(atac, fasta, seq_len=seq_len) is None
    codes = atac.varm["dna_code"]
    assert (codes.dtype, codes.shape, codes.nbytes) == (np.uint8, (60, seq_len), 60 * seq_len)
    assert decode(codes).tolist() == expected(atac, contigs, seq_len)


def test_default_length_is_that_of_the_paper(atac, fasta):
    sb.pp.add_sequences(atac, fasta)
    assert atac.varm["dna_code"].shape == (60, 1344)


def test_what_is_written(atac, fasta):
    before = atac.copy()
    sb.pp.add_sequences(atac, fasta, seq_len=20)
    assert list(atac.varm) == list(atac.uns) == ["dna_code"]
    assert atac.obs.equals(before.obs)
    assert atac.var.equals(before.var)
    record = atac.uns["dna_code"]
    with sb.genome.Fasta(fasta) as genome:
        checksum = genome.checksum()
    assert record == {
        "params": {"fasta": "toy.fa", "seq_len": 20},
        "fasta": "toy.fa",
        "checksum": checksum,
        "seq_len": 20,
        "alphabet": "ACGTN",
        "schema_version": 1,
        "written_by": "pp.add_sequences",
        "slots": {"varm": "dna_code"},
    }


def test_names_alone_columns_of_other_names_and_both(atac, fasta, contigs):
    windows = expected(atac, contigs, 50)
    named = atac.copy()
    named.var = named.var[[]]
    sb.pp.add_sequences(named, fasta, seq_len=50)
    assert decode(named.varm["dna_code"]).tolist() == windows

    # the user's columns come before chr, start, end, and names that are no regions do not matter
    other = atac.copy()
    other.var = other.var.rename(columns={"chr": "c", "start": "s", "end": "e"})
    other.var["chr"], other.var["start"], other.var["end"] = "chrI", 1, 2
    other.var_names = [f"peak{row}" for row in range(60)]
    sb.pp.add_sequences(other, fasta, seq_len=50, region_keys=("c", "s", "e"))
    assert decode(other.varm["dna_code"]).tolist() == windows
    assert other.uns["dna_code"]["params"]["region_keys"] == ["c", "s", "e"]


def test_key_added_and_copy(atac, fasta, unchanged):
    check = unchanged(atac)
    new = sb.pp.add_sequences(atac, fasta, seq_len=30, key_added="dna30", copy=True)
    check()
    assert isinstance(new, ad.AnnData)
    assert list(new.varm) == list(new.uns) == ["dna30"]


def test_mudata(mdata, fasta, contigs):
    new = sb.pp.add_sequences(mdata, fasta, seq_len=30, copy=True)
    assert isinstance(new, mudata.MuData)
    assert "dna_code" not in mdata["atac"].varm
    sb.pp.add_sequences(mdata, fasta, seq_len=30)
    assert decode(mdata["atac"].varm["dna_code"]).tolist() == expected(mdata["atac"], contigs, 30)
    np.testing.assert_array_equal(new["atac"].varm["dna_code"], mdata["atac"].varm["dna_code"])
    with pytest.raises(KeyError, match="no modality 'dna'"):
        sb.pp.add_sequences(mdata, fasta, mod="dna")
    with pytest.raises(KeyError, match="no columns chr, start, end, and its names are not"):
        sb.pp.add_sequences(mdata, fasta, mod="rna")


def test_views_backed_files_one_peak_and_repeated_names(atac, fasta, contigs, tmp_path):
    view = atac[:, 10:20]
    sb.pp.add_sequences(view, fasta, seq_len=30)
    assert decode(view.varm["dna_code"]).tolist() == expected(atac, contigs, 30)[10:20]
    assert "dna_code" not in atac.varm

    one = atac[:, :1].copy()
    sb.pp.add_sequences(one, fasta, seq_len=30)
    assert one.varm["dna_code"].shape == (1, 30)

    with pytest.warns(UserWarning, match="not unique"):
        twice = atac[:, [5, 5]].copy()
    sb.pp.add_sequences(twice, fasta, seq_len=30)
    assert decode(twice.varm["dna_code"]).tolist() == [expected(atac, contigs, 30)[5]] * 2

    atac.write_h5ad(tmp_path / "x.h5ad")
    backed = ad.read_h5ad(tmp_path / "x.h5ad", backed="r")
    sb.pp.add_sequences(backed, fasta, seq_len=30)
    assert decode(backed.varm["dna_code"]).tolist() == expected(atac, contigs, 30)
    backed.file.close()


@pytest.mark.parametrize("form", ["h5ad", "zarr", "h5mu"])
def test_slots_survive_storage(mdata, fasta, tmp_path, form):
    sb.pp.add_sequences(mdata, fasta, seq_len=30, region_keys=["chr", "start", "end"])
    atac, path = mdata["atac"], tmp_path / f"x.{form}"
    if form == "h5mu":
        mdata.write_h5mu(path)
        back = mudata.read_h5mu(path)["atac"]
    elif form == "h5ad":
        atac.write_h5ad(path)
        back = ad.read_h5ad(path)
    else:
        atac.write_zarr(path)
        back = ad.read_zarr(path)
    assert back.varm["dna_code"].dtype == np.uint8
    np.testing.assert_array_equal(back.varm["dna_code"], atac.varm["dna_code"])
    record, old = back.uns["dna_code"], atac.uns["dna_code"]
    assert list(record["params"].pop("region_keys")) == old["params"].pop("region_keys")
    assert record == old


def test_the_note_tells_of_n_and_edges(tmp_path, capsys):
    path = tmp_path / "x.fa"
    path.write_text(">a\n" + "N" * 100 + "ACGT" * 100 + "\n")
    adata = ad.AnnData(np.ones((2, 4)))
    adata.var_names = ["a:40-60", "a:200-220", "a:300-320", "a:499-500"]
    with sb.settings.override(verbosity=2):
        sb.pp.add_sequences(adata, path, seq_len=20)
    assert "4 windows of 20 bp: 36.25% N, 2 begin or end with N, 1 hold nothing but N" in capsys.readouterr().err


def test_genomes_masked_by_n_are_refused(atac, tmp_path, contigs, unchanged):
    path = tmp_path / "masked.fa"
    path.write_text("".join(f">{name}\n{'N' * len(sequence)}\n" for name, sequence in contigs.items()))
    check = unchanged(atac)
    with pytest.raises(ValueError, match="60 of 60 windows hold nothing but N in masked.fa: .*hard-masked"):
        sb.pp.add_sequences(atac, path, seq_len=20)
    check()


@pytest.mark.parametrize("seq_len", [0, -5, 10.0, True, "1344", None])
def test_lengths_that_are_none(atac, fasta, seq_len, unchanged):
    check = unchanged(atac)
    with pytest.raises(ValueError, match="seq_len must be a whole number of at least 1"):
        sb.pp.add_sequences(atac, fasta, seq_len=seq_len)
    check()


def test_transposed_data(atac, fasta, unchanged):
    transposed = atac.T.copy()
    check = unchanged(transposed)
    with pytest.raises(ValueError, match=r"regions are in adata.obs.*adata = adata.T.copy\(\)"):
        sb.pp.add_sequences(transposed, fasta)
    check()


def test_no_peaks(atac, fasta):
    with pytest.raises(ValueError, match="no peaks"):
        sb.pp.add_sequences(atac[:, :0].copy(), fasta)


def _swap(var):
    var.loc[var.index[4], ["start", "end"]] = [90, 20]


def _fraction(var):
    var["start"] = var["start"] + 0.5


def _missing(var):
    var.index = [f"peak{row}" for row in range(len(var))]
    var["end"] = var["end"].astype(float)
    var.loc[var.index[:2], "end"] = np.nan


def _negative(var):
    var.loc[var.index[4], "start"] = -7


def _past_the_end(var):
    var.loc[var.index[4], ["start", "end"]] = [99_000, 99_200]


def _other_species(var):
    var["chr"] = "scaffold_9"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_swap, r"var\['start'\] is not below var\['end'\]: 1 of 60 peaks, .*\[90 20\]"),
        (_fraction, r"var\['start'\] is not a whole number: 60 of 60"),
        (_missing, r"var\['end'\] is missing or no number: 2 of 60"),
        (_negative, r"var\['start'\] is negative: 1 of 60 peaks, .*\(-7\)"),
        (_past_the_end, r"past the end of the contig in toy.fa .*1 of 60 peaks, .*\(99200\).*another assembly"),
        (_other_species, "no contig 'scaffold_9', in any spelling .* another assembly or species"),
    ],
)
def test_peaks_that_do_not_fit(atac, fasta, change, message, unchanged):
    change(atac.var)
    check = unchanged(atac)
    with pytest.raises(ValueError, match=message):
        sb.pp.add_sequences(atac, fasta)
    check()


def test_missing_columns_and_files(atac, fasta, unchanged):
    atac.var_names = [f"peak{row}" for row in range(60)]
    check = unchanged(atac)
    with pytest.raises(KeyError, match="region_keys: var has no column 'chromosome'; it has 'chr'"):
        sb.pp.add_sequences(atac, fasta, region_keys=("chromosome", "start", "end"))
    with pytest.raises(FileNotFoundError, match="there is no FASTA file"):
        sb.pp.add_sequences(atac, fasta.with_name("no.fa"))
    check()
    with pytest.raises(TypeError, match="must be an AnnData or a MuData, got ndarray"):
        sb.pp.add_sequences(np.ones((2, 2)), fasta)


def test_contigs_in_any_spelling(atac, fasta, capsys):
    expected = sb.pp.add_sequences(atac, fasta, seq_len=64, copy=True).varm["dna_code"]
    names = atac.var["chr"]
    for spelled in (names.str.removeprefix("chr"), names.str.upper(), "GRCh38_" + names, " " + names):
        atac.var["chr"] = spelled
        with sb.settings.override(verbosity=2):
            sb.pp.add_sequences(atac, fasta, seq_len=64)
        assert np.array_equal(atac.varm["dna_code"], expected)
    assert atac.var["chr"].tolist() == spelled.tolist()


@pytest.mark.filterwarnings("ignore:Variable names are not unique:UserWarning")
def test_repeated_windows_are_counted(atac, fasta, capsys):
    twice = ad.concat([atac, atac[:, :7].copy()], axis="var")
    twice.var["chr"] = [*atac.var["chr"], *atac.var["chr"][:7].str.removeprefix("chr")]
    with sb.settings.override(verbosity=2):
        sb.pp.add_sequences(twice, fasta, seq_len=64)
    assert "7 are those of an earlier peak" in capsys.readouterr().err
    assert np.array_equal(twice.varm["dna_code"][60:], twice.varm["dna_code"][:7])
