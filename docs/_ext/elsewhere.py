"""Links to the documentation of other packages. Inventories of our own keep the build off the network."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# {package: (address of its documentation, {page, where $ is the name: role and names})}; "private=public" is a class that
# annotations know by the module that defines it
PACKAGES = {
    "anndata": (
        "https://anndata.readthedocs.io/en/stable/",
        {"generated/$.html": "class anndata.AnnData anndata._core.anndata.AnnData=anndata.AnnData"},
    ),
    "mudata": (
        "https://mudata.readthedocs.io/en/latest/",
        {"generated/$.html": "class mudata.MuData mudata._core.mudata.MuData=mudata.MuData"},
    ),
    "scanpy": (
        "https://scanpy.readthedocs.io/en/stable/",
        {
            "api/generated/$.html": "function scanpy.pp.neighbors scanpy.pp.filter_cells scanpy.pp.filter_genes scanpy.pl.embedding scanpy.tl.umap"
            " scanpy.tl.leiden scanpy.read_10x_h5"
        },
    ),
    "muon": (
        "https://muon.readthedocs.io/en/latest/",
        {"api/generated/$.html": "function muon.atac.pp.tfidf muon.pp.neighbors"},
    ),
    "torch": ("https://docs.pytorch.org/docs/stable/", {"generated/$.html": "class torch.nn.Module"}),
    "numpy": (
        "https://numpy.org/doc/stable/",
        {
            "reference/generated/$.html": "class numpy.ndarray",
            "reference/random/generator.html#$": "class numpy.random.Generator numpy.random._generator.Generator=numpy.random.Generator",
        },
    ),
    "pandas": (
        "https://pandas.pydata.org/docs/",
        {
            "reference/api/$.html": "class pandas.DataFrame pandas.Series pandas.core.frame.DataFrame=pandas.DataFrame"
            " pandas.core.series.Series=pandas.Series pandas.core.indexes.base.Index=pandas.Index"
            " pandas.core.arrays.categorical.Categorical=pandas.Categorical"
        },
    ),
    "matplotlib": (
        "https://matplotlib.org/stable/",
        {
            "api/_as_gen/$.html": "class matplotlib.axes.Axes matplotlib.figure.Figure"
            " matplotlib.axes._axes.Axes=matplotlib.axes.Axes",
            "api/_as_gen/$.html ": "function matplotlib.pyplot.subplots",
        },
    ),
    "python": (
        "https://docs.python.org/3/",
        {
            "library/functions.html#$": "class bool float int type",
            "library/stdtypes.html#$": "class str dict list tuple",
            "library/constants.html#$": "data None",
            "library/typing.html#$": "data typing.Any",
            "library/pathlib.html#$": "class pathlib.Path",
            "library/os.html#$": "class os.PathLike",
            "library/collections.abc.html#$": "class collections.abc.Sequence collections.abc.Mapping collections.abc.Iterable"
            " collections.abc.Iterator collections.abc.Callable collections.abc.Collection",
            "library/exceptions.html#$": "exception ValueError TypeError KeyError IndexError RuntimeError FileNotFoundError"
            " FileExistsError FloatingPointError ImportError OSError AttributeError",
        },
    ),
}


def mapping(folder: Path) -> dict[str, tuple[str, str]]:
    """Write the inventories to ``folder``, and say where each is: ``intersphinx_mapping``."""
    folder.mkdir(parents=True, exist_ok=True)
    for package, (_, pages) in PACKAGES.items():
        lines = []
        for page, listed in pages.items():
            role, *names = listed.split()
            for name in names:
                known, _, public = name.partition("=")
                lines.append(f"{known} py:{role} 1 {page.strip().replace('$', public or known)} -")
        head = f"# Sphinx inventory version 2\n# Project: {package}\n# Version: \n# The remainder of this file is compressed using zlib.\n"
        (folder / f"{package}.inv").write_bytes(head.encode() + zlib.compress("\n".join([*lines, ""]).encode()))
    return {package: (address, str(folder / f"{package}.inv")) for package, (address, _) in PACKAGES.items()}
