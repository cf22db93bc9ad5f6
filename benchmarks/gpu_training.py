"""Parts of ``gpu.py`` that run the training loop: epochs, a profile, both recipes."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from _common import AnonymousMemory, Enough, simulate_codes
from _gpu_part import BATCH, DENSITY, TRAIN_FLOP, K

if TYPE_CHECKING:
    from _gpu_part import Part

PEAKS, CELLS = 118_043, (10_000, 1_114_621)  # the small one first: it is quick, and the other may take all that is left
LARGER = (512, 2048)
LEAST = 3  # steps that say something: the first compiles
# activations of a sequence in the forward pass, and the passes over them that a step cannot do without
ACTIVATIONS, PASSES = 0.945e6, 12


def epoch(part: Part) -> None:
    n_peaks = 300 if part.tiny else PEAKS
    sizes = (500, 3000) if part.tiny else CELLS
    for n_cells in sizes:
        started = time.perf_counter()
        entries = device_entries(n_peaks + 256, n_cells, part.device)
        if part.cuda:
            torch.cuda.empty_cache()
        simulated = round(time.perf_counter() - started, 1)
        for batch_size in (BATCH, *LARGER):
            whole = batch_size == BATCH
            row = {"cells": n_cells, "peaks": n_peaks, "batch_size": batch_size, "simulation_s": simulated}
            stop_after = None if whole else 60
            found = one_epoch(part, entries, n_peaks, batch_size, stop_after=stop_after, limit=90 if whole else 30)
            part.keep(epochs=row | found)
        if n_cells == sizes[0]:  # what Muon and the start by SVD cost there
            for name, changes in (("Adam alone", {"muon": 0.0}), ("no SVD", {"svd_start": False})):
                found = one_epoch(part, entries, n_peaks, BATCH, stop_after=60, limit=20, changes=changes)
                part.keep(ingredients={"cells": n_cells, "batch_size": BATCH, "recipe": name} | found)


def one_epoch(
    part: Part,
    entries: Any,
    n_peaks: int,
    batch_size: int,
    *,
    stop_after: int | None,
    limit: float,
    changes: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Two epochs, the first of which compiles, or ``stop_after`` steps, or ``limit`` seconds from the first step on."""
    from torch.optim.optimizer import register_optimizer_step_post_hook

    from scbasset_tl import settings
    from scbasset_tl.nn.trunk import TrunkConfig
    from scbasset_tl.train.device import make_fabric
    from scbasset_tl.train.loop import fit
    from scbasset_tl.train.problem import Problem
    from scbasset_tl.train.recipe import make_recipe

    settings.verbosity = 0
    peaks = np.arange(entries.n_peaks)
    problem = Problem(simulate_codes(len(peaks)), entries, peaks[:n_peaks], peaks[n_peaks:])
    recipe = make_recipe("fast", n_peaks, max_epochs=2, batch_size=batch_size, **(changes or {}))
    ends: list[Any] = []
    first: list[float] = []  # when the first step ended
    finished: list[dict[str, list[float]]] = []

    def after_step(*_: object) -> None:
        if part.cuda:
            ends.append(torch.cuda.Event(enable_timing=True))
            ends[-1].record()
        else:
            ends.append(time.perf_counter())
        now = time.perf_counter()
        first[:] = first or [now]
        if now > min(part.end - 8, first[0] + limit) or len(ends) == stop_after:
            raise Enough

    hook = register_optimizer_step_post_hook(after_step)
    if part.cuda:
        torch.cuda.reset_peak_memory_stats()
    started = time.perf_counter()
    with AnonymousMemory() as memory, suppress(Enough):
        config = TrunkConfig.of_width(part.width)
        fabric = make_fabric(part.device.type, "bf16-mixed" if part.cuda else "32-true")
        fit(problem, config, recipe, fabric, seed=0, on_epoch=lambda state: finished.append(dict(state.history)))
    hook.remove()
    part.wait()
    found = {"until_first_step_s": round(first[0] - started, 2) if first else None}
    if len(ends) < LEAST:
        return found | {"error": f"{len(ends)} steps are too few"}
    pairs = list(zip(ends[:-1], ends[1:], strict=True))[10:] or list(zip(ends[:-1], ends[1:], strict=True))
    step = median((a.elapsed_time(b) / 1000 if part.cuda else b - a) for a, b in pairs)
    n_steps = -(-n_peaks // batch_size)
    epochs = finished[-1]["seconds"] if finished else []
    seconds = epochs[-1] if len(epochs) > 1 else step * n_steps
    flop = n_peaks * (TRAIN_FLOP + 6 * (K + 1) * entries.n_cells)
    # activations in bf16; vectors, gradients and Adam's moments: 9 passes a step
    moved = n_peaks * ACTIVATIONS * 2 * PASSES + n_steps * 9 * 4 * (K + 1) * entries.n_cells + entries.indices.nbytes
    gpu = torch.cuda.max_memory_allocated() if part.cuda else 0
    return found | {
        "epoch_s": [round(value, 2) for value in epochs],
        "step_ms": round(1000 * step, 3),
        "steps_measured": len(pairs),
        "epoch_from_steps_s": round(step * n_steps, 2),
        "gpu_peak_gb": gpu / 1e9,
        "gpu_peak_without_labels_gb": (gpu - entries.indices.nbytes) / 1e9,
        "labels_gb": entries.indices.nbytes / 1e9,
        "host_peak_above_labels_gb": memory.above / 1000,
        "share_of_bf16": flop / seconds / part.ceilings.get("bf16_flop_per_s", float("nan")),
        "share_of_bandwidth": moved / seconds / part.ceilings.get("bytes_per_s", float("nan")),
    }


def device_entries(n_peaks: int, n_cells: int, device: torch.device) -> Any:
    """As ``simulate_entries``, drawn on the device."""
    from scbasset_tl.stats.open_entries import OpenEntries

    generator = torch.Generator(device).manual_seed(0)
    expected = n_peaks * n_cells * DENSITY
    indices = np.empty(int(expected + 20 * expected**0.5 + 1000), dtype=np.int32)
    counts, n_rows, filled = [], max(1, int((1 << 26) / (n_cells * DENSITY))), 0
    for first in range(0, n_peaks, n_rows):
        begins = torch.arange(min(n_rows, n_peaks - first) + 1, device=device) * n_cells
        mean = float(begins[-1]) * DENSITY
        gaps = torch.empty(int(mean + 10 * mean**0.5 + 10), device=device, dtype=torch.float64)
        places = gaps.exponential_(-np.log1p(-DENSITY), generator=generator).long().add_(1).cumsum(0) - 1
        bounds = torch.searchsorted(places, begins)
        places = places[: bounds[-1]]
        counts.append(bounds.diff().cpu().numpy())
        indices[filled : filled + len(places)] = (places % n_cells).int().cpu().numpy()
        filled += len(places)
    return OpenEntries(np.concatenate([[0], np.cumsum(np.concatenate(counts))]), indices[:filled], n_cells)


def profile(part: Part) -> None:
    from torch.optim.optimizer import register_optimizer_step_post_hook
    from torch.profiler import ProfilerActivity, schedule
    from torch.profiler import profile as torch_profile

    n_cells = 500 if part.tiny else CELLS[-1]
    n_steps = 8
    entries = device_entries(BATCH * n_steps + 256, n_cells, part.device)
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if part.cuda else [])]
    with torch_profile(activities=activities, schedule=schedule(wait=4, warmup=1, active=1, repeat=1)) as profiler:
        hook = register_optimizer_step_post_hook(lambda *_: profiler.step())
        one_epoch(part, entries, BATCH * n_steps, BATCH, stop_after=n_steps - 1, limit=30)
        hook.remove()
    what = "self_device_time_total" if part.cuda else "self_cpu_time_total"
    # on a GPU the kernels alone: what launched them has their time too
    events = [event for event in profiler.key_averages() if not event.key.startswith("ProfilerStep")]
    events = [event for event in events if event.device_type.name == ("CUDA" if part.cuda else "CPU")]
    total = sum(getattr(event, what) for event in events)
    part.keep(step_ms=total / 1000)
    for event in sorted(events, key=lambda event: -getattr(event, what))[:15]:
        spent = getattr(event, what)
        row = {"operation": event.key[:80], "ms": spent / 1000, "share": spent / total, "calls": event.count}
        part.keep(operations=row)


