"""What people bring from scanpy, scvi-tools and geniml: arguments, shapes and columns."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

import scbasset_tl as sb


@pytest.fixture(scope="module")
def adata():
    adata = sb.datasets.toy(n_obs=40, n_vars=80)
    sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    return adata


@pytest.mark.parametrize(
    ("verb", "argument", "here"),
    [
        (sb.tl.scbasset, "seed", "use rng="),
        (sb.tl.scbasset, "random_state", "use rng="),
        (sb.tl.scbasset, "n_epochs", "use max_epochs="),
        (sb.tl.scbasset, "train_size", "fractions=.* of pp.split_peaks"),
        (sb.tl.scbasset, "use_gpu", 'use accelerator="gpu"'),
        (sb.pp.split_peaks, "seed", "use rng="),
        (sb.metrics.label_score, "labels_key", "use label_key="),
        (sb.get.accessibility, "cluster_key", "use groupby="),
    ],
)
def test_arguments_of_other_packages(adata, verb, argument, here):
    with pytest.raises(TypeError, match=f"{verb.__name__}\\(\\) has no argument '{argument}'; .*{here}"):
        verb(adata, **{argument: 1})


def test_an_argument_is_only_translated_into_one_that_is_there(adata):
    with pytest.raises(TypeError, match="unexpected keyword argument 'seed'"):
        sb.get.history(adata, seed=1)
    for argument in ("device", "inplace", "save"):
        with pytest.raises(TypeError, match=f"unexpected keyword argument '{argument}'"):
            sb.metrics.label_score(adata, label_key="cell_type", **{argument: 1})
    # and one of this name is just that
    assert sb.metrics.clustering_scores(adata, label_key="cell_type", cluster_key="cell_type")["ari"] == 1


def test_an_argument_without_its_name(adata):
    with pytest.raises(TypeError, match=r"scbasset\(\) takes only data by position: .* as in argument=48\."):
        sb.tl.scbasset(adata, 48)


def test_clusters_that_were_not_made(adata):
    with pytest.raises(KeyError, match=r"no column 'leiden'; .*scanpy\.tl\.leiden writes it"):
        sb.get.accessibility(adata, groupby="leiden")
    with pytest.raises(KeyError, match=r"no column 'cluster'; it has .*\]\.'?\"?$"):
        sb.get.accessibility(adata, groupby="cluster")


def test_add_dna_sequence():
    with pytest.raises(AttributeError, match=r"here it is pp\.add_sequences\(data, fasta\)"):
        _ = sb.pp.add_dna_sequence
    with pytest.raises(AttributeError, match="no attribute 'umap'"):
        _ = sb.pp.umap


def test_peaks_by_cells_with_sequences_in_obsm(adata):
    turned = AnnData(adata.X.T.tocsr(), obs=adata.var, var=adata.obs, obsm={"dna_code": adata.varm["dna_code"]})
    with pytest.raises(KeyError, match=r"obsm\['dna_code'\] is there: .*adata\.T\.copy\(\)"):
        sb.tl.scbasset(turned)


def test_a_factor_in_place_of_motifs(adata):
    with pytest.raises(FileNotFoundError, match="'GATA1' is no file.*if motif.name == 'GATA1'"):
        sb.tl.tf_activity(adata, "GATA1")


@pytest.mark.parametrize("axis", ["obs", "var"])
def test_two_columns_of_one_name(adata, axis):
    data = adata.copy()
    table = getattr(data, axis)
    setattr(data, axis, pd.concat([table, table.iloc[:, :1]], axis=1))
    name, fix = table.columns[0], rf"data\.{axis}\.columns\.duplicated\(\)"
    for call in (
        lambda: sb.get.accessibility(data, groupby="cell_type"),
        lambda: sb.metrics.label_score(data, label_key="cell_type"),
        lambda: sb.tl.scbasset(data, batch_key="cell_type"),
        lambda: sb.tl.atac_diff(data, condition_keys="cell_type"),
        lambda: sb.pp.split_peaks(data, by="chrom", holdout="chr1"),
    ):
        with pytest.raises(ValueError, match=f"data.{axis} has several columns called {name!r}.*{fix}"):
            call()


def test_no_cells(adata):
    none = adata[:0].copy()
    for call in (
        lambda: sb.get.accessibility(none),
        lambda: sb.tl.denoise(none),
        lambda: sb.get.report(none),
        lambda: sb.metrics.accessibility_auc(none),
        lambda: sb.tl.tf_activity(none, sb.genome.Motif("M", "M", np.eye(4)), n_background=10, n_null=0),
    ):
        with pytest.raises(ValueError, match="data has 0 cells"):
            call()


def test_what_is_printed(tmp_path):
    fasta = sb.datasets.toy_genome(tmp_path / "toy.fa", n_vars=50)
    with sb.genome.Fasta(fasta) as genome:
        assert repr(genome).startswith(f"Fasta({str(fasta)!r}, ")
        assert f"{sum(genome.lengths.values()):,} bp" in repr(genome)
    genes = pd.DataFrame({"gene": ["a", "b", "b"], "chr": "chr1", "tss": [5, 6, 9]})
    assert repr(sb.genome.read_genes(genes)) == "Genes(2 genes with 3 start sites on 1 contigs)"
    variants = pd.DataFrame({"chr": ["chr1", "chr2"], "pos": [1, 1], "ref": ["A", "A"], "alt": ["C", "<DEL>"]})
    assert repr(sb.genome.read_variants(variants)) == "Variants(2 alleles on 2 contigs, 1 skipped)"
    regions = sb.genome.read_regions(pd.DataFrame(index=["chr1:1-9", "chr1:20-30"]))
    assert repr(regions) == "Regions(2 on 1 contigs)"
