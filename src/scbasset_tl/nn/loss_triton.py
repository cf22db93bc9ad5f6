"""The fused loss on a GPU: logits, targets as bits and errors live in registers, a tile at a time.

For B peaks, n cells and K latent numbers a step takes 6 B n K operations in matrix products and three transcendental
functions for each of the B n logits. A program keeps a tile of cells while it walks over the peaks, so that vectors
are read once and their gradient is written once: 8 n K bytes. Peaks are read again for each tile, and what a program
adds to their gradient is its own until the end, so that no sum's order is left to chance: 12 B K bytes a tile, which
stay in the second-level cache. Targets become bits for one group of cells at a time, B / 8 bytes a cell.

For B = 1024, n = 1,114,621, K = 32 and 2.3 % positives: 219 GFLOP and 3.4 G transcendental functions; from device
memory 0.29 GB of vectors and 16 bytes for each of 26 M positives; through the cache 6.8 GB of peaks, 0.28 GB of bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
import triton
import triton.language as tl

if TYPE_CHECKING:
    from scbasset_tl.nn.loss import Positives, Sums

_PAIRS_AT_ONCE = 1024
# what torch.set_float32_matmul_precision asks for, in Triton's words
_PRECISION = {"highest": "ieee", "high": "tf32", "medium": "tf32"}


class Tiling(NamedTuple):
    """Peaks and cells (a multiple of 32) of the tile of logits that a program works on, and its warps and stages.

    The default is the largest that no register is spilled for on compute capability 9.0.
    """

    peaks: int = 64
    cells: int = 64
    num_warps: int = 4
    num_stages: int = 2


def sums(
    h: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    positives: Positives,
    *,
    tiling: Tiling | None = None,
    precision: str | None = None,
) -> Sums:
    """Like ``loss.chunked_sums``; float32 only.

    Parameters
    ----------
    h, weight, bias, positives
        As everywhere, on one GPU.
    tiling
        ``None`` takes what suits length of an embedding and precision.
    precision
        Precision of the products, ``ieee``, ``tf32x3`` or ``tf32``, all summed in float32; ``None`` follows
        ``torch.set_float32_matmul_precision``.
    """
    h, weight, bias = (part.contiguous() for part in (h, weight, bias))
    (n_peaks, n_latent), n_cells = h.shape, len(weight)
    latent = max(16, triton.next_power_of_2(n_latent))
    precision = precision or _PRECISION[torch.get_float32_matmul_precision()]
    if tiling is None:
        # products without tensor cores are written out and take registers, as do long embeddings
        tiling = Tiling(32, 32) if precision == "ieee" or latent > 64 else Tiling()
    tiles_of_group = triton.cdiv(min(positives.tile, n_cells), tiling.cells)
    n_programs = min(tiles_of_group, _resident_programs(h.device))
    # uninitialised: a program writes its part before it reads it
    parts = h.new_empty(n_programs, n_peaks, n_latent)
    grad_weight, grad_bias = torch.empty_like(weight), torch.empty_like(bias)
    n_groups = len(positives.offsets) - 1
    losses = h.new_zeros(n_groups, tiles_of_group)
    for group, start in enumerate(range(0, n_cells, positives.tile)):
        cells = slice(start, min(start + positives.tile, n_cells))
        words = _bits(positives, group, n_peaks, cells)
        _one_pass[(n_programs,)](
            h,
            weight[cells],
            bias[cells],
            words,
            losses[group],
            parts,
            grad_weight[cells],
            grad_bias[cells],
            n_peaks,
            cells.stop - start,
            words.shape[1],
            N_LATENT=n_latent,
            LATENT=latent,
            PEAKS=tiling.peaks,
            CELLS=tiling.cells,
            FIRST=group == 0,
            PRECISION=precision,
            num_warps=tiling.num_warps,
            num_stages=tiling.num_stages,
            enable_fp_fusion=True,
        )
    return losses.sum(dtype=torch.float64), parts.sum(0), grad_weight, grad_bias


def _resident_programs(device: torch.device) -> int:
    """Two on each multiprocessor: their number decides the order of sums, so that it is fixed for a card."""
    if device.type != "cuda":  # Triton's interpreter
        return 3
    return 2 * torch.cuda.get_device_properties(device).multi_processor_count


def _bits(positives: Positives, group: int, n_peaks: int, cells: slice) -> torch.Tensor:
    """Targets (1 where a peak is open) of a group of cells, 32 to a word: int32 (n_peaks, n_words)."""
    first, last = positives.offsets[group], positives.offsets[group + 1]
    rows, columns = positives.rows[first:last], positives.columns[first:last]
    words = torch.zeros(n_peaks, triton.cdiv(cells.stop - cells.start, 32), dtype=torch.int32, device=rows.device)
    if last > first:
        grid = (triton.cdiv(last - first, _PAIRS_AT_ONCE),)
        _set_bits[grid](
            rows, columns, words, last - first, cells.start, words.shape[1], PAIRS=_PAIRS_AT_ONCE, enable_fp_fusion=True
        )
    return words


@triton.jit
def _set_bits(rows, columns, words, n_pairs, start, n_words, PAIRS: tl.constexpr) -> None:  # type: ignore[no-untyped-def]
    pair = tl.program_id(0) * PAIRS + tl.arange(0, PAIRS)
    is_pair = pair < n_pairs
    row = tl.load(rows + pair, mask=is_pair, other=0).to(tl.int64)
    column = (tl.load(columns + pair, mask=is_pair, other=0) - start).to(tl.int32)
    tl.atomic_or(words + row * n_words + column // 32, 1 << (column % 32), mask=is_pair, sem="relaxed")


@triton.jit
def _one_pass(  # type: ignore[no-untyped-def]
    h,
    weight,
    bias,
    words,
    losses,
    grad_h,
    grad_weight,
    grad_bias,
    n_peaks,
    n_cells,
    n_words,
    N_LATENT: tl.constexpr,
    LATENT: tl.constexpr,
    PEAKS: tl.constexpr,
    CELLS: tl.constexpr,
    FIRST: tl.constexpr,
    PRECISION: tl.constexpr,
) -> None:
    number = tl.program_id(0)
    latent = tl.arange(0, LATENT)
    is_latent = latent < N_LATENT
    grad_h += number.to(tl.int64) * n_peaks * N_LATENT
    for tile in range(number, tl.cdiv(n_cells, CELLS), tl.num_programs(0)):
        cell = tile * CELLS + tl.arange(0, CELLS)
        is_cell = cell < n_cells
        word = tile * (CELLS // 32) + tl.arange(0, CELLS // 32)
        vector = cell.to(tl.int64)[:, None] * N_LATENT + latent[None, :]
        is_vector = is_cell[:, None] & is_latent[None, :]
        w = tl.load(weight + vector, mask=is_vector, other=0.0)
        b = tl.load(bias + cell, mask=is_cell, other=0.0)
        grad_w = tl.zeros((CELLS, LATENT), tl.float32)
        grad_b = tl.zeros((CELLS,), tl.float32)
        loss = tl.zeros((CELLS,), tl.float32)
        for first in range(0, n_peaks, PEAKS):
            peak = first + tl.arange(0, PEAKS)
            is_peak = peak < n_peaks
            embedding = peak[:, None] * N_LATENT + latent[None, :]
            is_embedding = is_peak[:, None] & is_latent[None, :]
            x = tl.load(h + embedding, mask=is_embedding, other=0.0)
            inside = is_peak[:, None] & is_cell[None, :]
            place = peak.to(tl.int64)[:, None] * n_words + word[None, :]
            packed = tl.load(words + place, mask=is_peak[:, None] & (word < n_words)[None, :], other=0)
            bits = (packed[:, :, None] >> tl.arange(0, 32)[None, None, :]) & 1
            target = tl.reshape(bits, (PEAKS, CELLS)).to(tl.float32)
            z = tl.dot(x, tl.trans(w), input_precision=PRECISION) + b[None, :]
            small = tl.exp(-tl.abs(z))
            loss += tl.sum(tl.where(inside, tl.maximum(z, 0.0) + tl.log(1.0 + small) - target * z, 0.0), 0)
            error = tl.where(inside, tl.where(z >= 0.0, 1.0, small) / (1.0 + small) - target, 0.0)
            grad_b += tl.sum(error, 0)
            grad_w += tl.dot(tl.trans(error), x, input_precision=PRECISION)
            part = tl.dot(error, w, input_precision=PRECISION)
            if FIRST and tile == number:
                tl.store(grad_h + embedding, part, mask=is_embedding)
            else:
                before = tl.load(grad_h + embedding, mask=is_embedding, other=0.0)
                tl.store(grad_h + embedding, before + part, mask=is_embedding)
        tl.store(grad_weight + vector, grad_w, mask=is_vector)
        tl.store(grad_bias + cell, grad_b, mask=is_cell)
        tl.store(losses + tile, tl.sum(loss, 0))
        # threads may read in the next tile what others of this program have written
        tl.debug_barrier()
