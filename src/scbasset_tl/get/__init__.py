"""Read results back; nothing here writes to the data."""

from scbasset_tl._adata.sequence.ism_scores import ISMScores as ISMScores
from scbasset_tl.get._accessibility import accessibility as accessibility
from scbasset_tl.get._design import design as design
from scbasset_tl.get._gene_scores import gene_scores as gene_scores
from scbasset_tl.get._history import history as history
from scbasset_tl.get._imputed import imputed as imputed
from scbasset_tl.get._ism import ism as ism
from scbasset_tl.get._model import model as model
from scbasset_tl.get._modisco import modisco as modisco
from scbasset_tl.get._motif_deviations import motif_deviations as motif_deviations
from scbasset_tl.get._motif_hits import motif_hits as motif_hits
from scbasset_tl.get._report import Report as Report
from scbasset_tl.get._report import report as report
from scbasset_tl.get._tf_activity import tf_activity as tf_activity
from scbasset_tl.get._variant_effect import variant_effect as variant_effect

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
