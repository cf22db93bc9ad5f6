"""Tools: train models and read them."""

from scbasset_tl.tl._ism import ism as ism
from scbasset_tl.tl._modisco import modisco as modisco
from scbasset_tl.tl._motif_hits import motif_hits as motif_hits
from scbasset_tl.tl._scbasset import scbasset as scbasset
from scbasset_tl.tl._tf_activity import tf_activity as tf_activity
from scbasset_tl.tl._variant_effect import variant_effect as variant_effect

__all__ = ["ism", "modisco", "motif_hits", "scbasset", "tf_activity", "variant_effect"]
