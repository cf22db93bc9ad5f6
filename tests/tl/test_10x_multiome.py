"""From Cell Ranger ARC's h5 to a trained MuData: the layout that muon reads is what every verb takes."""

import h5py
import mudata as md
import numpy as np
import pytest
import scipy.sparse as sp

import scbasset_tl as sb


@pytest.fixture
def multiome(tmp_path):
    """``filtered_feature_bc_matrix.h5`` of 60 cells, 12 + 8 genes and 200 peaks, and the data it was made from."""
    toy = sb.datasets.toy_mudata(n_obs=60, n_vars=200, n_genes=8, depth=60)
    rna, atac = toy["rna"], toy["atac"]
    counts = sp.hstack([rna.X, atac.X]).tocsr()
    genes, peaks = [*rna.var_names], [*atac.var_names]
    features = {
        "_all_tag_keys": ["genome", "interval"],
        "feature_type": ["Gene Expression"] * len(genes) + ["Peaks"] * len(peaks),
        "genome": ["GRCh38"] * (len(genes) + len(peaks)),
        "id": [*(f"ENSG{number:011}" for number in range(len(genes))), *peaks],
        "interval": [*("chr1:1-2" for _ in genes), *peaks],
        "name": genes + peaks,
    }
    path = tmp_path / "filtered_feature_bc_matrix.h5"
    with h5py.File(path, "w") as file:
        file.attrs["filetype"], file.attrs["version"] = "matrix", 2
        matrix = file.create_group("matrix")
        matrix["barcodes"] = np.array([f"{name}-1" for name in rna.obs_names], dtype="S")
        matrix["data"], matrix["indices"] = counts.data.astype(np.int32), counts.indices.astype(np.int64)
        matrix["indptr"], matrix["shape"] = counts.indptr.astype(np.int64), np.array(counts.shape[::-1], np.int32)
        for name, values in features.items():
            matrix[f"features/{name}"] = np.array(values, dtype="S")
    return path, toy


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore:Tensorflow not installed:ImportWarning")
def test_a_10x_multiome_file_goes_through_every_verb(multiome, tmp_path):
    import muon as mu

    path, toy = multiome
    mdata = mu.read_10x_h5(path)
    assert list(mdata.mod) == ["rna", "atac"]
    sb.datasets.toy_genome(tmp_path / "genome.fa", n_vars=200)
    sb.pp.add_sequences(mdata, tmp_path / "genome.fa", seq_len=192)
    np.testing.assert_array_equal(mdata["atac"].varm["dna_code"], toy["atac"].varm["dna_code"])
    sb.pp.filter_peaks(mdata, min_cells=1)
    sb.pp.split_peaks(mdata, fractions=(0.8, 0.1, 0.1))
    sb.pp.downsample_counts(mdata, 0.9)
    sb.pp.shuffle_accessibility(mdata, by="peak")
    sb.tl.scbasset(mdata, trunk=4, max_epochs=1)
    mdata["rna"].obsm["X_pca"] = mdata["rna"].X.toarray()[:, :5]
    assert 0 <= sb.metrics.neighbor_score(mdata, other_mod="rna", other_rep="X_pca", k=10) <= 1
    mdata.write_h5mu(tmp_path / "trained.h5mu")
    again = md.read_h5mu(tmp_path / "trained.h5mu")
    assert sb.get.accessibility(again).equals(sb.get.accessibility(mdata))
    assert again["atac"].layers["shuffled"].shape == again["atac"].shape
