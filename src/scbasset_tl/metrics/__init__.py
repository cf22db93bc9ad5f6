"""Scores of cell representations and of predicted accessibility. Nothing is written to the data."""

from scbasset_tl.metrics._accessibility_auc import AccessibilityAUC, accessibility_auc
from scbasset_tl.metrics._cell_type_asw import cell_type_asw
from scbasset_tl.metrics._clustering_scores import clustering_scores
from scbasset_tl.metrics._label_score import label_score
from scbasset_tl.metrics._motif_deviations import motif_deviations
from scbasset_tl.metrics._neighbor_score import neighbor_score
from scbasset_tl.metrics._tf_expression import TFExpression, tf_expression

__all__ = [
    "AccessibilityAUC",
    "TFExpression",
    "accessibility_auc",
    "cell_type_asw",
    "clustering_scores",
    "label_score",
    "motif_deviations",
    "neighbor_score",
    "tf_expression",
]
