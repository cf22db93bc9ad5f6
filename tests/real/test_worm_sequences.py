"""Windows of real worm peaks against a naive read of the whole genome."""

import gzip
import shutil

import anndata as ad
import numpy as np
import pytest

import scbasset_tl as sb
from scbasset_tl.genome import Fasta, decode


@pytest.fixture(scope="module")
def genome(real_data):
    contigs = {}
    with gzip.open(real_data / "worm" / "ce10.fa.gz", "rt") as file:
        for line in file:
            if line.startswith(">"):
                lines = contigs.setdefault(line[1:].split()[0], [])
            else:
                lines.append(line.strip())
    return {name: "".join(lines).upper() for name, lines in contigs.items()}


@pytest.fixture(scope="module")
def fasta(real_data, tmp_path_factory):
    """A copy, as the index is kept beside it."""
    return shutil.copy(real_data / "worm" / "ce10.fa.gz", tmp_path_factory.mktemp("worm"))


def naive_window(sequence, start, end, seq_len):
    left = (start + end) // 2 - seq_len // 2
    inside = sequence[max(left, 0) : max(left + seq_len, 0)]
    return ("N" * max(0, -left) + inside).ljust(seq_len, "N")


@pytest.mark.parametrize("name", ["pseudocells_ce10", "sim5tissues_ce10"])
def test_every_window(real_data, fasta, genome, name):
    adata = ad.read_h5ad(real_data / "worm" / f"{name}.h5ad")
    sb.pp.add_sequences(adata, fasta)
    assert adata.varm["dna_code"].nbytes == 1344 * adata.n_vars
    regions = zip(adata.var["chr"], adata.var["start"], adata.var["end"], strict=True)
    windows = decode(adata.varm["dna_code"])
    for window, (chrom, start, end) in zip(windows, regions, strict=True):
        assert window == naive_window(genome[chrom], start, end, 1344)
    if name == "sim5tissues_ce10":
        # chrI:252-552: the window begins 270 bp before the contig does
        first = adata.varm["dna_code"][adata.var_names.get_loc("chrI:252-552")]
        assert (first[:270] == 4).all()
        assert decode(first[270:290]) == genome["chrI"][:20] == "GCCTAAGCCTAAGCCTAAGC"


def test_both_edges_of_every_contig(fasta, genome):
    chrom = np.repeat(list(genome), 2)
    middle = np.array([where for sequence in genome.values() for where in (3, len(sequence) - 3)])
    with Fasta(fasta) as file:
        windows = decode(file.windows(chrom, middle, 1344))
    for window, name, m in zip(windows, chrom, middle, strict=True):
        assert window == naive_window(genome[name], m, m, 1344)


def test_contig_lengths(fasta, genome):
    with Fasta(fasta) as file:
        assert file.lengths == {name: len(sequence) for name, sequence in genome.items()}


def test_a_chromosome_held_out(real_data):
    adata = ad.read_h5ad(real_data / "worm" / "pseudocells_ce10.h5ad")
    sb.pp.split_peaks(adata, by="chrom", holdout="chrI")
    assert ((adata.var["split"] == "test") == (adata.var["chr"] == "chrI")).all()
    rest = int((adata.var["chr"] != "chrI").sum())
    assert (adata.var["split"] == "val").sum() == int(rest * 0.05 / 0.95)
