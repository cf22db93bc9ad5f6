"""What holds for the package as a whole: imports stay cheap, every public function is documented, examples run."""

from __future__ import annotations

import doctest
import inspect
import platform
import re
import subprocess
import sys
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest

import scbasset_tl as sb

ROOT = Path(__file__).parents[1]
MODULES = ("pp", "tl", "get", "metrics", "io", "datasets", "pl")


def public(*modules: str) -> dict[str, object]:
    """Every name in ``__all__`` of the modules, as ``module.name``."""
    loaded = {module: import_module(f"scbasset_tl.{module}") for module in modules}
    return {f"{module}.{name}": getattr(loaded[module], name) for module in modules for name in loaded[module].__all__}


FUNCTIONS = {name: value for name, value in public(*MODULES).items() if inspect.isfunction(value)}


def fresh(code: str) -> str:
    """What ``code`` prints in a Python of its own."""
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def loaded_by(code: str, *modules: str) -> list[str]:
    """Those of ``modules`` that are loaded after ``code``."""
    return fresh(f"import sys\n{code}\nprint(*sorted(sys.modules.keys() & {set(modules)!r}))").split()


def test_import_loads_nothing_heavy() -> None:
    heavy = ("torch", "scanpy", "muon", "numba", "anndata", "pandas", "numpy", "scipy", "sklearn", "matplotlib")
    assert loaded_by("import scbasset_tl", *heavy) == []


def test_submodules_load_without_the_heavy_libraries() -> None:
    code = f"import scbasset_tl as sb\nfor name in {MODULES}: getattr(sb, name)"
    heavy = ("torch", "lightning_fabric", "scanpy", "muon", "matplotlib", "pynndescent", "numba", "sklearn")
    assert loaded_by(code, *heavy) == []


def test_print_versions_names_what_matters_for_a_bug_report() -> None:
    printed = fresh("import scbasset_tl as sb; sb.print_versions()")
    assert printed.startswith(f"scbasset_tl {sb.__version__}\n")
    for package in ("torch", "anndata", "numba", "scipy"):
        assert re.search(rf"^{package}\s+{re.escape(version(package))}$", printed, re.MULTILINE), package
    assert f"Python\t{platform.python_version()}" in printed


def test_submodules_are_listed_and_unknown_ones_refused() -> None:
    assert {*MODULES, "genome", "print_versions", "settings"} <= set(dir(sb))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        sb.nothing  # noqa: B018


def section(docstring: str, title: str) -> str:
    """Text below an underlined title, up to the next one; empty if there is none."""
    found = re.search(rf"^{title}\n-{{3,}}\n(.*?)(?=^\w+\n-{{3,}}\n|\Z)", docstring, re.DOTALL | re.MULTILINE)
    return found[1] if found else ""


@pytest.mark.parametrize("name", FUNCTIONS)
def test_docstring_is_complete(name: str) -> None:
    function = FUNCTIONS[name]
    docstring = inspect.getdoc(function) or ""
    summary, _, rest = docstring.partition("\n")
    assert re.fullmatch(r"\S.*\S", summary)
    assert rest.startswith("\n"), "one summary line, then a blank one"

    signature = inspect.signature(function)
    heads = re.findall(r"^(?:\*\*)?(\w+(?:, \w+)*)$", section(docstring, "Parameters"), re.MULTILINE)
    assert sorted(", ".join(heads).split(", ")) == sorted(signature.parameters)
    assert section(docstring, "Returns").strip() or signature.return_annotation == "None"
    assert ">>> " in section(docstring, "Examples")


def test_every_public_name_is_in_the_api_page() -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    listed = re.findall(r"^    ((?:\w+\.)+\w+)$", page, re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert [name for name in public(*MODULES, "genome") if name not in listed] == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_docstring_example_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    failures: list[str] = []
    for example in doctest.DocTestFinder(recurse=False).find(FUNCTIONS[name], name):
        doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.FAIL_FAST).run(
            example, out=failures.append
        )
    assert not failures, "".join(failures)


