"""Scores of cell representations and of predicted accessibility. Nothing is written to the data."""

from scbasset_tl.metrics._accessibility_auc import AccessibilityAUC, accessibility_auc
from scbasset_tl.metrics._batch_mixing import batch_mixing
from scbasset_tl.metrics._cell_type_asw import cell_type_asw
from scbasset_tl.metrics._clustering_scores import clustering_scores
from scbasset_tl.metrics._compare_generated import compare_generated
from scbasset_tl.metrics._compare_models import compare_models
from scbasset_tl.metrics._denoised_asw import denoised_asw
from scbasset_tl.metrics._embedding_rank_distance import RankDistance, embedding_rank_distance
from scbasset_tl.metrics._gene_expression_correlation import GeneExpression, gene_expression_correlation
from scbasset_tl.metrics._imputation import imputation
from scbasset_tl.metrics._label_score import label_score
from scbasset_tl.metrics._learning_curve import LearningCurve, learning_curve
from scbasset_tl.metrics._motif_match import MotifMatch, motif_match
from scbasset_tl.metrics._neighbor_score import neighbor_score
from scbasset_tl.metrics._perturbation import Perturbation, perturbation
from scbasset_tl.metrics._tf_expression_correlation import TFExpression, tf_expression_correlation

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
    "cell_type_asw",
    "clustering_scores",
    "compare_generated",
    "compare_models",
    "denoised_asw",
    "embedding_rank_distance",
    "gene_expression_correlation",
    "imputation",
    "label_score",
    "learning_curve",
    "motif_match",
    "neighbor_score",
    "perturbation",
    "tf_expression_correlation",
]
