"""``scbasset-tl``: train, judge and read a model from the command line, on files of one's own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scbasset_tl import __version__
from scbasset_tl._files import check_own, replacing
from scbasset_tl._keys import FEATURE_TYPES, PEAKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData
    from mudata import MuData

_DATA = "h5ad, h5mu or zarr of cells × peaks, or Cell Ranger's filtered_feature_bc_matrix.h5"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 if it was done, 1 after an error, 130 after Ctrl-C. Wrong arguments exit with 2."""
    options = _parser().parse_args(arguments)
    import matplotlib as mpl

    mpl.use("agg")
    try:
        options.run(options)
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # a person at a shell wants the message
        if options.debug:
            raise
        text = error.args[0] if isinstance(error, KeyError) and error.args else error
        print(f"scbasset-tl: {text}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scbasset-tl", description="Sequence models of single-cell chromatin accessibility."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    train = _command(commands, "train", _train, "train scBasset and store the model with the data")
    train.add_argument("data", type=Path, help=_DATA)
    train.add_argument("fasta", type=Path, help="FASTA of the assembly that the peaks were called on")
    train.add_argument("-o", "--out", type=Path, required=True, help="file to write: h5ad, or h5mu for a MuData")
    train.add_argument(
        "--min-fraction", type=float, default=0.05, help="drop peaks open in fewer cells (default: %(default)s)"
    )
    train.add_argument("--holdout", help="contig whose peaks are held out, such as chr4; by default random peaks are")
    train.add_argument("--batch-key", help="column of obs whose batches are corrected for")
    train.add_argument(
        "--trunk", type=int, help="filters of the first layer (default: the paper's 288, for a GPU; 96 for a CPU)"
    )
    train.add_argument("--max-epochs", type=int)
    train.add_argument("--accelerator", default="auto", choices=["auto", "cpu", "gpu"])
    train.add_argument("--checkpoint", type=Path, help="file that a killed training goes on from, with --resume")
    train.add_argument("--resume", action="store_true")
    train.add_argument("--seed", type=int, default=0)

    report = _command(commands, "report", _report, "say whether a model is usable")
    report.add_argument("data", type=Path, help="file with a trained model")
    report.add_argument("--figure", type=Path, help="figure to write: png, pdf or svg")
    report.add_argument("--color", help="column of obs to colour the cells by, in the figure")

    activity = _command(commands, "tf-activity", _tf_activity, "score every motif in every cell")
    activity.add_argument("data", type=Path, help="file with a trained model")
    activity.add_argument("motifs", type=Path, help="motifs in MEME, JASPAR, TRANSFAC or HOMER format")
    activity.add_argument(
        "-o", "--out", type=Path, required=True, help="table of the motifs to write (csv), or data (h5ad, h5mu)"
    )
    activity.add_argument("--groupby", help="column of obs: significance of each of its groups against the rest")
    activity.add_argument(
        "--n-background", type=int, default=1000, help="sequences to insert motifs into (default: %(default)s)"
    )
    activity.add_argument(
        "--n-null", type=int, default=15000, help="permuted motifs, 0 for no p-values (default: %(default)s)"
    )
    activity.add_argument("--accelerator", default="cpu", choices=["auto", "cpu", "gpu"])
    activity.add_argument("--seed", type=int, default=0)
    return parser


def _command(commands: Any, name: str, run: Any, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    parser.add_argument("--mod", default="atac", help="modality of an h5mu with the peaks (default: %(default)s)")
    parser.add_argument("--debug", action="store_true", help="show where in the code an error came from")
    parser.set_defaults(run=run)
    return parser


def _train(options: argparse.Namespace) -> None:
    import scbasset_tl as sb

    _check_out(options.out, (".h5ad", ".h5mu", ".zarr"))
    data = _read(options.data, options.out)
    split = {} if options.holdout is None else {"by": "chrom", "holdout": options.holdout}
    sb.pp.filter_peaks(data, min_fraction=options.min_fraction, mod=options.mod)
    sb.pp.add_sequences(data, options.fasta, mod=options.mod)
    sb.pp.split_peaks(data, **split, rng=options.seed, mod=options.mod)
    names = ("batch_key", "trunk", "max_epochs", "accelerator", "checkpoint", "resume", "mod")
    sb.tl.scbasset(data, rng=options.seed, **{name: getattr(options, name) for name in names})
    _write(data, options.out)
    print(sb.get.report(data, mod=options.mod))


def _report(options: argparse.Namespace) -> None:
    import scbasset_tl as sb

    if options.figure is not None:
        _check_out(options.figure, (".png", ".pdf", ".svg"))
    data = _read(options.data)
    print(sb.get.report(data, mod=options.mod))
    if options.figure is not None:
        figure = sb.pl.report(data, color=options.color, mod=options.mod, return_fig=True)
        with replacing(options.figure, name="--figure") as partial:
            figure.savefig(partial, dpi=150, format=options.figure.suffix[1:])


def _tf_activity(options: argparse.Namespace) -> None:
    import scbasset_tl as sb

    _check_out(options.out, (".csv", ".h5ad", ".h5mu", ".zarr"))
    data = _read(options.data, options.out)
    names = ("groupby", "n_background", "n_null", "accelerator", "mod")
    sb.tl.tf_activity(data, options.motifs, rng=options.seed, **{name: getattr(options, name) for name in names})
    if options.out.suffix == ".csv":
        with replacing(options.out, name="--out") as partial:
            sb.get.tf_activity(data, mod=options.mod).var.to_csv(partial, index_label="motif")
    else:
        _write(data, options.out)


def _read(path: Path, out: Path | None = None) -> AnnData | MuData:
    """The data; refuses an ``out`` that could not hold them."""
    data = _load(path)
    if out is not None and out.suffix != ".csv" and (out.suffix == ".h5mu") != hasattr(data, "mod"):
        message = (
            f"{str(path)!r} holds {type(data).__name__}, which {str(out)!r} cannot: end it in .h5mu for a MuData only."
        )
        raise ValueError(message)
    return data


def _load(path: Path) -> AnnData | MuData:
    import anndata as ad
    import mudata as md

    if not path.exists():
        message = f"there is no file {str(path)!r}."
        raise FileNotFoundError(message)
    if path.suffix == ".h5mu":
        return md.read_h5mu(path)
    if path.suffix == ".zarr":
        return ad.read_zarr(path)
    if path.suffix == ".h5":
        import scanpy as sc

        data = sc.read_10x_h5(path, gex_only=False)
        data.var_names_make_unique()
        return data[:, data.var[FEATURE_TYPES] == PEAKS].copy()
    if path.suffix == ".h5ad":
        return ad.read_h5ad(path)
    message = f"{str(path)!r} is none of the files that are read: {_DATA}."
    raise ValueError(message)


def _check_out(path: Path, suffixes: tuple[str, ...]) -> None:
    """Refuse, before any work, a file that could not be written after it."""
    if path.suffix not in suffixes:
        message = f"{str(path)!r} must end in one of {', '.join(suffixes)}."
        raise ValueError(message)
    if not path.resolve().parent.is_dir():
        message = f"there is no folder {str(path.resolve().parent)!r} to write {path.name!r} into."
        raise FileNotFoundError(message)
    if path.is_dir() != (path.suffix == ".zarr") and path.exists():
        kind = "folder" if path.is_dir() else "file"
        message = f"{str(path)!r} is a {kind}, which is not replaced: name another path."
        raise FileExistsError(message)
    if path.is_dir() and not any((path / name).exists() for name in ("zarr.json", ".zgroup")):
        message = f"{str(path)!r} is a folder, but no zarr store, so it is not replaced: name another path."
        raise FileExistsError(message)
    if path.suffix in (".h5ad", ".h5mu"):
        from h5py import is_hdf5

        check_own(path, is_hdf5, "an HDF5 file", name="--out")


def _write(data: Any, path: Path) -> None:
    """Write the data beside the file or folder whose place they take at the end."""
    from anndata.io import write_elem

    from scbasset_tl._folders import replacing_folder
    from scbasset_tl._hdf5 import safe_disk, safe_hdf5

    if path.suffix == ".zarr":
        with replacing_folder(path, None, name="--out") as folder:
            data.write_zarr(folder)
        return
    with replacing(path, name="--out") as partial:
        if path.suffix == ".h5mu":
            import mudata as md

            with safe_disk(partial, "w") as disk:
                md.write_h5mu(disk, data)
            return
        with safe_hdf5(partial, "w") as (file, _):
            write_elem(file, "/", data)


if __name__ == "__main__":
    sys.exit(main())
