import anndata as ad
import mudata
import numpy as np
import pytest

import scbasset_tl as sb
from scbasset_tl.stats.splits import original_split


@pytest.fixture
def peaks():
    """2 cells × 400 peaks on four contigs, named by region."""
    chrom = np.repeat(["chr1", "chr2", "chr3", "chr4"], [250, 100, 30, 20])
    adata = ad.AnnData(np.ones((2, 400), dtype=np.float32))
    adata.var_names = [f"{name}:{10 * row}-{10 * row + 5}" for row, name in enumerate(chrom)]
    adata.obs_names = ["cell0", "cell1"]
    return adata


def chrom_of(adata, level):
    return {name.split(":")[0] for name in adata.var_names[adata.var["split"] == level]}


def test_by_peak_is_the_original(peaks):
    assert sb.pp.split_peaks(peaks, rng=10) is None
    split = peaks.var["split"]
    assert list(split.cat.categories) == ["train", "val", "test"]
    assert not split.cat.ordered
    assert split.tolist() == original_split(400, 10).tolist()
    sb.pp.split_peaks(peaks, rng=10, fractions=[0.5, 0.25, 0.25])
    assert peaks.var["split"].value_counts().to_dict() == {"train": 200, "val": 100, "test": 100}


def test_by_peak_needs_no_regions(peaks):
    peaks.var_names = [f"peak{row}" for row in range(400)]
    sb.pp.split_peaks(peaks)
    with pytest.raises(KeyError, match="no columns chr, start, end"):
        sb.pp.split_peaks(peaks, by="chrom")


@pytest.mark.parametrize(
    ("holdout", "test", "val"),
    [
        (None, {"chr4"}, {"chr3"}),
        ("chr3", {"chr3"}, {"chr1", "chr2", "chr4"}),
        (["chr3", "chr4"], {"chr3", "chr4"}, {"chr1", "chr2"}),
        ({"test": "chr3"}, {"chr3"}, {"chr1", "chr2", "chr4"}),
        ({"test": ["chr3"], "val": "chr4"}, {"chr3"}, {"chr4"}),
    ],
)
def test_by_chrom(peaks, holdout, test, val):
    sb.pp.split_peaks(peaks, by="chrom", holdout=holdout)
    assert chrom_of(peaks, "test") == test
    assert chrom_of(peaks, "val") <= val
    assert not chrom_of(peaks, "train") & test


def test_generators_and_seeds(peaks):
    results = []
    for rng in (0, 0, 1, np.random.default_rng(0), np.random.default_rng(0)):
        sb.pp.split_peaks(peaks, rng=rng)
        results.append(peaks.var["split"].tolist())
    assert results[0] == results[1] != results[2]
    assert results[3] == results[4] != results[0]


