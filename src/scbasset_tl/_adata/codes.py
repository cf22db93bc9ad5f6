"""Sequences stored with the data, or in a FASTA file of their own, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scbasset_tl._adata.resolve import check_feature_types
from scbasset_tl._files import as_path
from scbasset_tl._keys import DNA_CODE
from scbasset_tl.genome.codes import N_CODE
from scbasset_tl.genome.fasta import Fasta

if TYPE_CHECKING:
    import os

    from anndata import AnnData


def sequence_codes(adata: AnnData, *, seq_len: int | None = None, instead: str = "") -> np.ndarray:
    """``varm['dna_code']``, checked: uint8 (n_vars, seq_len), A0 C1 G2 T3 N4.

    ``seq_len`` is what the model reads, and ``instead`` what else the user may do where the sequences have another length.
    """
    check_feature_types(adata)
    if DNA_CODE not in adata.varm:
        hint = ""
        if DNA_CODE in adata.obsm:
            hint = f" obsm[{DNA_CODE!r}] is there: scbasset_tl takes cells × peaks, not peaks × cells; adata = adata.T.copy()."
        message = (
            f"varm[{DNA_CODE!r}] is missing: run pp.add_sequences(data, fasta) first. In a MuData, mod= names the modality."
            f"{hint}"
        )
        raise KeyError(message)
    codes = np.asarray(adata.varm[DNA_CODE])
    meant = "codes are whole numbers, A0 C1 G2 T3 N4 (n_vars, seq_len). Run pp.add_sequences(data, fasta)."
    if codes.ndim != 2 or codes.dtype.kind not in "ui":
        message = f"varm[{DNA_CODE!r}] has dtype {codes.dtype} and shape {codes.shape}; {meant}"
        raise ValueError(message)
    if codes.size and (codes.min() < 0 or codes.max() > N_CODE):
        bad = np.argwhere((codes < 0) | (codes > N_CODE))
        row, column = bad[0]
        message = (
            f"varm[{DNA_CODE!r}] has {len(bad)} of {codes.size} values outside 0 to {N_CODE}, the first is "
            f"{codes[row, column]} in peak {adata.var_names[row]!r}, position {column}; {meant}"
        )
        raise ValueError(message)
    if codes.size and codes.min() == N_CODE:
        message = (
            f"varm[{DNA_CODE!r}] holds nothing but N: run pp.add_sequences with an unmasked FASTA of the same assembly."
        )
        raise ValueError(message)
    if seq_len not in (None, codes.shape[1]):
        message = (
            f"varm[{DNA_CODE!r}] has sequences of {codes.shape[1]} bp, but the model reads {seq_len} bp: "
            f"pp.add_sequences(data, fasta, seq_len={seq_len}){instead}."
        )
        raise ValueError(message)
    return codes.astype(np.uint8, copy=False)


def fasta_codes(argument: str, path: str | os.PathLike[str], seq_len: int) -> tuple[list[str], np.ndarray]:
    """Names and codes (n, seq_len) of all sequences of a FASTA file; each must have this length."""
    with Fasta(as_path(argument, path)) as fasta:
        wrong = {name: length for name, length in fasta.lengths.items() if length != seq_len}
        if wrong:
            name, length = next(iter(wrong.items()))
            message = (
                f"{argument}: {len(wrong)} of {len(fasta.lengths)} sequences do not have the {seq_len} bp "
                f"that the model reads, the first is {name!r} with {length} bp. Cut them to that length."
            )
            raise ValueError(message)
        return list(fasta.lengths), np.stack([fasta.codes(name, 0, seq_len) for name in fasta.lengths])
