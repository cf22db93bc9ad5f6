"""Annotations and tables of genes as databases and programs write them."""

import bz2
import gzip
import lzma

import numpy as np
import pandas as pd
import pytest
from Bio import bgzf

import scbasset_tl as sb
from scbasset_tl.genome import read_genes

# name, id, contig, first and last base counted from 1, strand, start site counted from 0
GENES = [
    ("abc-1", "G1", "1", 101, 200, "+", 100),
    ("nan", "G2", "1", 301, 400, "-", 399),
    ("xyz", "G3", "X", 11, 50, "+", 10),
]
SITES = {name: (chrom, tss) for name, _, chrom, *_, tss in GENES}


def sites(genes):
    return dict(zip(genes.name, zip(genes.chrom, genes.tss.tolist(), strict=True), strict=True))


def gtf(attributes, feature="gene", source="x"):
    """A line for each gene."""
    return "".join(
        f"{chrom}\t{source}\t{feature}\t{start}\t{end}\t.\t{strand}\t.\t{attributes.format(name=name, id=key)}\n"
        for name, key, chrom, start, end, strand, _ in GENES
    )


def exons(attributes):
    """Two exons for each gene, the later one first."""
    return "".join(
        f"{chrom}\tx\texon\t{a}\t{b}\t.\t{strand}\t.\t{attributes.format(name=name, id=key)}\n"
        for name, key, chrom, start, end, strand, _ in GENES
        for a, b in ((start + 20, end), (start, start + 5))
    )


ANNOTATIONS = {
    "Ensembl GTF": gtf('gene_id "{id}"; gene_version "2"; gene_name "{name}";'),
    "FlyBase GTF": gtf('gene_id "{id}"; gene_symbol "{name}";'),
    "StringTie": gtf(
        'gene_id "MSTRG.{id}"; transcript_id "MSTRG.{id}.1"; ref_gene_name "{name}"; cov "2.1";', "transcript"
    ),
    "NCBI GTF": gtf('gene_id "{name}"; transcript_id ""; db_xref "GeneID:1"; gene "{name}"; gbkey "Gene";'),
    "two blanks after a key": gtf('gene_id  "{id}";  gene_name  "{name}";'),
    "attributes without quotes": gtf("gene_id {id}; gene_name {name}"),
    "iGenomes: exons only": exons('gene_id "{name}"; gene_name "{name}"; transcript_id "NM_{id}"; tss_id "T";'),
    "UCSC: exons only": exons('gene_id "{name}"; transcript_id "NM_{id}"; exon_number "1";'),
    "Ensembl GFF3": "##gff-version 3\n"
    + gtf("ID=gene:{id};Name={name};biotype=protein_coding;gene_id={id};version=2", "ncRNA_gene")
    + gtf("ID=transcript:T{id};Parent=gene:{id};Name={name}-201;transcript_id=T{id}", "mRNA")
    + exons("Parent=transcript:T{id};Name=E{id};exon_id=E{id}"),
    "GENCODE GFF3": "##gff-version 3\n"
    + gtf("ID={id}.4;gene_id={id}.4;gene_type=protein_coding;gene_name={name};level=2")
    + gtf("ID=T{id}.1;Parent={id}.4;gene_id={id}.4;transcript_id=T{id}.1;gene_name={name}", "transcript"),
    "NCBI GFF3": gtf("ID=gene-{name};Dbxref=GeneID:1;Name={name};gbkey=Gene;gene={name}")
    + gtf("ID=rna-NR_1;Parent=gene-{name};Name=NR_1;gene={name};product=micro%2CRNA", "primary_transcript")
    + gtf("ID=rna-MIR;Parent=rna-NR_1;gene={name}", "miRNA"),
    "WormBase GFF3": gtf("ID=Gene:{id};Name={id};locus={name};sequence_name=B0348.5", source="WormBase"),
    "FlyBase GFF3": gtf("ID={id};Name={name};fullname=na%2Cnchung")
    + gtf("ID=T{id};Name={name}-RA;Parent={id}", "mRNA"),
    "gffread: transcripts only": gtf("ID=T{id};geneID={id};gene_name={name}", "transcript") + exons("Parent=T{id}"),
}


