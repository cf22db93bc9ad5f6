"""Models to and from files: the original's weight files, a trunk by itself, and motifs."""

from scbasset_tl.io._read_keras_weights import read_keras_weights
from scbasset_tl.io._read_motifs import read_motifs
from scbasset_tl.io._trunk import read_trunk, write_trunk
from scbasset_tl.io._write_keras_weights import write_keras_weights

__all__ = ["read_keras_weights", "read_motifs", "read_trunk", "write_keras_weights", "write_trunk"]
