"""Place new cells under a trained model: peak vectors, batches, exact cell vectors, and whether it knows their kind."""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from scbasset_tl._adata.codes import sequence_codes
from scbasset_tl._adata.columns import say_level
from scbasset_tl._adata.kinds import MODEL
from scbasset_tl._adata.matrix import open_entries_from, slot_name
from scbasset_tl._adata.model.batches import batch_names
from scbasset_tl._adata.model.seen import MAPPED, fitted_peaks
from scbasset_tl._adata.model.store import read_model
from scbasset_tl._adata.peak_places import compare_windows, places_of
from scbasset_tl._adata.positions import sequence_record
from scbasset_tl._adata.results import claim
from scbasset_tl._keys import DNA_CODE
from scbasset_tl._log import info, progress
from scbasset_tl._random import as_generator, recorded_seed
from scbasset_tl._validate import check_number
from scbasset_tl.genome.contigs import match_contigs
from scbasset_tl.nn.embed import embed
from scbasset_tl.stats.logistic import fit_cells
from scbasset_tl.stats.novelty import depths_like, held_out_gain, low_gain, thinned
from scbasset_tl.train.device import single_device

if TYPE_CHECKING:
    import pandas as pd
    import torch
    from anndata import AnnData

    from scbasset_tl._adata.model.batches import Batches
    from scbasset_tl._adata.model.store import Model
    from scbasset_tl.nn.trunk import Trunk
    from scbasset_tl.stats.logistic import CellFit
    from scbasset_tl.stats.open_entries import OpenEntries

N_KNOWN = 500
"""Cells of the reference that the limit for odd cells is drawn from: its share is exact to one percent."""
ODD_SHARE = 0.05
N_SHARED = 1000
"""Peaks in common from which on cells of query and reference are compared on these alone."""
_AT_ONCE = 1024
_SHOWN = 8


def map_by_sequence(
    query: AnnData,
    reference: AnnData,
    key: str,
    *,
    l2: float | None,
    peaks: str,
    layer: str | None,
    accelerator: str,
    rng: int | np.random.Generator | None,
    key_added: str | None,
) -> dict[str, Any]:
    """The query's model under the reference's network: the parts that ``write_model`` stores."""
    slots = claim(query, MODEL, key_added, verb="tl.map_cells")
    generator = as_generator(rng)
    device = single_device(accelerator)
    model = read_model(reference, key)
    trunk = model.trunk()
    l2 = prior_precision(model) if l2 is None else check_number("l2", l2, low=0)
    codes = query_codes(query, reference, trunk.config.seq_len)
    batches = query_batches(query.obs, model.batches)
    open_entries = query_entries(query, layer)

    places = places_in(codes, reference)
    fitted = fitted_peaks(query, reference, model, places, peaks)
    vectors = peak_vectors(codes, places, model, trunk, device)
    batch_weight, batch_bias = batch_part(batches, query.obs, vectors.shape[1])
    used = open_entries.rows(np.flatnonzero(fitted))
    fit = fit_cells(vectors[fitted], used, l2=l2, center=batch_weight)
    odd = odd_cells(open_entries, vectors, places, batch_weight, fit, reference, model, l2=l2, rng=generator)
    _say_mapped(fit, used, fitted, odd, l2)
    return {
        "trunk": trunk,
        "cell_embedding": fit.weight - batch_weight,
        "cell_bias": fit.bias - batch_bias,
        "peak_embedding": vectors,
        "params": {
            "name": MAPPED,
            "key": key,
            "layer": layer,
            "l2": l2,
            "peaks": peaks,
            "seed": recorded_seed(rng),
            "average": model.average,
            "seen": slots["seen"],
            "n_latent": vectors.shape[1],
            "trunk": trunk.config.to_dict(),
        },
        "history": {},
        "batches": batches,
        "obs": {slots["se"]: fit.standard_error.astype(np.float32), **({} if odd is None else {slots["ood"]: odd})},
        "var": {slots["seen"]: fitted},
        "verb": "tl.map_cells",
    }


def _say_mapped(fit: CellFit, used: OpenEntries, fitted: np.ndarray, odd: np.ndarray | None, l2: float) -> None:
    n_open = used.cell_counts()
    n_useless = int(((n_open == 0) | (n_open == used.n_peaks)).sum())
    n_failed = int((~fit.converged).sum()) - n_useless
    text = f"{len(n_open):,} cells mapped on {int(fitted.sum()):,} of {len(fitted):,} peaks with l2={l2:.3g}"
    if odd is not None:
        text += f", {int(odd.sum()):,} of them out of the reference's distribution"
    if n_useless:
        text += f'; {n_useless:,} have no open training peak, so that their vectors mean nothing: pass peaks="all"'
    if n_failed:
        text += f"; {n_failed:,} have no optimum, pass a larger l2="
    info(text)


