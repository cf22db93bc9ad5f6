"""Tools: train models and read them."""

from scbasset_tl.tl._annotate import annotate as annotate
from scbasset_tl.tl._atac_diff import atac_diff as atac_diff
from scbasset_tl.tl._denoise import denoise as denoise
from scbasset_tl.tl._denoised_pca import denoised_pca as denoised_pca
from scbasset_tl.tl._design import design as design
from scbasset_tl.tl._fit_decoder import fit_decoder as fit_decoder
from scbasset_tl.tl._gene_scores import gene_scores as gene_scores
from scbasset_tl.tl._generate import generate as generate
from scbasset_tl.tl._impute import impute as impute
from scbasset_tl.tl._ism import ism as ism
from scbasset_tl.tl._load_keras_weights import load_keras_weights as load_keras_weights
from scbasset_tl.tl._lsi import lsi as lsi
from scbasset_tl.tl._map_cells import map_cells as map_cells
from scbasset_tl.tl._modisco import modisco as modisco
from scbasset_tl.tl._motif_deviations import motif_deviations as motif_deviations
from scbasset_tl.tl._motif_hits import motif_hits as motif_hits
from scbasset_tl.tl._rank_peaks_groups import rank_peaks_groups as rank_peaks_groups
from scbasset_tl.tl._scbasset import scbasset as scbasset
from scbasset_tl.tl._scembed import scembed as scembed
from scbasset_tl.tl._tf_activity import tf_activity as tf_activity
from scbasset_tl.tl._variant_effect import variant_effect as variant_effect

__all__ = [
    "annotate",
    "atac_diff",
    "denoise",
    "denoised_pca",
    "design",
    "fit_decoder",
    "gene_scores",
    "generate",
    "impute",
    "ism",
    "lsi",
    "load_keras_weights",
    "map_cells",
    "modisco",
    "motif_deviations",
    "motif_hits",
    "rank_peaks_groups",
    "scbasset",
    "scembed",
    "tf_activity",
    "variant_effect",
]
