"""How much memory does each function take above the data, and how long, at 20,000 cells × 50,000 peaks?

Simulated accessibility, 2 % open, 1,344 bp, a trunk of 8 filters trained for one epoch. Each function is run in a process of its own;
counted is anonymous memory (RssAnon), what no file backs, above what the loaded data take. ``WORK`` is a folder for the data;
a run that ends early is taken up where it was. ``table`` prints what the file has::

    python benchmarks/memory.py run --work WORK --out benchmarks/results/memory.json
    python benchmarks/memory.py table --out benchmarks/results/memory.json
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from _common import (
    AnonymousMemory,
    Record,
    in_process_of_its_own,
    limit_threads,
    machine,
    simulate_entries,
    table,
)

N_CELLS, N_PEAKS, DENSITY, N_TYPES = 20_000, 50_000, 0.02, 8
N_QUERY, N_GENES, N_MOTIFS, N_VARIANTS = 1_000, 2_000, 20, 1_000
PEAKS_A_CONTIG, STEP, SEQ_LEN = 5_000, 2_000, 1344
EARLIER = {
    "tl.tf_activity": "151 to 204", "tl.ism": 80.0, "tl.variant_effect": 89.0, "tl.map_cells": 272.0, "tl.scembed": 397.0,
    "tl.atac_diff": 509.0, "tl.impute": 192.0, "tl.generate": 196.0, "metrics.cell_type_asw": 780.0,
    "metrics.denoised_asw": 2514.0,
}  # fmt: skip
"""MB above the data of a version before, at the same number of cells and peaks; other settings were not recorded."""


def make(work: Path) -> None:
    """A genome of random bases, and the data without a model."""
    import anndata as ad
    import pandas as pd
    from scipy import sparse

    import scbasset_tl as sb

    rng = np.random.default_rng(0)
    bases = np.frombuffer(b"ACGT", np.uint8)
    with (work / "genome.fa").open("wb") as file:
        for contig in range(N_PEAKS // PEAKS_A_CONTIG):
            file.write(b">chr%d\n" % (contig + 1))
            file.write(bases[rng.integers(0, 4, PEAKS_A_CONTIG * STEP)].tobytes() + b"\n")

    indptr, indices = simulate_entries(N_CELLS, N_PEAKS, DENSITY)
    matrix = sparse.csr_matrix((np.ones(len(indices), np.float32), indices, indptr), shape=(N_CELLS, N_PEAKS))
    places = [(f"chr{peak // PEAKS_A_CONTIG + 1}", peak % PEAKS_A_CONTIG * STEP + 500) for peak in range(N_PEAKS)]
    adata = ad.AnnData(matrix)
    adata.obs_names = [f"cell{number}" for number in range(N_CELLS)]
    adata.var_names = [f"{contig}:{start}-{start + 500}" for contig, start in places]
    adata.obs["cell_type"] = pd.Categorical(np.random.default_rng(0).choice([f"t{n}" for n in range(N_TYPES)], N_CELLS))
    sb.pp.add_sequences(adata, work / "genome.fa", seq_len=SEQ_LEN)
    adata.write_h5ad(work / "bare.h5ad")


def genes():
    import pandas as pd

    peaks = np.arange(0, N_PEAKS, N_PEAKS // N_GENES)[:N_GENES]
    return pd.DataFrame({
        "gene": [f"g{peak}" for peak in peaks],
        "chr": [f"chr{peak // PEAKS_A_CONTIG + 1}" for peak in peaks],
        "tss": peaks % PEAKS_A_CONTIG * STEP + 700,
    })  # fmt: skip


def variants(sb, work):
    """A substitution in the middle of each of the first peaks."""
    import pandas as pd

    with sb.genome.Fasta(work / "genome.fa") as fasta:
        codes = [int(fasta.codes("chr1", n * STEP + 749, n * STEP + 750)[0]) for n in range(N_VARIANTS)]
    return pd.DataFrame({
        "chrom": "chr1", "pos": np.arange(N_VARIANTS) * STEP + 750,
        "ref": ["ACGT"[code] for code in codes], "alt": ["CGTA"[code] for code in codes],
    })  # fmt: skip


def motifs(sb):
    rng = np.random.default_rng(0)
    return [sb.genome.Motif(f"m{n}", f"TF{n}", rng.dirichlet([0.3] * 4, 10)) for n in range(N_MOTIFS)]


# name, what it is given, the call; in this order, since some results are read by later calls of their own process
CALLS = {
    "pp.filter_peaks": ("bare", lambda sb, d, work: sb.pp.filter_peaks(d, min_cells=380)),
    "pp.shuffle_accessibility": ("bare", lambda sb, d, work: sb.pp.shuffle_accessibility(d, rng=0)),
    "pp.downsample_counts, half": ("bare", lambda sb, d, work: sb.pp.downsample_counts(d, 0.5, rng=0)),
    "tl.scbasset, 1 epoch": (
        "bare",
        lambda sb, d, work: (
            sb.tl.scbasset(d, trunk=8, max_epochs=1, recipe="paper", batch_size=128, accelerator="cpu", rng=0),
            d.write_h5ad(work / "model.h5ad"),
        ),
    ),
    "get.report": ("model", lambda sb, d, work: sb.get.report(d)),
    "metrics.accessibility_auc": ("model", lambda sb, d, work: sb.metrics.accessibility_auc(d)),
    "metrics.cell_type_asw": ("model", lambda sb, d, work: sb.metrics.cell_type_asw(d, label_key="cell_type")),
    "metrics.denoised_asw": ("model", lambda sb, d, work: sb.metrics.denoised_asw(d, label_key="cell_type")),
    "get.accessibility, by group": ("model", lambda sb, d, work: sb.get.accessibility(d, groupby="cell_type")),
    "tl.denoised_pca": ("model", lambda sb, d, work: sb.tl.denoised_pca(d)),
    f"tl.gene_scores, {N_GENES:,} genes": ("model", lambda sb, d, work: sb.tl.gene_scores(d, genes())),
    f"tl.gene_scores, {N_GENES:,} genes, sigmoid": (
        "model",
        lambda sb, d, work: sb.tl.gene_scores(d, genes(), scale="sigmoid"),
    ),
    f"tl.tf_activity, {N_MOTIFS} motifs": (
        "model",
        lambda sb, d, work: sb.tl.tf_activity(d, motifs(sb), groupby="cell_type", n_background=200, rng=0),
    ),
    "tl.ism, 10 peaks": ("model", lambda sb, d, work: sb.tl.ism(d, list(range(10)))),
    f"tl.variant_effect, {N_VARIANTS:,} variants": (
        "model",
        lambda sb, d, work: sb.tl.variant_effect(d, variants(sb, work), work / "genome.fa"),
    ),
    f"tl.map_cells, {N_QUERY:,} cells": (
        "model",
        lambda sb, d, work: sb.tl.map_cells(d[:N_QUERY].copy(), d, key_added="mapped"),
    ),
    "tl.scembed, 2 epochs": ("bare", lambda sb, d, work: sb.tl.scembed(d, n_latent=32, max_epochs=2, rng=0)),
    "tl.atac_diff, autoencoder, 100 steps": (
        "model",
        lambda sb, d, work: (
            sb.tl.atac_diff(d, space="ae", condition_keys="cell_type", max_steps=100, accelerator="cpu", rng=0),
            d.write_h5ad(work / "diffusion.h5ad"),
        ),
    ),
    "tl.generate, 1,000 cells": ("diffusion", lambda sb, d, work: sb.tl.generate(d, 1000, rng=0)),
    "tl.impute": ("diffusion", lambda sb, d, work: sb.tl.impute(d, rng=0)),
    "tl.atac_diff, cell vectors, 100 steps": (
        "model",
        lambda sb, d, work: sb.tl.atac_diff(d, max_steps=100, accelerator="cpu", rng=0),
    ),
    "tl.denoise to a file, float16": (
        "model",
        lambda sb, d, work: sb.tl.denoise(d, path=work / "denoised.h5ad", dtype="float16"),
    ),
}


def measure(name: str, work: Path, threads: int) -> dict[str, float]:
    limit_threads(threads)
    import anndata as ad
    import torch

    import scbasset_tl as sb

    torch.set_num_threads(threads)
    given, call = CALLS[name]
    warm = sb.datasets.toy(n_obs=60, n_vars=90)  # what is loaded and compiled once belongs to no call
    sb.tl.scbasset(warm, trunk=4, max_epochs=1, accelerator="cpu")
    sb.get.report(warm)
    data = ad.read_h5ad(work / f"{given}.h5ad")
    with AnonymousMemory() as memory:
        started = time.perf_counter()
        call(sb, data, work)
        seconds = time.perf_counter() - started
    return {"above_mb": memory.above, "data_mb": memory.before, "seconds": seconds}


def _earlier(name: str) -> float | str | None:
    return None if "cell vectors" in name else EARLIER.get(name.partition(",")[0])


def report(values: dict[str, dict[str, float]]) -> str:
    """What was measured, beside the figures of an earlier version."""
    rows = [
        [f"`{name.partition(',')[0]}`{name[len(name.partition(',')[0]) :]}", found["above_mb"], _earlier(name), found["seconds"]]
        for name in CALLS if (found := values.get(name))
    ]  # fmt: skip
    return table(["function", "MB above the data", "earlier", "s"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "table"])
    parser.add_argument("--work", type=Path)
    parser.add_argument("--only", nargs="+", default=[], help="how the names of the functions to run begin")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    record = Record(arguments.out, machine("torch", "anndata", "numpy", "scipy", "scikit-learn"))
    if arguments.what == "run":
        if arguments.work is None:
            parser.error("run needs --work")
        arguments.work.mkdir(parents=True, exist_ok=True)
        if not (arguments.work / "bare.h5ad").exists():
            in_process_of_its_own(make, arguments.work)
        for name in CALLS:
            if arguments.only and not name.startswith(tuple(arguments.only)):
                continue
            found = record.once(
                name, lambda name=name: in_process_of_its_own(measure, name, arguments.work, arguments.threads)
            )
            print(name, found, flush=True)
    print(report(record.values))


if __name__ == "__main__":
    main()
