"""Every benchmark script runs, at its smallest size and on data made here: what it measures then means nothing."""

from __future__ import annotations

import gzip
import json
import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import scbasset_tl as sb

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
N_OBS, N_VARS = 120, 240
CONTIGS = {"chrI": 30_000, "chrII": 60_000}
MOTIFS = ("elt-2", "elt-3", "elt-6", "pqm-1", "hlh-1", "lin-54", "che-1")


def cells(labels: dict[str, list[Any]], seed: int) -> ad.AnnData:
    """Peaks of 500 bp, each more open in the cells of one label."""
    rng = np.random.default_rng(seed)
    chrom = np.repeat(list(CONTIGS), [N_VARS // 3, N_VARS - N_VARS // 3])
    starts = [rng.choice(n - 2800, (chrom == name).sum(), replace=False) + 1400 for name, n in CONTIGS.items()]
    start = np.concatenate(starts)
    (column, values), kind = next(iter(labels.items())), rng.integers(0, 2, N_OBS)
    chance = np.where(kind[:, None] == rng.integers(0, 2, N_VARS), 0.4, 0.1)
    names = [f"{contig}:{first}-{first + 500}" for contig, first in zip(chrom, start, strict=True)]
    return ad.AnnData(
        sparse.csr_matrix(rng.random((N_OBS, N_VARS)) < chance, dtype=np.float32),
        obs=pd.DataFrame({column: np.array(values)[kind]}, index=[f"cell{number}" for number in range(N_OBS)]),
        var=pd.DataFrame({"chr": chrom, "start": start, "end": start + 500}, index=names),
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like that of the real data, as far as the scripts read it."""
    folder = tmp_path_factory.mktemp("data")
    for name in ("worm", "human", "motifs"):
        (folder / name).mkdir()
    rng = np.random.default_rng(0)
    plain = folder / "worm" / "ce10.fa"
    plain.write_text("".join(f">{name}\n{sb.genome.decode(rng.integers(0, 4, n))}\n" for name, n in CONTIGS.items()))
    sb.genome.bgzip(plain, folder / "worm" / "ce10.fa.gz")
    cells({"tissue": ["Germline", "Neurons"]}, 0).write_h5ad(folder / "worm" / "pseudocells_ce10.h5ad")
    cells({"tissue": ["Germline", "Neurons"]}, 1).write_h5ad(folder / "worm" / "sim5tissues_ce10.h5ad")
    cells({"notes": ["one", "other"]}, 2).write_h5ad(folder / "human" / "aml_corces2016_hg19.h5ad")
    names = [f"gene-{number}" for number in range(20)] + list(MOTIFS)
    start = rng.integers(2000, 28_000, len(names))
    genes = pd.DataFrame({"chr": "chrI", "strand": "+", "gene_id": names, "gene_name": names, "start": start})
    write_tsv(genes.assign(end=start + 900, tss=start), folder / "worm" / "genes_ce10.tsv.gz")
    tissues = ("Neurons", "Gonad", "Hypodermis", "Pharynx", "Body_wall_muscle", "Glia", "Intestine")
    tpm = pd.DataFrame(rng.gamma(1, 20, (len(names), 7)), columns=tissues)
    tpm.insert(0, "symbol", names)
    write_tsv(tpm.assign(gene_id=names), folder / "worm" / "cao2017_L2_tissue_tpm.tsv.gz")
    expected = pd.DataFrame(rng.uniform(0.4, 0.8, (len(MOTIFS), 2)), index=MOTIFS, columns=["Germline", "Neurons"])
    expected.rename_axis("motif").to_csv(folder / "worm" / "expected_motif_auc_by_tissue.tsv", sep="\t")
    meme = ["MEME version 4", "", "ALPHABET= ACGT", ""]
    for number, name in enumerate(MOTIFS):
        meme += [f"MOTIF MA{number} {name}", "letter-probability matrix: alength= 4 w= 6"]
        meme += [" ".join(f"{value:.6f}" for value in row) for row in rng.dirichlet(np.full(4, 0.3), 6)]
    (folder / "motifs" / "JASPAR2022_CORE_nematodes.meme").write_text("\n".join([*meme, ""]))
    return folder


def write_tsv(table: pd.DataFrame, path: Path) -> None:
    with gzip.open(path, "wt") as file:
        table.to_csv(file, sep="\t", index=False)


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Run a script in this process, with other values for its constants."""
    import torch
    from numba.core import config

    from scbasset_tl.nn import norm_pool

    monkeypatch.syspath_prepend(str(BENCHMARKS))
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setattr(config, "reload_config", lambda: None)  # numba refuses another number of threads by now
    monkeypatch.setattr(norm_pool, "train_blocks", norm_pool.train_blocks)  # which one of them replaces

    def run(script: str, *arguments: object, **constants: Any) -> Any:
        module = import_module(script)
        if hasattr(module, "limit_threads"):  # numba has its threads by then
            monkeypatch.setattr(module, "limit_threads", lambda _: None)
        for name, value in constants.items():
            monkeypatch.setattr(module, name, value)
        if hasattr(module, "in_process_of_its_own"):
            monkeypatch.setattr(module, "in_process_of_its_own", lambda function, *a, **named: function(*a, **named))
        if hasattr(module, "RESULT"):
            monkeypatch.setattr(module, "RESULT", tmp_path / f"{script}.json")
        monkeypatch.setattr(sys, "argv", [script, *map(str, arguments)])
        module.main()
        return module

    yield run
    # torch's defaults, which gpu.py changes for good, in its older words, as a mixture is refused
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = True, False
    sys.modules[torch.optim.Optimizer.__module__]._global_optimizer_post_hooks.clear()  # which two of them leave


@pytest.fixture(scope="module")
def work(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``worm_quality.py`` leaves for the others: the sets with sequences, and a model of each."""
    folder = tmp_path_factory.mktemp("work")
    with pytest.MonkeyPatch.context() as patch, sb.settings.override(verbosity=0):
        patch.syspath_prepend(str(BENCHMARKS))
        module = import_module("worm_quality")
        for words in (
            ["prepare", data, folder],
            ["ours", folder, "pseudocells", "--width", 4, "--epochs", 1],
            ["ours", folder, "sim5tissues", "--width", 4, "--epochs", 1],
        ):
            patch.setattr(sys, "argv", ["worm_quality", *map(str, words)])
            module.main()
    return folder


def model_of(work: Path, name: str) -> Path:
    return work / f"ours_{name}_fast_4_1_0.h5ad"


def test_worm_quality(call, data, work, tmp_path):
    call("worm_quality", "table", data, work, "--out", tmp_path / "out.json")
    rows = json.loads((tmp_path / "out.json").read_text())
    assert {row["model"] for row in rows} >= {"TF-IDF + SVD", "ours_pseudocells_fast_4_1_0"}


def test_worm_motifs(call, data, work, tmp_path):
    tissues = {"KNOWN": {"elt-2": "Germline"}}
    out = tmp_path / "out.json"
    few = ["--n-background", 10, "--n-null", 20, "--backgrounds", "bases", "genome", "genome shuffled"]
    call("worm_motifs", data, model_of(work, "pseudocells"), *few, "--out", out, **tissues)
    runs = json.loads(out.read_text())["runs"]
    assert [run["mode"] for run in runs] == ["insert", "ablate", "insert", "insert", "insert"]
    assert [run["backgrounds"] for run in runs] == [None, None, "bases", "genome", "genome shuffled"]


def test_gene_scores(call, data, work, tmp_path):
    call("gene_scores", f"made={model_of(work, 'pseudocells')}", "--data", data / "worm")
    assert json.loads((tmp_path / "gene_scores.json").read_text())["runs"][0]["n_scored"] > 3


def test_map_cells(call, work, tmp_path):
    out, full = tmp_path / "out.json", model_of(work, "pseudocells")
    call("map_cells", "train", work, "pseudocells", "--width", 4, "--epochs", 1)
    call("map_cells", "table", work, "pseudocells", "--full", full, "--out", out, PENALTIES=(1,))
    call("map_cells", "itself", work, "pseudocells", "--full", full, "--out", out)
    call("map_cells", "speed", "--out", out, N_CELLS=40, N_PEAKS=1000)
    assert len(json.loads(out.read_text())) == 3


def test_recipes(call, work, tmp_path):
    call("recipes", "run", work, "pseudocells", "--width", 4, "--change", "max_epochs=1", "--precision", "32-true")
    call("recipes", "table", work, "--out", tmp_path / "out.json")
    call("recipes", "figure", tmp_path / "out.json", "pseudocells", tmp_path / "out.png")
    assert (tmp_path / "out.png").stat().st_size > 1000


def test_recipe_ideas(call, work, tmp_path):
    out = tmp_path / "out.json"
    ideas = ["base", "SVD start", "EMA .99", "residual vector for each peak", "exact cell vectors at the end"]
    small = ["--width", 4, "--batch-size", 32, "--epochs", 1, "--precision", "32-true"]
    call("recipe_ideas", work, "pseudocells", "--ideas", *ideas, *small, "--out", out)
    assert len(json.loads(out.read_text())) == len(ideas)


def test_default_call(call, work, tmp_path):
    out = tmp_path / "out.json"
    call("default_call", "run", work, "pseudocells", "--width", 4, "--change", "max_epochs=1", "--lsi", "--out", out)
    call("default_call", "table", out)
    assert {"trained", "exact", "lsi"} <= set(json.loads(out.read_text())[0])


def test_default_embedding(call, tmp_path):
    out = tmp_path / "out.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sb.datasets, "toy", partial(sb.datasets.toy, n_obs=120, n_vars=200))
        call("default_embedding", "run", tmp_path, "toy0", "--width", 4, "--change", "max_epochs=1", "--out", out)
    call("default_embedding", "table", out)
    row = json.loads(out.read_text())[0]
    assert all(0 <= row[part]["label_score"] <= 1 for part in ("scbasset", "lsi", "lsi_plain"))


def test_robustness(call, work, tmp_path):
    out = tmp_path / "out.json"
    call("robustness", work / "pseudocells.h5ad", "--width", 4, "--epochs", 1, "--out", out, FRACTIONS=(0.5,))
    assert len(json.loads(out.read_text())["rows"]) == 4


def test_compare_models(call, tmp_path):
    def few(seq_len: int) -> ad.AnnData:
        adata = sb.datasets.toy(n_obs=300, n_vars=200, n_batches=2, seq_len=seq_len)
        sb.pp.split_peaks(adata)
        return adata

    train = sb.tl.scbasset
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sb.tl, "scbasset", lambda adata, **arguments: train(adata, **arguments, max_epochs=1))
        call("compare_models", "ours", tmp_path, STRENGTHS=(1e-6,), WIDTH=4, data=few)
    call("compare_models", "table", tmp_path, "--out", tmp_path / "out.json", data=few)
    assert len(json.loads((tmp_path / "out.json").read_text())) >= 2


def test_scembed(call, data, tmp_path):
    out = tmp_path / "out.json"
    for part in ("sets", "projection", "power"):
        call("scembed", part, "--data", data, "--only", "aml", "--seeds", 2, "--min-count", 1, "--out", out)
    parts = {f"{part}, min_count=1" for part in ("sets", "projection", "power")}
    assert set(json.loads(out.read_text())) >= parts


@pytest.mark.parametrize("part", ["clustering", "generation", "imputation", "guidance"])
def test_atac_diff(call, data, tmp_path, part):
    out = tmp_path / "out.json"
    few = ["--only", "aml", "--seeds", 1, "--steps", 2, "--hidden", 8]
    call("atac_diff", part, "--data", data, *few, "--methods", "ATAC-Diff in X_lsi", "--out", out)
    assert f"{part}/aml/ATAC-Diff in X_lsi/0" in json.loads(out.read_text())


def test_add_sequences(call, data, tmp_path):
    out = tmp_path / "out.json"
    call("add_sequences", "--data", data, "--n-peaks", 20, "--repeats", 1, "--out", out)
    assert json.loads(out.read_text())["scbasset_tl, plain"]["n_peaks"] == 20


def test_variants(call, data, tmp_path):
    few = ["--trunk", 4, "--n-substitutions", 20, "--n-indels", 4, "--n-full", 5]
    call("variants", "--data", data, *few, "--out", tmp_path / "out.json")
    found = json.loads((tmp_path / "out.json").read_text())["indels anywhere"]["full"]
    assert found["largest_difference"] < 1e-4


def test_adam_eps(call, tmp_path):
    few = ["--cells", 80, "--peaks", 80, "--epochs", 1, "--width", 4]
    call("adam_eps", *few, "--out", tmp_path / "out.json", N_FEW=60)
    assert (tmp_path / "out.json").is_file()


def test_out_of_core(call, tmp_path):
    few = ["--cells", 50, "--peaks", 200, "--density", 0.3, "--cells-per-step", 20]
    call("out_of_core", *few, "--folder", tmp_path, "--out", tmp_path / "out.json", SEQ_LEN=192, TRUNK=2)
    assert (tmp_path / "out.json").is_file()


def test_scaling(call, tmp_path):
    few = ["--cells", 40, "--width", 2, "--threads", 1, "--batch-size", 4, "--steps", 1, "--blocks", 1]
    call("scaling", "--only", "cells", "loss", *few, "--out", tmp_path / "out.json")
    assert sum("/" in key for key in json.loads((tmp_path / "out.json").read_text())) == 4


def test_throughput(call, monkeypatch, tmp_path):
    from scbasset_tl.nn import trunk
    from scbasset_tl.train import monitor

    small = trunk.TrunkConfig.of_width(4)
    monkeypatch.setattr(trunk, "TrunkConfig", lambda: small)
    monkeypatch.setattr(monitor, "MAX_PEAKS", 50)
    monkeypatch.setattr(monitor, "MAX_CELLS", 40)
    few = ["--cells", 40, "--threads", 1, "--batch-size", 4, "--steps", 1, "--blocks", 1]
    call("throughput", *few, "--out", tmp_path / "out.json")
    assert len(json.loads((tmp_path / "out.json").read_text())["cells"]["40"]) == 3


def test_beside_crested(call, monkeypatch, tmp_path):
    import torch

    from scbasset_tl.nn import trunk

    plain, small = trunk.TrunkConfig, trunk.TrunkConfig.of_width(4)
    monkeypatch.setattr(trunk, "TrunkConfig", lambda: small)

    def stands_in(args, what, problem, *options):
        """Ends of steps, or the scores of whole sequences through a network of ours that Keras' file holds."""
        if what == "train":
            return {"ends": [0.0, 2.0, 3.0, 4.0], "versions": {"crested": "none"}}
        monkeypatch.setattr(trunk, "TrunkConfig", plain)
        codes = np.load(problem)["codes"][0]
        adata = sb.datasets.toy(n_obs=args.cells, n_vars=60, depth=200, seq_len=1344)
        sb.tl.scbasset(adata, trunk=4, max_epochs=1)
        sb.io.write_keras_weights(adata, problem.with_name("mutate.h5"))
        problem.with_name("mutate.h5").rename(problem.with_name("mutate.weights.h5"))
        position, base = np.nonzero(codes[:, None] != np.arange(4))
        mutants = np.vstack([codes, np.repeat(codes[None], len(position), axis=0)])
        mutants[np.arange(1, len(mutants)), position] = base
        network = sb.get.model(adata)
        with torch.inference_mode():
            parts = [
                network(torch.from_numpy(np.eye(4, dtype=np.float32)[part]).mT) for part in np.array_split(mutants, 20)
            ]
        logits = torch.cat(parts)[:, 0].numpy()
        scores = np.zeros((len(codes), 4))
        scores[position, base] = logits[1:] - logits[0]
        np.save(problem.with_name("mutate.mutagenesis.npy"), scores)
        return {"mutagenesis": [1.0], "expected_integrated_grad": [1.0]}

    few = ["--cells", 40, "--batch-size", 4, "--steps", 1, "--blocks", 1, "--peer-python", "none"]
    call("beside_crested", *few, "--out", tmp_path / "out.json", peer=stands_in)
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["largest_difference"] < 1e-4 * found["largest_score"]
    assert found["training_step_s"]["CREsted, its metrics"] == [1.0]


def test_tf_activity(call, tmp_path):
    few = ["--backgrounds", 2, "--cells", 10, "--motifs", 2, "--threads", 1, "--repeats", 1]
    call("tf_activity", *few, "--out", tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text())["ours"]["largest_difference"] < 1e-4


@pytest.mark.filterwarnings("ignore:saturation_mutagenesis is using")  # depends on which way was faster
def test_ism(call, tmp_path):
    pytest.importorskip("tangermeme")
    few = ["--width", 4, "--length", 192, "--cells", 5, "--repeats", 1]
    call("ism", *few, "--out", tmp_path / "out.json", BATCH_SIZES=(64,))
    assert (tmp_path / "out.json").is_file()


def test_shuffle(call, tmp_path):
    pytest.importorskip("tangermeme")
    call("shuffle", "--sequences", 5, "--length", 60, "--repeats", 1, "--out", tmp_path / "out.json")
    assert all(tool["dinucleotides_exact"] for tool in json.loads((tmp_path / "out.json").read_text())["tools"][:1])


def test_verdict(call, tmp_path):
    call("verdict", SIZES=[(60, 200, 80, 2)], SEEDS=range(1))
    assert len(json.loads((tmp_path / "verdict.json").read_text())["rows"]) == 3


def test_tf_expression(call, tmp_path):
    mdata = sb.datasets.toy_mudata(n_obs=60, n_vars=200)
    sb.tl.scbasset(mdata, trunk=4, max_epochs=1)
    mdata.write_h5mu(tmp_path / "trained.h5mu")
    call("tf_expression", tmp_path / "trained.h5mu")
    assert len(json.loads((tmp_path / "tf_expression.json").read_text())["runs"]) == 1


def test_gpu(call, tmp_path):
    """Its parts run in processes of their own: here in this one."""
    module = import_module("gpu")
    for part in ("ceilings", "oracle", "parity"):
        out = tmp_path / f"{part}.json"
        options = {"device": "cpu", "tiny": True, "work": None, "limit": 60, "ceilings": {}}
        module.work(part, json.dumps(options), str(out))
        assert json.loads(out.read_text())


def test_muon_cost(call, monkeypatch):  # ``call`` puts the scripts on the path
    from scbasset_tl.train.muon import Muon

    module = import_module("muon_cost")
    monkeypatch.setattr(Muon, "step", Muon.step)  # which it replaces for good, in a process of its own
    monkeypatch.setattr(module, "N_CELLS", 30)
    with sb.settings.override(verbosity=0):
        row = module.cost("default", 4, 1, 1, 4, "bf16-mixed")
    assert 0 < row["muon_s"] < row["step_s"]


def test_every_script_is_here():
    """Modules that others import have no ``main``."""
    scripts = {path.stem for path in BENCHMARKS.glob("*.py") if "def main()" in path.read_text()}
    scripts |= {path.stem for path in BENCHMARKS.glob("*.py") if "ArgumentParser(" in path.read_text()}
    text = Path(__file__).read_text()
    longer = {"memory"}  # no size of it is short
    assert {name for name in scripts - longer if f'"{name}"' not in text} == set()
