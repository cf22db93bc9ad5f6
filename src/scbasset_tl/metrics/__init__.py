"""Scores of cell representations and of predicted accessibility. Nothing is written to the data."""

from scbasset_tl.metrics._accessibility_auc import AccessibilityAUC, accessibility_auc
from scbasset_tl.metrics._cell_type_asw import cell_type_asw
from scbasset_tl.metrics._clustering_scores import clustering_scores
from scbasset_tl.metrics._label_score import label_score
from scbasset_tl.metrics._neighbor_score import neighbor_score

__all__ = [
    "AccessibilityAUC",
    "accessibility_auc",
    "cell_type_asw",
    "clustering_scores",
    "label_score",
    "neighbor_score",
]
