"""Scores of cell representations and of predicted accessibility. Nothing is written to the data."""

from scbasset_tl.metrics._accessibility_auc import AccessibilityAUC, accessibility_auc
from scbasset_tl.metrics._batch_mixing import batch_mixing
from scbasset_tl.metrics._batch_path import batch_path
from scbasset_tl.metrics._cell_type_asw import cell_type_asw
from scbasset_tl.metrics._clustering_scores import clustering_scores
from scbasset_tl.metrics._denoised_asw import denoised_asw
from scbasset_tl.metrics._embedding_rank_distance import RankDistance, embedding_rank_distance
from scbasset_tl.metrics._gene_expression import GeneExpression, gene_expression
from scbasset_tl.metrics._generation import generation
from scbasset_tl.metrics._label_score import label_score
from scbasset_tl.metrics._learning_curve import LearningCurve, learning_curve
from scbasset_tl.metrics._motif_deviations import motif_deviations
from scbasset_tl.metrics._motif_match import MotifMatch, motif_match
from scbasset_tl.metrics._neighbor_score import neighbor_score
from scbasset_tl.metrics._perturbation import Perturbation, perturbation
from scbasset_tl.metrics._tf_expression import TFExpression, tf_expression

__all__ = [
    "AccessibilityAUC",
    "GeneExpression",
    "LearningCurve",
    "MotifMatch",
    "Perturbation",
    "RankDistance",
    "TFExpression",
    "accessibility_auc",
    "batch_mixing",
    "batch_path",
    "cell_type_asw",
    "clustering_scores",
    "denoised_asw",
    "embedding_rank_distance",
    "gene_expression",
    "generation",
    "label_score",
    "learning_curve",
    "motif_deviations",
    "motif_match",
    "neighbor_score",
    "perturbation",
    "tf_expression",
]
