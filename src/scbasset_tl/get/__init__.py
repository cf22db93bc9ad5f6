"""Read results back; nothing here writes to the data."""

from scbasset_tl._adata.sequence.ism_scores import ISMScores
from scbasset_tl.get._accessibility import accessibility
from scbasset_tl.get._design import design
from scbasset_tl.get._gene_scores import gene_scores
from scbasset_tl.get._history import history
from scbasset_tl.get._imputed import imputed
from scbasset_tl.get._ism import ism
from scbasset_tl.get._model import model
from scbasset_tl.get._modisco import modisco
from scbasset_tl.get._motif_deviations import motif_deviations
from scbasset_tl.get._motif_hits import motif_hits
from scbasset_tl.get._report import Report, report
from scbasset_tl.get._tf_activity import tf_activity
from scbasset_tl.get._variant_effect import variant_effect

__all__ = [
    "ISMScores",
    "Report",
    "accessibility",
    "design",
    "gene_scores",
    "history",
    "imputed",
    "ism",
    "model",
    "modisco",
    "motif_deviations",
    "motif_hits",
    "report",
    "tf_activity",
    "variant_effect",
]
