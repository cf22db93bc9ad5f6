"""The code on the pages of the docs that are not executed when they are built runs as it stands, on toy data."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import anndata as ad
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


def test_quickstart(names: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    read, train, look, factors, design = blocks("quickstart")
    toy = names.pop("adata")
    write_motifs("JASPAR.meme", toy.uns["toy"]["motifs"])
    for name, less in {"tf_activity": {"n_background": 10, "n_null": 30}, "design": {"n_rounds": 1}}.items():
        monkeypatch.setattr(sb.tl, name, partial(limited, getattr(sb.tl, name), less))
    exec(read, names)
    kept = [name for name in toy.var_names if name.startswith("chr")]
    adata = names["adata"]
    assert adata.var_names.tolist() == kept  # neither the gene, nor peaks of what is no chromosome
    exec(train, names)
    assert adata.obsm["X_scbasset"].shape == (60, 32)
    assert Path("trained.h5ad").stat().st_size > 0
    # the map itself is scanpy's
    exec(look.partition("sc.tl.umap")[0], names)
    exec(factors, names)
    assert adata.obsm["tf_activity"].shape == (60, 3)
    exec(design, names)
    assert Path("designed.fa").read_text().count(">") == 2


def limited(verb: Any, less: dict[str, int], *arguments: Any, **named: Any) -> None:
    """Call a verb with less work than the page asks for."""
    verb(*arguments, **{**named, **less})


def write_motifs(path: str, motifs: Any) -> None:
    lines = ["MEME version 4", "", "ALPHABET= ACGT", ""]
    for name, pwm in zip(motifs["name"][:3], motifs["pwm"], strict=False):
        lines += [f"MOTIF {name} {name}", f"letter-probability matrix: alength= 4 w= {len(pwm)}"]
        lines += [" ".join(f"{value:.6f}" for value in row) for row in pwm]
    Path(path).write_text("\n".join([*lines, ""]))


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


def test_errors_of_the_faq_are_those_that_are_raised() -> None:
    table = (DOCS / "faq.md").read_text().partition("## Errors by their first words")[2]
    raised = (DOCS / "bad_input.md").read_text()
    messages = re.findall(r"^\| `(.+?)` \|", table, re.MULTILINE)
    assert messages
    for message in messages:
        assert all(part.strip() in raised for part in message.split("…")), message


def test_the_data_contract_lists_every_slot_that_a_docstring_names() -> None:
    page = (DOCS / "data_contract.md").read_text()
    missing = []
    for module in (sb.pp, sb.tl):
        for name in set(module.__all__) - {"generate"}:  # which returns data of its own
            written = (
                (inspect.getdoc(getattr(module, name)) or "").partition("Returns\n---")[2].partition("Raises\n---")[0]
            )
            slots = re.findall(r"`\w+\.(obs|var|obsm|varm|uns|layers)\['(\w+)'", written)
            assert slots, name
            missing += [f"{name}: {field}[{slot!r}]" for field, slot in slots if f'{field}["{slot}"]' not in page]
    assert missing == []


def test_readme_runs_in_a_fresh_session(tmp_path: Path) -> None:
    toy = sb.datasets.toy(n_obs=60, n_vars=N_VARS, depth=150)
    toy.write_h5ad(tmp_path / "atac.h5ad")
    sb.datasets.toy_genome(tmp_path / "genome.fa", n_vars=N_VARS)
    code = re.findall(r"^```python\n(.*?)^```", (DOCS.parent / "README.md").read_text(), re.DOTALL | re.MULTILINE)[0]
    assert "trunk=96" in code
    (tmp_path / "script.py").write_text(code.replace("trunk=96", "trunk=8, max_epochs=1"))
    run = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert run.stdout.startswith("scBasset model: ")
    assert sb.get.accessibility(ad.read_h5ad(tmp_path / "trained.h5ad")).shape[0] == 60
