"""All verbs of pp, and those of tl that train, ask whether the columns are peaks."""

import numpy as np
import pytest

import scbasset_tl as sb

PP = {
    "add_sequences": lambda data: sb.pp.add_sequences(data, "no.fa"),
    "filter_peaks": lambda data: sb.pp.filter_peaks(data),
    "split_peaks": sb.pp.split_peaks,
    "downsample_counts": lambda data: sb.pp.downsample_counts(data, 0.5),
    "shuffle_accessibility": sb.pp.shuffle_accessibility,
    "tokenize_regions": sb.pp.tokenize_regions,
}
TL = {
    "scbasset": lambda data: sb.tl.scbasset(data, trunk=4, max_epochs=1),
    "scembed": sb.tl.scembed,
    "atac_diff": sb.tl.atac_diff,
}


def test_every_verb_of_pp_is_here():
    assert set(PP) == set(sb.pp.__all__)


@pytest.mark.parametrize("verb", [*PP, "scembed", "atac_diff"])
def test_peaks_by_cells_are_refused_and_unchanged(tiny, verb):
    data = tiny.T.copy()
    with pytest.raises(ValueError, match=r"adata = adata\.T\.copy\(\)"):
        (PP | TL)[verb](data)
    assert data.shape == (90, 60)
    assert list(data.var.columns) == ["kind", "batch"]
    assert list(data.layers) in ([], [None])  # from anndata 0.13 on, X is layers[None]


@pytest.mark.parametrize("verb", [*PP, *TL])
def test_genes_beside_peaks_are_refused_with_the_line_that_helps(tiny, verb):
    tiny.var["feature_types"] = np.where(np.arange(90) < 30, "Gene Expression", "Peaks")
    with pytest.raises(ValueError, match="beside 60 Peaks") as error:
        (PP | TL)[verb](tiny)
    line = str(error.value).split("only peaks can be used: ")[1].removesuffix(".")
    scope = {"adata": tiny}
    exec(line, scope)
    assert scope["adata"].n_vars == 60
    sb.pp.split_peaks(scope["adata"])


def test_other_columns_and_barcodes_that_look_like_regions_pass(tiny):
    tiny.var["feature_types"] = "ATAC"
    tiny.var_names = [f"peak{number}" for number in range(90)]
    tiny.obs_names = [f"AAAC{number}-1-2" for number in range(60)]
    sb.pp.filter_peaks(tiny)
    assert "n_cells" in tiny.var
