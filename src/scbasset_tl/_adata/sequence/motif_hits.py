"""Motif hits of some regions with their match scores: computed, kept in ``.uns``, and read as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scbasset_tl._adata.kinds import MOTIF_HITS
from scbasset_tl._adata.results import find
from scbasset_tl._log import progress
from scbasset_tl.genome.motifs import unique_names
from scbasset_tl.genome.scan import BACKGROUND, scan
from scbasset_tl.stats.match import Match, match_hits, match_vectors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from anndata import AnnData

    from scbasset_tl._adata.model.store import Model
    from scbasset_tl._adata.sequence.ism import Changes
    from scbasset_tl.genome.motifs import Motif

ALL_CELLS = "all cells"


def mean_vectors(adata: AnnData, model: Model, **chosen: Any) -> pd.DataFrame:
    """:func:`output_vectors` of groups or their contrast; without ``groupby`` the mean over all cells."""
    from scbasset_tl._adata.readout import output_vectors

    vectors = output_vectors(adata, model, **chosen)
    return vectors if chosen.get("groupby") is not None else vectors.mean().to_frame(ALL_CELLS).T


def check_background(background: Any) -> np.ndarray:
    """Four frequencies that sum to one."""
    given = BACKGROUND if background is None else background
    try:
        values = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.zeros(0)
    if values.shape != (4,) or not (values > 0).all() or abs(values.sum() - 1) > 1e-3:
        message = f"background must be four frequencies of A, C, G and T that sum to one, got {background!r}."
        raise ValueError(message)
    return values / values.sum()


def check_widths(motifs: Sequence[Motif], length: int) -> None:
    """Refuse motifs that no window holds."""
    wide = [f"{motif.name} ({len(motif)} bp)" for motif in motifs if len(motif) > length]
    if wide:
        message = (
            f"motifs: {len(wide)} of {len(motifs)} are wider than the {length} bp that are scanned, first {wide[:3]}."
        )
        raise ValueError(message)


def find_hits(
    changes: Changes,
    motifs: Sequence[Motif],
    vectors: pd.DataFrame,
    *,
    p_value: float,
    background: np.ndarray,
) -> dict[str, Any]:
    """Columns of the table, an entry for each hit; match scores have one for each hit and output."""
    pwms = [motif.pwm for motif in motifs]
    hits = scan(pwms, changes.codes, p_value=p_value, background=background)
    scores = Match(*(np.zeros((len(hits.start), len(vectors)), dtype=np.float32) for _ in Match._fields))
    latent = np.zeros((len(hits.start), changes.delta.shape[-1]), dtype=np.float32)
    projection = vectors.to_numpy(dtype=np.float32).T
    with progress(len(changes.regions), description="match of motifs and importances", unit=" regions") as bar:
        for row, codes in enumerate(changes.codes):
            in_region = slice(*np.searchsorted(hits.sequence, [row, row + 1]))
            importance = changes.delta[row] @ projection
            importance -= importance.mean(axis=1, keepdims=True)
            strands = zip(hits.motif[in_region], hits.reverse[in_region], strict=True)
            oriented = [pwms[motif][::-1, ::-1] if reverse else pwms[motif] for motif, reverse in strands]
            for field, values in zip(
                scores, match_hits(importance, codes, oriented, hits.start[in_region]), strict=True
            ):
                field[in_region] = values
            latent[in_region] = match_vectors(changes.delta[row], oriented, hits.start[in_region])
            bar.update()
    widths = np.array([len(pwm) for pwm in pwms])
    start = changes.start[hits.sequence] + hits.start
    return {
        "regions": np.array(changes.regions, dtype=object),
        "chrom": np.array(changes.chrom, dtype=object),
        "motifs": np.array(unique_names(motifs), dtype=object),
        "motif_ids": np.array([motif.id for motif in motifs], dtype=object),
        "groups": np.array([str(name) for name in vectors.index], dtype=object),
        "region": hits.sequence,
        "motif": hits.motif,
        "start": start,
        "end": start + widths[hits.motif],
        "reverse": hits.reverse,
        "score": hits.score,
        "p_value": hits.p_value,
        **scores._asdict(),
        "vector": latent,
    }


def read_hits(adata: AnnData, key: str) -> pd.DataFrame:
    """``uns[key]`` as a table, a row for each hit and group."""
    stored = find(adata, MOTIF_HITS, key)
    hits, groups = _hits(stored), np.asarray(stored["groups"], dtype=object)
    table = hits.loc[hits.index.repeat(len(groups))].reset_index(drop=True)
    table["group"] = np.tile(groups, len(hits))
    for name in Match._fields:
        table[name] = np.asarray(stored[name]).reshape(-1)
    return table


def read_vectors(adata: AnnData, key: str) -> tuple[pd.DataFrame, np.ndarray, str]:
    """The hits of ``uns[key]``, the change of the peak vector that each stands for (n_hits, n_latent), and the model's key."""
    stored = find(adata, MOTIF_HITS, key)
    if "vector" not in stored:
        message = f"uns[{key!r}] is of an earlier version, without what single cells need: run tl.motif_hits again."
        raise KeyError(message)
    return _hits(stored), np.asarray(stored["vector"]), str(stored["params"]["key"])


def _hits(entry: Mapping[str, Any]) -> pd.DataFrame:
    """A row for each hit."""
    region, motif = np.asarray(entry["region"]), np.asarray(entry["motif"])
    hits = {
        "region": np.asarray(entry["regions"], dtype=object)[region],
        "chrom": np.asarray(entry["chrom"], dtype=object)[region],
        "start": entry["start"],
        "end": entry["end"],
        "strand": np.where(entry["reverse"], "-", "+"),
        "motif": np.asarray(entry["motifs"], dtype=object)[motif],
        "motif_id": np.asarray(entry["motif_ids"], dtype=object)[motif],
        "score": entry["score"],
        "p_value": entry["p_value"],
    }
    return pd.DataFrame({name: np.asarray(column) for name, column in hits.items()})
