"""Regions, FASTA files, DNA codes and motifs: kernels that know no AnnData."""

from importlib import import_module
from typing import TYPE_CHECKING

from scbasset_tl.genome.codes import decode, encode, reverse_complement
from scbasset_tl.genome.compress import bgzip
from scbasset_tl.genome.fasta import Fasta
from scbasset_tl.genome.genes import Genes, read_genes
from scbasset_tl.genome.motifs import Motif
from scbasset_tl.genome.regions import Regions, check_on_contigs, read_regions
from scbasset_tl.genome.shuffle import dinucleotide_shuffle
from scbasset_tl.genome.variants import Variants, read_variants

if TYPE_CHECKING:
    from types import ModuleType

__all__ = [
    "Fasta",
    "Genes",
    "Motif",
    "Regions",
    "Variants",
    "bgzip",
    "check_on_contigs",
    "decode",
    "dinucleotide_shuffle",
    "encode",
    "read_genes",
    "read_regions",
    "read_variants",
    "reverse_complement",
]


def __getattr__(name: str) -> "ModuleType":
    if name in ("motif_names", "scan"):
        return import_module(f"{__name__}.{name}")
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