def test_key_added_copy_view_and_region_keys(peaks):
    before = peaks.var.copy()
    new = sb.pp.split_peaks(peaks, key_added="fold", copy=True)
    assert peaks.var.equals(before)
    assert list(new.var.columns) == ["fold"]

    view = peaks[:, :300]
    sb.pp.split_peaks(view)
    assert len(view.var["split"]) == 300
    assert peaks.var.equals(before)

    peaks.var[["c", "s", "e"]] = [["ab"[row // 200], row, row + 1] for row in range(400)]
    sb.pp.split_peaks(peaks, by="chrom", holdout="b", region_keys=("c", "s", "e"))
    assert (peaks.var["split"] == "test").tolist() == [False] * 200 + [True] * 200


def test_mudata(mdata):
    fractions = (0.5, 0.25, 0.25)
    new = sb.pp.split_peaks(mdata, fractions=fractions, copy=True)
    assert isinstance(new, mudata.MuData)
    assert "split" not in mdata["atac"].var
    sb.pp.split_peaks(mdata, fractions=fractions)
    assert mdata["atac"].var["split"].equals(new["atac"].var["split"])
    assert "split" not in mdata["rna"].var


@pytest.mark.parametrize("form", ["h5ad", "zarr"])
def test_split_survives_storage(peaks, tmp_path, form):
    sb.pp.split_peaks(peaks, fractions=(0.9, 0.1, 0))
    getattr(peaks, f"write_{form}")(tmp_path / "x")
    back = getattr(ad, f"read_{form}")(tmp_path / "x")
    assert list(back.var["split"].cat.categories) == ["train", "val", "test"]
    assert back.var["split"].tolist() == peaks.var["split"].tolist()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fractions": (0.9, 0.05, 0.1)}, r"must be the shares .* sum to one, got \(0.9, 0.05, 0.1\)"),
        ({"fractions": (0.9, 0.1)}, "must be the shares of train, val and test"),
        ({"fractions": (1.1, -0.1, 0.0)}, "fractions must be a finite number .* got 1.1"),
        ({"fractions": (0.9, np.nan, 0.1)}, "fractions must be"),
        ({"fractions": (0.0, 0.5, 0.5)}, "no peaks to train on"),
        ({"fractions": (0.999, 0.0005, 0.0005)}, "give train 400, val 0, test 0; each part needs at least 2"),
        ({"by": "chromosome"}, r"by must be one of \['peak', 'chrom'\]"),
        ({"holdout": ["chr1"]}, 'which by="peak" does not use: pass by="chrom"'),
        ({"by": "chrom", "holdout": ["chrQ"]}, r"no peak lies on \['chrQ'\]; the peaks lie on \['chr1', 'chr2'"),
        ({"by": "chrom", "holdout": {"test": ["chr1"], "val": ["chr1"]}}, "names a contig twice"),
        ({"by": "chrom", "holdout": {"val": ["chr1"]}}, r"holdout has \['val'\]; it is a list of test contigs or"),
        ({"by": "chrom", "holdout": ["chr1", "chr2", "chr3", "chr4"]}, "give train 0, val 0, test 400"),
    ],
)
def test_splits_that_cannot_be(peaks, arguments, message):
    before = peaks.var.copy()
    with pytest.raises(ValueError, match=message):
        sb.pp.split_peaks(peaks, **arguments)
    assert peaks.var.equals(before)


def test_too_few_peaks(peaks):
    with pytest.raises(ValueError, match=r"no peaks \(n_vars is 0\).*gex_only=False"):
        sb.pp.split_peaks(peaks[:, :0].copy())
    for n_peaks in (1, 20):
        with pytest.raises(ValueError, match=f"{n_peaks} peaks, split by .* each part needs at least 2"):
            sb.pp.split_peaks(peaks[:, :n_peaks].copy())


def twice(peaks):
    """Half of the peaks once more, under another spelling of their contigs."""
    again = peaks[:, ::2].copy()
    again.var_names = again.var_names.str.removeprefix("chr") + "-1"
    return ad.concat([peaks, again], axis="var")


@pytest.mark.parametrize("arguments", [{}, {"by": "chrom"}, {"by": "chrom", "holdout": "4"}])
def test_windows_that_repeat_are_kept_together(peaks, arguments, capsys):
    both = twice(peaks)
    with sb.settings.override(verbosity=2):
        sb.pp.split_peaks(both, fractions=[0.5, 0.25, 0.25], **arguments)
    assert "200 of 600 peaks have the window of an earlier one" in capsys.readouterr().err
    levels = both.var["split"].astype(str).to_numpy()
    assert levels[400:].tolist() == levels[:400:2].tolist()
    assert {"train", "val", "test"} == set(levels)


def test_windows_that_do_not_repeat_are_split_as_ever(peaks, capsys):
    with sb.settings.override(verbosity=2):
        sb.pp.split_peaks(peaks, rng=10)
    assert peaks.var["split"].tolist() == original_split(400, 10).tolist()
    assert "earlier one" not in capsys.readouterr().err


def test_holdout_in_any_spelling(peaks):
    sb.pp.split_peaks(peaks, by="chrom", holdout={"val": "CHR2", "test": ["3", 4]})
    assert chrom_of(peaks, "test") == {"chr3", "chr4"}
    assert chrom_of(peaks, "val") == {"chr2"}
    with pytest.raises(ValueError, match="names a contig twice"):
        sb.pp.split_peaks(peaks, by="chrom", holdout={"val": "2", "test": "chr2"})
