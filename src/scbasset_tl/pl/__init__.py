"""Plots of what the other packages compute; matplotlib loads when one is drawn."""

from scbasset_tl.pl._accessibility import accessibility as accessibility
from scbasset_tl.pl._compare_generated import compare_generated as compare_generated
from scbasset_tl.pl._compare_models import compare_models as compare_models
from scbasset_tl.pl._design import design as design
from scbasset_tl.pl._gene_expression import gene_expression as gene_expression
from scbasset_tl.pl._history import history as history
from scbasset_tl.pl._ism import ism as ism
from scbasset_tl.pl._learning_curve import learning_curve as learning_curve
from scbasset_tl.pl._modisco import modisco as modisco
from scbasset_tl.pl._motif import motif as motif
from scbasset_tl.pl._perturbation import perturbation as perturbation
from scbasset_tl.pl._report import report as report
from scbasset_tl.pl._tf_activity import tf_activity as tf_activity
from scbasset_tl.pl._tf_expression import tf_expression as tf_expression
from scbasset_tl.pl._variant_effect import variant_effect as variant_effect

__all__ = [
    "accessibility",
    "compare_generated",
    "compare_models",
    "design",
    "gene_expression",
    "history",
    "ism",
    "learning_curve",
    "modisco",
    "motif",
    "perturbation",
    "report",
    "tf_activity",
    "tf_expression",
    "variant_effect",
]
