"""How long ``tl.variant_effect`` takes, beside full evaluation of the same windows.

Random substitutions and indels in worm peaks, in windows of 1,344 bp, both strands, an untrained network of the paper's
size; one thread. Substitutions lie once anywhere (about one a window) and once in 100 windows only (about 100 each), as
when a few loci are scanned. Full evaluation embeds each distinct reference window once and each alternative, on a part
of the same pairs; the changes are held against each other.

    python benchmarks/variants.py --out benchmarks/results/variants.json
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

DATA = Path(os.environ.get("SCBASSET_TL_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
SEQ_LEN = 1344


def make_model(var: pd.DataFrame, width: int | None) -> Any:
    """The peaks with an untrained network."""
    import anndata as ad
    import scipy.sparse as sp
    import torch

    from scbasset_tl._adata.model.store import write_model
    from scbasset_tl.nn.trunk import Trunk, TrunkConfig

    rng = np.random.default_rng(0)
    config = TrunkConfig() if width is None else TrunkConfig.of_width(width)
    adata = ad.AnnData(sp.csr_matrix((4, len(var)), dtype=np.float32), var=var)
    head = {"cell_embedding": rng.normal(size=(4, 32)), "cell_bias": np.zeros(4), "peak_embedding": None}
    trunk = Trunk(config, torch.Generator().manual_seed(0))
    write_model(adata, None, trunk=trunk, params={}, history={}, **head)
    return adata


def draw_variants(var: pd.DataFrame, fasta: Path, n: int, kind: str, n_windows: int | None = None) -> pd.DataFrame:
    """Variants at random places of the peaks, or of ``n_windows`` of them."""
    from scbasset_tl.genome import Fasta, decode

    rng = np.random.default_rng(1)
    peaks = np.arange(len(var)) if n_windows is None else rng.choice(len(var), n_windows, replace=False)
    row = rng.choice(peaks, n)
    first, last = var["start"].to_numpy()[row], var["end"].to_numpy()[row]
    table = pd.DataFrame({"chr": var["chr"].to_numpy(dtype=object)[row], "start": rng.integers(first, last - 10)})
    with Fasta(fasta) as genome:
        ref = decode(genome.windows(table["chr"], table["start"] + 5, 10))
    lengths = rng.integers(1, 10, n)
    table["ref"], table["alt"] = [letters[0] for letters in ref], [letters[0] for letters in ref]
    if kind == "substitutions":
        table["alt"] = ["ACGT"[("ACGT".index(letters[0]) + 1) % 4] for letters in ref]
    else:  # deletions and insertions by turns, 1 to 9 bp
        table["ref"] = [letters[: 1 + m * (i % 2)] for i, (letters, m) in enumerate(zip(ref, lengths, strict=True))]
        added = ["".join(rng.choice(list("ACGT"), m)) for m in lengths]
        table["alt"] = [
            letters[0] + (add if i % 2 == 0 else "") for i, (letters, add) in enumerate(zip(ref, added, strict=True))
        ]
    return table


def ours(adata: Any, variants: pd.DataFrame, fasta: Path) -> dict[str, Any]:
    """Seconds of the call."""
    import scbasset_tl as sb

    started = time.perf_counter()
    with sb.settings.override(verbosity=0):
        sb.tl.variant_effect(adata, variants, fasta)
    seconds = time.perf_counter() - started
    entry = adata.uns["variant_effect"]
    n_pairs = len(entry["pos"])
    n_windows = len(set(entry["peak"]))
    return {
        "n_variants": len(variants),
        "n_pairs": n_pairs,
        "n_windows": n_windows,
        "seconds": round(seconds, 2),
        "pairs_per_second": round(n_pairs / seconds, 1),
    }


def full(adata: Any, fasta: Path, n: int) -> dict[str, Any]:
    """Seconds a pair of full evaluation, on ``n`` of the pairs in the order of their windows, and the largest difference."""
    from scbasset_tl._adata.model.store import read_network
    from scbasset_tl._adata.sequence.variant_effect import Pairs, both_alleles, table
    from scbasset_tl.genome import Fasta, read_variants, reverse_complement
    from scbasset_tl.nn.embed import embed

    entry, trunk = adata.uns["variant_effect"], read_network(adata).trunk()
    rows = table(entry)
    left = rows["pos"] - 1 - rows["offset"]
    chosen = np.lexsort((left, rows["chrom"]))[:n]
    some = rows.iloc[chosen]
    pairs = Pairs(np.arange(len(some)), left.to_numpy()[chosen], some["peak"].to_numpy())
    with Fasta(fasta) as genome:
        codes, edited, window = both_alleles(genome, read_variants(some), pairs, SEQ_LEN)
    started, change = time.perf_counter(), 0
    for strand in (lambda part: part, lambda part: np.ascontiguousarray(reverse_complement(part))):
        change = change + (embed(trunk, strand(edited)) - embed(trunk, strand(codes))[window]) / 2
    seconds = time.perf_counter() - started
    return {
        "n_pairs": len(some),
        "n_windows": len(codes),
        "seconds": round(seconds, 2),
        "pairs_per_second": round(len(some) / seconds, 1),
        "largest_change": float(np.abs(entry["delta"]).max()),
        "largest_difference": float(np.abs(change.numpy() - entry["delta"][chosen]).max()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--trunk", type=int, help="stem filters of a smaller network, to try the script")
    parser.add_argument("--n-substitutions", type=int, default=10_000)
    parser.add_argument("--n-indels", type=int, default=1_000)
    parser.add_argument("--n-full", type=int, default=400, help="pairs that are evaluated in full")
    args = parser.parse_args()

    import anndata as ad
    import torch

    torch.set_num_threads(1)
    fasta = args.data / "worm" / "ce10.fa.gz"
    var = ad.read_h5ad(args.data / "worm" / "sim5tissues_ce10.h5ad", backed="r").var[["chr", "start", "end"]].copy()
    adata = make_model(var, args.trunk)
    sets = {
        "substitutions anywhere": draw_variants(var, fasta, args.n_substitutions, "substitutions"),
        "substitutions in 100 windows": draw_variants(var, fasta, args.n_substitutions, "substitutions", 100),
        "indels anywhere": draw_variants(var, fasta, args.n_indels, "indels"),
    }
    results: dict[str, Any] = {"load_average": os.getloadavg()[0], "trunk": args.trunk or 288}
    print("| variants | pairs | windows | seconds | pairs/s | full, pairs/s | ratio | largest difference |")
    print("|---|---|---|---|---|---|---|---|")
    for name, variants in sets.items():
        mine = ours(adata, variants, fasta)
        other = full(adata, fasta, args.n_full)
        ratio = mine["pairs_per_second"] / other["pairs_per_second"]
        results[name] = {"scbasset_tl": mine, "full": other, "ratio": round(ratio, 2)}
        print(
            f"| {name} | {mine['n_pairs']:,} | {mine['n_windows']:,} | {mine['seconds']} | {mine['pairs_per_second']} "
            f"| {other['pairs_per_second']} | {ratio:.2f} | {other['largest_difference']:.1e} |",
            flush=True,
        )
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
