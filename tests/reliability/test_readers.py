"""Damaged files: each reader reads what was written, or says which file is damaged, and small files stay small."""

import bz2
import gzip
import json
import lzma
import os

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

import scbasset_tl as sb
from scbasset_tl._reading import reading
from scbasset_tl.genome.universe import read_bed
from scbasset_tl.genome.vcf import read_vcf
from scbasset_tl.train.checkpoint import load_checkpoint

N = int(os.environ.get("SCBASSET_TL_LONG", "200"))
CONFIG = "vocab_size: 60\nembedding_dim: 4\n"
BED = "".join(f"chr1\t{start}\t{start + 100}\n" for start in range(0, 6000, 100))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """What each reader reads, and the file of it that is damaged."""
    folder = tmp_path_factory.mktemp("files")
    data = sb.datasets.toy(n_obs=40, n_vars=60)
    sb.tl.scbasset(data, trunk=4, n_latent=4, max_epochs=1, accelerator="cpu", checkpoint=folder / "run.safetensors")
    sb.tl.scembed(data, n_latent=4, max_epochs=1)
    sb.io.write_trunk(data, folder / "trunk.safetensors")
    sb.io.write_keras_weights(data, folder / "keras.h5")
    sb.io.write_tokens(data, folder / "tokens.parquet")
    sb.io.write_scembed(data, folder / "scembed")
    geniml = folder / "geniml"
    geniml.mkdir()
    torch.save({"projection.weight": torch.randn(60, 4)}, geniml / "checkpoint.pt")
    (geniml / "config.yaml").write_text(CONFIG)
    (geniml / "universe.bed").write_text(BED)
    (folder / "u.bed.gz").write_bytes(gzip.compress(BED.encode(), mtime=0))
    (folder / "v.vcf.gz").write_bytes(gzip.compress(b"#CHROM\tPOS\tID\tREF\tALT\n" + b"1\t7\tr\tA\tC\n" * 300, mtime=0))
    gtf = "".join(f'chr1\tx\tgene\t{n * 7 + 1}\t{n * 13 + 20}\t.\t+\t.\tgene_id "g{n}";\n' for n in range(300))
    (folder / "a.gtf.gz").write_bytes(gzip.compress(gtf.encode(), mtime=0))
    (folder / "genes.csv").write_text("gene,chr,tss\n" + "".join(f"g{n},chr1,{n}\n" for n in range(50)))
    bare = sb.datasets.toy(n_obs=40, n_vars=60)
    return {
        "checkpoint": (folder / "run.safetensors", load_checkpoint),
        "trunk": (folder / "trunk.safetensors", sb.io.read_trunk),
        "keras": (folder / "keras.h5", lambda path: sb.tl.load_keras_weights(bare, path, copy=True)),
        "tokens": (folder / "tokens.parquet", lambda path: sb.io.read_tokens(path, n_regions=60)),
        "scembed vectors": (folder / "scembed" / "model.safetensors", lambda path: sb.io.read_scembed(path.parent)),
        "scembed config": (folder / "scembed" / "config.json", lambda path: sb.io.read_scembed(path.parent)),
        "scembed universe": (folder / "scembed" / "universe.bed", lambda path: sb.io.read_scembed(path.parent)),
        "geniml checkpoint": (geniml / "checkpoint.pt", lambda path: sb.io.read_geniml(path.parent)),
        "geniml config": (geniml / "config.yaml", lambda path: sb.io.read_geniml(path.parent)),
        "universe": (folder / "u.bed.gz", read_bed),
        "variants": (folder / "v.vcf.gz", read_vcf),
        "annotation": (folder / "a.gtf.gz", sb.genome.read_genes),
        "genes": (folder / "genes.csv", sb.genome.read_genes),
    }  # fmt: skip


