"""scEmbed's models and tokens as files, ours and geniml's."""

import numpy as np
import pytest
import torch

import scbasset_tl as sb


@pytest.fixture
def model(tiny, tmp_path):
    sb.tl.scembed(tiny, n_latent=6, max_epochs=1)
    sb.io.write_scembed(tiny, tmp_path / "model")
    return tmp_path / "model"


def test_round_trip(tiny, model, tmp_path):
    back = sb.io.read_scembed(model)
    np.testing.assert_array_equal(back.vectors, tiny.varm["scembed"])
    assert back.params["n_latent"] == 6
    sb.tl.map_cells(tiny, back, key_added="new")
    np.testing.assert_allclose(tiny.obsm["new"], tiny.obsm["X_scembed"], rtol=1e-5, atol=1e-6)
    sb.io.write_scembed(back, tmp_path / "again")
    assert [(tmp_path / "again" / name).read_bytes() for name in ("universe.bed", "config.json")] == [
        (model / name).read_bytes() for name in ("universe.bed", "config.json")
    ]


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "universe.bed"])
def test_missing_and_cut_files(model, name):
    whole = (model / name).read_bytes()
    (model / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"damaged|not of one model|universe\.bed"):
        sb.io.read_scembed(model)
    (model / name).unlink()
    with pytest.raises(FileNotFoundError, match=name):
        sb.io.read_scembed(model)


def test_a_file_for_a_folder(tiny, model, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="name a folder"):
        sb.io.write_scembed(tiny, tmp_path / "file")


def geniml_folder(folder, *, key="projection.weight", width="embedding_dim", rows=9):
    torch.save({key: torch.arange(rows * 4.0).reshape(rows, 4)}, folder / "checkpoint.pt")
    (folder / "config.yaml").write_text(f"# made by geniml\nvocab_size: {rows}\n{width}: 4\npooling_method: mean\n")
    (folder / "universe.bed").write_text("chr1\t0\t300\nchr1\t1000\t1300\n")
    return folder


@pytest.mark.parametrize("width", ["embedding_dim", "embedding_size"])
def test_geniml(tiny, tmp_path, width):
    found = sb.io.read_geniml(geniml_folder(tmp_path, width=width))
    np.testing.assert_array_equal(found.vectors, np.arange(8, dtype=np.float32).reshape(2, 4))
    sb.tl.map_cells(tiny, found)
    expected = [found.vectors[row[:2] > 0].mean(0) if (row[:2] > 0).any() else np.zeros(4) for row in tiny.X.toarray()]
    np.testing.assert_allclose(tiny.obsm["X_scembed"], expected)


@pytest.mark.parametrize(
    "text",
    [
        "vocab_size: 9  # with special tokens\nembedding_dim: 4 # of a region\n",
        "'vocab_size': '9'\n\"embedding_dim\": \"4\"\n",
        "\ufeff---\nvocab_size: 9\n\n  # a comment: with a colon\nembedding_dim: 4\nembedding_size: null\npooling_method: mean\n",
    ],
)
def test_configurations_of_geniml_are_read_as_yaml_reads_them(tmp_path, text):
    import yaml

    folder = geniml_folder(tmp_path)
    (folder / "config.yaml").write_text(text)
    found = sb.io.read_geniml(folder).params
    expected = yaml.safe_load(text.lstrip("\ufeff"))
    assert found == {name: str(value) for name, value in expected.items() if value is not None}


def test_geniml_without_a_universe(tmp_path):
    folder = geniml_folder(tmp_path)
    (folder / "universe.bed").rename(tmp_path / "elsewhere.bed")
    with pytest.raises(FileNotFoundError, match="pass the universe"):
        sb.io.read_geniml(folder)
    assert len(sb.io.read_geniml(folder, universe=tmp_path / "elsewhere.bed").vectors) == 2


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            lambda f: (f / "checkpoint.pt").write_bytes((f / "checkpoint.pt").read_bytes()[:300]),
            "it is cut, or holds more than plain tensors",
        ),
        (lambda f: (f / "checkpoint.pt").write_bytes(b""), "it is cut, or holds more than plain tensors"),
        (lambda f: geniml_folder(f, key="other"), "has no region vectors"),
        (lambda f: (f / "config.yaml").write_text("vocab_size: 10\n"), "config.yaml says"),
        (
            lambda f: (f / "config.yaml").write_text("vocab_size: many\n"),
            "vocab_size in config.yaml must be a whole number, got 'many'",
        ),
        (lambda f: geniml_folder(f, rows=1), "another universe"),
    ],
)
def test_spoilt_geniml_models(tmp_path, spoil, words):
    spoil(geniml_folder(tmp_path))
    with pytest.raises(ValueError, match=words):
        sb.io.read_geniml(tmp_path)


def test_tokens(tiny, tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    path = tmp_path / "tokens.parquet"
    sb.io.write_tokens(tiny, path)
    found = sb.io.read_tokens(path, n_regions=90)
    np.testing.assert_array_equal(found.toarray(), tiny.X.toarray() > 0)
    lists = pyarrow.array([[1, 1, 90], [], [3]], type=pyarrow.list_(pyarrow.int32()))
    pyarrow.parquet.write_table(pyarrow.table({"tokens": lists}), path)
    found = sb.io.read_tokens(path, n_regions=90)
    assert found.tocoo().coords[1].tolist() == [1, 3]
    assert found.dtype == bool
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match="is damaged"):
        sb.io.read_tokens(path, n_regions=90)
    pyarrow.parquet.write_table(pyarrow.table({"tokens": [1, 2]}), path)
    with pytest.raises(ValueError, match="must hold lists"):
        sb.io.read_tokens(path, n_regions=90)


def test_without_pyarrow(tiny, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match="pip install pyarrow"):
        sb.io.write_tokens(tiny, tmp_path / "tokens.parquet")
