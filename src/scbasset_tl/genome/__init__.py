"""Regions, FASTA files, DNA codes and motifs: kernels that know no AnnData."""

from scbasset_tl.genome.codes import decode, encode, reverse_complement
from scbasset_tl.genome.fasta import Fasta
from scbasset_tl.genome.genes import Genes, read_genes
from scbasset_tl.genome.motifs import Motif
from scbasset_tl.genome.regions import Regions, check_on_contigs, read_regions
from scbasset_tl.genome.shuffle import dinucleotide_shuffle
from scbasset_tl.genome.variants import Variants, read_variants

__all__ = [
    "Fasta",
    "Genes",
    "Motif",
    "Regions",
    "Variants",
    "check_on_contigs",
    "decode",
    "dinucleotide_shuffle",
    "encode",
    "read_genes",
    "read_regions",
    "read_variants",
    "reverse_complement",
]
