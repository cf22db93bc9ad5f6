"""Windows of any peak of any genome, plain or bgzip, against one base after the other; codes there and back."""

import tempfile
from pathlib import Path

import anndata as ad
import numpy as np
from Bio import bgzf
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import scbasset_tl as sb
from scbasset_tl.genome import Fasta, decode, encode, reverse_complement
from scbasset_tl.genome import fasta as fasta_module

LETTERS = "ACGTacgtNnRy"


@st.composite
def genomes(draw):
    names = draw(st.lists(st.sampled_from(["chr1", "2", "HLA-A*1:2", "chrUn_1", "X-y"]), min_size=1, unique=True))
    return {name: draw(st.text(LETTERS, min_size=1, max_size=300)) for name in names}


def write(folder, contigs, width, newline, *, compressed):
    text = newline.join(
        line
        for name, sequence in contigs.items()
        for line in [f">{name}", *(sequence[i : i + width] for i in range(0, len(sequence), width))]
    )
    path = Path(folder, "x.fa.gz" if compressed else "x.fa")
    with bgzf.BgzfWriter(path) if compressed else path.open("wb") as file:
        file.write(text.encode())
    return path


def naive_window(sequence, left, seq_len):
    bases = [sequence[i].upper() if 0 <= i < len(sequence) else "N" for i in range(left, left + seq_len)]
    return "".join(base if base in "ACGT" else "N" for base in bases)


@settings(max_examples=60, deadline=None)
@given(genomes(), st.data())
def test_windows(contigs, data):
    width, newline = data.draw(st.integers(1, 80)), data.draw(st.sampled_from(["\n", "\r\n"]))
    names = data.draw(st.lists(st.sampled_from(list(contigs)), max_size=12))
    middles = [data.draw(st.integers(-400, 700)) for _ in names]
    seq_len = data.draw(st.integers(1, 400))
    stretch = fasta_module._STRETCH
    with tempfile.TemporaryDirectory() as folder:
        path = write(folder, contigs, width, newline, compressed=data.draw(st.booleans()))
        try:
            # short stretches, so that windows fall into several
            fasta_module._STRETCH = data.draw(st.sampled_from([1, 7, 100, stretch]))
            with Fasta(path) as fasta:
                windows = fasta.windows(names, middles, seq_len)
        finally:
            fasta_module._STRETCH = stretch
    assert windows.shape == (len(names), seq_len)
    for name, middle, window in zip(names, middles, windows, strict=True):
        assert decode(window) == naive_window(contigs[name], middle - seq_len // 2, seq_len)


@settings(max_examples=40, deadline=None)
@given(genomes(), st.data())
def test_add_sequences_from_names_or_columns(contigs, data):
    chrom = data.draw(st.lists(st.sampled_from(list(contigs)), min_size=1, max_size=8))
    start = [data.draw(st.integers(0, len(contigs[name]) - 1)) for name in chrom]
    end = [data.draw(st.integers(first + 1, len(contigs[name]))) for name, first in zip(chrom, start, strict=True)]
    seq_len, separator = data.draw(st.integers(1, 50)), data.draw(st.sampled_from(":-"))
    adata = ad.AnnData(np.ones((1, len(chrom))))
    regions = list(zip(chrom, start, end, strict=True))
    if data.draw(st.booleans()):
        adata.var["chr"], adata.var["start"], adata.var["end"] = chrom, start, end
    else:
        adata.var.index = [f"{name}{separator}{first}-{last}" for name, first, last in regions]
    windows = [naive_window(contigs[name], (a + b) // 2 - seq_len // 2, seq_len) for name, a, b in regions]
    assume(2 * sum(set(window) == {"N"} for window in windows) <= len(windows))
    with tempfile.TemporaryDirectory() as folder:
        sb.pp.add_sequences(adata, write(folder, contigs, 60, "\n", compressed=False), seq_len=seq_len)
    assert decode(adata.varm["dna_code"]).tolist() == windows


@given(st.text(LETTERS, max_size=100))
def test_codes_there_and_back(sequence):
    codes = encode(sequence)
    assert decode(codes) == naive_window(sequence, 0, len(sequence))
    np.testing.assert_array_equal(encode(decode(codes)), codes)
    np.testing.assert_array_equal(reverse_complement(reverse_complement(codes)), codes)
    complement = dict(zip("ACGTN", "TGCAN", strict=True))
    assert decode(reverse_complement(codes)) == "".join(complement[base] for base in reversed(decode(codes)))
