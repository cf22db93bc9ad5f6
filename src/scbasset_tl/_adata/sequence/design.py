"""Designed sequences: their objective, the entry of ``.uns``, and what is read from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scbasset_tl._adata.model.store import read_network
from scbasset_tl._adata.readout import group_row
from scbasset_tl._adata.results import texts
from scbasset_tl._validate import check_number, check_one_of
from scbasset_tl.genome.codes import decode, gc_share, reverse_complement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anndata import AnnData

    from scbasset_tl._adata.model.store import Model
    from scbasset_tl._adata.sequence.design_starts import Starts
    from scbasset_tl.nn.design import Course, Objective

OFF_TARGETS = ("max", "mean")


def group_objective(
    adata: AnnData, model: Model, *, groupby: str, group: Any, off_target: str, penalty: float
) -> tuple[list[str], Objective]:
    """Names of all groups, and the objective of one of them against the others."""
    from scbasset_tl.nn.design import Objective

    check_one_of("off_target", off_target, OFF_TARGETS)
    check_number("penalty", penalty, low=0)
    means, row = group_row(model.cell_embedding, adata.obs, groupby, group)
    if len(means) < 2:
        message = (
            f"groupby: obs[{groupby!r}] has one group, {list(means.index)}: a design needs others to be closed in."
        )
        raise ValueError(message)
    vectors = means.to_numpy(dtype=np.float32)
    return texts(means.index), Objective(vectors, row, float(penalty), off_target == "max")


def pack(
    starts: Starts,
    courses: list[Course],
    *,
    objective: Objective,
    groups: list[str],
    motifs: list[str],
) -> dict[str, Any]:
    """The entry of ``.uns``: logits after each round, NaN after the last, and the edits as columns of a table."""
    n_rounds = np.array([len(course.steps) for course in courses])
    logits = np.full((len(courses), n_rounds.max() + 1, len(groups)), np.nan, dtype=np.float32)
    for row, course in enumerate(courses):
        logits[row, : len(course.logits)] = course.logits
    steps = [(row, number, step) for row, course in enumerate(courses) for number, step in enumerate(course.steps, 1)]
    patch = np.array([step.patch for _, _, step in steps], dtype=np.int64)
    edits = {
        "sequence": np.array([row for row, _, _ in steps]),
        "round": np.array([number for _, number, _ in steps]),
        "start": np.array([step.start for _, _, step in steps]),
        "old": np.array([decode(step.old) for _, _, step in steps], dtype=object),
        "new": np.array([decode(step.new) for _, _, step in steps], dtype=object),
        "motif": np.array([motifs[number // 2] if number >= 0 else "" for number in patch], dtype=object),
        "strand": np.where(patch < 0, "", np.where(patch % 2, "-", "+")).astype(object),
    }
    return {
        "names": np.array([f"design_{number + 1}" for number in range(len(courses))], dtype=object),
        "codes": np.array([course.codes for course in courses]),
        "start": np.array(starts.name, dtype=object),
        "start_codes": starts.codes,
        "n_rounds": n_rounds,
        "groups": np.array(groups, dtype=object),
        "vectors": objective.vectors,
        "target": groups[objective.target],
        "logits": logits,
        # files do not keep the type of an empty column of text
        "edits": edits if steps else {},
    }


def scores(entry: Mapping[str, Any]) -> np.ndarray:
    """Score of each sequence after each round (N, most rounds + 1); NaN after the last."""
    logits, params = np.asarray(entry["logits"], dtype=np.float64), entry["params"]
    target = texts(entry["groups"]).index(str(entry["target"]))
    others = np.delete(logits, target, axis=2)
    off = others.max(axis=2) if str(params["off_target"]) == "max" else others.mean(axis=2)
    return np.asarray(logits[..., target] - float(params["penalty"]) * off)


def final(entry: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Logits of the groups (N, n_groups) of the sequences as they started, and as designed."""
    logits = np.asarray(entry["logits"])
    return logits[:, 0], logits[np.arange(len(logits)), np.asarray(entry["n_rounds"], dtype=int)]


def score_changes(adata: AnnData, entry: Mapping[str, Any], codes: np.ndarray, window: tuple[int, int]) -> np.ndarray:
    """Change of the score by each base at each position, the mean of both strands; float32 (1, n, W, 4)."""
    import torch

    from scbasset_tl.nn.design import Objective
    from scbasset_tl.nn.embed import embed
    from scbasset_tl.nn.mutagenesis import mutagenesis

    key, groups = str(entry["params"]["key"]), texts(entry["groups"])
    vectors, target = np.asarray(entry["vectors"], dtype=np.float32), groups.index(str(entry["target"]))
    highest = str(entry["params"]["off_target"]) == "max"
    objective = Objective(vectors, target, float(entry["params"]["penalty"]), highest)
    trunk = read_network(adata, key).trunk()
    first, last = window
    seq_len, other = codes.shape[1], np.ascontiguousarray(reverse_complement(codes))
    forward = mutagenesis(trunk, codes, window=window)
    backward = mutagenesis(trunk, other, window=(seq_len - last, seq_len - first))[:, ::-1, ::-1]
    embedding = (embed(trunk, codes) + embed(trunk, other)) / 2
    changed = embedding[:, None, None] + torch.from_numpy((forward + backward) / 2)
    flat = objective.score(objective.logits(changed.flatten(0, 2))).view(changed.shape[:3])
    unchanged = objective.score(objective.logits(embedding))[:, None, None]
    return (flat - unchanged).numpy()[None].astype(np.float32)


def table(entry: Mapping[str, Any]) -> pd.DataFrame:
    """A row for each designed sequence."""
    course, last, codes = scores(entry), np.asarray(entry["n_rounds"], dtype=int), np.asarray(entry["codes"])
    columns = {
        "sequence": np.array(decode(codes), dtype=object),
        "start": np.asarray(entry["start"], dtype=object),
        "rounds": last,
        "gc": gc_share(codes),
        "start_score": course[:, 0],
        "score": course[np.arange(len(last)), last],
    }
    names = pd.Index(texts(entry["names"]), dtype=object)
    return _with_groups(pd.DataFrame(columns, index=names), entry, final(entry)[1])


def course_table(entry: Mapping[str, Any]) -> pd.DataFrame:
    """A row for each sequence and round, the start included as round 0: the edit, the score and the groups' logits."""
    course, last = scores(entry), np.asarray(entry["n_rounds"], dtype=int)
    row = np.repeat(np.arange(len(last)), last + 1)
    number = np.concatenate([np.arange(n + 1) for n in last])
    rows = pd.DataFrame({"name": np.asarray(entry["names"], dtype=object)[row], "round": number})
    edited = number > 0
    for column in ("start", "old", "new", "motif", "strand"):
        empty: Any = -1 if column == "start" else ""
        values = np.full(len(row), empty, dtype=np.int64 if column == "start" else object)
        if edited.any():
            values[edited] = np.asarray(entry["edits"][column])
        rows[column] = values
    rows["score"] = course[row, number]
    return _with_groups(rows, entry, np.asarray(entry["logits"])[row, number])


def _with_groups(rows: pd.DataFrame, entry: Mapping[str, Any], logits: np.ndarray) -> pd.DataFrame:
    groups = texts(entry["groups"])
    return pd.concat(
        [rows, pd.DataFrame(logits, index=rows.index, columns=[f"logit_{name}" for name in groups])], axis=1
    )
