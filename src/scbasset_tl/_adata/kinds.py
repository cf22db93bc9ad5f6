"""The kinds of results that verbs keep in an AnnData: who writes them, under which names, and what they follow from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, NamedTuple

from scbasset_tl import _keys as keys


class Slot(NamedTuple):
    """One part of a result beside its entry in ``uns``."""

    field: str  # of the AnnData
    name: str  # by default
    needed: str = ""  # what readers call it if it is gone; empty if they do without


@dataclass(frozen=True)
class Kind:
    """A kind of result."""

    verb: str
    what: str  # "uns['x'] holds no ..."
    default: str  # entry of uns
    call: str
    slots: Mapping[str, Slot] = field(default_factory=dict)  # by part; entries record the names of the parts
    follows: Literal["nothing", "network", "cells", "atac_diff"] = "nothing"  # what of which model it depends on
    also: tuple[str, ...] = ()  # other verbs that write this kind
    many: str = "such results"
    unsigned: tuple[frozenset[str], ...] = ()  # keys, any set of which marks an entry of versions without written_by


def _having(*marks: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(mark.split()) for mark in marks)


DNA: Final = Kind(
    "pp.add_sequences",
    "sequences",
    keys.DNA_CODE,
    "pp.add_sequences(data, fasta)",
    {"varm": Slot("varm", keys.DNA_CODE)},
    unsigned=_having("alphabet checksum"),
)
SCEMBED: Final = Kind(
    "tl.scembed",
    "scEmbed model",
    keys.SCEMBED,
    "tl.scembed(data)",
    {
        "obsm": Slot("obsm", "X_scembed"),
        "obs": Slot("obs", "scembed_empty"),
        "varm": Slot("varm", keys.SCEMBED, "the region vectors"),
    },
    also=("tl.map_cells", "tl.project_cells"),
    many="models",
    unsigned=_having("mapped_open history", "mapped_open model"),
)
TOKENS: Final = Kind(
    "pp.tokenize_regions",
    "tokens",
    keys.TOKENS,
    "pp.tokenize_regions(data, universe)",
    {"obsm": Slot("obsm", "X_tokens", "the tokens")},
    unsigned=_having("mapped_open"),
)
MODEL: Final = Kind(
    "tl.scbasset",
    "trained model",
    keys.SCBASSET,
    "tl.scbasset(data)",
    {
        "obsm": Slot("obsm", "X_scbasset", "the cell vectors"),
        "obs": Slot("obs", "scbasset_bias", "the cell biases"),
        "varm": Slot("varm", keys.SCBASSET),
        "se": Slot("obs", "scbasset_se"),
        "ood": Slot("obs", "scbasset_ood"),
        "seen": Slot("var", "scbasset_seen"),
    },
    also=("tl.map_cells", "tl.load_keras_weights"),
    many="models",
    unsigned=_having("slots history params"),
)
DENOISE: Final = Kind(
    "tl.denoise",
    "denoised matrix",
    keys.DENOISE,
    "tl.denoise(data)",
    {"layers": Slot("layers", keys.SCBASSET, "the denoised matrix")},
    follows="cells",
)
DENOISED_PCA: Final = Kind(
    "tl.denoised_pca",
    "principal components",
    keys.DENOISED_PCA,
    "tl.denoised_pca(data)",
    {"obsm": Slot("obsm", keys.X_DENOISED, "the components")},
    follows="cells",
)
GENE_SCORES: Final = Kind(
    "tl.gene_scores",
    "gene scores",
    keys.GENE_SCORES,
    "tl.gene_scores(data, genes)",
    {"obsm": Slot("obsm", keys.GENE_SCORES, "the scores")},
    follows="cells",
)
RAW_GENE_SCORES: Final = replace(
    GENE_SCORES,
    default=keys.GENE_SCORES_RAW,
    call="tl.gene_scores(data, genes, kind='raw')",
    slots={"obsm": Slot("obsm", keys.GENE_SCORES_RAW, "the scores")},
    follows="nothing",
)
CELL_TYPE: Final = Kind(
    "tl.annotate",
    "cell types",
    keys.CELL_TYPE,
    "tl.annotate(query, reference, label_key=...)",
    {
        "obs": Slot("obs", keys.CELL_TYPE, "the labels"),
        "confidence": Slot("obs", "cell_type_confidence"),
        "obsm": Slot("obsm", "cell_type_proba"),
    },
)
TF_ACTIVITY: Final = Kind(
    "tl.tf_activity",
    "TF activity",
    keys.TF_ACTIVITY,
    "tl.tf_activity(data, motifs)",
    {"obsm": Slot("obsm", keys.TF_ACTIVITY, "the activities")},
    follows="cells",
    unsigned=_having("ids p_value slots"),
)
VARIANT_EFFECT: Final = Kind(
    "tl.variant_effect",
    "variant effects",
    keys.VARIANT_EFFECT,
    "tl.variant_effect(data, variants, fasta)",
    follows="network",
    unsigned=_having("delta offset"),
)
ISM: Final = Kind(
    "tl.ism",
    "in-silico mutagenesis",
    keys.ISM,
    "tl.ism(data, regions)",
    follows="network",
    unsigned=_having("delta codes"),
)
MOTIF_HITS: Final = Kind(
    "tl.motif_hits",
    "motif hits",
    keys.MOTIF_HITS,
    "tl.motif_hits(data, regions, motifs)",
    follows="cells",
    unsigned=_having("p_dot motif_ids"),
)
MODISCO: Final = Kind(
    "tl.modisco",
    "patterns",
    keys.MODISCO,
    "tl.modisco(data)",
    follows="cells",
    unsigned=_having("contribution core"),
)
DESIGN: Final = Kind(
    "tl.design",
    "designed sequences",
    keys.DESIGN,
    "tl.design(data, groupby=..., group=...)",
    follows="cells",
)
ATAC_DIFF: Final = Kind(
    "tl.atac_diff",
    "ATAC-Diff model",
    keys.ATAC_DIFF,
    "tl.atac_diff(data)",
    {
        "embedding": Slot("obsm", "X_atac_diff"),
        "component": Slot("obs", "atac_diff_component"),
        "depth": Slot("obs", "atac_diff_depth", "the open peaks of each cell"),
        "decoder": Slot("varm", keys.ATAC_DIFF, "the decoder"),
        "encoder": Slot("varm", "atac_diff_in", "the encoder"),
    },
    follows="cells",
    many="models",
)
IMPUTED: Final = Kind(
    "tl.impute",
    "imputed cells",
    keys.ATAC_DIFF_IMPUTED,
    "tl.impute(data)",
    {"obsm": Slot("obsm", keys.ATAC_DIFF_IMPUTED, "the features")},
    follows="atac_diff",
)
GENERATED: Final = Kind(
    "tl.generate",
    "generated cells",
    keys.ATAC_DIFF_GENERATED,
    "tl.generate(data, n_obs)",
    follows="atac_diff",
)
# an entry without written_by is of the first kind whose marks it has
KINDS: Final = (
    *(DNA, SCEMBED, TOKENS, MODEL, DENOISE, DENOISED_PCA, GENE_SCORES, RAW_GENE_SCORES, CELL_TYPE, TF_ACTIVITY),
    *(VARIANT_EFFECT, ISM, MOTIF_HITS, MODISCO, DESIGN, ATAC_DIFF, IMPUTED, GENERATED),
)
