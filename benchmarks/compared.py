"""Draw the page "Compared with other tools" from the results: a table and three pictures.

``python benchmarks/compared.py`` writes docs/images/compared_*.svg and the table of docs/comparison.md.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "comparison.md"
OURS, THEIRS = "#1f6f8b", "#b9c4cc"


def load(name: str) -> Any:
    return json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())


def worm(model: str, key: str) -> float:
    """A score of worm pseudocells; ``model`` is the start of its name."""
    values = [
        row[key] for row in load("worm_quality") if row["set"] == "pseudocells" and row["model"].startswith(model)
    ]
    return sum(values) / len(values)


def quality() -> dict[str, dict[str, float]]:
    """Scores of each tool by what is scored."""
    scores = {
        "unseen peaks, auROC per cell": ("auroc_per_cell", "6-mer"),
        "unseen peaks, auROC per peak": ("auroc_per_peak", "6-mer"),
        "tissues apart, label score": ("label_score_50", "TF-IDF"),
    }
    names = {"6-mer": "6-mer ridge", "TF-IDF": "LSI"}
    return {
        what: {
            "scbasset_tl": worm("ours_pseudocells_fast_288_8", key),
            "as scvi-tools": worm("ours_pseudocells_fast_288_6", key),
            "scvi-tools": worm("scvi", key),
            names[other]: worm(other, key),
        }
        for what, (key, other) in scores.items()
    }


def longer(seconds: dict[str, list[float]], other: str, own: str) -> float:
    """How many times longer the other takes, by medians."""
    return median(seconds[other]) / median(seconds[own])


def speed() -> list[tuple[str, str, float]]:
    """What is computed, the other tool, how many times longer it takes."""
    cells = load("throughput")["cells"]
    ism = load("ism")["readings"]["2,000 cells"]
    shuffles, crested = load("shuffle")["tools"], load("beside_crested")
    step, sequence = crested["training_step_s"], crested["one_sequence_s"]
    return [
        ("training, 2,000 cells", "scvi-tools", cells["2000"]["scvi-tools"]["ours_is_faster_by"]),
        ("training, 100,000 cells", "scvi-tools", cells["100000"]["scvi-tools"]["ours_is_faster_by"]),
        ("training, 2,000 cells", "CREsted", longer(step, "CREsted, its metrics", "scbasset_tl, float32")),
        ("TF activity of a motif", "scvi-tools", load("tf_activity")["ours_is_faster_by"]["scvi-tools"]),
        ("mutagenesis of a sequence", "tangermeme", next(r["times_ours"] for r in ism if "of 32" in r["tool"])),
        ("mutagenesis of a sequence", "CREsted", longer(sequence, "CREsted `mutagenesis`", "scbasset_tl `tl.ism`")),
        ("dinucleotide shuffles", "tangermeme", next(r["times_ours"] for r in shuffles if r["tool"] == "tangermeme")),
        ("dinucleotide shuffles", "seqpro", next(r["times_ours"] for r in shuffles if r["tool"] == "seqpro")),
    ]


def memory() -> list[tuple[str, float, str, float]]:
    """What is done, our GB above the data, the other way, its GB."""
    cells, files = load("throughput")["cells"], load("out_of_core")["200000 x 20000 at 0.03"]
    rows = [
        (
            f"training, {int(n):,} cells",
            cells[n]["scbasset_tl"]["above_data_mb"] / 1000,
            "scvi-tools",
            cells[n]["scvi-tools"]["above_data_mb"] / 1000,
        )
        for n in ("2000", "100000")
    ]
    own, plain = files["from file"]["peak_mb"] / 1000, files["in memory"]["peak_mb"] / 1000
    return [*rows, ("training from a file, 200,000 cells", own, "the same in memory", plain)]


def table() -> str:
    lines = ["| what | scbasset_tl | instead |", "|---|---|---|"]
    for what, scores in quality().items():
        own, same, *others = scores.items()
        text = ", ".join(f"{name} {value:.2f}" for name, value in others)
        lines += [f"| {what} | {own[1]:.2f}; width and epochs of scvi-tools {same[1]:.2f} | {text} |"]
    lines += [f"| {what}: time | 1 | {other} {value:.1f} |" for what, other, value in speed()]
    lines += [f"| {what}: memory | {own:.1f} GB | {other} {value:.1f} GB |" for what, own, other, value in memory()]
    return "\n".join(lines)


def draw() -> None:
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    mpl.rcParams.update({"svg.fonttype": "path", "svg.hashsalt": "compared", "font.size": 11})
    mpl.rcParams.update({"axes.spines.top": False, "axes.spines.right": False})

    def save(figure: Any, name: str) -> None:
        figure.savefig(ROOT / "docs" / "images" / f"compared_{name}.svg", metadata={"Date": None}, bbox_inches="tight")
        plt.close(figure)

    def bars(ax: Any, names: list[str], values: list[float], label: str, pattern: str) -> None:
        colors = [OURS if name in ("scbasset_tl", "as scvi-tools") else THEIRS for name in names]
        drawn = ax.barh(names[::-1], values[::-1], color=colors[::-1])
        ax.bar_label(drawn, [pattern.format(value) for value in values[::-1]], padding=3)
        ax.set(xlabel=label, xlim=(0, 1.2 * max(values)))

    figure, axes = plt.subplots(1, 3, figsize=(9.6, 2.6), layout="constrained")
    for ax, (what, scores) in zip(axes, quality().items(), strict=True):
        bars(ax, list(scores), list(scores.values()), what, "{:.2f}")
        if "auROC" in what:
            ax.set_xlim(0.5, 0.78)
    save(figure, "quality")

    figure, ax = plt.subplots(figsize=(7.5, 2.8), layout="constrained")
    names = [f"{what} ({other})" for what, other, _ in speed()][::-1]
    times = [value for _, _, value in speed()][::-1]
    ax.bar_label(ax.barh(names, times, color=THEIRS), [f"{value:.1f}" for value in times], padding=3)
    ax.axvline(1, color=OURS, linewidth=2)
    ax.set(
        xlabel="how many times longer the other tool takes (line: scbasset_tl)",
        xscale="log",
        xlim=(0.8, 50),
        xticks=[1, 2, 5, 10, 20],
    )
    ax.xaxis.set_major_formatter("{x:.0f}")
    ax.minorticks_off()
    save(figure, "speed")

    figure, axes = plt.subplots(1, 3, figsize=(9.6, 1.8), layout="constrained")
    for ax, (what, own, other, value) in zip(axes, memory(), strict=True):
        bars(ax, ["scbasset_tl", other], [own, value], f"{what}, GB", "{:.1f}")
    axes[2].set_yticks([0, 1], ["in memory", "from the file"])
    save(figure, "memory")


if __name__ == "__main__":
    draw()
    text = PAGE.read_text()
    PAGE.write_text(re.sub(r"(?<=<!-- table -->\n\n).*?(?=\n\n<!-- end -->)", lambda _: table(), text, flags=re.DOTALL))
