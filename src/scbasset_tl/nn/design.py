"""DNA designed for an output: greedy or beam search over substitutions and implanted patches, both strands averaged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import torch

from scbasset_tl.nn.codes import N_CODE, reverse_complement
from scbasset_tl.nn.edits import Editor
from scbasset_tl.nn.embed import embed
from scbasset_tl.nn.insertion import Edits, changes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scbasset_tl.nn.trunk import Trunk

LEAST_GAIN: Final = 1e-3
"""A sequence is done when no edit adds this much to its score."""
_SEQUENCES_AT_ONCE: Final = 8
_EDITS_AT_ONCE: Final = 4096


@dataclass(frozen=True)
class Objective:
    """The logit of one output less ``penalty`` times that of the others: of the highest one, or of their mean."""

    vectors: np.ndarray  # vectors of the outputs (n_out, n_latent)
    target: int
    penalty: float = 1.0
    highest: bool = True

    def logits(self, embedding: torch.Tensor) -> torch.Tensor:
        """Logits (E, n_out) of embeddings (E, n_latent)."""
        return embedding @ torch.tensor(self.vectors).to(embedding).T

    def score(self, logits: torch.Tensor) -> torch.Tensor:
        """The number to make as high as possible (E,)."""
        others = torch.cat([logits[:, : self.target], logits[:, self.target + 1 :]], dim=1)
        off = others.amax(1) if self.highest else others.mean(1)
        return logits[:, self.target] - self.penalty * off


class Step(NamedTuple):
    """An edit that was made."""

    start: int
    old: np.ndarray  # codes that stood there
    new: np.ndarray
    patch: int  # number of the patch, or -1 for a substitution


@dataclass
class Course:
    """How one sequence came about."""

    codes: np.ndarray  # as designed (L,)
    logits: list[np.ndarray]  # before the first step and after each (n_out,)
    steps: list[Step] = field(default_factory=list)


@dataclass(frozen=True)
class Moves:
    """Which edits may be tried.

    Attributes
    ----------
    window
        First position and the one after the last that may change.
    gc
        Fewest and most G and C of a sequence, as numbers of bases.
    patches
        Stretches that may be written over the sequence, as codes.
    n_places
        Random places that each patch is tried at in a round.
    """

    window: tuple[int, int]
    gc: tuple[int, int]
    patches: Sequence[np.ndarray] = ()
    n_places: int = 32


def design(
    trunk: Trunk,
    codes: np.ndarray,
    objective: Objective,
    moves: Moves,
    *,
    n_rounds: int,
    rng: np.random.Generator,
    beam: int = 1,
    tick: Callable[[int], object] | None = None,
) -> list[Course]:
    """Make the best edit of each sequence in each round, until none adds :data:`LEAST_GAIN` to its score.

    With a ``beam``, the best sequences of each round are kept side by side, and the best of all rounds is returned.

    Logits are means over a sequence and its reverse complement; those of the result come from whole sequences.

    Parameters
    ----------
    trunk
        Read in evaluation mode, on the device it is on.
    codes
        Sequences to start from, uint8 (N, L), with as many G and C as ``moves`` wants.
    objective
        What is to be high.
    moves
        Which edits may be tried.
    n_rounds
        Most edits of a sequence.
    rng
        Draws the places of patches; each sequence has draws of its own.
    beam
        Sequences that go on from each one given.
    tick
        Called with the number of rounds done since the last call, of ``N * n_rounds``.
    """
    generators = rng.spawn(len(codes))
    courses: list[Course] = []
    step = max(1, _SEQUENCES_AT_ONCE // beam)
    for first in range(0, len(codes), step):
        part = slice(first, first + step)
        courses += _design(
            trunk, codes[part], objective, moves, n_rounds, beam, generators[part], tick or (lambda _: None)
        )
    return courses


def _design(
    trunk: Trunk,
    codes: np.ndarray,
    objective: Objective,
    moves: Moves,
    n_rounds: int,
    beam: int,
    generators: list[np.random.Generator],
    tick: Callable[[int], object],
) -> list[Course]:
    """The courses of a few sequences."""
    best = [Course(row, [logits]) for row, logits in zip(codes, _logits(trunk, codes, objective), strict=True)]
    beams = {row: [course] for row, course in enumerate(best)}
    for number in range(n_rounds):
        flat = [(row, course) for row, courses in beams.items() for course in courses]
        candidates = [_candidates(course.codes, moves, generators[row]) for row, course in flat]
        best_steps = _best_steps(trunk, np.stack([course.codes for _, course in flat]), candidates, objective, beam)
        parents: dict[int, list[tuple[float, Course, Step]]] = {row: [] for row in beams}
        for (row, course), steps in zip(flat, best_steps, strict=True):
            parents[row] += [(score, course, step) for score, step in steps]
        tick((n_rounds - number - 1) * sum(not edits for edits in parents.values()) + len(beams))
        beams = {row: _children(edits, beam) for row, edits in parents.items() if edits}
        if not beams:
            break
        new = [course for courses in beams.values() for course in courses]
        for course, logits in zip(new, _logits(trunk, np.stack([c.codes for c in new]), objective), strict=True):
            course.logits.append(logits)
        for row, courses in beams.items():
            best[row] = max([best[row], *courses], key=lambda course: _last_score(course, objective))
    return best


def _children(edits: list[tuple[float, Course, Step]], beam: int) -> list[Course]:
    """The sequences that the ``beam`` best edits make, each once, without their logits."""
    made: dict[bytes, Course] = {}
    for _, course, step in sorted(edits, key=lambda edit: -edit[0]):
        codes = course.codes.copy()
        codes[step.start : step.start + len(step.new)] = step.new
        made.setdefault(codes.tobytes(), Course(codes, list(course.logits), [*course.steps, step]))
        if len(made) == beam:
            break
    return list(made.values())


def _last_score(course: Course, objective: Objective) -> float:
    return float(objective.score(torch.from_numpy(course.logits[-1])[None])[0])


def _logits(trunk: Trunk, codes: np.ndarray, objective: Objective) -> np.ndarray:
    """Logits (N, n_out) of whole sequences, the mean of both strands."""
    forward, backward = embed(trunk, _both_strands(codes)).chunk(2)
    return objective.logits((forward + backward) / 2).float().cpu().numpy()


def _both_strands(codes: np.ndarray) -> np.ndarray:
    """The sequences, and behind them their reverse complements (2N, L)."""
    return np.concatenate([codes, _reverse(codes)])


def _reverse(codes: np.ndarray) -> np.ndarray:
    return reverse_complement(torch.tensor(codes)).numpy()


class _Candidate(NamedTuple):
    """Edits of one sequence by the same width."""

    patches: np.ndarray  # uint8 (E, width)
    starts: np.ndarray
    patch: np.ndarray  # number of the patch, or -1


def _candidates(codes: np.ndarray, moves: Moves, rng: np.random.Generator) -> list[_Candidate]:
    """The edits of a sequence that change it and keep its GC content in range."""
    first, last = moves.window
    starts, bases = np.nonzero(codes[first:last, None] != np.arange(N_CODE))
    made = [_Candidate(bases.astype(np.uint8)[:, None], first + starts, np.full(len(starts), -1))]
    for number, patch in enumerate(moves.patches):
        places = np.arange(first, last - len(patch) + 1)
        if len(places) > moves.n_places:
            places = rng.choice(places, moves.n_places, replace=False)
        made.append(_Candidate(np.tile(patch, (len(places), 1)), places, np.full(len(places), number)))
    strong = np.concatenate([[0], np.cumsum((codes == 1) | (codes == 2))])
    kept = []
    for edits in made:
        width = edits.patches.shape[1]
        lost = strong[edits.starts + width] - strong[edits.starts]
        after = strong[-1] - lost + ((edits.patches == 1) | (edits.patches == 2)).sum(1)
        there = codes[edits.starts[:, None] + np.arange(width)]
        allowed = (after >= moves.gc[0]) & (after <= moves.gc[1]) & (edits.patches != there).any(1)
        kept.append(_Candidate(*(part[allowed] for part in edits)))
    return kept


@torch.inference_mode()
def _best_steps(
    trunk: Trunk, codes: np.ndarray, candidates: list[list[_Candidate]], objective: Objective, n: int
) -> list[list[tuple[float, Step]]]:
    """The ``n`` best edits of each sequence (N, L) with their scores; only those that raise the score enough."""
    strands = _both_strands(codes)
    editor = Editor(trunk, strands)
    before = torch.stack(editor.embedding.chunk(2)).mean(0)
    best: list[list[tuple[float, Step]]] = [[] for _ in codes]
    least = (objective.score(objective.logits(before)) + LEAST_GAIN).cpu().numpy()
    for width in sorted({each.patches.shape[1] for row in candidates for each in row}):
        members = [(row, each) for row, of in enumerate(candidates) for each in of if each.patches.shape[1] == width]
        rows = np.repeat([row for row, _ in members], [len(each.starts) for _, each in members])
        patches, starts, patch = map(np.concatenate, zip(*(each for _, each in members), strict=True))
        if not len(rows):
            continue
        embedding = before[torch.as_tensor(rows, device=before.device)]
        embedding = embedding + _both_changes(trunk, editor, strands, Edits(patches, rows, starts))
        score = objective.score(objective.logits(embedding)).cpu().numpy()
        for row in np.unique(rows):
            mine = np.flatnonzero((rows == row) & (score > least[row]))
            for edit in mine[np.argsort(-score[mine], kind="stable")[:n]]:
                start = int(starts[edit])
                old = codes[row, start : start + width].copy()
                best[row].append((float(score[edit]), Step(start, old, patches[edit], int(patch[edit]))))
    return [sorted(steps, key=lambda step: -step[0])[:n] for steps in best]


def _both_changes(trunk: Trunk, editor: Editor, strands: np.ndarray, edits: Edits) -> torch.Tensor:
    """Change of the embedding by edits of the first half of ``strands``, the mean of both strands (E, n_latent)."""
    half, seq_len = len(strands) // 2, strands.shape[1]
    parts = []
    for first in range(0, len(edits.rows), _EDITS_AT_ONCE):
        block = Edits(*(part[first : first + _EDITS_AT_ONCE] for part in edits))
        starts = seq_len - block.starts - block.patches.shape[1]
        other = Edits(_reverse(block.patches), block.rows + half, starts)
        parts.append((changes(trunk, editor, strands, block) + changes(trunk, editor, strands, other)) / 2)
    return torch.cat(parts)