def query_codes(query: AnnData, reference: AnnData, seq_len: int) -> np.ndarray:
    """The sequences of the query, of the length and the genome that the reference's model reads."""
    codes = sequence_codes(query)
    if codes.shape[1] != seq_len:
        message = (
            f"query: varm[{DNA_CODE!r}] has sequences of {codes.shape[1]} bp, the reference's model reads {seq_len}: "
            f"pp.add_sequences(query, fasta, seq_len={seq_len})."
        )
        raise ValueError(message)
    ours, theirs = sequence_record(query), sequence_record(reference)
    if "checksum" in ours and "checksum" in theirs:
        if str(ours["checksum"]) != str(theirs["checksum"]):
            _check_same_genome(query, reference, str(ours.get("fasta")), str(theirs.get("fasta")))
        return codes
    one, other = (_contigs(adata) for adata in (query, reference))
    if one and other and not match_contigs(one, other):
        message = (
            f"query: no contig of its peaks ({sorted(one)[:3]}) is one of the reference's ({sorted(other)[:3]}): they are "
            "of another genome. Run pp.add_sequences on both with the same FASTA."
        )
        raise ValueError(message)
    return codes


def _check_same_genome(query: AnnData, reference: AnnData, fasta: str, other: str) -> None:
    """Compare the sequences themselves: one genome may have other names, or some of its contigs only."""
    compared = compare_windows(query, reference)
    if compared.number and not compared.differ:
        info(
            f"{fasta} has other contigs than {other}, or other names for them, but the same bases in {compared.number} "
            "windows where peaks of query and reference overlap: they are taken for one genome"
        )
        return
    what = (
        f"its sequences are of another genome ({fasta}) than the reference's ({other}): bases differ in {compared.differ} "
        f"of {compared.number} windows compared, the first is {compared.first!r}. Call the query's peaks on that genome, then"
        if compared.number
        else f"its sequences ({fasta}) may be of another genome than the reference's ({other}): names or lengths of "
        "contigs differ, and no windows overlap in which bases could be compared. If it is the same genome,"
    )
    message = f"query: {what} pp.add_sequences(query, fasta) with the same FASTA."
    raise ValueError(message)


def _contigs(adata: AnnData) -> set[str]:
    places = places_of(adata)
    return set() if places is None else set(map(str, places.chrom))


def query_entries(query: AnnData, layer: str | None) -> OpenEntries:
    """The open entries of the query; each cell must have open and closed peaks."""
    open_entries = open_entries_from(query, layer)
    n_open = open_entries.cell_counts()
    useless = np.flatnonzero((n_open == 0) | (n_open == open_entries.n_peaks))
    if len(useless):
        message = (
            f"query: {slot_name(layer)} has {len(useless)} cells in which no peak or every peak is open, first "
            f"{list(query.obs_names[useless[:3]])}: such cells have no vector. Remove them, e.g. with "
            "scanpy.pp.filter_cells(query, min_genes=1); if the data are scaled or imputed, name the counts with layer=."
        )
        raise ValueError(message)
    return open_entries


def places_in(codes: np.ndarray, reference: AnnData) -> np.ndarray:
    """Where the reference has each peak of the query, or -1."""
    if DNA_CODE not in reference.varm:
        return np.full(len(codes), -1)
    place_of = {_digest(row): place for place, row in enumerate(sequence_codes(reference))}
    return np.array([place_of.get(_digest(row), -1) for row in codes])


def peak_vectors(codes: np.ndarray, places: np.ndarray, model: Model, trunk: Trunk, device: torch.device) -> np.ndarray:
    """Vectors of the query's peaks, float32 (P, K): those of the reference at ``places``, the others from their sequences."""
    stored = model.require_peaks()
    vectors = np.empty((len(codes), stored.shape[1]), dtype=np.float32)
    vectors[places >= 0] = stored[places[places >= 0]]
    new = np.flatnonzero(places < 0)
    if len(new):
        info(f"{len(new):,} of {len(codes):,} peaks are not in the reference; their sequences are embedded")
        trunk = trunk.to(device)
        with progress(len(new), description="embedding", unit=" peaks") as bar:
            for start in range(0, len(new), _AT_ONCE):
                rows = new[start : start + _AT_ONCE]
                vectors[rows] = embed(trunk, codes[rows], average=model.average).cpu().numpy()
                bar.update(len(rows))
    return vectors


