"""Parts of ``gpu.py``: the device, the fused loss, the trunk, and edits beside the CPU."""

from __future__ import annotations

import time
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from _common import simulate_codes, simulate_entries
from _gpu_part import BATCH, DENSITY, TRAIN_FLOP, K

if TYPE_CHECKING:
    from collections.abc import Callable

    from _gpu_part import Part


def ceilings(part: Part) -> None:
    """Matrix product of random bf16 numbers, and a copy, counting bytes read and written."""
    size, n_bytes = (256, 1 << 20) if part.tiny else (8192, 1 << 32)
    a, b = (torch.randn(size, size, device=part.device).bfloat16() for _ in range(2))
    source = torch.randint(0, 255, (n_bytes,), dtype=torch.uint8, device=part.device)
    target = torch.empty_like(source)
    part.keep(
        device=torch.cuda.get_device_name() if part.cuda else "cpu",
        bf16_flop_per_s=2 * size**3 / part.seconds(lambda: a @ b),
        bytes_per_s=2 * n_bytes / part.seconds(lambda: target.copy_(source)),
    )


def oracle(part: Part) -> None:
    from torch.nn.functional import binary_cross_entropy_with_logits

    from scbasset_tl.nn.loss import chunked_sums, fused_linear_bce
    from scbasset_tl.stats.open_entries import OpenEntries
    from scbasset_tl.train.batches import PeakBatches

    torch.backends.cuda.matmul.allow_tf32 = False

    def chunked(h: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, positives: Any) -> tuple[torch.Tensor, ...]:
        total, *gradients = chunked_sums(h, weight, bias, positives)
        return tuple(value / (len(h) * len(weight)) for value in (total, *gradients))

    def through(loss: Callable[..., torch.Tensor], *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        leaves = [value.detach().requires_grad_() for value in inputs]
        value = loss(*leaves)
        return value.detach(), *torch.autograd.grad(value, leaves)

    def plain(h: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return binary_cross_entropy_with_logits(torch.addmm(bias, h, weight.T), target.to(h.dtype))

    generator = torch.Generator().manual_seed(0)
    sizes = ((7, 300, 20), (50, 5000, 2)) if part.tiny else ((7, 300, 20), (100, 70_001, 20), (BATCH, 1_000_000, 10))
    for n_peaks, n_cells, n in sizes:
        entries = OpenEntries(*simulate_entries(n_peaks, n_cells, DENSITY), n_cells)
        batches = PeakBatches(simulate_codes(n_peaks, 8), entries, np.arange(n_peaks), part.device)
        positives = batches.positives(torch.arange(n_peaks))
        target = torch.zeros(n_peaks, n_cells, dtype=torch.bool, device=part.device)
        target[positives.rows, positives.columns] = True
        shapes = (n_peaks, K), (n_cells, K), (n_cells,)
        exact = [torch.randn(shape, generator=generator, dtype=torch.float64).to(part.device) for shape in shapes]
        inputs = [value.float() for value in exact]
        exact = [value.double() for value in inputs]
        expected = through(plain, *exact)
        for name, call, given in (
            ("fused, float32", lambda *x: through(lambda *y: fused_linear_bce(*y, positives), *x), inputs),  # noqa: B023
            ("chunked, float32", lambda *x: chunked(*x, positives), inputs),  # noqa: B023
            ("chunked, float64", lambda *x: chunked(*x, positives), exact),  # noqa: B023
            ("plain, float32", partial(through, plain), inputs),
        ):
            found = call(*given)
            errors = [
                float((one.double() - other).norm() / other.norm()) for one, other in zip(found, expected, strict=True)
            ]
            names = ("loss", "h", "weight", "bias")
            ms = 1000 * part.seconds(lambda: call(*given), n=n, warm=2)  # noqa: B023
            row = {"peaks": n_peaks, "cells": n_cells, "way": name, **dict(zip(names, errors, strict=True)), "ms": ms}
            part.keep(relative_errors=row)


def trunk(part: Part) -> None:
    from scbasset_tl.nn.trunk import TrunkConfig

    config = TrunkConfig.of_width(part.width)
    padded = TrunkConfig(channels=tuple(-(-n // 32) * 32 for n in config.channels))
    tf32, bf16 = {"tf32": True}, {"bf16": True, "fused": True}
    variants: dict[str, dict[str, Any]] = {
        "fp32": {},
        "tf32": tf32,
        "tf32, fused Adam": {**tf32, "fused": True},
        "bf16": {"bf16": True},
        "bf16, fused Adam": bf16,
        "the same, channels padded to 32": {**bf16, "config": padded},
        "the same, CUDA graph": {**bf16, "graph": True},
        "the same, CUDA graph, padded": {**bf16, "graph": True, "config": padded},
        "the same, compiled": {**bf16, "compiled": "default"},
        "the same, compiled, padded": {**bf16, "compiled": "default", "config": padded},
        "the same, compiled, CUDA graph": {**bf16, "compiled": "default", "graph": True},
    }
    if part.tiny:
        variants = {name: value for name, value in variants.items() if not {"compiled", "graph"} & set(value)}
    base: dict[int, float] = {}
    for name, options in variants.items():
        for batch_size in (4,) if part.tiny else (BATCH, 1024):
            row: dict[str, Any] = {"variant": name, "batch_size": batch_size}
            try:
                row |= trunk_step(part, batch_size, **{"config": config, **options})
                base.setdefault(batch_size, row["training_ms"])
                row["gain"] = base[batch_size] / row["training_ms"]
                rate = TRAIN_FLOP * batch_size * 1000 / row["training_ms"]
                row["share_of_bf16"] = rate / part.ceilings.get("bf16_flop_per_s", float("nan"))
            except Exception as error:  # noqa: BLE001  (what a variant cannot do is a result)
                row["error"] = f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"
            part.keep(variants=row)


def trunk_step(
    part: Part,
    batch_size: int,
    *,
    config: Any,
    tf32: bool = False,
    bf16: bool = False,
    fused: bool = False,
    compiled: str | None = None,
    graph: bool = False,
) -> dict[str, float]:
    from scbasset_tl.nn.codes import one_hot
    from scbasset_tl.nn.trunk import Trunk

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    generator = torch.Generator().manual_seed(0)
    net = Trunk(config, generator).to(part.device).train()
    codes = torch.from_numpy(simulate_codes(batch_size)).to(part.device)
    x, keep = one_hot(codes), torch.ones(batch_size, K, device=part.device)
    adam = torch.optim.Adam(net.parameters(), lr=1e-3, fused=fused, capturable=graph and not fused)
    forward = torch.compile(net, mode=compiled) if compiled else net

    def precision() -> Any:
        # a graph must not hold weights cast before it was captured
        return torch.autocast(part.device.type, torch.bfloat16, cache_enabled=not graph) if bf16 else nullcontext()

    def step() -> None:
        with precision():
            h = forward(x, keep)
        adam.zero_grad()
        h.float().square().mean().backward()
        adam.step()

    started = time.perf_counter()
    step()
    part.wait()
    row = {"first_s": time.perf_counter() - started}
    row["training_ms"] = 1000 * part.seconds(captured(step) if graph else step)
    net.eval()
    with torch.inference_mode(), precision():
        row["forward_ms"] = 1000 * part.seconds(lambda: net(x))
    return row | {"sequences_per_s": 1000 * batch_size / row["training_ms"]}


def captured(step: Callable[[], None]) -> Callable[[], None]:
    """``step`` as a CUDA graph."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def parity(part: Part) -> None:
    from scbasset_tl.nn.edits import embed_changes
    from scbasset_tl.nn.embed import embed
    from scbasset_tl.nn.insertion import Edits, mean_changes
    from scbasset_tl.nn.mutagenesis import gradient_attribution, mutagenesis
    from scbasset_tl.nn.trunk import Trunk, TrunkConfig

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    net = Trunk(TrunkConfig.of_width(part.width), torch.Generator().manual_seed(0)).eval()
    codes = simulate_codes(16)
    rng = np.random.default_rng(1)
    edits = Edits(rng.integers(0, 4, (16, 12), dtype=np.uint8), np.arange(16), rng.integers(0, 1330, 16))
    edited = codes.copy()
    edited[:, 700:704] = 3 - edited[:, 700:704]
    calls: dict[str, Callable[[], np.ndarray]] = {
        "embeddings": lambda: embed(net, codes).cpu().numpy(),
        "substitutions": lambda: mutagenesis(net, codes[:2], window=(600, 700)),
        "gradient": lambda: gradient_attribution(net, codes[:1]),
        "insertions": lambda: mean_changes(net, codes, [edits]).latent,
        "alternatives": lambda: embed_changes(net, codes, edited, np.arange(16)).cpu().numpy(),
    }
    for name, call in calls.items():
        row: dict[str, Any] = {"what": name}
        try:
            expected = net.to("cpu") and call()
            found = net.to(part.device) and call()
            row["largest_difference"] = float(np.abs(found - expected).max())
            row["largest_value"] = float(np.abs(expected).max())
            row["ms"] = 1000 * part.seconds(call, n=3, warm=1)
        except Exception as error:  # noqa: BLE001  (the others still tell something)
            row["error"] = f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"
        part.keep(readings=row)
