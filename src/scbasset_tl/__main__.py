"""``python -m scbasset_tl``: the main job on made data, from genome to verdict, with the planted truth beside it."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anndata import AnnData

_FIGURE = "scbasset_tl_report.png"


def main() -> None:
    """Make toy data, train on them, print what was found against what was planted, and save a figure."""
    parser = argparse.ArgumentParser(prog="python -m scbasset_tl", description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path(_FIGURE), help="figure to write (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trunk", type=int, default=32, help="stem filters (288 in the paper; default: %(default)s)")
    arguments = parser.parse_args()
    started = time.perf_counter()

    import matplotlib

    matplotlib.use("agg")
    import torch

    import scbasset_tl as sb

    torch.set_num_threads(1)  # in so small a network threads only wait for each other

    adata = sb.datasets.toy(rng=arguments.seed)
    with TemporaryDirectory() as folder:
        fasta = sb.datasets.toy_genome(Path(folder) / "toy.fa", rng=arguments.seed)
        sb.pp.add_sequences(adata, fasta, seq_len=adata.uns["toy"]["params"]["seq_len"])
    sb.pp.split_peaks(adata, rng=arguments.seed)
    # with sequences this short most of a step is overhead: half the steps, at one and a half times the rate
    sb.tl.scbasset(adata, trunk=arguments.trunk, batch_size=64, lr=0.03, rng=arguments.seed)

    report = sb.get.report(adata)
    print(report)
    print(_against_truth(adata))
    sb.pl.report(adata, color="cell_type", return_fig=True).savefig(arguments.out, dpi=120)
    print(f"\nFigure: {arguments.out}   ({time.perf_counter() - started:.0f} s in all)")


def _against_truth(adata: AnnData) -> str:
    """What was found beside what was planted."""
    import numpy as np

    import scbasset_tl as sb

    areas = sb.metrics.accessibility_auc(adata, split="held-out")
    truth = adata.uns["toy"]
    rows = [f"\n{'against the planted truth':<44}{'found':>8}{'best possible':>15}{'from .5 to best':>17}"]
    for name, score, best in (
        ("auROC per cell, peaks never seen", areas.mean_per_cell, truth["best_auroc"]),
        ("auROC per peak, peaks never seen", areas.mean_per_peak, truth["best_auroc_per_peak"]),
    ):
        rows.append(f"{name:<44}{score:>8.3f}{best:>15.3f}{(score - 0.5) / (best - 0.5):>17.0%}")
    label_score = sb.metrics.label_score(adata, label_key="cell_type", metric="cosine", k=50)
    rows.append(f"{'same type among 50 nearest cells':<44}{label_score:>8.3f}{1:>15.3f}")
    depth = np.corrcoef(adata.obs["scbasset_bias"], np.log(adata.obs["depth"]))[0, 1]
    rows.append(f"{'cell bias against planted log depth (r)':<44}{depth:>8.3f}{1:>15.3f}")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