@pytest.mark.parametrize("kind", ANNOTATIONS)
@pytest.mark.parametrize("size", [3, 200_000])
def test_annotations(tmp_path, monkeypatch, kind, size):
    monkeypatch.setattr("scbasset_tl.genome.annotation._LINES", size)
    (tmp_path / "genes.txt").write_text("# made today\n\n" + ANNOTATIONS[kind])
    assert sites(read_genes(tmp_path / "genes.txt")) == SITES


@pytest.mark.parametrize("name", ["a.gtf.gz", "a.gtf.bgz", "a.gff3.gz", "a.bin"])
def test_packed_annotations(tmp_path, name):
    text = ANNOTATIONS["Ensembl GFF3" if "gff" in name else "Ensembl GTF"].encode()
    with bgzf.BgzfWriter(tmp_path / name) if "b" in name.split(".")[-1] else gzip.open(tmp_path / name, "wb") as file:
        file.write(text)
    assert sites(read_genes(tmp_path / name)) == SITES


@pytest.mark.parametrize("pack", [gzip, bz2, lzma])
@pytest.mark.parametrize("text", [ANNOTATIONS["Ensembl GTF"], "chr,tss,gene\n1,100,abc-1\n1,399,nan\nX,10,xyz\n"])
def test_packings(tmp_path, pack, text):
    packed = pack.compress(text.encode())
    (tmp_path / "a").write_bytes(packed)
    assert sites(read_genes(tmp_path / "a")) == SITES
    (tmp_path / "a").write_bytes(packed[:-9])
    with pytest.raises(ValueError, match="genes: a cannot be read"):
        read_genes(tmp_path / "a")


def test_contigs_that_pandas_took_for_fractions_and_an_index_that_repeats():
    table = pd.DataFrame({"chr": [1.0, None, 2.0], "tss": [1, 2, 3], "gene": ["a", "b", "c"]}, index=[0, 0, 1])
    assert sites(read_genes(table)) == {"a": ("1", 1), "c": ("2", 3)}
    assert sites(read_genes(TABLES["pyranges"])) == SITES


@pytest.mark.parametrize("order", [1, -1])
def test_genes_without_a_line_of_their_own_are_those_of_their_transcripts_and_exons(tmp_path, capsys, order):
    """As where sequences of one's own were added to an annotation."""
    more = [
        'GFP\tx\texon\t1\t700\t.\t+\t.\tgene_id "GFP"; transcript_id "GFP";',
        '2\tx\ttranscript\t50\t90\t.\t-\t.\tgene_id "T1"; transcript_id "T1.1"; gene_name "own";',
        '2\tx\texon\t50\t90\t.\t-\t.\tgene_id "T1"; transcript_id "T1.1"; gene_name "own";',
    ]
    parts = [
        ANNOTATIONS["Ensembl GTF"],
        exons('gene_id "{id}"; gene_name "{name}"; transcript_id "t";'),
        "\n".join(more) + "\n",
    ]
    (tmp_path / "a.gtf").write_text("".join(parts[::order]))
    with sb.settings.override(verbosity=2):
        found = sites(read_genes(tmp_path / "a.gtf"))
    assert found == {**SITES, "GFP": ("GFP", 0), "own": ("2", 89)}
    assert "2 have no line of their own" in capsys.readouterr().err


def test_each_transcript_of_exons_has_a_start_site(tmp_path):
    lines = [
        f'1\tx\texon\t{start}\t{end}\t.\t-\t.\tgene_id "g"; transcript_id "{name}";\n'
        for name, start, end in (("a", 10, 20), ("b", 10, 30), ("a", 40, 60), ("b", 40, 50), ("b", 5, 8))
    ]
    (tmp_path / "a.gtf").write_text("".join(lines))
    assert sorted(read_genes(tmp_path / "a.gtf").tss.tolist()) == [49, 59]


