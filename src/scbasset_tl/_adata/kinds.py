"""The kinds of results that verbs keep in an AnnData: who writes them, under which names, and what they follow from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Slot(NamedTuple):
    """One part of a result beside its entry in ``uns``."""

    field: str  # field of the AnnData, such as obsm
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
    columns: str = ""  # value of the entry that names the columns of its part in obsm
    keys: str = ""  # what readers need of the entry, of which joining data may drop what differs
    unsigned: tuple[frozenset[str], ...] = ()  # keys, any set of which marks an entry of versions without written_by


def _having(*marks: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(mark.split()) for mark in marks)


DNA: Final = Kind(
    "pp.add_sequences",
    "sequences",
    "dna_code",
    "pp.add_sequences(data, fasta)",
    {"varm": Slot("varm", "dna_code")},
    unsigned=_having("alphabet checksum"),
)
DOWNSAMPLED: Final = Kind(
    "pp.downsample_counts",
    "down-sampled counts",
    "downsample_counts",
    "pp.downsample_counts(data, fraction)",
    {"layers": Slot("layers", "downsampled", "the counts left")},
)
SHUFFLED: Final = Kind(
    "pp.shuffle_accessibility",
    "shuffled accessibility",
    "shuffle_accessibility",
    "pp.shuffle_accessibility(data)",
    {"layers": Slot("layers", "shuffled", "the shuffled entries")},
)
SCEMBED: Final = Kind(
    "tl.scembed",
    "scEmbed model",
    "scembed",
    "tl.scembed(data)",
    {
        "obsm": Slot("obsm", "X_scembed"),
        "obs": Slot("obs", "scembed_empty"),
        "varm": Slot("varm", "scembed", "the region vectors"),
    },
    also=("tl.map_cells",),
    many="models",
    unsigned=_having("mapped_open history", "mapped_open model"),
    keys="slots params",
)
TOKENS: Final = Kind(
    "pp.tokenize_regions",
    "tokens",
    "tokens",
    "pp.tokenize_regions(data, universe)",
    {"obsm": Slot("obsm", "X_tokens", "the tokens")},
    unsigned=_having("mapped_open"),
    keys="checksum n_regions",
)
MODEL: Final = Kind(
    "tl.scbasset",
    "trained model",
    "scbasset",
    "tl.scbasset(data)",
    {
        "obsm": Slot("obsm", "X_scbasset", "the cell vectors"),
        "obs": Slot("obs", "scbasset_bias", "the cell biases"),
        "varm": Slot("varm", "scbasset"),
        "se": Slot("obs", "scbasset_se"),
        "ood": Slot("obs", "scbasset_ood"),
        "seen": Slot("var", "scbasset_seen"),
    },
    also=("tl.map_cells", "tl.load_keras_weights"),
    many="models",
    unsigned=_having("weights versions slots"),
    keys="weights slots params",
)
DENOISE: Final = Kind(
    "tl.denoise",
    "denoised matrix",
    "denoise",
    "tl.denoise(data)",
    {"layers": Slot("layers", "scbasset", "the denoised matrix")},
    follows="cells",
    keys="slots",
)
DECODER: Final = Kind(
    "tl.fit_decoder",
    "fitted decoder",
    "scbasset_decoder",
    "tl.fit_decoder(data)",
    {"varm": Slot("varm", "scbasset_decoder", "the regressions of the peaks")},
    follows="cells",
    keys="depth slots",
)
DENOISED_PCA: Final = Kind(
    "tl.denoised_pca",
    "principal components",
    "denoised_pca",
    "tl.denoised_pca(data)",
    {"obsm": Slot("obsm", "X_scbasset_denoised", "the components")},
    follows="cells",
    keys="slots",
)
GENE_SCORES: Final = Kind(
    "tl.gene_scores",
    "gene scores",
    "gene_scores",
    "tl.gene_scores(data, genes)",
    {"obsm": Slot("obsm", "gene_scores", "the scores")},
    follows="cells",
    columns="names",
    keys="names n_peaks slots params",
)
RAW_GENE_SCORES: Final = replace(
    GENE_SCORES,
    default="gene_scores_raw",
    call="tl.gene_scores(data, genes, kind='raw')",
    slots={"obsm": Slot("obsm", "gene_scores_raw", "the scores")},
    follows="nothing",
)
RANKED_PEAKS: Final = Kind(
    "tl.rank_peaks_groups",
    "ranked peaks",
    "rank_peaks_groups",
    "tl.rank_peaks_groups(data, groupby)",
    follows="cells",
)
RAW_RANKED_PEAKS: Final = replace(
    RANKED_PEAKS,
    default="rank_peaks_groups_raw",
    call="tl.rank_peaks_groups(data, groupby, kind='raw')",
    follows="nothing",
)
CELL_TYPE: Final = Kind(
    "tl.annotate",
    "cell types",
    "cell_type",
    "tl.annotate(query, reference, label_key=...)",
    {
        "obs": Slot("obs", "cell_type", "the labels"),
        "confidence": Slot("obs", "cell_type_confidence"),
        "obsm": Slot("obsm", "cell_type_proba", "the shares of the labels"),
    },
    columns="categories",
    keys="categories slots",
)
TF_ACTIVITY: Final = Kind(
    "tl.tf_activity",
    "TF activity",
    "tf_activity",
    "tl.tf_activity(data, motifs)",
    {"obsm": Slot("obsm", "tf_activity", "the activities")},
    follows="cells",
    columns="names",
    unsigned=_having("ids p_value slots"),
    keys="names ids mean sd statistic p_value fdr slots params",
)
MOTIF_DEVIATIONS: Final = Kind(
    "tl.motif_deviations",
    "motif deviations",
    "motif_deviations",
    "tl.motif_deviations(data, motifs)",
    {"obsm": Slot("obsm", "motif_deviations", "the scores")},
    columns="names",
    keys="names slots",
)
LSI: Final = Kind(
    "tl.lsi",
    "LSI",
    "lsi",
    "tl.lsi(data)",
    {"obsm": Slot("obsm", "X_lsi", "the cell vectors")},
)
VARIANT_EFFECT: Final = Kind(
    "tl.variant_effect",
    "variant effects",
    "variant_effect",
    "tl.variant_effect(data, variants, fasta)",
    follows="network",
    unsigned=_having("delta offset"),
    keys="chrom pos ref alt id peak offset delta seq_len model",
)
ISM: Final = Kind(
    "tl.ism",
    "in-silico mutagenesis",
    "ism",
    "tl.ism(data, regions)",
    follows="network",
    unsigned=_having("delta codes"),
    keys="regions chrom start window seq_len codes delta method model",
)
MOTIF_HITS: Final = Kind(
    "tl.motif_hits",
    "motif hits",
    "motif_hits",
    "tl.motif_hits(data, regions, motifs)",
    follows="cells",
    unsigned=_having("p_dot motif_ids"),
    keys="region regions chrom start end reverse motif motifs motif_ids score p_value dot pearson p_dot p_pearson groups params",
)
MODISCO: Final = Kind(
    "tl.modisco",
    "patterns",
    "modisco",
    "tl.modisco(data)",
    follows="cells",
    unsigned=_having("contribution core"),
    keys="group positive n_sites motif p_value core pwm contribution",
)
DESIGN: Final = Kind(
    "tl.design",
    "designed sequences",
    "design",
    "tl.design(data, groupby=..., group=...)",
    follows="cells",
    keys="names codes start groups vectors target logits n_rounds params",
)
ATAC_DIFF: Final = Kind(
    "tl.atac_diff",
    "ATAC-Diff model",
    "atac_diff",
    "tl.atac_diff(data)",
    {
        "embedding": Slot("obsm", "X_atac_diff"),
        "component": Slot("obs", "atac_diff_component"),
        "depth": Slot("obs", "atac_diff_depth", "the open peaks of each cell"),
        "decoder": Slot("varm", "atac_diff", "the decoder"),
        "encoder": Slot("varm", "atac_diff_in", "the encoder"),
    },
    follows="cells",
    many="models",
    keys="weights component component_given_label space slots params",
)
IMPUTED: Final = Kind(
    "tl.impute",
    "imputed cells",
    "atac_diff_imputed",
    "tl.impute(data)",
    {"obsm": Slot("obsm", "atac_diff_imputed", "the features")},
    follows="atac_diff",
    keys="slots params model",
)
GENERATED: Final = Kind(
    "tl.generate",
    "generated cells",
    "atac_diff_generated",
    "tl.generate(data, n_obs)",
    follows="atac_diff",
)
# an entry without written_by is of the first kind whose marks it has
KINDS: Final = (
    *(DNA, SCEMBED, TOKENS, MODEL, DENOISE, DECODER, DENOISED_PCA, GENE_SCORES, RAW_GENE_SCORES, RANKED_PEAKS),
    *(RAW_RANKED_PEAKS, CELL_TYPE, LSI, TF_ACTIVITY, MOTIF_DEVIATIONS, VARIANT_EFFECT, ISM, MOTIF_HITS, MODISCO),
    *(DESIGN, ATAC_DIFF, IMPUTED, GENERATED, DOWNSAMPLED, SHUFFLED),
)
