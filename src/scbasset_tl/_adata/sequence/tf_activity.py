"""TF activity: computed with a trained model, kept in ``.obsm`` and ``.uns``, and found there again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from scbasset_tl._adata.kinds import TF_ACTIVITY
from scbasset_tl._adata.readout import group_means, group_sizes
from scbasset_tl._adata.results import entry, find, texts
from scbasset_tl._adata.write import write_slots
from scbasset_tl._log import progress
from scbasset_tl.genome.motifs import unique_names
from scbasset_tl.infer.motif_effects import announce, draw_null, effects, null_effects
from scbasset_tl.stats.null import p_values, spread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from anndata import AnnData

    from scbasset_tl.genome.motifs import Motif
    from scbasset_tl.infer.motif_effects import Experiment, Null
    from scbasset_tl.nn.insertion import Means
    from scbasset_tl.nn.trunk import Trunk

_CELLS: Final = 1 << 14
# a standard deviation below this share of the largest possible one is rounding
_NOTHING: Final = 1e-7


@dataclass(frozen=True)
class Activity:
    """Activities of M motifs, and what they are made of."""

    z: np.ndarray  # float32 (n_obs, M)
    effect: np.ndarray  # mean change of the embedding (M, n_latent)
    mean: np.ndarray  # mean of the raw activity over cells (M,)
    sd: np.ndarray
    group_effect: np.ndarray  # (M, n_groups)
    # in the columns the spread over cells, and then the contrast of each group: (M, 1 + n_groups); NaN without a null
    statistic: np.ndarray
    p_value: np.ndarray
    fdr: np.ndarray
    n_null: int


def group_contrasts(vectors: np.ndarray, obs: pd.DataFrame, groupby: str | None) -> pd.DataFrame:
    """Mean vector of each group minus that of all other cells with a group (n_groups, n_latent)."""
    if groupby is None:
        return pd.DataFrame(np.empty((0, vectors.shape[1])))
    vectors = vectors.astype(np.float64)
    means = group_means(vectors, obs, groupby)
    if len(means) < 2:
        message = f"groupby: obs[{groupby!r}] has one group, {list(means.index)}; each is compared with the others."
        raise ValueError(message)
    columns = pd.Index([_column(group) for group in means.index])
    if (same := columns.duplicated(keep=False)).any():
        message = (
            f"groupby: obs[{groupby!r}] has groups that differ only in '/' and '|', and so would share columns of "
            f"get.tf_activity: {list(means.index[same])[:4]}. Rename them."
        )
        raise ValueError(message)
    size = group_sizes(obs, groupby).to_numpy()[:, None]
    sums = size * means
    return means - (sums.sum() - sums) / (size.sum() - size)


def compute_activity(
    trunk: Trunk,
    vectors: np.ndarray,
    pwms: Sequence[np.ndarray],
    experiments: tuple[Experiment, Experiment],
    *,
    contrasts: np.ndarray,
    n_null: int,
    scale: str,
    seed: int,
) -> Activity:
    """Activities from the first experiment; their significance from the second, which has fewer sequences."""
    main, few = experiments
    draws, source = draw_null(pwms, n_null, seed)
    parts = {f"{len(pwms):,} motifs in {main.where}": (main, len(pwms))}
    if draws:
        skip = f"null of {len(draws):,} permuted motifs in {few.where} (n_null=0 skips it)"
        parts[skip] = (few, len(draws) + len(pwms))
    with progress(announce(trunk, parts), description="TF activity", unit=" steps") as bar:
        means = effects(trunk, main, pwms, vectors=vectors if scale == "sigmoid" else None, tick=bar.update)
        null = null_effects(trunk, few, pwms, draws, source, tick=bar.update) if draws else None
    covariance = np.cov(vectors, rowvar=False, ddof=0, dtype=np.float64).reshape(2 * vectors.shape[1:])
    z, mean, sd = _standardise(vectors, means, covariance)
    statistic, p_value = _significance(null, covariance, contrasts, len(pwms))
    fdr = false_discovery_control(p_value) if null else p_value
    return Activity(z, means.latent, mean, sd, means.latent @ contrasts.T, statistic, p_value, fdr, len(draws))


def _significance(
    null: Null | None, covariance: np.ndarray, contrasts: np.ndarray, n_motifs: int
) -> tuple[np.ndarray, np.ndarray]:
    """Statistics and p-values (M, 1 + n_groups)."""
    if null is None:
        missing = np.full((n_motifs, 1 + len(contrasts)), np.nan)
        return missing, missing

    def statistics(effect: np.ndarray) -> np.ndarray:
        return np.column_stack([spread(effect, covariance), np.abs(effect @ contrasts.T)])

    statistic = statistics(null.motifs)
    return statistic, p_values(statistic, null.pool, statistics(null.draws), null.draw_pool)


def _standardise(
    vectors: np.ndarray, means: Means, covariance: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """z-scores (n_obs, M), and mean and standard deviation of the raw activities (M,)."""
    if means.probability is None:
        mean, sd = means.latent @ vectors.mean(0, dtype=np.float64), spread(means.latent, covariance)
    else:
        mean = means.probability.mean(axis=1, dtype=np.float64)
        sd = means.probability.std(axis=1, dtype=np.float64)
    largest = np.linalg.norm(means.latent, axis=1) * np.linalg.norm(vectors, axis=1).max()
    sd = np.where(sd > _NOTHING * largest, sd, 0)
    scale = np.divide(1, sd, out=np.zeros_like(sd), where=sd > 0)
    z = np.empty((len(vectors), len(mean)), dtype=np.float32)
    for first in range(0, len(vectors), _CELLS):
        cells = slice(first, first + _CELLS)
        raw = vectors[cells] @ means.latent.T if means.probability is None else means.probability[:, cells].T
        z[cells] = (raw - mean) * scale
    return z, mean, sd


def write_activity(
    adata: AnnData,
    slots: Mapping[str, str],
    motifs: Sequence[Motif],
    activity: Activity,
    groups: pd.Index,
    params: Mapping[str, Any],
    origin: Mapping[str, Any],
) -> None:
    """Store activities in ``obsm`` and ``uns``."""
    tables = ("statistic", "p_value", "fdr")
    of_groups = {
        "names": np.array([str(group) for group in groups], dtype=object),
        "effect": activity.group_effect,
        **{name: getattr(activity, name)[:, 1:] for name in tables},
    }
    made = {
        **entry(TF_ACTIVITY, {**params, "n_null": activity.n_null}, slots, origin=origin),
        "names": np.array(unique_names(motifs), dtype=object),
        "ids": np.array([motif.id for motif in motifs], dtype=object),
        "effect": activity.effect,
        "mean": activity.mean,
        "sd": activity.sd,
        **{name: getattr(activity, name)[:, 0] for name in tables},
        "groups": of_groups if len(groups) else {},
    }
    write_slots(adata, obsm={slots["obsm"]: activity.z}, uns={slots["uns"]: made})


@dataclass(frozen=True)
class StoredActivity:
    """What :func:`write_activity` stored."""

    z: np.ndarray  # (n_obs, M)
    motifs: pd.DataFrame  # a row for each motif
    params: Mapping[str, Any]
    slot: str

    def raw(self) -> np.ndarray:
        """Activities before they were standardised, float32 (n_obs, M)."""
        return (self.z * self.motifs["sd"].to_numpy() + self.motifs["mean"].to_numpy()).astype(np.float32)


def read_activity(adata: AnnData, key: str) -> StoredActivity:
    """Find TF activities and put the table of the motifs together."""
    stored = find(adata, TF_ACTIVITY, key)
    slot = str(stored["slots"]["obsm"])
    columns = {name: np.asarray(stored[name]) for name in ("mean", "sd", "statistic", "p_value", "fdr")}
    if groups := stored.get("groups"):  # anndata.concat drops what is empty
        for column, group in enumerate(texts(groups["names"])):
            for name in ("effect", "p_value", "fdr"):
                columns[f"{name}_{_column(group)}"] = np.asarray(groups[name])[:, column]
    table = pd.DataFrame({"id": texts(stored["ids"]), **columns}, index=texts(stored["names"]))
    return StoredActivity(np.asarray(adata.obsm[slot]), table, stored["params"], slot)


def _column(group: Any) -> str:
    """A group's name as a part of column names, without slashes, which files cannot hold."""
    return str(group).replace("/", "|")
