"""Models to and from files: the original's weight files, a trunk by itself, scEmbed's models and tokens, motifs, and FASTA."""

from scbasset_tl._adata.scembed.store import RegionEmbedding
from scbasset_tl.io._read_geniml import read_geniml
from scbasset_tl.io._read_motifs import read_motifs
from scbasset_tl.io._scembed import read_scembed, write_scembed
from scbasset_tl.io._tokens import read_tokens, write_tokens
from scbasset_tl.io._trunk import read_trunk, write_trunk
from scbasset_tl.io._write_fasta import write_fasta
from scbasset_tl.io._write_geniml import write_geniml
from scbasset_tl.io._write_keras_weights import write_keras_weights
from scbasset_tl.io._write_model import write_model

__all__ = [
    "RegionEmbedding",
    "read_geniml",
    "read_motifs",
    "read_scembed",
    "read_tokens",
    "read_trunk",
    "write_fasta",
    "write_geniml",
    "write_keras_weights",
    "write_model",
    "write_scembed",
    "write_tokens",
    "write_trunk",
]