def _digest(row: np.ndarray) -> bytes:
    return blake2b(np.ascontiguousarray(row).data, digest_size=16).digest()


def query_batches(obs: pd.DataFrame, batches: Batches | None) -> Batches | None:
    """The reference's batches, and those that only the query has, which get the mean vector of their column."""
    if batches is None:
        return None
    categories, weight, bias, first = [], [], [], 0
    for column, levels in zip(batches.columns, batches.categories, strict=True):
        if column not in obs:
            message = (
                f"query: obs[{column!r}], the batch of each cell in the reference's model, is missing. If its cells are of "
                f"no known batch, name a new one: query.obs[{column!r}] = 'query'."
            )
            raise KeyError(message)
        say_level(obs, column)
        new = sorted(set(batch_names(obs[column], levels)) - set(levels))
        if new:
            info(
                f"obs[{column!r}]: {_some(new)} {'is a batch' if len(new) == 1 else 'are batches'} that the model does not "
                f"know; it knows {_some(levels)}. New batches get the mean vector of the known ones"
            )
        own = slice(first, first + len(levels))
        categories.append([*levels, *new])
        weight += [batches.weight[own], np.tile(batches.weight[own].mean(axis=0), (len(new), 1))]
        bias += [batches.bias[own], np.full(len(new), batches.bias[own].mean())]
        first += len(levels)
    return replace(batches, categories=categories, weight=np.concatenate(weight), bias=np.concatenate(bias))


def _some(names: list[str]) -> str:
    return ", ".join(map(repr, names[:_SHOWN])) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def batch_part(batches: Batches | None, obs: pd.DataFrame, n_latent: int) -> tuple[np.ndarray, np.ndarray]:
    """What the batches add to the cells' vectors (n, K) and biases (n,)."""
    if batches is None:
        return np.zeros((len(obs), n_latent)), np.zeros(len(obs))
    design = batches.design(obs)
    return batches.weight[design].sum(axis=1), batches.bias[design].sum(axis=1)


def prior_precision(model: Model) -> float:
    """One over the variance of the reference's weights."""
    variance = float(model.cell_embedding.var())
    if variance == 0:
        message = f"the cells' vectors of the model {model.key!r} are all alike: pass l2=, or run tl.scbasset again."
        raise ValueError(message)
    return 1 / variance


def odd_cells(
    open_entries: OpenEntries,
    peaks: np.ndarray,
    places: np.ndarray,
    center: np.ndarray,
    fit: CellFit,
    reference: AnnData,
    model: Model,
    *,
    l2: float,
    rng: np.random.Generator,
) -> np.ndarray | None:
    """Cells whose held-out peaks are predicted as badly as those of the worst 5 % of the reference's at that depth.

    ``None`` where the reference has no matrix any more.
    """
    layer = model.entry["params"].get("layer")
    if (reference.X if layer is None else reference.layers.get(layer)) is None:
        info(f"the reference has no {slot_name(layer)}: no cell is marked as out of its distribution")
        return None
    chosen = np.sort(rng.permutation(reference.n_obs)[:N_KNOWN])
    reference_entries, reference_peaks = open_entries_from(reference, layer, cells=chosen), model.require_peaks()
    shared = np.flatnonzero(places >= 0)
    if len(shared) >= min(N_SHARED, len(places)):
        reference_entries, reference_peaks = reference_entries.rows(places[shared]), reference_peaks[places[shared]]
        open_entries, peaks = open_entries.rows(shared), peaks[shared]
    else:  # some sets of peaks are predicted better than others
        info(
            f"query and reference share {len(shared)} peaks: more or less than 5 % of ordinary cells may be marked as odd"
        )
    n_open = open_entries.cell_counts()
    reference_entries = thinned(reference_entries, depths_like(reference_entries.cell_counts(), n_open), rng)
    reference_center, _ = batch_part(model.batches, reference.obs.iloc[chosen], peaks.shape[1])
    reference_gain = held_out_gain(reference_peaks, reference_entries, l2=l2, rng=rng, center=reference_center)
    gain = held_out_gain(peaks, open_entries, l2=l2, rng=rng, center=center, start=fit)
    usable = reference_entries.cell_counts() > 0
    return low_gain(gain, n_open, reference_gain[usable], reference_entries.cell_counts()[usable], share=ODD_SHARE)
