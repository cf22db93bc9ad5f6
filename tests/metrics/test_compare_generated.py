import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from scbasset_tl.metrics import compare_generated

LABELS = np.array(["B", "T"])


@pytest.fixture(scope="module")
def cells():
    """``cells(n, seed)``: new cells of one law: two types, 300 peaks, log-normal depth."""
    law = np.random.default_rng(0)
    profile = law.normal(-1.5, 0.7, 300) + law.normal(0, 1.2, (2, 300))

    def draw(n, seed):
        rng = np.random.default_rng(seed)
        kind = rng.integers(0, 2, n)
        logits = profile[kind] + rng.normal(0, 0.4, (n, 1))
        x = sparse.csr_matrix((rng.random((n, 300)) < 1 / (1 + np.exp(-logits))).astype(np.float32))
        return ad.AnnData(x, obs=pd.DataFrame({"kind": LABELS[kind]}, index=[f"{seed}-{i}" for i in range(n)]))

    return draw


def shuffled(adata, rng):
    """The same depths, peaks exchanged."""
    out = adata.copy()
    out.X = sparse.csr_matrix(adata.X.toarray()[:, rng.permutation(adata.n_vars)])
    return out


def test_cells_of_the_same_law_score_as_real_ones(cells):
    table = compare_generated(cells(200, 1), cells(200, 2), training=cells(400, 3), label_key="kind")
    value, baseline = table["value"], table["baseline"]
    assert (value[:6] > 0.9).all()
    assert value["classifier_auroc"] == pytest.approx(0.5, abs=0.07)
    assert value["ilisi"] == pytest.approx(baseline["ilisi"], abs=0.1)
    assert abs(value["mmd"]) < 0.01
    assert value["depth_ks"] < 0.15
    assert value["peak_share_ks"] < 0.1
    assert value["coaccessibility"] == pytest.approx(baseline["coaccessibility"], abs=0.1)
    assert value["coaccessibility"] > 0.5
    assert value["nearest_ratio"] == pytest.approx(1, abs=0.1)
    assert value["nearest_ks"] < 0.15


def test_other_peaks_are_seen(cells, rng):
    table = compare_generated(cells(200, 1), shuffled(cells(200, 2), rng), training=cells(400, 3), label_key="kind")
    value = table["value"]
    assert (value[:6].abs() < 0.3).all()
    assert value["classifier_auroc"] > 0.99
    assert value["ilisi"] < 1.1
    assert value["mmd"] > 0.1
    assert value["depth_ks"] < 0.15  # the same depths
    assert abs(value["coaccessibility"]) < 0.2


def test_depth_and_peak_shares_are_seen(cells, rng):
    real, thinned = cells(200, 1), cells(200, 2)
    thinned.X = thinned.X.multiply(rng.random(thinned.shape) < 0.5).tocsr()
    value = compare_generated(real, thinned)["value"]
    assert value["depth_ks"] > 0.8
    assert value["peak_share_ks"] > 0.3


def test_copies_of_the_training_cells_are_called_so(cells):
    real, training = cells(200, 1), cells(400, 3)
    value = compare_generated(real, training[:200], training=training)["value"]
    assert value["nearest_ratio"] < 1e-3
    assert value["nearest_ks"] > 0.99
    assert value["classifier_auroc"] == pytest.approx(0.5, abs=0.07)  # and nothing else tells


def test_means_are_held_against_the_mean_of_the_training_cells(cells):
    real, generated, training = cells(50, 1), cells(60, 2), cells(70, 3)
    table = compare_generated(real, generated, training=training, label_key="kind")
    for label, name in ((None, "mean_pearson"), ("T", "mean_pearson[T]")):
        mean, made, trained = (
            part.X.toarray()[(part.obs["kind"] == label) if label else slice(None)].mean(0)
            for part in (real, generated, training)
        )
        assert table.loc[name, "value"] == pytest.approx(np.corrcoef(mean, made)[0, 1], abs=1e-6)
        assert table.loc[name, "baseline"] == pytest.approx(np.corrcoef(mean, trained)[0, 1], abs=1e-6)


def test_rows_columns_and_labels_that_were_not_generated(cells):
    real, generated = cells(60, 1), cells(60, 2)
    generated = generated[generated.obs["kind"] == "B"]
    real.obs.loc[real.obs_names[:5], "kind"] = None
    table = compare_generated(real, generated, label_key="kind", n_top_peaks=20)
    means = [f"mean_{name}{label}" for label in ("", "[B]", "[T]") for name in ("pearson", "spearman")]
    others = ["classifier_auroc", "ilisi", "mmd", "depth_ks", "peak_share_ks", "coaccessibility"]
    assert list(table.index) == means + others
    assert list(table["ideal"]) == [1, 1, 1, 1, 1, 1, 0.5, 2, 0, 0, 0, 1]
    assert list(table.index[table["value"].isna()]) == ["mean_pearson[T]", "mean_spearman[T]"]
    assert table["baseline"].notna().all()


