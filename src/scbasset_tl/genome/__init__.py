"""Regions, FASTA files and DNA codes: kernels that know no AnnData."""

from scbasset_tl.genome.codes import decode, encode, reverse_complement
from scbasset_tl.genome.fasta import Fasta
from scbasset_tl.genome.regions import Regions, check_on_contigs, read_regions

__all__ = ["Fasta", "Regions", "check_on_contigs", "decode", "encode", "read_regions", "reverse_complement"]
