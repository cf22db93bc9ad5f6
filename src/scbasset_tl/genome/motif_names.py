"""Which genes the names of motifs stand for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

# what unique_names adds to a name that occurs twice
_ID: Final = re.compile(r"_(?:M\d+|MA\d+|UN\d+|PB\d+|PH\d+|PL\d+)[_.]\d+(?:\.\d+)?$")
# CIS-BP's inferred motifs: (ARID3B)_(Mus_musculus)_(DBD_0.99)
_INFERRED: Final = re.compile(r"^\(([^()]+)\)(?:_\(.*\))?$")
# JASPAR's variants RARA(var.2), HOCOMOCO's ANDR_HUMAN.H11MO.0.A
_VARIANT: Final = re.compile(r"\(var\.\d+\)$")
_HOCOMOCO: Final = re.compile(r"(?:_(?:HUMAN|MOUSE)(?:\.H\d+.*)?|\.H\d+[A-Z]+\.\d.*)$")
# JASPAR's own download: MA0002.1.RUNX1; Jolma 2013: Alx1_DBD_2
_JASPAR: Final = re.compile(r"^(?:MA|UN)\d+\.\d+\.(?=\S)")
_JOLMA: Final = re.compile(r"_(?:DBD|full)(?:_\d+)?$")
# HOMER: CTCF(Zf)/CD4+-CTCF-ChIP-Seq(Barski_et_al.)/Homer
_HOMER: Final = re.compile(r"^([^()/]+)\([^()]*\)/.*$")
# HOCOMOCO names proteins as UniProt does; families that UniProt shortens in one way, then the rest one by one
_FAMILIES: Final = (
    (re.compile(r"^ZN(?=\d+[A-Z]?$)|^Z(?=\d{3}[A-Z]$)"), "ZNF"),
    (re.compile(r"^ZBT(?=\d+[A-Z]?$)"), "ZBTB"),
    (re.compile(r"^ZSC(?=\d+$)"), "ZSCAN"),
    (re.compile(r"^ZKSC(?=\d+$)"), "ZKSCAN"),
    (re.compile(r"^HX(?=[ABCD]\d+$)"), "HOX"),
    (re.compile(r"^PO(?=\dF\d$)"), "POU"),
    (re.compile(r"^PRD(?=\d+$)"), "PRDM"),
)
_PROTEINS: Final = """
ANDR AR; AP2A TFAP2A; AP2B TFAP2B; AP2C TFAP2C; AP2D TFAP2D; AP2E TFAP2E; ARI1A ARID1A; ARI3A ARID3A; ARI5B
ARID5B; ATF6A ATF6; BARH1 BARHL1; BARH2 BARHL2; BC11A BCL11A; BHA15 BHLHA15; BHE22 BHLHE22; BHE23 BHLHE23;
BHE40 BHLHE40; BHE41 BHLHE41; BRAC TBXT; BSH BSX; COE1 EBF1; COE2 EBF2; COE3 EBF3; COT1 NR2F1; COT2 NR2F2;
CR3L1 CREB3L1; CR3L2 CREB3L2; CR3L4 CREB3L4; DMRTA DMRTA1; DMRTB DMRTB1; DMTA2 DMRTA2; ERR1 ESRRA; ERR2 ESRRB;
ERR3 ESRRG; EVI1 MECOM; GABP1 GABPB1; GCR NR3C1; HEN1 NHLH1; HEN2 NHLH2; HMBX1 HMBOX1; HME1 EN1; HME2 EN2;
HNF6 ONECUT1; HTF4 TCF12; ITF2 TCF4; KAISO ZBTB33; LRRF1 LRRFIP1; MAD4 MXD4; MCR NR3C2; MGAP MGA; MLXPL
MLXIPL; MUSC MSC; MYBA MYBL1; MYBB MYBL2; NDF1 NEUROD1; NDF2 NEUROD2; NF2L1 NFE2L1; NF2L2 NFE2L2; NFAC1
NFATC1; NFAC2 NFATC2; NFAC3 NFATC3; NFAC4 NFATC4; NGN1 NEUROG1; NGN2 NEUROG2; NKX21 NKX2-1; NKX22 NKX2-2;
NKX23 NKX2-3; NKX25 NKX2-5; NKX28 NKX2-8; NKX31 NKX3-1; NKX32 NKX3-2; NKX61 NKX6-1; NKX62 NKX6-2; NKX63
NKX6-3; ONEC2 ONECUT2; ONEC3 ONECUT3; OZF ZNF146; P53 TP53; P5F1B POU5F1B; P63 TP63; P73 TP73; PEBB CBFB;
PHX2A PHOX2A; PHX2B PHOX2B; PIT1 POU1F1; PKNX1 PKNOX1; PKNX2 PKNOX2; PLAL1 PLAGL1; PRGR PGR; RHXF1 RHOXF1;
RHXF2 RHOXF2; RORG RORC; RX RAX; SMCA1 SMARCA1; SMCA5 SMARCA5; SMRC1 SMARCC1; SOLH2 SOHLH2; SRBP1 SREBF1;
SRBP2 SREBF2; STA5A STAT5A; STA5B STAT5B; STF1 NR5A1; SUH RBPJ; TF2L1 TFCP2L1; TF2LX TGIF2LX; TF2LY TGIF2LY;
TF65 RELA; TF7L1 TCF7L1; TF7L2 TCF7L2; TFE2 TCF3; THA THRA; THA11 THAP11; THB THRB; TWST1 TWIST1; TWST2
TWIST2; TYY1 YY1; TYY2 YY2; TZAP ZBTB48; UBIP1 UBP1; UNC4 UNCX; YBOX1 YBX1; Z324A ZNF324; ZEP1 HIVEP1; ZEP2
HIVEP2; ZF69B ZFP69B; ZSA5A ZSCAN5A; ZSA5C ZSCAN5C; ZSCA1 ZSCAN1; ZSCA4 ZSCAN4
"""
_GENES: Final = dict(entry.split() for entry in _PROTEINS.split(";"))


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
    ``ANDR_HUMAN.H11MO.0.A`` (HOCOMOCO)       ``AR``
    ``P53.H13CORE.0.P.B`` (HOCOMOCO 12, 13)   ``TP53``
    ``MA0002.1.RUNX1`` (JASPAR's download)    ``RUNX1``
    ``Alx1_DBD_2`` (Jolma 2013)               ``Alx1``
    ``CTCF(Zf)/CD4+-CTCF-.../Homer``          ``CTCF``
    ========================================  ====================

    Case stays as it is; a name that fits no rule is returned whole.

    Examples
    --------
    >>> from scbasset_tl.genome.motif_names import tf_genes
    >>> tf_genes("(ARID3B)_(Mus_musculus)_(DBD_0.99)"), tf_genes("RXRA::VDR_MA0074.1")
    (['ARID3B'], ['RXRA', 'VDR'])
    """
    plain = _JOLMA.sub("", _JASPAR.sub("", _ID.sub("", _HOMER.sub(r"\1", name.strip()))))
    if (protein := _HOCOMOCO.sub("", plain)) != plain:
        return [_gene(protein)]
    plain = _VARIANT.sub("", plain)
    genes = []
    for part in plain.split("::"):
        inferred = _INFERRED.match(part)
        genes.append(_VARIANT.sub("", inferred[1] if inferred else part).strip())
    return genes