def test_seed_layer_and_modality(cells):
    from mudata import MuData

    real, generated = cells(60, 1), cells(60, 2)
    table = compare_generated(real, generated, rng=5)
    pd.testing.assert_frame_equal(compare_generated(real, generated, rng=5), table)
    assert not compare_generated(real, generated, rng=6).equals(table)
    real.layers["counts"], real.X = real.X * 3, sparse.csr_matrix(real.shape, dtype=np.float32)
    pd.testing.assert_frame_equal(compare_generated(MuData({"atac": real}), generated, layer="counts", rng=5), table)


def test_generated_cells_in_a_file(cells, tmp_path):
    real, generated = cells(60, 1), cells(60, 2)
    generated.write_h5ad(tmp_path / "generated.h5ad")
    backed = ad.read_h5ad(tmp_path / "generated.h5ad", backed="r")
    pd.testing.assert_frame_equal(compare_generated(real, backed), compare_generated(real, generated))


def test_no_more_cells_than_asked_for_are_compared(cells, monkeypatch):
    from scbasset_tl.stats import two_sample

    sizes = []
    monkeypatch.setattr(two_sample, "mixing", lambda one, other, *_, **__: sizes.append((len(one), len(other))) or 0.0)
    compare_generated(cells(60, 1), cells(90, 2), training=cells(70, 3), max_cells=40)
    compare_generated(cells(60, 1), cells(90, 2), training=cells(50, 3))
    assert sizes == [(40, 40)] * 2 + [(50, 50)] * 2


def test_what_cannot_be_compared_is_refused(cells):
    real, generated = cells(60, 1), cells(60, 2)
    with pytest.raises(ValueError, match=r"generated has 299 peaks, real 300, 299 of them.*real.var_names"):
        compare_generated(real, generated[:, 1:])
    with pytest.raises(ValueError, match="training has 9 cells"):
        compare_generated(real, generated, training=cells(9, 3))
    with pytest.raises(ValueError, match="real has 19 cells: at least 20"):
        compare_generated(real[:19], generated)
    with pytest.raises(KeyError, match=r"generated.obs has no column 'cell_type'.*condition_keys"):
        compare_generated(ad.AnnData(real.X, obs=real.obs.assign(cell_type="B")), generated, label_key="cell_type")
    with pytest.raises(ValueError, match="max_cells must be"):
        compare_generated(real, generated, max_cells=5)
    with pytest.raises(ValueError, match="X is None"):
        compare_generated(real, ad.AnnData(obs=generated.obs, var=generated.var))
    generated.X = generated.X * 0.5
    with pytest.raises(ValueError, match=r'no whole numbers.*values="draws"'):
        compare_generated(real, generated)


@pytest.mark.filterwarnings("ignore")  # of the lazy reader, which is experimental
@pytest.mark.parametrize("kind", ["backed", "lazy"])
def test_cells_in_files_are_compared_as_in_memory(cells, tmp_path, kind):
    real, made = cells(60, 1), cells(60, 2)
    expected = compare_generated(real, made)
    made.write_h5ad(tmp_path / "made.h5ad")
    if kind == "backed":
        there = ad.read_h5ad(tmp_path / "made.h5ad", backed="r")
    else:
        there = ad.experimental.read_lazy(tmp_path / "made.h5ad")
    pd.testing.assert_frame_equal(compare_generated(real, there), expected)


@pytest.mark.parametrize("form", ["float", "categories of float", "Int64"])
def test_numbers_are_the_labels_that_generated_cells_have(cells, form):
    real, made = cells(60, 1), cells(60, 2)
    for adata in (real, made):
        adata.obs["kind"] = np.where(adata.obs["kind"] == "B", "1", "2")
    expected = compare_generated(real, made, label_key="kind")
    numbers = pd.Series(real.obs["kind"].astype(float))
    as_form = {"float": float, "categories of float": "category", "Int64": "Int64"}[form]
    real.obs["kind"] = numbers.astype(as_form)
    pd.testing.assert_frame_equal(compare_generated(real, made, label_key="kind"), expected)
    assert expected["value"].notna().all()
