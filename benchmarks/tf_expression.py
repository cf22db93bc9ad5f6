"""Do TF activities follow TF expression? The paper's figure 5 on toy data, beside chromVAR's scores of the same motifs.

    python benchmarks/tf_expression.py                    # trains 3 toy models, 5 minutes on a quiet core
    python benchmarks/tf_expression.py trained.h5mu       # or reads one that is trained

Prints tables and writes benchmarks/results/tf_expression.json.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from pathlib import Path

os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import mudata
import numpy as np
import scanpy as sc
import torch

import scbasset_tl as sb

SEEDS = range(3)
RESULT = Path(__file__).parent / "results" / "tf_expression.json"


def trained(seed: int) -> mudata.MuData:
    mdata = sb.datasets.toy_mudata(rng=seed)
    sb.tl.scbasset(mdata, trunk=32, batch_size=32, rng=seed)
    return mdata


def run(name: str, mdata: mudata.MuData) -> dict:
    atac = mdata["atac"]
    toy = atac.uns["toy"]["motifs"]
    motifs = [sb.genome.Motif(str(tf), str(tf), pwm) for tf, pwm in zip(toy["name"], toy["pwm"], strict=True)]
    kind = dict(zip(toy["name"], toy["kind"], strict=True))
    sc.pp.normalize_total(mdata["rna"])
    sc.pp.log1p(mdata["rna"])
    started = time.perf_counter()
    sb.tl.tf_activity(mdata, motifs, n_background=1000, n_null=0)
    activity_seconds = time.perf_counter() - started
    started = time.perf_counter()
    sb.tl.motif_deviations(mdata, motifs)
    baseline = sb.get.motif_deviations(mdata)
    baseline_seconds = time.perf_counter() - started
    kinds = {tf: "repressor" if of == "repressor" else "activator" for tf, of in kind.items() if of != "decoy"}
    result = sb.metrics.tf_expression_correlation(mdata, baseline=baseline, kinds=kinds)
    expressed = sb.metrics.tf_expression_correlation(mdata, baseline=baseline, groupby="cell_type")
    own = sb.metrics.tf_expression_correlation(mdata, kinds=kinds)
    table = own.table.merge(result.table[["motif", "r_baseline"]], how="left")  # chromVAR has no value of some decoys
    table.insert(1, "planted", table["motif"].map(kind))
    print(f"\n{name}\n{table.round(3).to_string(index=False)}")
    print(f"kinds as planted\n{result.summary.round(4)}")
    print(
        f"as in the paper: kinds by the sign that both agree on, genes that differ between types\n{expressed.summary.round(4)}"
    )
    return {
        "data": name,
        "table": clean(table.to_dict("records")),
        "summary": clean(result.summary.reset_index(names="kind").to_dict("records")),
        "summary_by_sign": clean(expressed.summary.reset_index(names="kind").to_dict("records")),
        "seconds": {"tf_activity": activity_seconds, "motif_deviations": baseline_seconds},
    }


def clean(rows: list[dict]) -> list[dict]:
    """JSON knows no NaN."""
    return [
        {name: None if isinstance(value, float) and not np.isfinite(value) else value for name, value in row.items()}
        for row in rows
    ]


def main() -> None:
    torch.set_num_threads(1)
    sb.settings.verbosity = 1
    if len(sys.argv) > 1:
        runs = [run(Path(path).name, mudata.read_h5mu(path)) for path in sys.argv[1:]]
    else:
        runs = [run(f"toy_mudata(rng={seed})", trained(seed)) for seed in SEEDS]
    RESULT.parent.mkdir(exist_ok=True)
    versions = {"python": platform.python_version(), "torch": torch.__version__, "scbasset_tl": sb.__version__}
    RESULT.write_text(json.dumps({"versions": versions, "runs": runs}, indent=1) + "\n")
    print(f"\nwritten to {RESULT}")


if __name__ == "__main__":
    main()
