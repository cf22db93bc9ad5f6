"""Files of an earlier layout, whose entries do not all say who wrote them, are read by the readers of today."""

from pathlib import Path

import anndata as ad
import mudata as md
import numpy as np
import pytest
from zarr.storage import ZipStore

import scbasset_tl as sb
from scbasset_tl._adata import kinds
from scbasset_tl._adata.results import find, holds, writer

ARCHIVES = Path(__file__).parents[1] / "archives"
# the modalities of the h5mu share names of peaks; mudata announces that it cannot join their columns
pytestmark = pytest.mark.filterwarnings("ignore:Cannot join columns:UserWarning")
OF_DATA = {
    "dna_code": kinds.DNA,
    "tokens": kinds.TOKENS,
    "half_tokens": kinds.TOKENS,
    "scembed": kinds.SCEMBED,
    "half_scembed": kinds.SCEMBED,
    "scbasset": kinds.MODEL,
    "second": kinds.MODEL,
    "denoise": kinds.DENOISE,
    "denoised_pca": kinds.DENOISED_PCA,
    "gene_scores": kinds.GENE_SCORES,
    "gene_scores_raw": kinds.RAW_GENE_SCORES,
    "tf_activity": kinds.TF_ACTIVITY,
    "variant_effect": kinds.VARIANT_EFFECT,
    "ism": kinds.ISM,
    "ism_second": kinds.ISM,
    "motif_hits": kinds.MOTIF_HITS,
    "modisco": kinds.MODISCO,
    "atac_diff": kinds.ATAC_DIFF,
    "atac_diff_imputed": kinds.IMPUTED,
}
OF_QUERY = {"scbasset": kinds.MODEL, "scembed": kinds.SCEMBED, "cell_type": kinds.CELL_TYPE}


def read(store, name):
    if store == "h5mu" and name == "data":
        return md.read_h5mu(ARCHIVES / "data.h5mu")["atac"]
    if store == "zarr":
        with ZipStore(ARCHIVES / f"{name}.zarr.zip", mode="r") as zipped:
            return ad.read_zarr(zipped)
    return ad.read_h5ad(ARCHIVES / f"{name}.h5ad")


@pytest.fixture(scope="module", params=["h5ad", "zarr", "h5mu"])
def archive(request):
    return read(request.param, "data"), read(request.param, "query")


def test_every_result_is_recognised(archive):
    for data, entries in zip(archive, (OF_DATA, OF_QUERY), strict=True):
        for key, kind in entries.items():
            find(data, kind, key)
            others = [other for other in kinds.KINDS if other.verb != kind.verb and holds(data, other, key)]
            assert not others, (key, others)
        left = [key for key in data.uns if key not in entries and writer(data.uns[key])]
        assert set(left) <= {"dna_code"}


def test_the_readers_of_today_read_it(archive):
    data, query = archive
    auroc = sb.metrics.accessibility_auc(data, split=None).per_cell
    assert np.isfinite(auroc).all()
    accessibility = sb.get.accessibility(data)
    np.testing.assert_allclose(accessibility, data.layers["scbasset"], atol=0.02)  # float16
    assert len(sb.get.history(data)) == len(sb.get.history(data, key="second")) == 2
    assert sb.get.report(data).numbers
    scores = sb.get.gene_scores(data)
    np.testing.assert_array_equal(scores.X, data.obsm["gene_scores"])
    assert list(scores.var_names) == ["near", "other"]
    assert sb.get.gene_scores(data, key="gene_scores_raw").shape == (40, 2)
    activity = sb.get.tf_activity(data)
    np.testing.assert_array_equal(activity.X, data.obsm["tf_activity"])
    assert sb.get.ism(data).raw.shape[1:3] == (2, 40)
    assert sb.get.ism(data, key="ism_second").raw.shape[1:3] == (1, 30)
    assert {"motif", "region", "group"} <= set(sb.get.motif_hits(data))
    assert len(sb.get.modisco(data)) == 10  # two in each of five groups
    assert len(sb.get.variant_effect(data, groupby="cell_type")) >= 2
    assert len(sb.get.variant_effect(data, skipped=True))
    imputed = sb.get.imputed(data)
    np.testing.assert_allclose(imputed, data.layers["imputed"], atol=1e-5)
    assert np.isfinite(sb.get.accessibility(query).to_numpy()).all()
    assert query.obs["cell_type"].notna().all()


def test_plots_draw_it(archive):
    data, _ = archive
    sb.pl.history(data)
    sb.pl.tf_activity(data)
    sb.pl.ism(data, [0, 1])
    sb.pl.modisco(data)


def test_verbs_go_on_from_it(archive):
    data, _ = archive
    made = sb.tl.generate(data, 4, steps=2, accelerator="cpu")
    assert made.shape == (4, 60)
    again = data.copy()
    sb.tl.ism(again, [0], window=20)  # replaced: its own
    sb.tl.scembed(again, n_latent=4, max_epochs=1, min_count=1, tokens_key="half_tokens", key_added="half_scembed")
    with pytest.raises(ValueError, match="is of the model 'second'"):
        sb.tl.ism(again, [0], window=20, key_added="ism_second")
    with pytest.raises(ValueError, match=r"uns\['scembed'\] is there already.*but from tl.scembed|another result"):
        sb.tl.ism(again, [0], window=20, key_added="scembed")
    sb.tl.scbasset(again, trunk=4, n_latent=6, max_epochs=1, batch_key="batch", rng=9)
    with pytest.raises(ValueError, match=r"trained again.*run tl.gene_scores again"):
        sb.get.gene_scores(again)


@pytest.mark.parametrize("store", ["h5ad", "zarr"])
def test_generated_cells_are_read(store):
    made = read(store, "generated")
    assert writer(made.uns["atac_diff_generated"]) == "tl.generate"
    find(made, kinds.GENERATED, "atac_diff_generated")
