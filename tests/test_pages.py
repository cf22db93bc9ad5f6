"""The code on the pages of the docs that are not executed when they are built runs as it stands, on toy data."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.sparse as sp

import scbasset_tl as sb

DOCS = Path(__file__).parents[1] / "docs"
N_VARS = 500


def blocks(name: str) -> list[str]:
    """The Python of a page, in its order; calls of other packages are fenced as ``py``."""
    return re.findall(r"^```python\n(.*?)^```", (DOCS / f"{name}.md").read_text(), re.DOTALL | re.MULTILINE)


def write_10x_h5(path: str, counts: Any, peaks: list[str]) -> None:
    """As Cell Ranger ARC writes it: genes and peaks in one matrix, with a peak on a contig that is no chromosome."""
    names = ["GENE1", *peaks, "KI270728.1:100-600"]
    one = np.ones((counts.shape[0], 1))
    matrix = sp.hstack([one, counts, one]).tocsr()
    columns = {
        "_all_tag_keys": ["genome", "interval"],
        "feature_type": ["Gene Expression", *["Peaks"] * (len(names) - 1)],
        "genome": ["toy"] * len(names),
        "id": names,
        "interval": ["NA", *names[1:]],
        "name": names,
    }
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix")
        group["barcodes"] = np.array([f"cell{number}" for number in range(counts.shape[0])], dtype="S")
        group["data"], group["indices"], group["indptr"] = matrix.data.astype("i4"), matrix.indices, matrix.indptr
        group["shape"] = np.array(matrix.shape[::-1], dtype="i4")
        for name, values in columns.items():
            group[f"features/{name}"] = np.array(values, dtype="S")


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A folder with the files that the pages read, and a network that takes no minute to train."""
    monkeypatch.chdir(tmp_path)
    train = sb.tl.scbasset

    def quick(data: Any, **arguments: Any) -> Any:
        several = {name: arguments.pop(name, None) for name in ("devices", "num_nodes")}
        assert set(several.values()) <= {None, 4}
        return train(data, **{**arguments, "trunk": 8, "max_epochs": 1})

    monkeypatch.setattr(sb.tl, "scbasset", quick)
    toy = sb.datasets.toy(n_obs=60, n_vars=N_VARS, depth=150)
    sb.datasets.toy_genome("genome.fa", n_vars=N_VARS)
    write_10x_h5("filtered_feature_bc_matrix.h5", toy.X, list(toy.var_names))
    regions = toy.var[["chr", "start", "end"]]
    regions.to_csv("universe.bed", sep="\t", header=False, index=False)
    toy.write_h5ad("atac.h5ad")
    return {"adata": toy, "sb": sb}


def test_quickstart(names: dict[str, Any]) -> None:
    read, train, look = blocks("quickstart")
    del names["adata"]
    exec(read, names)
    kept = [name for name in sb.datasets.toy(n_obs=60, n_vars=N_VARS, depth=150).var_names if name.startswith("chr")]
    assert names["adata"].var_names.tolist() == kept  # neither the gene, nor peaks of what is no chromosome
    exec(train, names)
    assert names["adata"].obsm["X_scbasset"].shape == (60, 32)
    assert Path("trained.h5ad").stat().st_size > 0
    # the map itself is scanpy's
    exec(look.partition("sc.tl.umap")[0], names)


@pytest.mark.parametrize("page", ["from_scvi", "from_geniml", "gpu", "faq"])
def test_code_of_the_page_runs(page: str, names: dict[str, Any]) -> None:
    code = blocks(page)
    assert code
    if page == "faq":
        sb.tl.scbasset(names["adata"])
    for block in code:
        exec(block, names)


def test_from_calico(names: dict[str, Any]) -> None:
    train, load = blocks("from_calico")
    exec(train, names)
    sb.io.write_keras_weights(names["adata"], "best_model.h5")
    before = names["adata"].obsm["X_scbasset"]
    Path("atac.h5ad").rename("processed_ad.h5ad")
    exec(load, names)
    assert np.array_equal(names["adata"].obsm["X_scbasset"], before)


def test_llms_txt(names: dict[str, Any]) -> None:
    text = (DOCS / "llms.txt").read_text()
    main = "\n".join(line[4:] for line in text.partition("After training")[0].splitlines() if line.startswith("    "))
    exec(main, names)
    assert names["adata"].obsm["X_scbasset"].shape == (60, 32)


def test_no_page_tells_to_install_a_release_that_is_not_there() -> None:
    for page in [*DOCS.glob("*.md"), DOCS / "llms.txt", DOCS.parent / "README.md"]:
        found = re.findall(r"""pip install ['"]?scbasset-tl(?! @)""", page.read_text())
        assert not found, page.name


def test_every_function_of_pl_is_in_the_gallery() -> None:
    text = (DOCS / "gallery.md").read_text()
    assert [name for name in sb.pl.__all__ if f"sb.pl.{name}(" not in text] == []


def test_links_of_llms_txt_are_pages() -> None:
    linked = re.findall(r"\((\w+)\.html\)", (DOCS / "llms.txt").read_text())
    assert [name for name in linked if not (DOCS / f"{name}.md").is_file()] == []


def test_the_comparison_shows_the_committed_results() -> None:
    found = subprocess.run(
        [sys.executable, "-c", "import compared; print(compared.table())"],
        cwd=DOCS.parent / "benchmarks",
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout in (DOCS / "comparison.md").read_text()