KINDS = [
    "checkpoint", "trunk", "keras", "tokens", "scembed vectors", "scembed config", "scembed universe",
    "geniml checkpoint", "geniml config", "universe", "variants", "annotation", "genes",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_damage_ends_in_an_error_that_names_the_file(files, kind):
    path, read = files[kind]
    whole, rng, outcomes = path.read_bytes(), np.random.default_rng(7), {"read": 0, "refused": 0}
    try:
        for number in range(N if kind != "keras" else N // 4):
            damaged = bytearray(whole)
            at = int(rng.integers(len(damaged)))
            if number % 4 == 0:
                del damaged[at:]
            elif number % 4 == 1:
                damaged[at : at + 8] = rng.bytes(min(8, len(damaged) - at))
            else:
                damaged[at] ^= 1 << int(rng.integers(8))
            path.write_bytes(damaged)
            try:
                read(path)
                outcomes["read"] += 1
            except (ValueError, KeyError) as error:
                said = str(error)
                outcomes["refused"] += 1
                named = path.name in said or path.parent.name in said or kind == "genes"
                if not named or (isinstance(error, KeyError) and "genes" not in said):
                    pytest.fail(f"{type(error).__name__}: {said}")
    finally:
        path.write_bytes(whole)
    print(kind, outcomes)
    assert outcomes["refused"]


@pytest.mark.parametrize(
    "text",
    [
        "vocab_size: 60  # regions\nembedding_dim: 4 # wide\n",
        "vocab_size: '60'\nembedding_dim: \"4\"\n",
        "vocab_size: 60.0\nembedding_dim: 4.0\n",
        "vocab_size: null\nembedding_dim: ~\n",
        "# \xe9t\xe9\nvocab_size: 60\nname: \xe9\nembedding_size: 4\n",
    ],
)
def test_configurations_of_geniml_as_yaml_may_write_them(files, text):
    path, read = files["geniml config"]
    try:
        path.write_bytes(text.encode("latin-1"))
        assert read(path).vectors.shape == (60, 4)
        path.write_text(text.replace("60", "61").replace("null", "sixty"))
        with pytest.raises(ValueError, match="config.yaml"):
            read(path)
    finally:
        path.write_text(CONFIG)


# small files that would take much memory


def test_a_gzip_file_of_zeros(tmp_path):
    path = tmp_path / "u.bed.gz"
    with gzip.open(path, "wb") as file:
        for _ in range(64):
            file.write(b"chr1\t0\t10\n" * 100_000)
    assert path.stat().st_size < 1_000_000
    with pytest.raises(ValueError, match=r"u\.bed\.gz' .*unpack to more than .* Fetch it again"):
        read_bed(path)


def test_a_tensor_that_repeats_one_number(files):
    path, read = files["geniml checkpoint"]
    whole = path.read_bytes()
    try:
        torch.save({"projection.weight": torch.ones(1, 1).expand(1 << 26, 16)}, path)
        assert path.stat().st_size < 10_000
        with pytest.raises(ValueError, match=r"checkpoint\.pt' .*would take 4\.3 GB"):
            read(path)
        torch.save({"projection.weight": torch.full((60, 4), torch.nan)}, path)
        with pytest.raises(ValueError, match="NaN or infinite"):
            read(path)
    finally:
        path.write_bytes(whole)


def test_a_keras_file_with_arrays_that_were_never_written(files, tmp_path):
    whole, read = files["keras"]
    path = tmp_path / "w.h5"
    path.write_bytes(whole.read_bytes())
    with h5py.File(path, "r+") as file:
        del file["dense/dense/kernel:0"]
        file.create_dataset("dense/dense/kernel:0", shape=(1 << 20, 1 << 10), chunks=(1024, 1024), dtype="f4")
    with pytest.raises(ValueError, match=r"w\.h5' .*would take 4\.\d GB"):
        read(path)


def test_more_new_cells_than_memory_holds():
    data = sb.datasets.toy(n_obs=60, n_vars=90)
    sb.tl.scbasset(data, trunk=4, n_latent=4, max_epochs=1, accelerator="cpu")
    sb.tl.atac_diff(data, condition_keys="cell_type", max_steps=3)
    with pytest.raises(MemoryError, match="1,000,000,000,000 new cells.*generate fewer"):
        sb.tl.generate(data, 10**12)


# single messages


def test_a_checkpoint_without_a_record_of_its_run(tmp_path):
    save_file({"x": torch.ones(1)}, tmp_path / "c", {"format": "scbasset_tl checkpoint 1"})
    with pytest.raises(ValueError, match=r"no record of its run \(meta\): delete it"):
        load_checkpoint(tmp_path / "c")


def test_a_configuration_of_scembed_without_parameters(files):
    path, read = files["scembed config"]
    whole = path.read_text()
    try:
        for params in (None, 3):
            path.write_text(json.dumps({**json.loads(whole), "params": params}))
            with pytest.raises(ValueError, match="scembed' is damaged, or no model of io.write_scembed"):
                read(path)
    finally:
        path.write_text(whole)


@pytest.mark.parametrize("pos", [str(2**63), "1" * 5000])
def test_positions_of_variants_beyond_any_genome(tmp_path, pos):
    (tmp_path / "v.vcf").write_text(f"#CHROM\tPOS\tID\tREF\tALT\n1\t{pos}\tr\tA\tC\n")
    with pytest.raises(ValueError, match=r"v\.vcf, line 2: POS must be a whole number from 0"):
        read_vcf(tmp_path / "v.vcf")


@pytest.mark.parametrize("pos", [2**63, -(2**63) - 1, 10**30, 1e300, np.inf])
@pytest.mark.parametrize("form", ["table", "file"])
def test_positions_of_variants_in_tables_beyond_any_genome(tmp_path, pos, form):
    table = pd.DataFrame({"chrom": ["1", "1"], "pos": np.array([5, pos], dtype=object), "ref": "A", "alt": "C"})
    if form == "file":
        table.to_csv(tmp_path / "v.tsv", sep="\t", index=False)
    with pytest.raises(ValueError, match="pos"):
        sb.genome.read_variants(tmp_path / "v.tsv" if form == "file" else table)


def test_a_parquet_file_of_one_token_many_times(files, tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    path = tmp_path / "many.parquet"
    values = pyarrow.array(np.zeros(1 << 25, np.int32))
    lists = pyarrow.LargeListArray.from_arrays(pyarrow.array([0, len(values)]), values)
    pyarrow.parquet.write_table(pyarrow.table({"tokens": lists}), path)
    assert path.stat().st_size < 1 << 19
    with pytest.raises(ValueError, match=r"many\.parquet' .*would take .*MB"):
        sb.io.read_tokens(path, n_regions=60)


def test_footers_of_parquet_files(files):
    """What is damaged in the footer is seen by ourselves: pyarrow would end the process on some."""
    path, read = files["tokens"]
    whole = path.read_bytes()
    length = int.from_bytes(whole[-8:-4], "little")
    try:
        for content, why in (
            (whole[:-1], "does not begin and end"),
            (whole[:-8] + (2**31).to_bytes(4, "little") + b"PAR1", "does not begin and end"),
            (whole[:-8] + (length - 1).to_bytes(4, "little") + b"PAR1", "damaged"),
            (b"", "damaged"),
            (b"PAR1", "damaged"),
            (whole[: -8 - length] + b"\x1d" * length + whole[-8:], "unknown kind 13"),
            (whole[: -8 - length] + b"\x18" + b"\xff" * (length - 1) + whole[-8:], "more than 64 bits"),
        ):
            path.write_bytes(content)
            with pytest.raises(
                ValueError, match=rf"tokens\.parquet' is damaged, or no .*{why}|tokens\.parquet.*damaged"
            ):
                read(path)
    finally:
        path.write_bytes(whole)


def test_what_the_system_says_of_a_file_stays(tmp_path):
    with pytest.raises(FileNotFoundError), reading(tmp_path, "file", advice=""):
        (tmp_path / "none").read_text()
    for error in (RuntimeError(), OSError("short"), KeyError("x")):
        with (
            pytest.raises(ValueError, match="is damaged, or no file .* Do this"),
            reading(tmp_path, "file", advice="Do this."),
        ):
            raise error


def test_half_precision_and_foreign_byte_orders():
    data = sb.datasets.toy(n_obs=40, n_vars=60)
    dense = data.X.toarray()
    expected = sb.pp.filter_peaks(data, inplace=False)[1]
    for dtype in ("f2", ">f4", ">f8", ">i4", ">u2"):
        for form in ("csr", "csc", "dense"):
            other = data.copy()
            if form == "dense":
                other.X = dense.astype(dtype)
            else:
                matrix = data.X.asformat(form, copy=True)
                matrix.data = matrix.data.astype(dtype)
                other.X = matrix
            assert (sb.pp.filter_peaks(other, inplace=False)[1] == expected).all()
            sb.pp.shuffle_accessibility(other)
            assert other.X.dtype == np.dtype(dtype)


@pytest.mark.parametrize("name", ["index_file", "checkpoint"])
def test_paths_without_a_name(name):
    data = sb.datasets.toy(n_obs=40, n_vars=60)
    with pytest.raises(ValueError, match=f"{name} must be a path, got ''"):
        sb.tl.scbasset(data, trunk=4, n_latent=4, max_epochs=1, **{name: ""})


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, bytes])
def test_texts_are_read_however_they_are_packed(tmp_path, pack):
    """One opener for all: what one reader unpacks, every other does."""
    (tmp_path / "m.txt").write_bytes(pack(b">M1 TF1\nA [1 0]\nC [0 1]\nG [0 0]\nT [0 0]\n"))
    assert sb.io.read_motifs(tmp_path / "m.txt")[0].name == "TF1"
    (tmp_path / "v.txt").write_bytes(pack(b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\nchr1\t3\trs1\tA\tC\n"))
    assert sb.genome.read_variants(tmp_path / "v.txt").id.tolist() == ["rs1"]
    (tmp_path / "t.txt").write_bytes(pack(b"chr\tpos\tref\talt\nchr1\t3\tA\tC\n"))
    assert len(sb.genome.read_variants(tmp_path / "t.txt").id) == 1
    (tmp_path / "u.txt").write_bytes(pack(b"chr1\t3\t9\n"))
    assert read_bed(tmp_path / "u.txt").start.tolist() == [3]
    (tmp_path / "g.txt").write_bytes(pack(b"name\tchr\ttss\tstrand\nG1\tchr1\t5\t+\n"))
    assert sb.genome.read_genes(tmp_path / "g.txt").name.tolist() == ["G1"]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("read", [sb.io.read_motifs, sb.genome.read_variants])
def test_packed_texts_that_are_cut_or_damaged(tmp_path, pack, read):
    whole = pack(b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\n" + b"chr1\t3\trs1\tA\tC\n" * 500)
    for content in (whole[: len(whole) // 2], whole[:40] + bytes(20) + whole[60:]):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(ValueError, match="x cannot be unpacked"):
            read(tmp_path / "x")