def find_motifs(wanted: str | Sequence[str], names: Sequence[str], ids: Sequence[str]) -> list[int]:
    """Places of the motifs that are wanted, each once: by name or id, or all of a gene in any case (``RUNX1``, ``Runx1``).

    Raises
    ------
    KeyError
        If one of them is there by no name.
    """
    asked = [wanted] if isinstance(wanted, str) else list(wanted)
    of_gene: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        for gene in tf_genes(name):
            of_gene.setdefault(gene.upper(), []).append(place)
    of_name = {name: [place] for place, name in enumerate(ids)} | {name: [place] for place, name in enumerate(names)}
    found = [of_name.get(str(motif)) or of_gene.get(str(motif).upper(), []) for motif in asked]
    absent = [motif for motif, places in zip(asked, found, strict=True) if not places]
    if absent:
        message = (
            f"motifs: {len(absent)} of {len(asked)} have no activity, {absent[:3]}. Give names, ids or genes of the "
            f"{len(names)} that have one, such as {[str(name) for name in names[:5]]}."
        )
        raise KeyError(message)
    return list(dict.fromkeys(place for places in found for place in places))


def _gene(protein: str) -> str:
    """The gene of a protein that UniProt calls ``protein``."""
    if protein in _GENES:
        return _GENES[protein]
    for short, full in _FAMILIES:
        protein = short.sub(full, protein)
    return protein
