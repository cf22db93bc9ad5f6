"""Read a file of today with an older anndata and say whether everything in it is the same.

Run twice, since the older anndata lives in an environment of its own without this package:

    python tests/compat/older_anndata.py write FOLDER     # with scbasset_tl: FOLDER/data.h5ad and data.npz
    OLD/bin/python tests/compat/older_anndata.py read FOLDER
"""

import sys
from importlib.metadata import version
from pathlib import Path

import anndata as ad
import numpy as np
import scipy.sparse as sp

FIELDS = ("obs", "var", "obsm", "varm", "layers", "uns")


def leaves(value, path):
    """(Path, array) of everything below ``value``."""
    if hasattr(value, "items") and not hasattr(value, "dtypes"):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}/{name}")
    elif sp.issparse(value):
        yield path, value.toarray()
    else:
        array = np.asarray(value)
        for name in array.dtype.names or ():  # a table of scanpy's
            yield from leaves(array[name], f"{path}/{name}")
        if array.dtype.names is None:
            yield path, array if array.dtype.kind in "biuf" else array.astype(str)


def content(data):
    """Every slot as plain arrays."""
    arrays = dict(leaves(data.X, "X"))
    for field in FIELDS:
        store = getattr(data, field)
        for name in store:
            arrays |= dict(leaves(store[name], f"{field}/{name}"))
    return arrays


def write(folder):
    """One of each kind of result, written by the installed package."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "_adata"))
    from conftest import Calls, discover, two_patterns

    discover.find_patterns = two_patterns
    data = Calls(folder).everything()
    data.write_h5ad(folder / "data.h5ad")

    np.savez(folder / "data.npz", **{path.replace("/", "|"): array for path, array in content(data).items()})
    print("anndata", version("anndata"), "wrote", len(data.uns), "entries")


def read(folder):
    """Compare."""
    with np.load(folder / "data.npz") as stored:
        expected = {name.replace("|", "/"): stored[name] for name in stored.files}
    arrays = content(ad.read_h5ad(folder / "data.h5ad"))
    missing = sorted(set(expected) ^ set(arrays))
    differ = [path for path in expected if path in arrays and not equal(arrays[path], expected[path])]
    print("anndata", version("anndata"), "read", len(arrays), "arrays; missing", missing, "different", differ)
    return bool(missing or differ)


def equal(one, other):
    """The same values; NaN is NaN."""
    kind = one.dtype.kind in "f"
    return one.shape == other.shape and np.array_equal(one, other, equal_nan=kind)


if __name__ == "__main__":
    sys.exit({"write": write, "read": read}[sys.argv[1]](Path(sys.argv[2])))
