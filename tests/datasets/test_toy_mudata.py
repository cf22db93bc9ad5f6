"""Gene expression beside the toy cells: TF genes follow the types in which their motifs act."""

import warnings

import mudata
import numpy as np
import pytest
from scipy import sparse

import scbasset_tl as sb


@pytest.fixture(scope="module")
def mdata():
    return sb.datasets.toy_mudata(n_obs=300, n_vars=100, n_genes=50, rng=2)


def test_atac_is_the_toy_data(mdata):
    atac, toy = mdata["atac"], sb.datasets.toy(n_obs=300, n_vars=100, rng=2)
    assert (atac.X != toy.X).nnz == 0
    np.testing.assert_array_equal(atac.varm["dna_code"], toy.varm["dna_code"])
    assert atac.uns["toy"]["params"] == toy.uns["toy"]["params"]
    assert mdata["rna"].obs_names.equals(atac.obs_names)
    assert mdata["rna"].obs["cell_type"].equals(atac.obs["cell_type"])


def test_tf_genes_follow_their_motifs(mdata):
    rna, motifs = mdata["rna"], mdata["atac"].uns["toy"]["motifs"]
    types = rna.obs["cell_type"].cat.categories
    for number, name in enumerate(motifs["name"]):
        level = [rna[rna.obs["cell_type"] == type_, name].X.mean() for type_ in types]
        acts = motifs["effect"][number] != 0
        if acts.any() and not acts.all():
            assert np.min(np.array(level)[acts]) > 2.5 * np.max(np.array(level)[~acts])
        else:
            assert max(level) < 1.8 * min(level)
    assert rna.var.loc[motifs["name"], "kind"].tolist() == motifs["kind"].tolist()


def test_a_repressor_is_expressed_where_its_peaks_are_closed(mdata):
    rna, atac = mdata["rna"], mdata["atac"]
    motifs = atac.uns["toy"]["motifs"]
    (repressor,) = np.flatnonzero(motifs["kind"] == "repressor")
    acts = motifs["effect"][repressor] != 0
    level = np.array(
        [
            rna[rna.obs["cell_type"] == type_, motifs["name"][repressor]].X.mean()
            for type_ in atac.uns["toy"]["cell_types"]
        ]
    )
    repressed = (atac.varm["toy_sites"][..., 0] == repressor).any(1)
    effect = atac.varm["toy_effect"][repressed].mean(0)
    assert level[acts].min() > level[~acts].max()
    assert effect[acts].max() < effect[~acts].min()


def test_other_genes_are_alike_in_all_types(mdata):
    rna = mdata["rna"]
    other = rna[:, rna.var["kind"] == "other"]
    assert other.n_vars == 50
    level = np.array(
        [other[other.obs["cell_type"] == type_].X.mean() for type_ in other.obs["cell_type"].cat.categories]
    )
    assert level.max() < 1.3 * level.min()
    assert sparse.issparse(rna.X)
    assert (rna.X.data == rna.X.data.round()).all()


def test_round_trip(tmp_path, mdata):
    mdata.write_h5mu(tmp_path / "toy.h5mu")
    read = mudata.read_h5mu(tmp_path / "toy.h5mu")
    assert (read["atac"].X != mdata["atac"].X).nnz == 0
    assert (read["rna"].X != mdata["rna"].X).nnz == 0
    for name in ("dna_code", "toy_sites", "toy_effect"):
        np.testing.assert_array_equal(read["atac"].varm[name], mdata["atac"].varm[name])
    motifs = mdata["atac"].uns["toy"]["motifs"]
    for name, value in read["atac"].uns["toy"]["motifs"].items():
        assert value.tolist() == motifs[name].tolist()
    assert read["atac"].uns["toy"]["best_auroc"] == mdata["atac"].uns["toy"]["best_auroc"]
    assert read["atac"].uns["dna_code"] == mdata["atac"].uns["dna_code"]


def test_bad_arguments():
    with pytest.raises(ValueError, match="n_genes must be a whole number of at least 0, got -1"):
        sb.datasets.toy_mudata(n_genes=-1)
    with pytest.raises(TypeError, match="n_cells"):
        sb.datasets.toy_mudata(n_cells=10)
    assert sb.datasets.toy_mudata(n_obs=20, n_vars=20, n_types=2, n_genes=0)["rna"].n_vars == 8


def test_columns_are_pulled_without_a_warning():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        mdata = sb.datasets.toy_mudata(n_obs=20, n_vars=40)
    assert [str(one.message) for one in caught] == []
    assert mdata.obs["rna:cell_type"].tolist() == mdata["rna"].obs["cell_type"].tolist()
    assert mdata.var["atac:chr"].notna().sum() == 40