def test_transcripts_without_a_name_have_that_of_their_gene(tmp_path):
    lines = [
        '1\tStringTie\ttranscript\t10\t20\t.\t+\t.\tgene_id "M.1"; transcript_id "M.1.1"; ref_gene_name "a";\n',
        '1\tStringTie\ttranscript\t15\t20\t.\t+\t.\tgene_id "M.1"; transcript_id "M.1.2";\n',
        '1\tStringTie\ttranscript\t90\t99\t.\t+\t.\tgene_id "M.2"; transcript_id "M.2.1";\n',
        '1\tx\tgene\t70\t80\t.\t+\t.\tgene_name "b";\n',
    ]
    (tmp_path / "a.gtf").write_text("".join(lines))
    found = read_genes(tmp_path / "a.gtf")
    assert sorted(zip(found.name, found.tss.tolist(), strict=True)) == [("M.2", 89), ("a", 9), ("a", 14), ("b", 69)]


def frame(**columns):
    """A table by columns of expressions of name, id, contig, first base from 1, last base and strand."""
    return pd.DataFrame({column: [make(*gene[:6]) for gene in GENES] for column, make in columns.items()})


def sign(strand):
    return 1 if strand == "+" else -1


BIOMART = {
    "Gene stable ID": lambda n, i, c, s, e, t: i,
    "Gene name": lambda n, i, c, s, e, t: n,
    "Chromosome/scaffold name": lambda n, i, c, s, e, t: c,
    "Strand": lambda n, i, c, s, e, t: sign(t),
}
TABLES = {
    "BioMart": frame(**BIOMART, **{
        "Gene start (bp)": lambda n, i, c, s, e, t: s, "Gene end (bp)": lambda n, i, c, s, e, t: e,
    }),
    "BioMart with start sites": frame(**BIOMART, **{
        "Transcription start site (TSS)": lambda n, i, c, s, e, t: s if t == "+" else e,
    }),
    "scanpy.queries": frame(
        ensembl_gene_id=lambda n, i, c, s, e, t: i, external_gene_name=lambda n, i, c, s, e, t: n,
        start_position=lambda n, i, c, s, e, t: s, end_position=lambda n, i, c, s, e, t: e,
        chromosome_name=lambda n, i, c, s, e, t: c, strand=lambda n, i, c, s, e, t: sign(t),
    ),
    "pyranges": pd.concat([
        frame(
            Chromosome=lambda n, i, c, s, e, t: c, Source=lambda *_: "x", Feature=lambda *_, f=feature: f,
            Start=lambda n, i, c, s, e, t, d=shift: s - 1 + d, End=lambda n, i, c, s, e, t: e,
            Strand=lambda n, i, c, s, e, t: t, gene_id=lambda n, i, c, s, e, t: i,
            gene_name=lambda n, i, c, s, e, t: n, transcript_id=lambda n, i, c, s, e, t: f"T{i}",
        )
        for feature, shift in (("gene", 0), ("transcript", 2), ("exon", 7))
    ]),
    "gtfparse": frame(
        seqname=lambda n, i, c, s, e, t: c, source=lambda *_: "x", feature=lambda *_: "gene",
        start=lambda n, i, c, s, e, t: s, end=lambda n, i, c, s, e, t: e, strand=lambda n, i, c, s, e, t: t,
        gene_id=lambda n, i, c, s, e, t: i, gene_name=lambda n, i, c, s, e, t: n,
    ),
    "rtracklayer": frame(
        seqnames=lambda n, i, c, s, e, t: c, start=lambda n, i, c, s, e, t: s, end=lambda n, i, c, s, e, t: e,
        width=lambda n, i, c, s, e, t: e - s + 1, strand=lambda n, i, c, s, e, t: t,
        gene_name=lambda n, i, c, s, e, t: n,
    ),
    "a type that is the gene's": frame(
        chr=lambda n, i, c, s, e, t: c, start=lambda n, i, c, s, e, t: s - 1, end=lambda n, i, c, s, e, t: e,
        strand=lambda n, i, c, s, e, t: t, symbol=lambda n, i, c, s, e, t: n,
        type=lambda n, i, c, s, e, t: {"G1": "protein_coding", "G2": "lncRNA", "G3": "pseudogene"}[i],
    ),
    "UCSC refGene": frame(**{
        "#bin": lambda *_: 585, "name": lambda n, i, c, s, e, t: f"NM_{i}", "chrom": lambda n, i, c, s, e, t: c,
        "strand": lambda n, i, c, s, e, t: t, "txStart": lambda n, i, c, s, e, t: s - 1,
        "txEnd": lambda n, i, c, s, e, t: e, "name2": lambda n, i, c, s, e, t: n,
    }),
}  # fmt: skip


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("sep", ["\t", ",", None])
def test_tables(tmp_path, kind, sep):
    table = TABLES[kind].reset_index(drop=True)
    if sep is not None:
        table.to_csv(tmp_path / "genes.txt", sep=sep, index=False)
    assert sites(read_genes(table if sep is None else tmp_path / "genes.txt")) == SITES


