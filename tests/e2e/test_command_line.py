"""``scbasset-tl`` on files: what it writes, says and returns."""

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest

import scbasset_tl as sb
from scbasset_tl._cli import main

N_VARS = 120


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shell")
    mdata = sb.datasets.toy_mudata(n_obs=60, n_vars=N_VARS, n_genes=10, depth=60)
    toy = mdata["atac"].uns["toy"]["motifs"]
    sb.datasets.toy_genome(folder / "genome.fa", n_vars=N_VARS)
    with (folder / "motifs.meme").open("w") as file:
        file.write("MEME version 4\n\nALPHABET= ACGT\n\n")
        for name, pwm in zip(toy["name"][:2], toy["pwm"][:2], strict=True):
            rows = "\n".join(" ".join(f"{value:.6f}" for value in row) for row in pwm)
            file.write(f"MOTIF {name}\nletter-probability matrix: alength= 4 w= {len(pwm)}\n{rows}\n\n")
    for part in (mdata["atac"].uns, mdata["atac"].varm):
        part.clear()
    mdata["atac"].write_h5ad(folder / "atac.h5ad")
    mdata.write_h5mu(folder / "multi.h5mu")
    return folder


@pytest.fixture(scope="module")
def trained(folder):
    call = ["train", f"{folder}/atac.h5ad", f"{folder}/genome.fa", "-o", f"{folder}/out.h5ad", "--max-epochs", "1"]
    assert main([*call, "--trunk", "8", "--min-fraction", "0.01"]) == 0
    return folder / "out.h5ad"


def test_train_writes_what_the_calls_write(folder, trained):
    adata = ad.read_h5ad(folder / "atac.h5ad")
    sb.pp.filter_peaks(adata, min_fraction=0.01)
    sb.pp.add_sequences(adata, folder / "genome.fa")
    sb.pp.split_peaks(adata, rng=0)
    sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    found = ad.read_h5ad(trained)
    np.testing.assert_array_equal(found.obsm["X_scbasset"], adata.obsm["X_scbasset"])
    assert found.uns["scbasset"]["params"]["seed"] == 0


def test_report_and_its_figure(folder, trained, capsys):
    figure = folder / "report.png"
    assert main(["report", str(trained), "--figure", str(figure), "--color", "cell_type"]) == 0
    assert capsys.readouterr().out.startswith("scBasset model: ")
    assert figure.read_bytes()[:4] == b"\x89PNG"


def test_tf_activity_as_a_table_and_as_data(folder, trained):
    for out in ("motifs.csv", "activity.h5ad"):
        call = ["tf-activity", str(trained), f"{folder}/motifs.meme", "--groupby", "cell_type", "-o", f"{folder}/{out}"]
        assert main([*call, "--n-background", "10", "--n-null", "50"]) == 0
    table = pd.read_csv(folder / "motifs.csv", index_col="motif")
    expected = sb.get.tf_activity(ad.read_h5ad(folder / "activity.h5ad")).var
    assert list(table.index) == list(expected.index)
    np.testing.assert_allclose(table["p_value"], expected["p_value"])


def test_a_mudata(folder):
    call = ["train", f"{folder}/multi.h5mu", f"{folder}/genome.fa", "-o", f"{folder}/out.h5mu", "--max-epochs", "1"]
    assert main([*call, "--trunk", "8", "--min-fraction", "0"]) == 0
    assert md.read_h5mu(folder / "out.h5mu")["atac"].obsm["X_scbasset"].shape == (60, 32)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["report", "no.h5ad"], "there is no file 'no.h5ad'"),
        (["report", "{folder}/atac.h5ad"], "uns['scbasset'] holds no trained model"),
        (["report", "{folder}/genome.fa"], "is none of the files that are read"),
        (["train", "{folder}/atac.h5ad", "{folder}/genome.fa", "-o", "out.txt"], "must end in one of"),
        (["train", "{folder}/atac.h5ad", "{folder}/genome.fa", "-o", "no/out.h5ad"], "there is no folder"),
        (["train", "{folder}/atac.h5ad", "{folder}/genome.fa", "-o", "{folder}/x.h5mu"], "holds AnnData, which"),
        (["train", "{folder}/atac.h5ad", "{folder}/no.fa", "-o", "{folder}/x.h5ad"], "no.fa"),
    ],
)
def test_errors_are_one_line_and_the_status_is_1(folder, capsys, arguments, said):
    assert main([argument.format(folder=folder) for argument in arguments]) == 1
    printed = capsys.readouterr().err.strip().splitlines()[-1]
    assert printed.startswith("scbasset-tl: ")
    assert said in printed
    assert not (folder / "x.h5ad").exists()


def test_debug_shows_where_an_error_came_from():
    with pytest.raises(FileNotFoundError):
        main(["report", "no.h5ad", "--debug"])


def test_ctrl_c(monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("scbasset_tl._cli._read", interrupt)
    assert main(["report", "no.h5ad"]) == 130


@pytest.mark.parametrize(("arguments", "status"), [(["--version"], 0), (["train", "--help"], 0), (["fly"], 2), ([], 2)])
def test_help_version_and_usage(arguments, status, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == status
    if arguments == ["--version"]:
        assert capsys.readouterr().out.strip() == f"scbasset-tl {sb.__version__}"
