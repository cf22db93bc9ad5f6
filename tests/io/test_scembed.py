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


def test_a_checkpoint_of_parameters_of_geniml(tmp_path):
    """As torch keeps the weights themselves, which a state_dict does not."""
    weights = torch.nn.Parameter(torch.ones(9, 4))
    torch.save({"projection.weight": weights}, geniml_folder(tmp_path) / "checkpoint.pt")
    np.testing.assert_array_equal(sb.io.read_geniml(tmp_path).vectors, np.ones((2, 4)))


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


def numbers_of_gtars(lines):
    """Region to number, as gtars reads a universe: by score if there is one, then by first occurrence."""
    fields = [line.split("\t") for line in lines.splitlines()]
    if len(fields[0]) >= 5:
        fields.sort(key=lambda field: -float(field[4]))
    found = {}
    for field in fields:
        found.setdefault(tuple(field[:3]), len(found))
    return found


@pytest.mark.parametrize(
    "lines",
    [
        "chr1\t0\t300\nchr1\t1000\t1300\nchr1\t0\t300\nchr2\t0\t300\nchr1\t1000\t1300\n",
        "chr1\t0\t300\ta\t.5\nchr1\t1000\t1300\tb\t12\nchr2\t0\t300\tc\t3\n",
    ],
)
def test_geniml_numbers_regions_by_first_occurrence_and_score(tmp_path, lines):
    folder = geniml_folder(tmp_path, rows=10)
    (folder / "universe.bed").write_text(lines)
    found = sb.io.read_geniml(folder)
    rows = zip(found.universe.chrom, map(str, found.universe.start), map(str, found.universe.end), strict=True)
    table = np.arange(40, dtype=np.float32).reshape(10, 4)
    assert {region: vector.tolist() for region, vector in zip(rows, found.vectors, strict=True)} == {
        region: table[number].tolist() for region, number in numbers_of_gtars(lines).items()
    }


def test_geniml_pools_by_the_maximum(tiny, tmp_path):
    folder = geniml_folder(tmp_path)
    torch.save(
        {"projection.weight": torch.randn(9, 4, generator=torch.Generator().manual_seed(0))}, folder / "checkpoint.pt"
    )
    (folder / "config.yaml").write_text("vocab_size: 9\nembedding_dim: 4\npooling_method: max\n")
    model = sb.io.read_geniml(folder)
    sb.io.write_scembed(model, tmp_path / "ours")
    for each in (model, sb.io.read_scembed(tmp_path / "ours")):
        sb.tl.map_cells(tiny, each)
        opened = tiny.X.toarray()[:, :2] > 0
        expected = [model.vectors[row].max(0) if row.any() else np.zeros(4) for row in opened]
        np.testing.assert_array_equal(tiny.obsm["X_scembed"], np.float32(expected))
    (folder / "config.yaml").write_text("vocab_size: 9\nembedding_dim: 4\npooling_method: median\n")
    with pytest.raises(ValueError, match="must be mean or max, got 'median'"):
        sb.io.read_geniml(folder)


def test_a_model_written_for_geniml(tiny, tmp_path):
    """Loaded by the lines of geniml's ``load_local_region2vec_model``, numbered as gtars numbers it."""
    import yaml

    sb.tl.scembed(tiny, n_latent=6, max_epochs=1, min_count=int(np.median(tiny.X.getnnz(axis=0))))
    sb.io.write_geniml(tiny, tmp_path / "model")
    assert {file.name for file in (tmp_path / "model").iterdir()} == {"checkpoint.pt", "config.yaml", "universe.bed"}
    config = yaml.safe_load((tmp_path / "model" / "config.yaml").read_text())
    projection = torch.nn.Embedding(config["vocab_size"], config["embedding_dim"])
    network = torch.nn.Module()
    network.projection = projection
    network.load_state_dict(torch.load(tmp_path / "model" / "checkpoint.pt", weights_only=True))
    number = numbers_of_gtars((tmp_path / "model" / "universe.bed").read_text())
    assert config["vocab_size"] == len(number) + 7 < 97
    regions = sb.genome.read_regions(tiny.var)
    names = list(zip(regions.chrom, map(str, regions.start), map(str, regions.end), strict=True))
    for cell, row in enumerate(tiny.X.toarray()):
        tokens = [number[names[peak]] for peak in np.flatnonzero(row) if names[peak] in number] or [len(number)]
        theirs = projection(torch.tensor(tokens)).mean(0).detach().numpy()
        np.testing.assert_allclose(tiny.obsm["X_scembed"][cell], theirs, rtol=1e-5, atol=1e-7)
    back = sb.io.read_geniml(tmp_path / "model")
    np.testing.assert_array_equal(back.vectors, tiny.varm["scembed"][tiny.varm["scembed"].any(1)])
    sb.tl.map_cells(tiny, back, key_added="back")
    np.testing.assert_allclose(tiny.obsm["back"], tiny.obsm["X_scembed"], rtol=1e-5, atol=1e-7)
    twice = sb.io.RegionEmbedding(type(regions)(*(part[[0, 1, 0]] for part in regions)), np.ones((3, 2), np.float32))
    with pytest.raises(ValueError, match="1 of 3 regions stand in the universe more than once"):
        sb.io.write_geniml(twice, tmp_path / "twice")
    assert not (tmp_path / "twice").exists()


def test_geniml_from_the_hub(tmp_path, monkeypatch):
    import sys
    from types import SimpleNamespace

    folder = geniml_folder(tmp_path)
    asked = []

    def snapshot_download(name, allow_patterns):
        asked.append(name)
        if name != "databio/r2v-small":
            message = "404"
            raise OSError(message)
        assert {"checkpoint.pt", "config.yaml", "universe.bed", "universe.bed.gz"} <= set(allow_patterns)
        return str(folder)

    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(snapshot_download=snapshot_download))
    monkeypatch.chdir(tmp_path)
    assert len(sb.io.read_geniml("databio/r2v-small").vectors) == 2
    with pytest.raises(
        FileNotFoundError, match="no model of that name could be fetched from the Hugging Face Hub: 404"
    ):
        sb.io.read_geniml("databio/none")
    with pytest.raises(FileNotFoundError, match="is no folder"):
        sb.io.read_geniml("/databio/none")
    assert asked == ["databio/r2v-small", "databio/none"]
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(FileNotFoundError, match="pip install huggingface_hub"):
        sb.io.read_geniml("databio/r2v-small")


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
        (lambda f: geniml_folder(f, rows=12), "12 vectors for 2 regions"),
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
    assert found.tocoo().col.tolist() == [1, 3]
    assert found.dtype == bool
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match="is damaged"):
        sb.io.read_tokens(path, n_regions=90)
    pyarrow.parquet.write_table(pyarrow.table({"tokens": [1, 2]}), path)
    with pytest.raises(ValueError, match="must hold lists"):
        sb.io.read_tokens(path, n_regions=90)
    path.write_bytes(b"notes")  # shorter than any Parquet file
    with pytest.raises(FileExistsError, match="is not a Parquet file of tokens"):
        sb.io.write_tokens(tiny, path)


def test_without_pyarrow(tiny, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match="pip install pyarrow"):
        sb.io.write_tokens(tiny, tmp_path / "tokens.parquet")
