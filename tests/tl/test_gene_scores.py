"""tl.gene_scores against plain means over peaks; annotation, slots, files and containers."""

import warnings

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest

import scbasset_tl as sb


@pytest.fixture
def genes(trained):
    """Six genes beside peaks, one of two start sites, one far from any peak, one on no contig of the data."""
    var = trained.var.iloc[[3, 10, 11, 30, 50]]
    table = pd.DataFrame({
        "gene": ["a", "b", "c", "d", "e", "a", "far", "none"],
        "chr": [*var["chr"].astype(str), str(trained.var["chr"].iloc[40]), "chr1", "chrM"],
        "tss": [*(var["end"] + 300), trained.var["start"].iloc[40], 10**7, 5],
    })  # fmt: skip
    return table


def peaks_of(adata, table, gene, distance):
    rows = table[table["gene"] == gene]
    found = []
    for number, peak in enumerate(adata.var.itertuples()):
        for row in rows.itertuples():
            gap = max(peak.start - row.tss, row.tss - (peak.end - 1), 0)
            if peak.chr == row.chr and gap <= distance and number not in found:
                found.append(number)
    return found


@pytest.mark.parametrize("promoter", [301, 2000])
@pytest.mark.parametrize(
    "arguments", [{}, {"scale": "sigmoid"}, {"normalize_depth": False}, {"scale": "sigmoid", "normalize_depth": False}]
)
def test_scores_are_means_over_promoter_peaks(trained, genes, arguments, promoter):
    sb.tl.gene_scores(trained, genes, promoter=promoter, **arguments)
    entry = trained.uns["gene_scores"]
    accessibility = sb.get.accessibility(trained, **arguments).to_numpy(np.float64)
    assert list(entry["names"]) == ["a", "b", "c", "d", "e"]
    assert list(entry["skipped"]) == ["far", "none"]
    scores = trained.obsm["gene_scores"]
    assert scores.dtype == np.float32
    for number, gene in enumerate(entry["names"]):
        peaks = peaks_of(trained, genes, gene, promoter)
        assert entry["n_peaks"][number] == len(peaks)
        np.testing.assert_allclose(scores[:, number], accessibility[:, peaks].mean(axis=1), rtol=0, atol=1e-5)


def test_raw_scores_are_shares_of_open_peaks(trained, genes):
    before = trained.X.copy()
    for column in ("X_scbasset",):
        del trained.obsm[column]  # no model is needed
    sb.tl.gene_scores(trained, genes, kind="raw", normalize_depth=False)
    opened = trained.X.toarray() > 0
    names = list(trained.uns["gene_scores_raw"]["names"])
    expected = np.stack([opened[:, peaks_of(trained, genes, gene, 2000)].mean(axis=1) for gene in names], axis=1)
    np.testing.assert_allclose(trained.obsm["gene_scores_raw"], expected, atol=1e-6)
    sb.tl.gene_scores(trained, genes, kind="raw")
    depth = opened.sum(axis=1)
    np.testing.assert_allclose(
        trained.obsm["gene_scores_raw"], expected * (np.median(depth) / depth)[:, None], rtol=1e-5, atol=1e-6
    )
    trained.layers["counts"], trained.X = before, None
    sb.tl.gene_scores(trained, genes, kind="raw", layer="counts", normalize_depth=False, key_added="r")
    np.testing.assert_allclose(trained.obsm["r"], expected, atol=1e-6)


def test_a_gtf_gives_what_its_table_gives(trained, genes, tmp_path):
    lines = [
        f'{row.chr}\tx\ttranscript\t{row.tss + 1}\t{row.tss + 900}\t.\t+\t.\tgene_id "{row.gene}";'
        for row in genes.itertuples()
    ]
    (tmp_path / "a.gtf").write_text("\n".join(lines) + "\n")
    sb.tl.gene_scores(trained, tmp_path / "a.gtf", key_added="gtf")
    sb.tl.gene_scores(trained, genes)
    np.testing.assert_array_equal(trained.obsm["gtf"], trained.obsm["gene_scores"])


def annotation(adata):
    """As in 10x Genomics' atac_peak_annotation.tsv: several genes in one line, distance 0 in the body of a gene."""
    names = [
        f"{chrom}_{start}_{end}"
        for chrom, start, end in zip(*(adata.var[c] for c in ("chr", "start", "end")), strict=True)
    ]
    return pd.DataFrame({
        "peak": [names[3], names[4], names[9], names[20], "chr1_999999999_999999999", names[5], names[6]],
        "gene": ["A;B", "A", "C", np.nan, "D", "B", "B"],
        "distance": ["-1500;20", "0", "90000", "5", "0", "0", "50000"],
        "peak_type": ["promoter;promoter", "promoter", "distal", "intergenic", "promoter", "distal", "distal"],
    })  # fmt: skip


def test_annotation_that_muon_keeps(trained):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # muon and umap warn of other packages
        from muon import atac

        atac.tl.add_peak_annotation(trained, annotation(trained))
    sb.tl.gene_scores(trained)
    entry = trained.uns["gene_scores"]
    assert list(entry["names"]) == ["A", "B"]
    assert list(entry["n_peaks"]) == [2, 1]
    assert list(entry["skipped"]) == ["C", "D"]
    accessibility = sb.get.accessibility(trained, var=[3, 4]).to_numpy()
    np.testing.assert_allclose(trained.obsm["gene_scores"][:, 0], accessibility.mean(axis=1), atol=1e-5)
    trained.var_names = [f"peak{number}" for number in range(trained.n_vars)]
    sb.tl.gene_scores(trained, promoter=100)
    assert list(trained.uns["gene_scores"]["n_peaks"]) == [1, 1]


