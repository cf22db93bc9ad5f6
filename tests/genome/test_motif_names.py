from collections import Counter

import pytest

import scbasset_tl as sb
from scbasset_tl.genome.motif_names import find_motifs, tf_genes


@pytest.mark.parametrize(
    ("name", "genes"),
    [
        ("GATA1", ["GATA1"]),
        ("(ARID3B)_(Mus_musculus)_(DBD_0.99)", ["ARID3B"]),
        ("(TBX2)", ["TBX2"]),
        ("Ahr::Arnt", ["Ahr", "Arnt"]),
        ("RXRA::VDR_MA0074.1", ["RXRA", "VDR"]),
        ("RARA(var.2)", ["RARA"]),
        ("RUNX2_M2310_1.02", ["RUNX2"]),
        ("NKX2-1", ["NKX2-1"]),
        ("elt-3", ["elt-3"]),
        ("SPI1_HUMAN.H11MO.0.A", ["SPI1"]),
        ("ANDR_HUMAN.H11MO.0.A", ["AR"]),
        ("P53.H13CORE.0.P.B", ["TP53"]),
        ("COT1_MOUSE.H11MO.0.B", ["NR2F1"]),
        ("AHR.H12CORE.0.P.B", ["AHR"]),
        ("ZN239.H13CORE.0.P.C", ["ZNF239"]),
        ("HXA4.H12CORE.0.SM.B", ["HOXA4"]),
        ("NKX21.H12CORE.0.PSM.A", ["NKX2-1"]),
        ("MA0002.1.RUNX1", ["RUNX1"]),
        ("MA0006.1.Ahr::Arnt_MA0006.1", ["Ahr", "Arnt"]),
        ("Alx1_DBD_2", ["Alx1"]),
        ("BCL6B_DBD", ["BCL6B"]),
        ("E2F1_full", ["E2F1"]),
        ("CTCF(Zf)/CD4+-CTCF-ChIP-Seq(Barski_et_al.)/Homer", ["CTCF"]),
    ],
)
def test_names(name, genes):
    assert tf_genes(name) == genes


def test_names_of_cis_bp_and_jaspar(real_data):
    motifs = sb.io.read_motifs(real_data / "motifs/CIS-BP_1.02_Homo_sapiens.meme")
    genes = [tf_genes(motif.name) for motif in motifs]
    assert all(len(gene) == 1 and not set("()_ ") & set(gene[0]) for gene in genes)
    vertebrates = sb.io.read_motifs(real_data / "motifs/JASPAR2022_CORE_vertebrates.meme")
    genes = [tf_genes(motif.name) for motif in vertebrates]
    assert Counter(map(len, genes))[2] > 50
    assert not any(set("():_ ") & set(gene) for of_motif in genes for gene in of_motif)


def test_motifs_are_found_by_name_id_and_gene_in_any_case():
    # JASPAR names mouse motifs as mice do, and users ask for human genes
    names, ids = ["Runx1", "GATA1::TAL1", "GATA1", "Gata1_2_DBD_2"], ["MA0002.2", "MA0140.2", "MA0035.4", "J1"]
    assert find_motifs("RUNX1", names, ids) == [0]
    assert find_motifs(["GATA1", "RUNX1", "runx1"], names, ids) == [2, 0]
    assert find_motifs("gata1", names, ids) == [1, 2]
    assert find_motifs(["J1", "TAL1"], names, ids) == [3, 1]
    assert find_motifs([], names, ids) == []
    with pytest.raises(
        KeyError, match=r"1 of 2 have no activity, \['SPI1'\]. Give names, ids or genes of the 4 .*'Runx1'"
    ):
        find_motifs(["RUNX1", "SPI1"], names, ids)
