"""Which genes the names of motifs stand for."""

from __future__ import annotations

import re
from typing import Final

# what unique_names adds to a name that occurs twice
_ID: Final = re.compile(r"_(?:M\d+|MA\d+|UN\d+|PB\d+|PH\d+|PL\d+)[_.]\d+(?:\.\d+)?$")
# CIS-BP's inferred motifs: (ARID3B)_(Mus_musculus)_(DBD_0.99)
_INFERRED: Final = re.compile(r"^\(([^()]+)\)(?:_\(.*\))?$")
# JASPAR's variants RARA(var.2), HOCOMOCO's ANDR_HUMAN.H11MO.0.A
_VARIANT: Final = re.compile(r"\(var\.\d+\)$")
_HOCOMOCO: Final = re.compile(r"_(?:HUMAN|MOUSE)(?:\.H\d+.*)?$")


def tf_genes(name: str) -> list[str]:
    """Gene symbols of the factors that a motif's name stands for: one, or those of a heterodimer.

    ========================================  ====================
    name                                      genes
    ========================================  ====================
    ``GATA1`` (JASPAR, CIS-BP)                ``GATA1``
    ``RUNX2_M2310_1.02`` (name and id)        ``RUNX2``
    ``(ARID3B)_(Mus_musculus)_(DBD_0.99)``    ``ARID3B``
    ``Ahr::Arnt``                             ``Ahr``, ``Arnt``
    ``RARA(var.2)``                           ``RARA``
    ``SPI1_HUMAN.H11MO.0.A``                  ``SPI1``
    ========================================  ====================

    Case stays as it is; what knows no rule is returned whole.

    Examples
    --------
    >>> from scbasset_tl.genome.motif_names import tf_genes
    >>> tf_genes("(ARID3B)_(Mus_musculus)_(DBD_0.99)"), tf_genes("RXRA::VDR_MA0074.1")
    (['ARID3B'], ['RXRA', 'VDR'])
    """
    plain = _HOCOMOCO.sub("", _VARIANT.sub("", _ID.sub("", name.strip())))
    genes = []
    for part in plain.split("::"):
        inferred = _INFERRED.match(part)
        genes.append(_VARIANT.sub("", inferred[1] if inferred else part).strip())
    return genes
