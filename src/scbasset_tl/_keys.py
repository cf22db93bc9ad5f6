"""Every slot name the package reads or writes by default."""

from dataclasses import dataclass
from typing import Final

SCHEMA_VERSION: Final = 1


@dataclass(frozen=True)
class Slots:
    """Where the parts of one trained scBasset model live in an AnnData."""

    cell_embedding: str  # obsm, float32 (n_obs, n_latent)
    cell_bias: str  # obs, float32 (n_obs,)
    peak_embedding: str  # varm, float32 (n_vars, n_latent)
    model: str  # uns

    def as_dict(self) -> dict[str, str]:
        """The names, as recorded in ``uns[key]['slots']``."""
        return {"obsm": self.cell_embedding, "obs": self.cell_bias, "varm": self.peak_embedding}


SCBASSET: Final = "scbasset"
DNA_CODE: Final = "dna_code"
SPLIT: Final = "split"
FEATURE_TYPES: Final = "feature_types"  # as 10x names the column and what is in it
PEAKS: Final = "Peaks"
GENES: Final = "Gene Expression"
N_CELLS: Final = "n_cells"
DOWNSAMPLED: Final = "downsampled"
SHUFFLED: Final = "shuffled"
VARIANT_EFFECT: Final = "variant_effect"
ISM: Final = "ism"
TF_ACTIVITY: Final = "tf_activity"
MOTIF_DEVIATIONS: Final = "motif_deviations"
MOTIF_HITS: Final = "motif_hits"
MODISCO: Final = "modisco"
DESIGN: Final = "design"
DENOISE: Final = "denoise"
DENOISED_PCA: Final = "denoised_pca"
X_DENOISED: Final = "X_scbasset_denoised"
GENE_SCORES: Final = "gene_scores"
GENE_SCORES_RAW: Final = "gene_scores_raw"
CELL_TYPE: Final = "cell_type"
TOKENS: Final = "tokens"
SCEMBED: Final = "scembed"
ATAC_DIFF: Final = "atac_diff"
ATAC_DIFF_IMPUTED: Final = "atac_diff_imputed"
ATAC_DIFF_GENERATED: Final = "atac_diff_generated"
RESULTS: Final = (
    TOKENS,
    SCEMBED,
    SCBASSET,
    ISM,
    MOTIF_DEVIATIONS,
    MOTIF_HITS,
    MODISCO,
    DESIGN,
    VARIANT_EFFECT,
    TF_ACTIVITY,
    DENOISE,
    DENOISED_PCA,
    GENE_SCORES,
    GENE_SCORES_RAW,
    CELL_TYPE,
    ATAC_DIFF,
    ATAC_DIFF_IMPUTED,
)
CHROM, START, END = "chr", "start", "end"
SPLIT_LEVELS: Final = ("train", "val", "test")


def other_results(own: str) -> list[str]:
    """Default keys of the results of all other verbs: no ``key_added`` of this one."""
    return [name for name in RESULTS if name != own]


def scbasset_slots(key_added: str | None = None) -> Slots:
    """Slot names of :func:`scbasset_tl.tl.scbasset`; ``key_added`` names every slot, as in scanpy."""
    if key_added is None:
        return Slots("X_scbasset", "scbasset_bias", SCBASSET, SCBASSET)
    return Slots(key_added, f"{key_added}_bias", key_added, key_added)


def map_cells_columns(key_added: str | None = None) -> tuple[str, str]:
    """Columns of obs that :func:`scbasset_tl.tl.map_cells` writes beside a model: standard error, and oddity."""
    name = SCBASSET if key_added is None else key_added
    return f"{name}_se", f"{name}_ood"


def seen_column(key_added: str | None = None) -> str:
    """Column of var that :func:`scbasset_tl.tl.map_cells` writes: the peaks that a mapped model has seen."""
    return f"{SCBASSET if key_added is None else key_added}_seen"


def annotate_slots(key_added: str | None = None) -> dict[str, str]:
    """Slot names of :func:`scbasset_tl.tl.annotate`."""
    name = CELL_TYPE if key_added is None else key_added
    return {"label": name, "confidence": f"{name}_confidence", "proba": f"{name}_proba"}


def token_slots(key_added: str | None = None) -> tuple[str, str]:
    """Names in obsm and uns of :func:`scbasset_tl.pp.tokenize_regions`."""
    return ("X_tokens", TOKENS) if key_added is None else (key_added, key_added)


def scembed_slots(key_added: str | None = None) -> dict[str, str]:
    """Slot names of :func:`scbasset_tl.tl.scembed`, by field."""
    if key_added is None:
        return {"obsm": "X_scembed", "obs": "scembed_empty", "varm": SCEMBED, "uns": SCEMBED}
    return {"obsm": key_added, "obs": f"{key_added}_empty", "varm": key_added, "uns": key_added}


def atac_diff_slots(key_added: str | None = None) -> dict[str, str]:
    """Slot names of :func:`scbasset_tl.tl.atac_diff`, by content."""
    name = ATAC_DIFF if key_added is None else key_added
    return {
        "embedding": f"X_{name}" if key_added is None else name,  # obsm
        "component": f"{name}_component",  # obs
        "depth": f"{name}_depth",  # obs
        "decoder": name,  # varm, where the space needs one
        "encoder": f"{name}_in",  # varm, of an autoencoder
        "model": name,  # uns
    }
