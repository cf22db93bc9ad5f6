"""tl.gene_scores and what reads it: what is refused."""

import warnings

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
from changes import drop, put, trained

import scbasset_tl as sb
from scbasset_tl import _space

GENES = pd.DataFrame(
    {"gene": ["a", "b", "c"], "chr": "chr1", "start": [500, 9_000, 31_000], "end": [800, 9_900, 34_000]}
)
GENES["strand"] = ["+", "-", "+"]


def scored(*changes):
    """The same with scores, changed in turn."""

    def make(world):
        data = trained()(world)
        sb.tl.gene_scores(data, GENES)
        for change in changes:
            change(data)
        return data

    return make


def little(world):
    world.patch.setattr(_space, "available_memory", lambda: 100)
    return trained()(world)


def file(name, text):
    def make(world):
        world.file(name, text)
        return trained()(world)

    return make


def score(genes=GENES, **arguments):
    return lambda world: sb.tl.gene_scores(world.data, genes, **arguments)


def from_file(name):
    return lambda world: sb.tl.gene_scores(world.data, world.folder / name)


def annotated(**columns):
    table = pd.DataFrame({"peak": ["chr1:1000-1300"], "distance": [0], **columns}, index=["a"])
    return trained(put("uns", "atac", {"peak_annotation": table}))


def gtf(*lines):
    return "".join(
        f'{chrom}\tx\t{kind}\t{start}\t{start + 9}\t.\t+\t.\tgene_id "{chrom}{start}";\n'
        for chrom, kind, start in lines
    )


def later(data):
    data.uns["gene_scores"]["schema_version"] = 99


def get(**arguments):
    return lambda world: sb.get.gene_scores(world.data, **arguments)


def table(genes=("a", "b", "c"), n_obs=60, fill=None):
    values = (
        np.random.default_rng(0).random((n_obs, len(genes))) if fill is None else np.full((n_obs, len(genes)), fill)
    )
    return pd.DataFrame(values, index=[f"cell{number}" for number in range(n_obs)], columns=list(genes))


def compare(expression=None, **arguments):
    return lambda world: sb.metrics.gene_expression_correlation(world.data, expression, **arguments)


def multiome(world):
    return md.MuData({"atac": scored()(world), "rna": ad.AnnData(table())})


def another(data):
    data.uns["m2"] = data.uns["scbasset"]


def retrained(data):
    data.obs["scbasset_bias"] = data.obs["scbasset_bias"] + 1


def repeat(rna):
    rna.obs_names = ["cell0", *rna.obs_names[:-1]]


def no_matrix(rna):
    rna.X = None


def multiome_with(change):
    """RNA that something is wrong with."""

    def make(world):
        rna = ad.AnnData(table())
        change(rna)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # mudata warns of names that repeat
            return md.MuData({"atac": scored()(world), "rna": rna})

    return make


