"""Do denoised gene scores follow expression better than raw ones? Worm models against Cao 2017's expression per tissue.

    python benchmarks/gene_scores.py --data ../shared/data/worm \
        five_tissues=worm_five_tissues.h5ad germline_neurons=worm_pseudocells.h5ad

The models are AnnData written after `tl.scbasset` on the worm data. No cell here has its own RNA: expression is that of a
cell's tissue, log(1 + TPM). So the correlation per cell is over genes, against the tissue's expression, and the correlation
per gene is over cells, against the expression of their tissues; "bulk" is per tissue, with scores averaged over its cells.
Prints a markdown table and writes benchmarks/results/gene_scores.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import anndata as ad
import numpy as np
import pandas as pd

import scbasset_tl as sb

RESULT = Path(__file__).parent / "results" / "gene_scores.json"
TISSUES = {
    "Germline": "Gonad",
    "Neurons": "Neurons",
    "Muscle": "Body_wall_muscle",
    "Hypodermis": "Hypodermis",
    "Hypod.": "Hypodermis",
    "Intestine": "Intestine",
    "Intest.": "Intestine",
}
SCORES = {
    "raw": {"kind": "raw"},
    "denoised logit": {},
    "denoised sigmoid": {"scale": "sigmoid"},
    "denoised probability": {"scale": "sigmoid", "normalize_depth": False},
    "fitted logit": {"decoder": "fitted"},
    "fitted sigmoid": {"decoder": "fitted", "scale": "sigmoid"},
}


def contrast(values: pd.DataFrame) -> pd.DataFrame:
    """Deviation of each tissue from the mean of the tissues."""
    return values - values.mean()


def correlations(one: pd.DataFrame, other: pd.DataFrame) -> dict[str, float]:
    return {name: float(np.corrcoef(one.loc[name], other.loc[name])[0, 1]) for name in one.index}


def run(name: str, path: str, genes: pd.DataFrame, tpm: pd.DataFrame) -> dict:
    adata = ad.read_h5ad(path)
    tissue = adata.obs["tissue"].map(TISSUES).astype(str)
    log_tpm = np.log1p(tpm[sorted(set(tissue))].T)
    expression = log_tpm.loc[tissue].set_axis(adata.obs_names)
    sb.tl.gene_scores(adata, genes, kind="raw")
    sb.tl.fit_decoder(adata)
    rows = {}
    for label, arguments in SCORES.items():
        started = time.perf_counter()
        slot = "gene_scores_raw" if label == "raw" else "gene_scores"
        if label != "raw":
            sb.tl.gene_scores(adata, genes, **arguments)
        seconds = time.perf_counter() - started
        result = sb.metrics.gene_expression_correlation(adata, expression, key=slot, baseline="gene_scores_raw")
        scores = sb.get.gene_scores(adata, key=slot).to_df()[result.per_gene.index.intersection(tpm.index)]
        bulk, measured = scores.groupby(tissue.to_numpy()).mean(), log_tpm[scores.columns]
        rows[label] = {
            "summary": result.summary.astype(float).replace({np.nan: None}).to_dict("index"),
            "genes_above_0": float((result.per_gene["r"] > 0).mean()),
            "per_cell_by_tissue": result.per_cell["r"].groupby(tissue).median().to_dict(),
            "bulk": correlations(bulk, measured),
            "bulk_contrast": correlations(contrast(bulk), contrast(measured)),
            "seconds": seconds,
        }
    entry = adata.uns["gene_scores"]
    return {
        "data": name,
        "n_obs": adata.n_obs,
        "n_vars": adata.n_vars,
        "n_scored": len(entry["names"]),
        "n_skipped": len(entry["skipped"]),
        "n_matched": rows["raw"]["summary"]["per_gene"]["n"],
        "scores": rows,
    }


def table(runs: list[dict]) -> str:
    lines = [
        "| data | scores | per cell | p | per gene | p | genes r > 0 | bulk | bulk, tissue against mean |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for one in runs:
        for label, row in one["scores"].items():
            cells = []
            for axis in ("per_cell", "per_gene"):
                found = row["summary"][axis]
                p = "" if label == "raw" else f"{found['p_value']:.0e}"
                cells += [f"{found['median_r']:.3f}", p]
            bulk, of_mean = (np.mean(list(row[kind].values())) for kind in ("bulk", "bulk_contrast"))
            lines.append(
                f"| {one['data']} | {label} | {' | '.join(cells)} | {row['genes_above_0']:.2f} | {bulk:.3f} | {of_mean:.3f} |"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", help="name=file.h5ad")
    parser.add_argument("--data", type=Path, required=True, help="folder with the worm data")
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    sb.settings.verbosity = 1
    genes = pd.read_csv(arguments.data / "genes_ce10.tsv.gz", sep="\t")
    tpm = pd.read_csv(arguments.data / "cao2017_L2_tissue_tpm.tsv.gz", sep="\t")
    tpm = tpm.drop_duplicates("symbol").set_index("symbol").drop(columns="gene_id")
    runs = [run(*model.split("=", 1), genes, tpm) for model in arguments.models]
    print(table(runs))
    versions = {"python": platform.python_version(), "scbasset_tl": sb.__version__}
    arguments.out.write_text(json.dumps({"versions": versions, "runs": runs}, indent=1) + "\n")
    print(f"\nwritten to {arguments.out}")


if __name__ == "__main__":
    main()