def test_get_is_an_anndata_for_scanpy(trained, genes):
    import scanpy as sc

    trained.uns["cell_type_colors"] = ["red"] * 5
    sb.tl.gene_scores(trained, genes)
    sb.tl.gene_scores(trained, genes, kind="raw")
    scores = sb.get.gene_scores(trained)
    assert isinstance(scores, ad.AnnData)
    assert scores.obs.equals(trained.obs)
    assert list(scores.obsm) == ["X_scbasset"]
    assert not scores.layers
    assert list(scores.uns) == ["cell_type_colors"]
    np.testing.assert_array_equal(scores.X, trained.obsm["gene_scores"])
    scores.X[:] = 0
    assert trained.obsm["gene_scores"].any()
    assert sc.get.obs_df(scores, ["a", "b"]).shape == (50, 2)
    assert sb.get.gene_scores(trained, key="gene_scores_raw").n_vars == 5


def test_containers_and_files(trained, genes, tmp_path):
    copy = sb.tl.gene_scores(trained, genes, key_added="mine", copy=True)
    assert "mine" not in trained.obsm
    assert "mine" in copy.uns
    mdata = md.MuData({"peaks": trained.copy()})
    sb.tl.gene_scores(mdata, genes.iloc[:6], mod="peaks")  # none is skipped
    mdata.write_h5mu(tmp_path / "m.h5mu")
    again = sb.get.gene_scores(md.read_h5mu(tmp_path / "m.h5mu"), mod="peaks")
    assert list(again.var_names) == ["a", "b", "c", "d", "e"]
    view = trained[:20]
    sb.tl.gene_scores(view, genes)
    np.testing.assert_allclose(view.obsm["gene_scores"], copy.obsm["mine"][:20], atol=1e-6)
    for write, read in (("write_h5ad", ad.read_h5ad), ("write_zarr", ad.read_zarr)):
        getattr(copy, write)(tmp_path / write)
        found = sb.get.gene_scores(read(tmp_path / write)[10:15], key="mine")
        np.testing.assert_array_equal(found.X, copy.obsm["mine"][10:15])
        assert [str(name) for name in read(tmp_path / write).uns["mine"]["skipped"]] == ["far", "none"]


def test_skipped_genes_and_other_assemblies_are_said(trained, genes, capsys):
    with sb.settings.override(verbosity=2):
        sb.tl.gene_scores(trained, genes)
    assert "2 of 7 genes have no peak within 2,000 bp of their start: far, none" in capsys.readouterr().err


def test_start_sites_that_are_nowhere_near_peaks_are_said(capsys):
    """Peaks at the start sites of one assembly, and the annotation of another."""
    from scbasset_tl._adata.rna.gene_scores import promoters

    rng = np.random.default_rng(0)
    tss = np.sort(rng.choice(3_000_000, 300, replace=False))
    var = pd.DataFrame({"chr": "chr1", "start": tss, "end": tss + 300}, index=[f"p{number}" for number in range(300)])
    adata = ad.AnnData(np.ones((2, 300), dtype=np.float32), var=var)
    for shift, said in ((0, False), (7_000, True)):
        table = pd.DataFrame({"gene": [f"g{number}" for number in range(300)], "chr": "chr1", "tss": tss + shift})
        with sb.settings.override(verbosity=1):
            promoters(adata, table, 2000)
        assert ("another assembly" in capsys.readouterr().err) == said


def scaffold_data(contigs, table):
    """Peaks on contigs, at the start sites of ``table``."""
    var = pd.DataFrame({"chr": contigs, "start": table["tss"], "end": table["tss"] + 300})
    var.index = [f"p{number}" for number in range(len(var))]
    return ad.AnnData(np.ones((2, len(var)), dtype=np.float32), var=var)


@pytest.mark.parametrize(
    ("genes_on", "peaks_on"),
    [("1", "chr1"), ("chr1", "1"), ("NC_000001.11", "CHR1"), ("1", "atac:chr1"), ("chr1", "GRCh38_chr1")],
)
def test_contigs_of_genes_and_peaks_in_any_spelling(genes_on, peaks_on):
    from scbasset_tl._adata.rna.gene_scores import promoters

    table = pd.DataFrame({"gene": list("abc"), "chr": [genes_on, genes_on, "GL000194.1"], "tss": [5, 9000, 70]})
    for scaffold in ("GL000194.1", "chr4_GL000194v1_random", "chr4-GL000194v1-random"):
        adata = scaffold_data([peaks_on, peaks_on, scaffold], table)
        found = promoters(adata, table, 2000)
        assert list(found.names) == ["a", "b", "c"]
        assert np.array_equal(found.weights.toarray(), np.eye(3))
        assert adata.var["chr"].tolist() == [peaks_on, peaks_on, scaffold]


def test_other_contigs_are_said_but_not_of_a_part_of_the_genome(capsys):
    from scbasset_tl._adata.rna.gene_scores import promoters

    table = pd.DataFrame({"gene": list("abc"), "chr": ["NC_1", "NC_2", "MT"], "tss": [5, 900, 70]})
    for contigs, said in ((["chr1", "chr2", "MT"], True), (["MT"] * 3, False)):
        with sb.settings.override(verbosity=1):
            promoters(scaffold_data(contigs, table), table, 2000)
        assert ("WARNING: 2 of 3 start sites are on contigs without peaks" in capsys.readouterr().err) == said


def test_slots_that_hold_something_else(trained, genes):
    expected = sb.tl.gene_scores(trained, genes, copy=True).obsm["gene_scores"]
    trained.uns["dna_code"] = 5
    sb.tl.gene_scores(trained, genes)
    np.testing.assert_array_equal(trained.obsm["gene_scores"], expected)
