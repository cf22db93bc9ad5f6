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
