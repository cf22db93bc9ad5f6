import anndata as ad
import numpy as np
import pytest
from scipy import sparse


@pytest.fixture
def contigs():
    generator = np.random.default_rng(7)
    lengths = {"chrI": 6000, "chrII": 2500, "chrX": 900}
    return {name: "".join(generator.choice(list("ACGTacgtN"), length)) for name, length in lengths.items()}


@pytest.fixture
def fasta(tmp_path, contigs):
    path = tmp_path / "toy.fa"
    path.write_text("".join(f">{name}\n{sequence}\n" for name, sequence in contigs.items()))
    return path


@pytest.fixture
def atac(contigs):
    """12 cells × 60 peaks whose names and columns are regions; counts with explicit zeros, so as CSR."""
    generator = np.random.default_rng(3)
    chrom = generator.choice(list(contigs), 60, p=[0.6, 0.3, 0.1])
    start = np.array([generator.integers(0, len(contigs[name]) - 40) for name in chrom])
    end = start + generator.integers(1, 40, 60)
    counts = sparse.csr_matrix(generator.poisson(0.6, (12, 60)).astype(np.float32))
    counts.data[::7] = 0
    adata = ad.AnnData(counts)
    adata.var_names = [f"{c}:{s}-{e}" for c, s, e in zip(chrom, start, end, strict=True)]
    adata.var["chr"], adata.var["start"], adata.var["end"] = chrom, start, end
    return adata


@pytest.fixture
def mdata(atac):
    import mudata

    rna = ad.AnnData(np.ones((atac.n_obs, 3), dtype=np.float32))
    rna.var_names = ["gene1", "gene2", "gene3"]
    rna.obs_names = atac.obs_names
    return mudata.MuData({"rna": rna, "atac": atac})


@pytest.fixture
def unchanged():
    """Call before an error that is due; the function returned compares everything with how it was."""

    def parts(adata):
        tables = {"obs": adata.obs, "var": adata.var}
        arrays = {f"varm {key}": value for key, value in adata.varm.items()}
        return tables, {**arrays, "X": adata.X.toarray()}, dict(adata.uns)

    def remember(adata):
        before = parts(adata.copy())

        def check():
            (tables, arrays, uns), (old_tables, old_arrays, old_uns) = parts(adata), before
            assert all(tables[name].equals(old_tables[name]) for name in old_tables)
            assert arrays.keys() == old_arrays.keys()
            assert all(np.array_equal(arrays[name], old_arrays[name]) for name in arrays)
            assert uns == old_uns

        return check

    return remember
