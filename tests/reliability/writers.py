"""Everything that writes files, and how each is read back; for the script ``gauntlet.py``."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path  # noqa: TC003
from typing import Any, NamedTuple

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
from scipy import sparse

import scbasset_tl as sb

SMALL = {"trunk": 4, "n_latent": 4, "max_epochs": 1, "batch_size": 32, "accelerator": "cpu"}
TIMES = {"seconds", "time", "duration"}  # what differs between two equal runs


class Writer(NamedTuple):
    """One function that writes: its first version (0) is there, and the second (1) is being written."""

    file: str
    write: Callable[[int, Path], object]
    read: Callable[[Path], Any]
    first: Callable[[Path], object] | None = None  # what is there before, if not the first version
    steps: bool = (
        False  # takes several steps, each of which is whole: what counts is the result of the call that follows
    )
    quiet: bool = False  # does without the file where it cannot be written
    folder: bool = False
    slow: bool = False
    like: str = ""  # a writer that replaces its file by the same code: the short run has that one alone


def content(path: Path) -> Any:
    """Bytes of a file, or of all files of a folder."""
    if path.is_dir():
        return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}
    return path.read_bytes()


def fingerprint(data: Any) -> str:
    """A digest of all that AnnData or MuData hold, without times."""
    digest = blake2b(digest_size=16)
    _add(digest, "data", data)
    return digest.hexdigest()


def _add(digest: Any, name: str, value: Any) -> None:
    if name in TIMES:
        return
    digest.update(f"/{name}:".encode())
    if isinstance(value, md.MuData):
        for mod, adata in value.mod.items():
            _add(digest, mod, adata)
        fields = ("obs", "var", "obsm", "varm", "uns")
    elif isinstance(value, ad.AnnData):
        fields = ("X", "obs", "var", "obsm", "varm", "obsp", "varp", "layers", "uns")
    else:
        _add_value(digest, value)
        return
    for field in fields:
        _add(digest, field, getattr(value, field))


def _add_value(digest: Any, value: Any) -> None:
    if isinstance(value, pd.DataFrame):
        _add(digest, "index", value.index)
        for column in sorted(map(str, value.columns)):
            _add(digest, column, value[column])
    elif isinstance(value, Mapping) or hasattr(value, "keys"):
        for key in sorted(value.keys(), key=str):
            _add(digest, str(key), value[key])
    elif sparse.issparse(value):
        for part in (value.indptr, value.indices, value.data):
            digest.update(np.ascontiguousarray(part).data)
    else:
        array = np.asarray(value)
        digest.update(f"{array.shape}".encode())
        digest.update(
            repr(array.tolist()).encode() if array.dtype.kind in "OUST" else np.ascontiguousarray(array).tobytes()
        )


def prepare(folder: Path) -> None:
    """The data that are written: two models of the same cells and peaks, and two of everything else."""
    data = sb.datasets.toy(n_obs=40, n_vars=60)
    del data.uns["toy"]
    data.write_h5ad(folder / "bare.h5ad")
    for number in (0, 1):
        model = sb.tl.scbasset(data, **SMALL, rng=number, copy=True)
        sb.tl.scembed(model, n_latent=4, max_epochs=1, rng=number)
        model.write_h5ad(folder / f"{number}.h5ad")
        letters = np.random.default_rng(number).choice(list("ACGT"), 200_000)
        lines = "\n".join("".join(letters[at : at + 60]) for at in range(0, len(letters), 60))
        (folder / f"{number}.fa").write_text(f">chr1\n{lines}\n")
    sb.genome.bgzip(folder / "1.fa")


def load(folder: Path) -> dict[str, Writer]:
    """All writers by name."""
    bare, *models = [ad.read_h5ad(folder / f"{name}.h5ad") for name in ("bare", 0, 1)]
    read_h5ad, read_zarr = (
        (lambda path: fingerprint(ad.read_h5ad(path))),
        (lambda path: fingerprint(ad.read_zarr(path))),
    )

    def old(path: Path) -> None:
        shutil.copy(folder / "0.h5ad", path)

    def old_mudata(path: Path) -> None:
        md.MuData({"atac": models[0].copy()}).write_h5mu(path)

    def train(path: Path) -> None:
        data = bare.copy()
        sb.tl.scbasset(data, **{**SMALL, "max_epochs": 2}, rng=1, checkpoint=path, resume=path.is_file())
        path.with_name("result").write_text(fingerprint(data))

    def diffuse(path: Path) -> None:
        data = models[1].copy()
        sb.tl.atac_diff(data, rng=1, max_steps=20, accelerator="cpu", checkpoint=path, resume=path.is_file())
        path.with_name("result").write_text(fingerprint(data))

    def index(number: int, path: Path) -> None:
        from scbasset_tl.stats import index_build

        index_build.SAVE_EVERY_S = 0
        sb.tl.scbasset(bare.copy(), **SMALL, index_file=path)

    def fasta(suffix: str) -> Callable[[Path], object]:
        return lambda path: shutil.copy(folder / f"1{suffix}", path.with_suffix(""))

    def open_fasta(number: int, path: Path) -> None:
        with sb.genome.Fasta(path.with_suffix("")) as fasta:
            fasta.codes("chr1", 0, 200)

    def command_line(number: int, path: Path) -> None:
        from scbasset_tl._cli import _write

        _write(md.MuData({"atac": models[number].copy()}) if path.suffix == ".h5mu" else models[number].copy(), path)

    def designed(number: int, path: Path) -> None:
        sb.io.write_fasta({f"s{n}": "ACGT" * (n + number + 1) for n in range(20)}, path)

    return {
        "io.write_model, h5ad": Writer("a.h5ad", lambda n, path: sb.io.write_model(models[n], path), read_h5ad, old),
        "io.write_model, h5mu": Writer(
            "a.h5mu",
            lambda n, path: sb.io.write_model(md.MuData({"atac": models[n].copy()}), path),
            lambda path: fingerprint(md.read_h5mu(path)),
            old_mudata,
            like="io.write_model, h5ad",
        ),
        "io.write_model, zarr": Writer(
            "a.zarr",
            lambda n, path: sb.io.write_model(models[n], path),
            read_zarr,
            lambda path: models[0].write_zarr(path),
            folder=True,
            slow=True,
        ),
        "io.write_trunk": Writer("a.safetensors", lambda n, path: sb.io.write_trunk(models[n], path), content),
        "io.write_keras_weights": Writer("a.h5", lambda n, path: sb.io.write_keras_weights(models[n], path), content),
        "io.write_scembed": Writer("model", lambda n, path: sb.io.write_scembed(models[n], path), content, folder=True),
        "io.write_geniml": Writer("model", lambda n, path: sb.io.write_geniml(models[n], path), content, folder=True),
        "io.write_tokens": Writer("a.parquet", lambda n, path: sb.io.write_tokens(models[n][: 30 + n], path), content),
        "io.write_fasta": Writer("a.fa", designed, content),
        "tl.denoise": Writer("a.h5ad", lambda n, path: sb.tl.denoise(models[n], path=path), read_h5ad),
        "datasets.toy_genome": Writer(
            "a.fa", lambda n, path: sb.datasets.toy_genome(path, n_vars=20, rng=n), content
        ),
        "genome.bgzip": Writer("a.fa.gz", lambda n, path: sb.genome.bgzip(folder / f"{n}.fa", path), content),
        "index of a FASTA": Writer("a.fa.fai", open_fasta, content, fasta(".fa"), quiet=True),
        "index of a bgzip FASTA": Writer("a.fa.bgz.gzi", open_fasta, content, fasta(".fa.bgz"), quiet=True),
        "checkpoint of tl.scbasset": Writer(
            "run", lambda n, path: train(path), lambda path: path.with_name("result").read_text(), lambda path: None,
            steps=True,
        ),
        "checkpoint of tl.atac_diff": Writer(
            "run", lambda n, path: diffuse(path), lambda path: path.with_name("result").read_text(), lambda path: None,
            steps=True, like="checkpoint of tl.scbasset",
        ),
        "index_file": Writer("cells.index", index, content, lambda path: None, slow=True),
        "scbasset-tl, h5ad": Writer("a.h5ad", command_line, read_h5ad, like="tl.denoise"),
        "scbasset-tl, h5mu": Writer("a.h5mu", command_line, lambda path: fingerprint(md.read_h5mu(path)), slow=True),
        "scbasset-tl, zarr": Writer("a.zarr", command_line, read_zarr, folder=True, slow=True, like="io.write_scembed"),
    }  # fmt: skip


def give_up_root() -> None:
    """As an ordinary user sees read-only folders: root takes no notice of them."""
    if os.geteuid():
        return
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    libc.capget(header, sets)
    sets[0] &= ~0b1110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER
    if libc.capset(header, sets):
        raise OSError(ctypes.get_errno(), "capset")