def recipes(part: Part) -> None:
    """The default call and the paper's recipe; of the first also the exact vectors, with peaks read in both strands."""
    from scbasset_tl import settings
    from scbasset_tl.nn.embed import embed
    from scbasset_tl.nn.trunk import TrunkConfig
    from scbasset_tl.stats.auc import held_out_areas
    from scbasset_tl.stats.open_entries import OpenEntries
    from scbasset_tl.stats.transpose import transpose
    from scbasset_tl.train.device import make_fabric
    from scbasset_tl.train.distributed import Ranks
    from scbasset_tl.train.exact import exact_cells
    from scbasset_tl.train.loop import fit
    from scbasset_tl.train.problem import Problem
    from scbasset_tl.train.recipe import make_recipe, peak_average

    settings.verbosity = 0
    file = np.load(Path(part.work, "pseudocells.npz"))
    n_cells, n_peaks = file["shape"]
    entries = transpose(OpenEntries(file["indptr"].astype(np.int64), file["indices"].astype(np.int32), int(n_peaks)))
    codes, train, test = file["codes"], file["train"], file["test"]
    held_out = entries.rows(test)

    def keep(state: Any, n_epochs: int, vectors: np.ndarray, *, seconds: float, what: str) -> None:
        with torch.no_grad():
            weight, bias = (value.detach().float().cpu().numpy() for value in state.head())
        per_cell, per_peak = (float(np.nanmean(areas.roc)) for areas in held_out_areas(vectors, weight, bias, held_out))
        row = {"recipe": name, "what": what, "epoch": n_epochs, "sequences": n_epochs * len(train)}
        part.keep(scores=row | {"auroc_per_cell": per_cell, "auroc_per_peak": per_peak, "seconds": seconds})

    def score(state: Any) -> None:
        if state.epoch % (1 if part.tiny else 3 if name == "fast" else 6):
            return
        vectors = embed(state.trunk, codes[test]).cpu().numpy()
        keep(state, state.epoch, vectors, seconds=sum(state.history["seconds"]), what="training")
        if time.perf_counter() > part.end - 10:
            raise Enough

    problem = Problem(codes, entries, train, file["val"])
    fabric = make_fabric(part.device.type, "bf16-mixed")
    for name, n_epochs in (("fast", 1 if part.tiny else None), ("paper", 1 if part.tiny else 300)):
        recipe = make_recipe(name, len(train), max_epochs=n_epochs, patience=n_epochs)
        with suppress(Enough):
            done = fit(problem, TrunkConfig.of_width(part.width), recipe, fabric, seed=0, on_epoch=score)
            started = time.perf_counter()
            vectors = embed(done.trunk, codes, average=peak_average(name, None)).cpu().numpy()
            if recipe.exact_cells:
                exact_cells(done, vectors, entries, train, Ranks())
            spent = time.perf_counter() - started
            keep(done, len(done.history["loss"]), vectors[test], seconds=spent, what="peak vectors, exact cells")
