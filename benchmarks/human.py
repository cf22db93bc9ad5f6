"""Sorted human blood types, AML cells and fine-mapped variants on two chromosomes: the figures of ``docs/human.md``.

A model is trained on one chromosome and tested on the other. ``DATA`` is the folder of the real data, ``WORK`` keeps the
trained models, ``--out`` collects the numbers, and pictures go to ``docs/images/``. A part goes on from those before it,
and training from its checkpoint when it was stopped::

    python benchmarks/human.py train chr20 DATA WORK --out benchmarks/results/human.json
    python benchmarks/human.py train chrX DATA WORK --out benchmarks/results/human.json
    python benchmarks/human.py accuracy factors enhancer cells variants DATA WORK --out benchmarks/results/human.json
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import numpy as np

CHROMOSOMES = ("chr20", "chrX")
# per type and per peak, as the README of the data gives them for a ridge regression on 6-mers
LINEAR = {"chr20": {"per_type": 0.726, "per_peak": 0.706}, "chrX": {"per_type": 0.700, "per_peak": 0.666}}
FACTORS = ("GATA1", "SPI1", "RUNX1", "CEBPA", "CEBPB", "KLF1", "EBF1", "PAX5", "TCF7", "IRF8", "TBX21", "MYB")
NAMED = ("GATA1", "SPI1", "RUNX1", "CEBPA")
IMAGES = Path(__file__).parents[1] / "docs" / "images"
# well-known enhancers that GATA1 binds in red cells (hg19); training on chr20 saw neither
ENHANCERS = {"ALAS2, intron 8": "chrX:55041293-55041793", "GATA1, 3.5 kb upstream": "chrX:48641226-48641726"}
# what a trait is measured on, and the type that is nearest to these cells
LINEAGE = {
    **dict.fromkeys(("RBC_COUNT", "HGB", "HCT", "MCV", "MCH", "RETIC_COUNT", "MEAN_RETIC_VOL"), "Ery"),
    **{"MONO_COUNT": "Mono", "LYMPH_COUNT": "CD4", "PLT_COUNT": "Mega", "MPV": "Mega"},
}


def blood(data: Path):
    """16 sorted types × peaks of chr20 and chrX, with sequences."""
    import anndata as ad
    from scipy import sparse

    import scbasset_tl as sb

    adata = ad.read_h5ad(data / "human" / "heme16_hg19_chr20_chrX.h5ad")
    adata.X = sparse.csr_matrix(adata.X)
    adata.X.eliminate_zeros()
    sb.pp.add_sequences(adata, data / "human" / "hg19_chr20_chrXp.fa.gz")
    return adata


def train(chromosome: str, data: Path, work: Path, *, width: int) -> dict:
    """Train on one chromosome, of which one peak in twenty is looked at meanwhile; test on the other."""
    import pandas as pd

    import scbasset_tl as sb

    adata = blood(data)
    learned = (adata.var["chr"].astype(str) == chromosome).to_numpy()
    split = np.where(learned, "train", "test").astype(object)
    rows = np.flatnonzero(learned)
    split[np.random.default_rng(0).choice(rows, len(rows) // 20, replace=False)] = "val"
    adata.var["split"] = pd.Categorical(split, categories=["train", "val", "test"])
    checkpoint = work / f"human_{chromosome}.safetensors"
    sb.tl.scbasset(adata, trunk=width, checkpoint=checkpoint, resume=checkpoint.exists())
    adata.write_h5ad(work / f"human_{chromosome}.h5ad")
    history = sb.get.history(adata)
    return {
        "trunk": width,
        "peaks": int((split == "train").sum()),
        "tested_on": int((split == "test").sum()),
        "epochs": len(history),
        "report": str(sb.get.report(adata)).splitlines(),
    }


def trained(work: Path, chromosome: str):
    import anndata as ad

    return ad.read_h5ad(work / f"human_{chromosome}.h5ad")


def accuracy(work: Path) -> dict:
    """auROC on the chromosome that training never saw."""
    import scbasset_tl as sb

    found = {}
    for chromosome in CHROMOSOMES:
        if not (work / f"human_{chromosome}.h5ad").exists():
            continue
        adata = trained(work, chromosome)
        area = sb.metrics.accessibility_auc(adata, split="test")
        types = adata.obs["cell_type"].astype(str)
        found[chromosome] = {
            "per_type": float(np.nanmean(area.per_cell)),
            "per_peak": float(np.nanmean(area.per_peak)),
            "linear": LINEAR[chromosome],
            "types": dict(zip(types, map(float, area.per_cell), strict=True)),
        }
    return found


def factors(data: Path, work: Path) -> dict:
    """TF activity of each type beside the expression of the factor in the same type."""
    import anndata as ad
    import mudata
    import scanpy as sc

    import scbasset_tl as sb

    adata = trained(work, "chr20")
    adata.obs_names = adata.obs["cell_type"].astype(str).to_numpy()
    rna = ad.read_h5ad(data / "human" / "heme16_rna.h5ad")
    rna.var_names_make_unique()
    sc.pp.normalize_total(rna, target_sum=1e6)
    sc.pp.log1p(rna)
    known = {
        motif.name.upper(): motif for motif in sb.io.read_motifs(data / "motifs" / "JASPAR2022_CORE_vertebrates.meme")
    }
    motifs = [known[name] for name in FACTORS if name in known]
    sb.tl.tf_activity(adata, motifs, n_background=500, n_null=0)
    both = [name for name in adata.obs_names if name in set(rna.obs_names)]
    mdata = mudata.MuData({"atac": adata[both].copy(), "rna": rna[both].copy()})
    result = sb.metrics.tf_expression_correlation(mdata)
    draw_factors(mdata, [known[name].name for name in NAMED if name in known])
    activity = sb.get.tf_activity(adata)
    return {
        "types": both,
        "table": {row.motif: {"gene": row.gene, "r": float(row.r)} for row in result.table.itertuples()},
        "highest": {
            name: [str(t) for t in activity[:, name].to_df()[name].nlargest(3).index] for name in activity.var_names
        },
    }


def draw_factors(mdata, names: list[str]) -> None:
    import matplotlib.pyplot as plt

    import scbasset_tl as sb

    activity = sb.get.tf_activity(mdata)
    figure, axes = plt.subplots(1, len(names), figsize=(3.1 * len(names), 3), layout="constrained")
    for ax, name in zip(axes, names, strict=True):
        x, y = mdata["rna"].obs_vector(name.upper()), activity.obs_vector(name)
        ax.scatter(x, y, s=14, color="#3b6ea8")
        for label, a, b in zip(mdata["atac"].obs_names, x, y, strict=True):
            ax.annotate(label, (a, b), fontsize=6, xytext=(2, 2), textcoords="offset points")
        ax.set(title=f"{name}, r = {np.corrcoef(x, y)[0, 1]:.2f}", xlabel="RNA, log(1 + counts per million)")
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("TF activity (z-score)")
    figure.savefig(IMAGES / "human_factors.png", dpi=110)
    plt.close(figure)


def enhancer(work: Path) -> dict:
    """Mutagenesis of two enhancers on the chromosome that training never saw: which bases matter in red cells?"""
    import matplotlib.pyplot as plt

    import scbasset_tl as sb

    adata = trained(work, "chr20")
    types = list(adata.obs["cell_type"].astype(str))
    signal, found, names = adata.X.toarray(), {}, list(ENHANCERS.values())
    sb.tl.ism(adata, names)
    for gene, name in ENHANCERS.items():
        peak = adata.var_names.get_loc(name)
        height = np.asarray(
            sb.get.ism(adata, name, groupby="cell_type", groups="Ery", relative=True).importance
        ).reshape(-1)
        sequence = str(sb.genome.decode(adata.varm["dna_code"][[peak]])[0])
        # sites of GATA1 on both strands
        sites = [m.start() for m in re.finditer("(?=[AT]GATA[AG]|[CT]TATC[AT])", sequence)]
        inside = np.zeros(len(height), dtype=bool)
        for site in sites:
            inside[site : site + 6] = True
        top = int(np.argmax(height))
        ranks = (-height).argsort().argsort()
        found[gene] = {
            "peak": name,
            "signal": {kind: float(signal[types.index(kind), peak]) for kind in ("Ery", "Mega", "HSC", "Mono", "CD4")},
            "highest_base": top,
            "around_it": sequence[max(top - 12, 0) : top + 13],
            "sites": [[site, sequence[site : site + 6], float(height[site : site + 6].sum())] for site in sites],
            "mean_in_sites": float(height[inside].mean()) if inside.any() else None,
            "mean_elsewhere": float(height[~inside].mean()),
            "of_20_highest_bases_in_sites": int((ranks[inside] < 20).sum()),
            "share_of_bases_in_sites": float(inside.mean()),
        }
    middle = found["ALAS2, intron 8"]["highest_base"]
    figure = sb.pl.ism(
        adata, names[0], groupby="cell_type", groups=["Ery", "Mega", "Mono"], relative=True, window=(middle - 60, middle + 60),
        figsize=(11, 5), return_fig=True, show=False,
    )  # fmt: skip
    figure.savefig(IMAGES / "human_enhancer.png", dpi=100)
    plt.close(figure)
    return found


def cells(data: Path, work: Path) -> dict:
    """AML cells in the space of the blood types, each called by the nearest type."""
    import anndata as ad
    import pandas as pd
    from scipy import sparse

    import scbasset_tl as sb

    fasta = data / "human" / "hg19_chr20_chrXp.fa.gz"
    reference = trained(work, "chr20")
    query = ad.read_h5ad(data / "human" / "aml_corces2016_hg19_chr20_chrX.h5ad")
    query.X = sparse.csr_matrix(query.X)
    query = query[query.X.getnnz(axis=1) > 0].copy()
    query.obs["group"] = query.obs["notes"].astype(str)
    # all cells of a group as one: the three peaks in ten that most of them have open
    groups = sorted(set(query.obs["group"]))
    shares = np.stack([(query[query.obs["group"] == group].X > 0).toarray().mean(axis=0) for group in groups])
    opened = shares > np.quantile(shares, 0.7, axis=1, keepdims=True)
    pooled = ad.AnnData(opened.astype(np.float32), var=query.var.copy())
    pooled.obs_names = groups
    sb.tl.map_cells(reference, reference, peaks="all", key_added="mapped")
    nearest = {"label_key": "cell_type", "reference_rep": "mapped", "k": 1, "metric": "cosine", "key_added": "nearest"}
    for part in (query, pooled):
        sb.pp.add_sequences(part, fasta)
        sb.tl.map_cells(part, reference, peaks="all")
        sb.tl.annotate(part, reference, **nearest)
    table = pd.crosstab(query.obs["group"], query.obs["nearest"].astype(str))
    sb.tl.lsi(query)
    k = {"label_key": "group", "k": 50}
    return {
        "cells": query.n_obs,
        "peaks": query.n_vars,
        "open_peaks_per_cell": float(np.median(query.X.getnnz(axis=1))),
        "nearest": {group: {name: int(n) for name, n in row.items() if n} for group, row in table.iterrows()},
        "pooled": dict(zip(groups, map(str, pooled.obs["nearest"]), strict=True)),
        "label_score": sb.metrics.label_score(query, **k),
        "label_score_lsi": sb.metrics.label_score(query, use_rep="X_lsi", **k),
        "label_score_by_chance": float(((query.obs["group"].value_counts() / query.n_obs) ** 2).sum()),
        "odd": float(query.obs["scbasset_ood"].mean()),
    }


def variants(data: Path, work: Path) -> dict:
    """Does a larger predicted effect go with a larger probability to be causal, and in the right type?"""
    import pandas as pd
    from scipy.stats import mannwhitneyu, spearmanr

    import scbasset_tl as sb

    # training on chrX saw no base of chr20
    learned_on = next(name for name in ("chrX", "chr20") if (work / f"human_{name}.h5ad").exists())
    adata = trained(work, learned_on)
    table = pd.read_csv(data / "human" / "finemapped_blood_traits_hg19_chr20.tsv.gz", sep="\t")
    table["pos"] = table["pos1"].astype(int)
    unique = table.drop_duplicates(["chr", "pos", "ref", "alt"])[["chr", "pos", "ref", "alt"]].reset_index(drop=True)
    unique["id"] = [f"{r.pos}_{r.ref}_{r.alt}" for r in unique.itertuples()]
    sb.tl.variant_effect(adata, unique, data / "human" / "hg19_chr20_chrXp.fa.gz")
    effect = sb.get.variant_effect(adata, groupby="cell_type")
    types = [name for name in effect if name in set(adata.obs["cell_type"].astype(str))]
    per = effect.assign(**{t: effect[t].abs() for t in types}).groupby("id")[types].max()
    table["id"] = [f"{r.pos}_{r.ref}_{r.alt}" for r in table.itertuples()]
    table = table[table["id"].isin(per.index)]
    largest = table.groupby("id")["pp"].max()
    size = per.loc[largest.index]
    # without a model: in how many types the peak is open
    share = dict(zip(adata.var_names, np.asarray((adata.X > 0).mean(axis=0)).ravel(), strict=True))
    open_in = effect.assign(open=effect["peak"].map(share)).groupby("id")["open"].max().loc[largest.index]
    causal = (largest >= 0.1).to_numpy()
    found = {
        "learned_on": learned_on,
        "variants": len(unique),
        "in_peaks": len(largest),
        "causal": int(causal.sum()),
        "types": {},
        "traits": {},
    }
    others = {"largest of all types": size.max(axis=1), "types in which the peak is open": open_in}
    for t, values in {**size, **others}.items():
        test = mannwhitneyu(values[causal], values[~causal], alternative="greater")
        found["types"][t] = {
            "auroc": float(test.statistic / causal.sum() / (~causal).sum()),
            "p": float(test.pvalue),
            "spearman": float(spearmanr(values, largest).statistic),
        }
    for trait, rows in table.groupby("trait"):
        lineage = LINEAGE.get(str(trait))
        good = (rows["pp"] >= 0.1).to_numpy()
        if lineage is None or good.sum() < 3 or (~good).sum() < 3:
            continue
        values = per.loc[rows["id"], types].to_numpy()
        areas = {
            t: mannwhitneyu(values[good, i], values[~good, i]).statistic / good.sum() / (~good).sum()
            for i, t in enumerate(types)
        }
        own = areas[lineage]
        found["traits"][trait] = {
            "lineage": lineage, "causal": int(good.sum()), "others": int((~good).sum()), "auroc": float(own),
            "rank_of_type": 1 + int(sum(value > own for value in areas.values())), "best": max(areas, key=areas.get),
        }  # fmt: skip
    top = size.max(axis=1)[causal].nlargest(5).index
    found["largest"] = {
        v: {"pp": float(largest[v]), **{t: float(effect.set_index("id").loc[[v], t].iloc[0]) for t in types}}
        for v in top
    }
    return found


def main() -> None:
    import torch

    import scbasset_tl as sb

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "parts", nargs="+", help="train and a chromosome, or accuracy, factors, enhancer, cells, variants"
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--width", type=int, default=48)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    sb.settings.verbosity = 1
    parts = {
        "accuracy": lambda: accuracy(a.work),
        "factors": lambda: factors(a.data, a.work),
        "enhancer": lambda: enhancer(a.work),
        "cells": lambda: cells(a.data, a.work),
        "variants": lambda: variants(a.data, a.work),
        **{f"train {name}": lambda name=name: train(name, a.data, a.work, width=a.width) for name in CHROMOSOMES},
    }
    asked = [" ".join(a.parts)] if a.parts[0] == "train" else a.parts
    if unknown := set(asked) - set(parts):
        parser.error(f"no such part: {sorted(unknown)}")
    for part in asked:
        result = parts[part]()
        numbers = json.loads(a.out.read_text()) if a.out.exists() else {}
        a.out.write_text(json.dumps({**numbers, part: result}, indent=1) + "\n")
        print(part, json.dumps(result, indent=1), flush=True)


if __name__ == "__main__":
    main()
