"""The five steps of the scEmbed guide, after changing the imports."""

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.io

import scbasset_tl as sb

pytest.importorskip("pyarrow")


def test_the_guide(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    toy = sb.datasets.toy(n_obs=120, n_vars=400, depth=150)
    scipy.io.mmwrite("matrix.mtx", toy.X.T)
    toy.obs_names.to_series().to_csv("barcodes.txt", index=False, header=False)
    toy.var[["chr", "start", "end"]].to_csv("peaks.bed", sep="\t", index=False, header=False)
    toy.var[["chr", "start", "end"]].to_csv("universe.bed", sep="\t", index=False, header=False)

    barcodes = pd.read_csv("barcodes.txt", header=None, names=["barcode"])
    peaks = pd.read_csv("peaks.bed", sep="\t", header=None, names=["chr", "start", "end"])
    matrix = scipy.io.mmread("matrix.mtx").tocsr()
    barcodes.index, peaks.index = barcodes.index.astype(str), peaks.index.astype(str)  # anndata says so aloud
    adata = anndata.AnnData(X=matrix.T, obs=barcodes, var=peaks)
    adata.write("scatac_data.h5ad")

    from scbasset_tl.compat.geniml import tokenize_cells

    tokenize_cells(adata="scatac_data.h5ad", universe_file="universe.bed", output="tokenized_cells.parquet")

    from scbasset_tl.compat.geniml import Region2VecDataset, ScEmbed

    dataset = Region2VecDataset("tokenized_cells.parquet")
    model = ScEmbed(embedding_dim=100, window_size=5, negative_samples=5)
    model.train(dataset=dataset, epochs=100, batch_size=256, learning_rate=0.025)
    model.save("scembed_model/")

    model = ScEmbed.from_pretrained("scembed_model/")
    embeddings = model.encode(adata)
    adata.obsm["scembed_X"] = embeddings
    assert embeddings.shape == (120, 100)

    import scanpy as sc

    sc.pp.neighbors(adata, use_rep="scembed_X")

    from scbasset_tl.compat.geniml import annotate_celltypes

    reference = adata.copy()
    reference.obs["cell_type"] = toy.obs["cell_type"].to_numpy()
    annotations = annotate_celltypes(query_adata=adata, reference_adata=reference, embedding_key="scembed_X", k=10)
    adata.obs["cell_type"] = annotations
    assert (adata.obs["cell_type"].astype(str) == reference.obs["cell_type"].astype(str)).mean() > 0.6
    np.testing.assert_array_equal(model.encode(adata), embeddings)


def test_untrained_and_unknown_models():
    from scbasset_tl.compat.geniml import ScEmbed

    with pytest.raises(ValueError, match="is not trained"):
        ScEmbed().save("model")
    with pytest.raises(FileNotFoundError, match="huggingface_hub"):
        ScEmbed.from_pretrained("databio/scembed-pbmc-10k")
    with pytest.raises(FileNotFoundError, match="huggingface_hub"):
        ScEmbed("databio/scembed-pbmc-10k")
    with pytest.raises(TypeError, match="pass embedding_dim=50"):
        ScEmbed(50)


def test_a_name_of_the_hub_is_a_model_and_export_writes_what_geniml_loads(tmp_path, monkeypatch):
    import sys
    from types import SimpleNamespace

    from scbasset_tl.compat.geniml import ScEmbed

    toy = sb.datasets.toy(n_obs=60, n_vars=200)
    sb.tl.scembed(toy, n_latent=6, max_epochs=1, min_count=3)
    sb.io.write_scembed(toy, tmp_path / "ours")
    model = ScEmbed.from_pretrained(tmp_path / "ours")
    model.export(tmp_path / "exported")
    fetch = SimpleNamespace(snapshot_download=lambda name, allow_patterns: str(tmp_path / "exported"))
    monkeypatch.setitem(sys.modules, "huggingface_hub", fetch)
    for fetched in (ScEmbed("databio/model"), ScEmbed.from_pretrained("databio/model")):
        np.testing.assert_allclose(fetched.encode(toy), toy.obsm["X_scembed"], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("place", ["elsewhere", "inside", "as universe.bed"])
def test_a_folder_as_geniml_exports_it(tmp_path, place):
    """The weights and the configuration, without the universe."""
    import torch
    import yaml

    from scbasset_tl.compat.geniml import ScEmbed

    folder = tmp_path / "export"
    folder.mkdir()
    weights = torch.arange(36.0).reshape(9, 4)
    torch.save({"projection.weight": weights}, folder / "checkpoint.pt")
    (folder / "config.yaml").write_text(yaml.safe_dump({"vocab_size": 9, "embedding_dim": 4}))
    with pytest.raises(FileNotFoundError, match=r"from_pretrained\(path, universe_file_name="):
        ScEmbed.from_pretrained(folder)
    name = "universe.bed" if place == "as universe.bed" else "peaks.bed"
    bed = (tmp_path if place == "elsewhere" else folder) / name
    bed.write_text("chr1\t0\t300\nchr1\t1000\t1300\n")
    given = {"elsewhere": bed, "inside": "peaks.bed", "as universe.bed": None}[place]
    model = ScEmbed.from_pretrained(folder, universe_file_name=given)
    data = anndata.AnnData(np.array([[1.0, 0], [1, 1]], dtype=np.float32))
    data.obs_names, data.var_names = ["a", "b"], ["chr1:10-200", "chr1:1000-1300"]
    np.testing.assert_allclose(model.encode(data), [[0, 1, 2, 3], [2, 3, 4, 5]])
