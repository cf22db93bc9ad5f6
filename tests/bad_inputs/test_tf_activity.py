"""tl.tf_activity and what reads it: what is refused. A case is (what is wrong, how it is made, the call, error, words)."""

import numpy as np
import pandas as pd
import pytest
from changes import drop, put, trained

import scbasset_tl as sb
from scbasset_tl.genome import Motif

MOTIF = Motif("MA1", "JUN", [[1, 0, 0, 0], [0, 0.5, 0.5, 0], [0, 0, 0, 1]])


def scored(*changes):
    """The same with activities, changed in turn."""

    def make(world):
        data = trained()(world)
        sb.tl.tf_activity(data, MOTIF, n_background=10, n_null=0)
        for change in changes:
            change(data)
        return data

    return make


def file(content):
    def make(world):
        world.file("backgrounds.fa", content)
        return trained()(world)

    return make


def later(data):
    data.uns["tf_activity"]["schema_version"] = 99


def score(motifs=MOTIF, **arguments):
    return lambda world: sb.tl.tf_activity(world.data, motifs, **arguments)


def from_file(world):
    sb.tl.tf_activity(world.data, MOTIF, backgrounds=world.folder / "backgrounds.fa")


def draw(*arguments, **more):
    return lambda world: sb.pl.tf_activity(world.data, *arguments, show=False, **more)


def get(**arguments):
    return lambda world: sb.get.tf_activity(world.data, **arguments)


def fasta(*lengths):
    return "".join(
        f">s{number}\n{'ACGT' * (length // 4)}{'A' * (length % 4)}\n" for number, length in enumerate(lengths)
    )