def test_readme_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train, read, more = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    # a minute's worth of network would teach this test nothing
    train_fully = sb.tl.scbasset
    quick = {"trunk": 8, "max_epochs": 1}
    monkeypatch.setattr(sb.tl, "scbasset", lambda data, **call: train_fully(data, **{**call, **quick}))
    monkeypatch.setattr(sb.tl, "tf_activity", partial(sb.tl.tf_activity, n_background=10, n_null=50))
    monkeypatch.setattr(sb.tl, "atac_diff", partial(sb.tl.atac_diff, max_steps=20))
    toy = sb.datasets.toy(n_obs=60, n_vars=500, depth=150)
    toy.obs["cell_type"] = toy.obs["cell_type"].cat.rename_categories({"type_1": "B cell"})
    toy.write_h5ad("atac.h5ad")
    sb.datasets.toy_genome("genome.fa", n_vars=500)
    meme = ["MEME version 4", "", "ALPHABET= ACGT", ""]
    for name, pwm in zip(toy.uns["toy"]["motifs"]["name"][:3], toy.uns["toy"]["motifs"]["pwm"], strict=False):
        meme += [f"MOTIF {name} {name}", f"letter-probability matrix: alength= 4 w= {len(pwm)}"]
        meme += [" ".join(f"{value:.6f}" for value in row) for row in pwm]
    Path("JASPAR.meme").write_text("\n".join([*meme, ""]))
    names: dict[str, object] = {}
    exec(train, names)
    adata = names["adata"]
    assert adata.obsm["X_scbasset"].shape == (60, 32)
    assert Path("trained.h5ad").stat().st_size > 0

    region = adata.var.iloc[3]
    with sb.genome.Fasta("genome.fa") as genome:
        reference = sb.genome.decode(genome.codes(region["chr"], region["start"], region["start"] + 1))
    alternative = "A" if reference == "T" else "T"
    Path("variants.vcf").write_text(f"{region['chr']}\t{region['start'] + 1}\trs1\t{reference}\t{alternative}\n")
    exec(read, names)
    assert adata.obsm["tf_activity"].shape == (60, 3)
    assert len(sb.get.variant_effect(adata)) >= 1

    middle = (adata.var["start"] + adata.var["end"]) // 2
    attributes = [f'gene_id "{name}"; gene_name "{name}";' for name in ("one", "two")]
    genes = zip(adata.var["chr"], middle, attributes, strict=False)
    lines = [f"{chrom}\tmade\tgene\t{at}\t{at + 900}\t.\t+\t.\t{text}" for chrom, at, text in genes]
    Path("genes.gtf").write_text("\n".join([*lines, ""]))
    adata.obs["cell_type"] = toy.obs["cell_type"].to_numpy()
    adata.obs["donor"] = ["a", "b"] * 30
    toy[:20, 100:].write_h5ad("new.h5ad")
    exec(more, names)
    assert set(names["new"].obs) >= {"predicted", "predicted_confidence", "scbasset_ood"}
    assert adata.obsm["gene_scores"].shape == (60, 2)
    assert adata.obsm["corrected"].shape == (60, 32)


def test_every_name_of_the_api_page_is_reached_from_the_package_alone() -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    listed = re.findall(r"^    ((?:\w+\.)+\w+)$", page, re.MULTILINE)
    for name in ("nn.trunk.TrunkConfig", "genome.scan.scan", "genome.motif_names.tf_genes"):
        assert fresh(f"import scbasset_tl as sb; print(callable(sb.{name}))") == "True\n"
    assert fresh("import scbasset_tl as sb\n" + "\n".join(f"sb.{name}" for name in listed)) == ""


@pytest.mark.parametrize("value", ["info", 3, -1, True, None])
def test_settings_refuse_what_they_do_not_know(value: object) -> None:
    with pytest.raises(ValueError, match="verbosity must be 0"):
        sb.settings.verbosity = value  # type: ignore[assignment]
    with pytest.raises(AttributeError, match="unknown setting 'verbos'"):
        sb.settings.verbos = 1  # type: ignore[attr-defined]
