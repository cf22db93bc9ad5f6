"""Data that are read lazily, and dask arrays: every verb gives what it gives in memory."""

import anndata as ad
import dask.array as da
import numpy as np
import pandas as pd
import pytest

import scbasset_tl as sb

pytestmark = pytest.mark.filterwarnings("ignore")  # those of readers that are experimental


@pytest.fixture(scope="module")
def adata():
    adata = sb.datasets.toy(n_obs=40, n_vars=80)
    sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    return adata


@pytest.fixture
def lazy(adata, tmp_path):
    adata.write_zarr(tmp_path / "a.zarr")
    return ad.experimental.read_lazy(tmp_path / "a.zarr")


@pytest.fixture
def chunked(adata):
    chunked = adata.copy()
    chunked.X = da.from_array(adata.X.toarray(), chunks=(20, 80))
    return chunked


@pytest.fixture(params=["lazy", "chunked"])
def other(request):
    return request.getfixturevalue(request.param)


def test_training_is_the_same(adata, other):
    sb.tl.scbasset(other, trunk=8, max_epochs=1, batch_key="cell_type", key_added="again")
    expected = sb.tl.scbasset(adata, trunk=8, max_epochs=1, batch_key="cell_type", key_added="again", copy=True)
    np.testing.assert_array_equal(np.asarray(other.obsm["again"]), expected.obsm["again"])


def test_readers_are_the_same(adata, other):
    for read in (
        lambda data: sb.get.accessibility(data, groupby="cell_type"),
        lambda data: sb.get.accessibility(data, obs=[0, 3], var=[1, 2]),
        lambda data: sb.metrics.accessibility_auc(data).per_cell.to_frame(),
    ):
        pd.testing.assert_frame_equal(read(other), read(adata), check_names=False)
    assert sb.metrics.label_score(other, label_key="cell_type", k=9) == sb.metrics.label_score(
        adata, label_key="cell_type", k=9
    )
    assert str(sb.get.report(other)) == str(sb.get.report(adata))


def test_verbs_that_write_are_the_same(adata, other):
    motif = sb.genome.Motif("M1", "TF1", adata.uns["toy"]["motifs"]["pwm"][0])
    expected = adata.copy()
    for data in (other, expected):
        sb.tl.tf_activity(data, motif, groupby="cell_type", n_background=10, n_null=20)
        sb.tl.denoise(data)
        sb.tl.ism(data, [0], window=5)
    np.testing.assert_array_equal(other.obsm["tf_activity"], expected.obsm["tf_activity"])
    np.testing.assert_array_equal(other.layers["scbasset"], expected.layers["scbasset"])
    pd.testing.assert_frame_equal(sb.get.tf_activity(other).var, sb.get.tf_activity(expected).var)
    np.testing.assert_array_equal(other.uns["ism"]["delta"], expected.uns["ism"]["delta"])


def test_texts_of_stored_results_are_the_same(adata, tmp_path):
    adata = adata.copy()
    motifs = [sb.genome.Motif(f"M{n}", f"TF{n}", pwm) for n, pwm in enumerate(adata.uns["toy"]["motifs"]["pwm"][:2])]
    sb.tl.ism(adata, [0, 1], window=20)
    sb.tl.tf_activity(adata, motifs, groupby="cell_type", n_background=10, n_null=20)
    sb.tl.motif_hits(adata, [0, 1], motifs, groupby="cell_type", p_value=0.1, window=20)
    sb.tl.design(adata, groupby="cell_type", group="type_1", n_sequences=2, n_rounds=1)
    sb.pp.tokenize_regions(adata, adata.var.iloc[::2])
    adata.uns["cell_type_colors"] = np.array(["red", "green", "blue", "black", "grey"], dtype=object)
    adata.write_zarr(tmp_path / "b.zarr")
    lazy = ad.experimental.read_lazy(tmp_path / "b.zarr")
    assert sb.get.ism(lazy).regions == [*adata.var_names[:2]]
    for read in (
        lambda data: sb.get.ism(data).to_frame(),
        lambda data: sb.get.design(data),
        lambda data: sb.get.motif_hits(data),
        lambda data: sb.metrics.motif_match(data, groupby="cell_type").table,
    ):
        pd.testing.assert_frame_equal(read(lazy), read(adata))
    for name, data in (("lazy", lazy), ("memory", adata)):
        sb.io.write_tokens(data, tmp_path / f"{name}.gtok", tokens_key="tokens")
    assert (tmp_path / "lazy.gtok").read_bytes() == (tmp_path / "memory.gtok").read_bytes()
    sb.pl.accessibility(lazy, "cell_type", show=False)


def test_what_concat_drops_is_not_missed(adata, tmp_path):
    adata = adata.copy()
    motif = sb.genome.Motif("M1", "TF1", adata.uns["toy"]["motifs"]["pwm"][0])
    sb.tl.tf_activity(adata, motif, n_background=10, n_null=0)  # no groups
    fasta = sb.datasets.toy_genome(tmp_path / "toy.fa", n_vars=80)
    base = "ACGT"[adata.varm["dna_code"][5, 96]]
    middle = int(adata.var[["start", "end"]].iloc[5].mean())
    table = pd.DataFrame(
        {"chr": adata.var["chr"].iloc[5], "pos": middle + 1, "ref": base, "alt": [*{*"ACGT"} - {base}]}
    )
    sb.tl.variant_effect(adata, table, fasta)  # none skipped
    joined = ad.concat([adata[:15].copy(), adata[15:].copy()], merge="same", uns_merge="same")
    assert "skipped" not in joined.uns["variant_effect"]
    assert len(sb.get.variant_effect(joined, skipped=True)) == 0
    pd.testing.assert_frame_equal(
        sb.get.variant_effect(joined, groupby="cell_type"), sb.get.variant_effect(adata, groupby="cell_type")
    )
    pd.testing.assert_frame_equal(sb.get.tf_activity(joined).var, sb.get.tf_activity(adata).var)