WIDE = Motif("MA2", "WIDE", np.full((200, 4), 0.25))
NONE = ["uns['tf_activity'] holds no TF activity", "tl.tf_activity"]
CASES = {
    "tl.tf_activity": [
        ("before training", None, score(), KeyError, "uns['scbasset'] holds no trained model", "tl.scbasset"),
        ("another `key`", trained(), score(key="mine"), KeyError, "uns['mine']", "models here: ['scbasset']"),
        ("no sequences", trained(drop("varm", "dna_code")), score(), KeyError, "varm['dna_code']", "pp.add_sequences"),
        ("sequences of another length", trained(put("varm", "dna_code", np.zeros((90, 384), np.uint8))), score(), ValueError,
         "384 bp", "192 bp", "pp.add_sequences(data, fasta, seq_len=192)"),
        ("no motif file", trained(), score("no.meme"), FileNotFoundError, "no.meme"),
        ("a motif as text in a list", trained(), score(["JUN"]), FileNotFoundError, "'JUN' is no file", "io.read_motifs"),
        ("no motif", trained(), score([]), ValueError, "got none"),
        ("an id twice", trained(), score([MOTIF, MOTIF]), ValueError, "MA1", "more than once"),
        ("a motif longer than the window", trained(), score([MOTIF, WIDE]), ValueError, "motif 'MA2' (WIDE)", "200 bp",
         "192 bp"),
        ("copies that do not fit", trained(), score(copies=20), ValueError, "'MA1' (JUN)", "20 copies", "192 bp"),
        *((f"`copies={value!r}`", trained(), score(copies=value), ValueError, f"got {value!r}") for value in (0, 1.5)),
        ("`spacing=-1`", trained(), score(spacing=-1), ValueError, "spacing must be a whole number of at least 0, got -1"),
        ("`n_background=5`", trained(), score(n_background=5), ValueError, "n_background", "at least 10, got 5"),
        ("`n_null=-1`", trained(), score(n_null=-1), ValueError, "n_null must be a whole number of at least 0, got -1"),
        ('`scale="probability"`', trained(), score(scale="probability"), ValueError, "['logit', 'sigmoid']"),
        ('`mode="delete"`', trained(), score(mode="delete"), ValueError, "['insert', 'ablate']"),
        ('`strands="-"`', trained(), score(strands="-"), ValueError, "['both', '+']"),
        ('backgrounds for `mode="ablate"`', trained(), score(mode="ablate", backgrounds="a.fa"), ValueError, "backgrounds=",
         "mode='ablate'"),
        ('copies for `mode="ablate"`', trained(), score(mode="ablate", copies=2), ValueError, "copies="),
        ("`groupby` that is no column", trained(), score(groupby="cell_type"), KeyError, "no column 'cell_type'", "'kind'"),
        ("`groupby` with one group", trained(put("obs", "kind", "a")), score(groupby="kind"), ValueError, "obs['kind']",
         "one group, ['a']"),
        ("`groupby` without any value", trained(put("obs", "kind", np.nan)), score(groupby="kind"), ValueError,
         "no cell has a value"),
        ("groups that differ in `/` and `|`", trained(put("obs", "kind", ["a/b", "a|b", "c"] * 20)), score(groupby="kind"),
         ValueError, "obs['kind']", "['a/b', 'a|b']", "Rename them"),
        ("no such FASTA", trained(), score(backgrounds="no.fa"), FileNotFoundError, "no.fa"),
        ("a number for the FASTA", trained(), score(backgrounds=3), TypeError, "FASTA file or codes", "got int"),
        ("a table for the FASTA", trained(), score(backgrounds=pd.DataFrame({"seq": ["ACGT"]})), TypeError,
         "FASTA file or codes", "got DataFrame."),
        ("a FASTA of other lengths", file(fasta(100, 100)), from_file, ValueError, "2 of 2 sequences", "192 bp", "'s0' with 100 bp"),
        ("a FASTA of unequal lengths", file(fasta(192, 192, 191)), from_file, ValueError, "1 of 3", "'s2' with 191 bp"),
        ("an empty FASTA", file("\n"), from_file, ValueError, "is no FASTA file"),
        ("codes of another length", trained(), score(backgrounds=np.zeros((20, 100), np.uint8)), ValueError, "100 bp", "192 bp"),
        ("letters for codes", trained(), score(backgrounds=np.array(["ACGT"])), ValueError, "FASTA file or codes 0 to 4"),
        ("codes above 4", trained(), score(backgrounds=np.full((20, 192), 7)), ValueError, "codes 0 to 4"),
        ("one sequence as background", trained(), score(backgrounds=np.zeros((1, 192), np.uint8)), ValueError,
         "at least 10 sequences, got 1"),
        ("a FASTA of 9 sequences", file(fasta(*[192] * 9)), from_file, ValueError, "at least 10 sequences, got 9"),
        ('`rng="a"`', trained(), score(rng="a"), ValueError, "rng must be a whole number", "got 'a'"),
        ('`key_added="a/b"`', trained(), score(key_added="a/b"), ValueError, "without '/'", "'a/b'"),
        *((f"`key_added={name!r}`", trained(), score(key_added=name), ValueError, "another name")
          for name in ("scbasset", "dna_code", "ism", "motif_hits", "modisco", "variant_effect")),
        *((f"`key_added={name!r}`, there already", trained(put("obsm", name, np.ones((60, 2)))), score(key_added=name),
           ValueError, f"obsm['{name}'] is there already", "another key_added") for name in ("X_pca", "X_umap")),
        ("activities of a later version", scored(later), get(), ValueError, "schema 99, this one reads 1", "update"),
        ("`get.tf_activity` without activities", trained(), get(), KeyError, *NONE),
        ("`get.tf_activity` of another result", trained(), get(key="scbasset"), KeyError, "uns['scbasset'] holds no TF activity"),
        ("activities are gone", scored(drop("obsm", "tf_activity")), get(), KeyError, "obsm['tf_activity']", "is gone"),
        ("`pl.tf_activity` without activities", trained(), draw(), KeyError, *NONE),
        ("a plot of a motif that is not there", scored(), draw(["JUN", "FOS"]), KeyError, "1 of 2", "['FOS']", "JUN"),
        ("a plot of no motif", scored(), draw([]), ValueError, "motifs is empty"),
        ('`kind="umap"`', scored(), draw(kind="umap"), ValueError, "['heatmap', 'embedding', 'violin']"),
        ("a heat map without groups", scored(), draw(), ValueError, "groupby is needed", "kind='embedding'"),
        ("a plot of groups that are no column", scored(), draw(groupby="type"), KeyError, "no column 'type'"),
        ("an embedding that is not there", scored(), draw(kind="embedding", basis="tsne"), KeyError, "'tsne'"),
        ("an embedding of one column", scored(put("obsm", "X_pca", np.ones((60, 1)))), draw(kind="embedding", basis="pca"),
         ValueError, "one column"),
        ("`n_top=0`", scored(), draw(n_top=0, groupby="kind"), ValueError, "n_top must be a whole number of at least 1, got 0"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("case", [pytest.param(case, id=case[0]) for case in CASES["tl.tf_activity"]])
def test_refused(refused, case):
    refused("tl.tf_activity", *case)


def test_the_page_has_these_rows(page):
    page.hold_order(CASES)
