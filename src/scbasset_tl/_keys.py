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
N_CELLS: Final = "n_cells"
KEEP_PEAK: Final = "keep_peak"
VARIANT_EFFECT: Final = "variant_effect"
ISM: Final = "ism"
TF_ACTIVITY: Final = "tf_activity"
MOTIF_HITS: Final = "motif_hits"
MODISCO: Final = "modisco"
RESULTS: Final = (SCBASSET, ISM, MOTIF_HITS, MODISCO, VARIANT_EFFECT, TF_ACTIVITY)
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