def line(*make, sep="\t"):
    return "".join(sep.join(str(part(*gene[:6])) for part in make) + "\n" for gene in GENES)


BED6 = (
    lambda n, i, c, s, e, t: c, lambda n, i, c, s, e, t: s - 1, lambda n, i, c, s, e, t: e,
    lambda n, i, c, s, e, t: n, lambda *_: 0, lambda n, i, c, s, e, t: t,
)  # fmt: skip
PRED = (
    lambda n, i, c, s, e, t: c, lambda n, i, c, s, e, t: t, lambda n, i, c, s, e, t: s - 1, lambda n, i, c, s, e, t: e,
    lambda n, i, c, s, e, t: s, lambda n, i, c, s, e, t: s, lambda *_: 1, lambda n, i, c, s, e, t: f"{s},",
    lambda n, i, c, s, e, t: f"{e},",
)  # fmt: skip
BARE = {
    "BED6": line(*BED6),
    "BED6 with blanks": line(*BED6, sep=" "),
    "BED12 with a track line": 'track name="genes" description="x"\n'
    + line(*BED6, *[lambda *_: 0] * 4, *[lambda *_: "0,"] * 2),
    "refFlat": line(lambda n, *_: n, lambda n, i, *_: f"NM_{i}", *PRED),
    "refGene": line(
        lambda *_: 585, lambda n, i, *_: f"NM_{i}", *PRED, lambda *_: 0, lambda n, *_: n, *[lambda *_: "x"] * 3
    ),
}


@pytest.mark.parametrize("kind", BARE)
def test_tables_without_a_header(tmp_path, kind):
    (tmp_path / "genes.txt").write_text(BARE[kind])
    assert sites(read_genes(tmp_path / "genes.txt")) == SITES


@pytest.mark.parametrize("text", [BARE["BED6"], BARE["refFlat"], *ANNOTATIONS.values()])
def test_line_ends_and_the_mark_of_windows(tmp_path, text):
    (tmp_path / "genes.txt").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert sites(read_genes(tmp_path / "genes.txt")) == SITES


def test_a_bed_without_strands_is_refused(tmp_path):
    (tmp_path / "genes.bed").write_text("chr1\t5\t9\tabc\n")
    with pytest.raises(KeyError, match=r"and strand; the table has columns \['chrom', 'start', 'end', 'name'\]"):
        read_genes(tmp_path / "genes.bed")


def test_worm_genes_as_table_and_annotation(real_data, tmp_path):
    table = pd.read_csv(real_data / "worm/genes_ce10.tsv.gz", sep="\t")
    expected = read_genes(table.drop(columns="tss"))
    assert np.array_equal(expected.tss, table["tss"])
    (tmp_path / "a.gtf").write_text("".join(
        f'{row.chr}\tx\texon\t{row.start + 1}\t{row.end}\t.\t{row.strand}\t.\tgene_id "{row.gene_id}"; transcript_id "{row.gene_id}.1";\n'
        for row in table.itertuples()
    ))  # fmt: skip
    found = read_genes(tmp_path / "a.gtf")
    assert found.name.tolist() == table["gene_id"].tolist()
    assert np.array_equal(found.tss, table["tss"])
