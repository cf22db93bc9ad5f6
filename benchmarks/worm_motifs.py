"""Does a model of the worm's tissues read its motifs as biology says?

Takes a model trained by ``worm_quality.py ours WORK sim5tissues`` and the motifs of JASPAR's nematodes::

    python benchmarks/worm_motifs.py DATA WORK/MODEL.h5ad --out benchmarks/results/worm_motifs.json

``--backgrounds bases genome "genome shuffled"`` also inserts into other DNA with the GC content of peaks.

Counts are simulated, DNA and the elements' tissues are real: what is asked is whether the network found in the DNA what
`expected_motif_auc_by_tissue.tsv` (each motif's best hit against the elements of each tissue) says is there.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

# what is known of these factors, and the table says too
KNOWN = {
    "elt-2": "Intest.",
    "elt-3": "Intest.",
    "elt-6": "Intest.",
    "pqm-1": "Intest.",
    "hlh-1": "Muscle",
    "lin-54": "Germline",
}
EXPRESSED = {
    "Germline": "Gonad",
    "Hypod.": "Hypodermis",
    "Intest.": "Intestine",
    "Muscle": "Body_wall_muscle",
    "Neurons": "Neurons",
}


def by_tissue(activity, layer: str | None = None):
    """Mean activity (motifs × tissues)."""
    import pandas as pd

    values = activity.X if layer is None else activity.layers[layer]
    cells = pd.DataFrame(values, index=activity.obs_names, columns=activity.var_names)
    return cells.groupby(activity.obs["tissue"], observed=True).mean().T


def correlations(activity, expected, expression) -> dict[str, dict[str, float]]:
    """Spearman over motifs with the expected auROC, tissue by tissue; and over tissues with expression, factor by factor."""
    from scipy.stats import pearsonr, spearmanr

    raw = by_tissue(activity, "raw")
    relative = raw.sub(raw.mean(axis=1), axis=0)
    with_expected = {
        tissue: float(spearmanr(relative[tissue], expected.loc[relative.index, tissue])[0]) for tissue in relative
    }
    known = [name for name in relative.index if name in expression.index]
    levels = np.log2(expression.loc[known, [EXPRESSED[tissue] for tissue in relative]] + 1)
    with_expression = {
        name: float(pearsonr(relative.loc[name], levels.loc[name])[0]) for name in known if levels.loc[name].std() > 0
    }
    return {"expected_auc": with_expected, "expression": with_expression}


def of_like_gc(adata, fasta: Path, kind: str, n: int):
    """DNA with the GC content of ``n`` random peaks, one by one, uint8 (n, seq_len).

    ``"bases"``: their bases in random order, which keeps no pairs of bases. ``"genome"``: the windows outside peaks, of
    40 random ones for each peak, that are nearest in GC content. ``"genome shuffled"``: their dinucleotide shuffles.
    """
    import scbasset_tl as sb

    rng = np.random.default_rng(0)
    codes = adata.varm["dna_code"]
    codes = codes[rng.permutation(len(codes))[:n]]
    if kind == "bases":
        return rng.permuted(codes, axis=1)
    seq_len = codes.shape[1]
    centre = (adata.var["start"] + adata.var["end"]).to_numpy() // 2
    names = adata.var["chr"].astype(str).to_numpy()
    with sb.genome.Fasta(fasta) as genome:
        lengths = {name: genome.lengths[name] for name in np.unique(names)}
        share = np.array(list(lengths.values()), dtype=float)
        contig = rng.choice(list(lengths), 40 * n, p=share / share.sum())
        middle = (rng.random(40 * n) * [lengths[name] - 2 * seq_len for name in contig]).astype(int) + seq_len
        places = zip(contig, middle, strict=True)
        distance = np.array([np.abs(centre[names == name] - at).min() for name, at in places])
        free = distance >= min(seq_len, np.quantile(distance, 0.9))  # the tests' genome is full of peaks
        found = genome.windows(contig[free], middle[free], seq_len)
    of_found, asked = (np.isin(part, (1, 2)).mean(axis=1) for part in (found, codes))
    order = np.argsort(of_found, kind="stable")
    nearest = found[order[np.searchsorted(of_found[order], asked).clip(max=len(order) - 1)]]
    return nearest if kind == "genome" else sb.genome.dinucleotide_shuffle(nearest, rng=rng)[:, 0]


def run(
    adata, motifs: Path, expected, expression, mode: str, n_background: int, n_null: int, backgrounds=None, kind=None
) -> dict[str, object]:
    import scbasset_tl as sb

    started = time.perf_counter()
    sizes = {"n_background": n_background, "n_null": n_null}
    sb.tl.tf_activity(adata, motifs, groupby="tissue", mode=mode, backgrounds=backgrounds, **sizes)
    seconds = time.perf_counter() - started
    activity = sb.get.tf_activity(adata)
    tested = ["fdr", *(name for name in activity.var if name.startswith("fdr_"))]
    significant = {name: activity.var_names[activity.var[name] <= 0.05].tolist() for name in tested}
    means = by_tissue(activity)
    highest = means.idxmax(axis=1)
    marked = expected.max(axis=1) >= 0.6
    marked = marked[marked].index
    found = correlations(activity, expected, expression)
    in_table = (highest[marked] == expected.loc[marked].idxmax(axis=1)).mean()
    print(f"\n## mode={mode!r}, backgrounds {kind or 'as by default'}: {seconds:.0f} s\n")
    print(
        "| motif | known for | highest in | " + " | ".join(means) + " | p | p there | FDR there | r with expression |"
    )
    print("|" + "---|" * (len(means.columns) + 7))
    for name, tissue in KNOWN.items():
        row = " | ".join(f"{value:.2f}" for value in means.loc[name])
        chances = [float(activity.var.loc[name, key]) for key in ("p_value", f"p_value_{tissue}", f"fdr_{tissue}")]
        r = found["expression"].get(name, float("nan"))
        chance = " | ".join(f"{value:.2g}" for value in chances)
        print(f"| {name} | {tissue} | {highest[name]} | {row} | {chance} | {r:.2f} |")
    print("\nsignificant:", significant, "; smallest FDR:", round(float(activity.var[tested].min(axis=None)), 3))
    print(f"highest in the tissue the table names, motifs with auROC of .6 or more: {in_table:.0%} of {len(marked)}")
    print("Spearman with the table:", {tissue: round(value, 2) for tissue, value in found["expected_auc"].items()})
    values = list(found["expression"].values())
    print(f"Pearson with expression over {len(values)} factors: median {np.median(values):.2f}")
    return {
        "mode": mode,
        "backgrounds": kind,
        "significant": significant,
        "seconds": seconds,
        "n_background": n_background,
        "n_null": n_null,
        "z_by_tissue": means.round(4).to_dict(orient="index"),
        "highest_as_in_table": in_table,
        "var": json.loads(activity.var.to_json(orient="index", double_precision=5)),
        **found,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--n-background", type=int, default=1000)
    parser.add_argument("--n-null", type=int, default=15_000)
    parser.add_argument("--modes", nargs="+", default=["insert", "ablate"])
    parser.add_argument("--backgrounds", nargs="*", default=[], choices=["bases", "genome", "genome shuffled"])
    parser.add_argument("--out", type=Path, required=True)
    a = parser.parse_args()
    import anndata as ad
    import pandas as pd

    adata = ad.read_h5ad(a.model)
    expected = pd.read_csv(a.data / "worm" / "expected_motif_auc_by_tissue.tsv", sep="\t", index_col="motif")
    expression = pd.read_csv(a.data / "worm" / "cao2017_L2_tissue_tpm.tsv.gz", sep="\t", index_col="symbol")
    expression = expression[~expression.index.duplicated()].drop(columns="gene_id")
    motifs = a.data / "motifs" / "JASPAR2022_CORE_nematodes.meme"
    asked = [(mode, None) for mode in a.modes] + [("insert", kind) for kind in a.backgrounds]
    rows: list[dict[str, object]] = []
    for mode, kind in asked:
        codes = kind and of_like_gc(adata, a.data / "worm" / "ce10.fa.gz", kind, a.n_background)
        rows.append(run(adata, motifs, expected, expression, mode, a.n_background, a.n_null, codes, kind))
        a.out.write_text(json.dumps({"model": a.model.stem, "runs": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