CASES = {
    "tl.gene_scores": [
        ("before training", None, score(), KeyError, "uns['scbasset'] holds no trained model", "tl.scbasset"),
        ("no genes and no annotation of the peaks", trained(), score(None), KeyError, "uns['atac']['peak_annotation']",
         "add_peak_annotation"),
        ("an annotation without distances", trained(put("uns", "atac", {"peak_annotation": pd.DataFrame({"peak": ["x"]})})),
         score(None), KeyError, "peak and distance"),
        ("an annotation of other peaks", annotated(peak=["chr1:7-9"]), score(None), ValueError, "other peaks", "chr1:7-9"),
        ("an annotation without promoters", annotated(distance=[50_000]), score(None), ValueError, "2,000 bp", "promoter="),
        ("no such file", trained(), from_file("genes.gtf"), FileNotFoundError, "genes.gtf"),
        ("a number for the genes", trained(), score(3), TypeError, "genes must be a path"),
        ("a list of names", trained(), score(["GATA1"]), TypeError, "genes must be a path"),
        ("a table without contigs", trained(), score(GENES.drop(columns="chr")), KeyError, "contig chr", "'strand'"),
        ("a table without start sites", trained(), score(GENES.drop(columns="strand")), KeyError, "tss (0-based)"),
        ("a table without names", trained(), score(GENES.drop(columns="gene")), KeyError, "need a name"),
        ("a strand of `.`", trained(), score(GENES.assign(strand=["+", ".", "."])), ValueError, "2 of 3", "b (.)"),
        ("a negative position", trained(), score(GENES.assign(start=[-4, 9, 9])), ValueError, "start is no position", "a (-4)"),
        ("an empty table", trained(), score(GENES[:0]), ValueError, "no row"),
        ("an empty file", file("a.tsv", ""), from_file("a.tsv"), ValueError, "a.tsv cannot be read"),
        ("a GFF3 without a line", file("a.gff3", "##gff-version 3\n"), from_file("a.gff3"), ValueError, "a.gff3 has no line"),
        ("a GTF without genes", file("a.gtf", gtf(("chr1", "intron", 5))), from_file("a.gtf"), ValueError,
         "no line of a gene, a transcript or an exon"),
        ("a BED without strands", file("a.bed", "chr1\t5\t9\tabc\n"), from_file("a.bed"), KeyError, "and strand", "'end'"),
        ("a GTF of another species", file("a.gtf", gtf(("I", "gene", 500), ("II", "gene", 5))), from_file("a.gtf"),
         ValueError, "['I', 'II']", "['chr1']", "in any spelling", "another assembly or species"),
        ("a GTF of another assembly", file("a.gtf", gtf(("chr1", "gene", 5_000_000))), from_file("a.gtf"), ValueError,
         "none of the 1 start sites", "another assembly"),
        ("peaks without regions", trained(lambda data: setattr(data, "var_names", [f"p{i}" for i in range(90)])), score(),
         KeyError, "adata.var has no columns chr, start, end"),
        ('`kind="both"`', trained(), score(kind="both"), ValueError, "['denoised', 'raw']"),
        ('`scale="linear"`', trained(), score(scale="linear"), ValueError, "['logit', 'sigmoid']"),
        *((f"`promoter={value!r}`", trained(), score(promoter=value), ValueError, "promoter", repr(value)) for value in (-1, 0.5)),
        ("`promoter` beyond any genome", trained(), score(promoter=2**63), ValueError, "at most 1,000,000,000 bp"),
        ("a layer for denoised scores", trained(), score(layer="counts"), ValueError, "layer= means nothing", "'raw'"),
        ("a scale for raw scores", trained(), score(kind="raw", scale="sigmoid"), ValueError, "scale= means nothing"),
        ("a model for raw scores", trained(), score(kind="raw", key="m"), ValueError, "key= means nothing", "'denoised'"),
        ("`uns['atac']` of another kind", trained(put("uns", "atac", 3)), score(None), KeyError, "add_peak_annotation"),
        ("an end before the start", trained(), score(GENES.assign(end=[800, 9, 34_000])), ValueError, "1 of 3", "b (9)"),
        ("scores of another model there", scored(another), score(key="m2"), ValueError, "of the model 'scbasset'", "key_added"),
        ("a layer that is not there", trained(), score(kind="raw", layer="counts"), KeyError, "no layer 'counts'"),
        ("scores that do not fit into memory", little, score(), MemoryError, "60 cells × 3 genes", "fewer genes"),
        ("`key_added` of an embedding", trained(put("obsm", "X_pca", np.ones((60, 2)))), score(key_added="X_pca"), ValueError,
         "obsm['X_pca'] is there already"),
        ('`key_added="a/b"`', trained(), score(key_added="a/b"), ValueError, "without '/'"),
        ('`key_added="scbasset"`', trained(), score(key_added="scbasset"), ValueError, "another name"),
        ("`get.gene_scores` without scores", trained(), get(), KeyError, "holds no gene scores", "tl.gene_scores(data, genes)"),
        ("`get.gene_scores` without raw ones", scored(), get(key="gene_scores_raw"), KeyError, "kind='raw'"),
        ("scores are gone", scored(drop("obsm", "gene_scores")), get(), KeyError, "obsm['gene_scores']", "is gone"),
        ("scores before training again", scored(retrained), get(), ValueError, "run tl.gene_scores again"),
        ("fewer scores than names", scored(put("obsm", "gene_scores", np.ones((60, 2)))), get(), ValueError, "(60, 2)", "3 names"),
        ("scores of a later version", scored(later), get(), ValueError, "schema 99", "update"),
    ],
    "metrics.gene_expression_correlation": [
        ("no scores", trained(), compare(table()), KeyError, "uns['gene_scores'] holds no gene scores"),
        ("no baseline", scored(), compare(table(), baseline="gene_scores_raw"), KeyError, "kind='raw'"),
        ("an AnnData without a table", scored(), compare(), TypeError, "expression="),
        ("an array for the table", scored(), compare(np.ones((60, 3))), TypeError, "must be a DataFrame", "ndarray"),
        ("no such modality", multiome, compare(rna="gex"), KeyError, "no modality 'gex'"),
        ("no such layer", multiome, compare(layer="norm"), KeyError, "no layer 'norm'"),
        ("symbols that are no column", multiome, compare(gene_symbols="symbol"), KeyError, "'symbol'"),
        ("genes under other names", scored(), compare(table(("ENSG1", "ENSG2", "ENSG3"))), ValueError, "0 of 3", "gene_symbols="),
        ("cells that are not shared", scored(), compare(table(n_obs=2)), ValueError, "share 2 cells"),
        ("cell names that repeat", multiome_with(repeat), compare(), ValueError, "cell names repeat", "cell0"),
        ("RNA without `.X`", multiome_with(no_matrix), compare(), ValueError, "no .X", "layer="),
        ("expression that is text", scored(), compare(table().astype(str)), ValueError, "3 of 3 genes that are no numbers"),
        ("NaN in the expression", scored(), compare(table(fill=np.nan)), ValueError, "NaN or infinite"),
        ("expression that does not vary", scored(), compare(table(fill=1.0)), ValueError, "do not vary"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("section", "case"), [pytest.param(section, case, id=case[0]) for section, rows in CASES.items() for case in rows]
)
def test_refused(refused, section, case):
    refused(section, *case)


def test_the_page_has_these_rows(page):
    page.hold_order(CASES)
