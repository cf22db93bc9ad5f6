"""The steps of the scEmbed guide in geniml as installed, each by the guide's name and by the name it has there.

Knows nothing of scbasset_tl. Reads cells.h5ad and universe.bed of the folder; writes found.json, and encoded.npy with the
vectors of the cells, as geniml's lookup and mean make them, if any way to them works.

    python geniml_guide.py folder
"""

from __future__ import annotations

import importlib
import json
import sys
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import anndata
import numpy as np

folder = Path(sys.argv[1])
adata = anndata.read_h5ad(folder / "cells.h5ad")
universe = str(folder / "universe.bed")
steps = {}
versions = {"python": ".".join(map(str, sys.version_info[:3]))}
for package in ("geniml", "gtars", "gensim", "torch", "scanpy", "zarr", "qdrant-client", "transformers"):
    with suppress(importlib.metadata.PackageNotFoundError):
        versions[package] = version(package)


def step(name, call):
    """Try it and keep what came of it."""
    try:
        result = call()
    except Exception as error:  # noqa: BLE001  (whatever it is, it is the answer)
        steps[name] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:200]
        return None
    steps[name] = "works"
    return result


def named(module, name):
    return lambda: getattr(importlib.import_module(module), name)


step("from geniml.io import tokenize_cells", named("geniml.io", "tokenize_cells"))
step("from geniml.region2vec import Region2VecDataset", named("geniml.region2vec", "Region2VecDataset"))
step("from geniml.scembed import ScEmbed", named("geniml.scembed", "ScEmbed"))
annotator = step("geniml.scembed.annotation.Annotator", named("geniml.scembed.annotation", "Annotator"))
if annotator:
    step("the search that Annotator.annotate calls", lambda: annotator(location=":memory:")._annotation_server.search)
dataset_type = step("geniml.region2vec.utils.Region2VecDataset", named("geniml.region2vec.utils", "Region2VecDataset"))
model_type = step("geniml.scembed.main.ScEmbed", named("geniml.scembed.main", "ScEmbed"))
tokenize = step("geniml.tokenization.utils.tokenize_anndata", named("geniml.tokenization.utils", "tokenize_anndata"))

from gtars.tokenizers import Tokenizer  # noqa: E402

tokenizer = step("gtars Tokenizer(universe)", lambda: Tokenizer(universe))
if tokenize:
    step("tokenize_anndata(adata, tokenizer)", lambda: tokenize(adata, tokenizer))

x = adata.X.tocsr()
tokens = [list(map(int, x.indices[x.indptr[i] : x.indptr[i + 1]])) for i in range(adata.n_obs)]


def dataset():
    """Tokens as a Parquet file, which tokenize_anndata would have made: here a peak is a region of the universe."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"tokens": pa.array(tokens, pa.list_(pa.int32()))}), folder / "tokens.parquet")
    return dataset_type(str(folder / "tokens.parquet"), convert_to_str=True)


data = step("Region2VecDataset(parquet)", dataset) if dataset_type else None
if model_type:
    step("ScEmbed(embedding_dim=, window_size=, negative_samples=).train(dataset, ...)",
         lambda: model_type(embedding_dim=100, window_size=5, negative_samples=5).train(
             dataset=data, epochs=2, batch_size=256, learning_rate=0.025))  # fmt: skip
    model = step("ScEmbed(tokenizer=tokenizer)", lambda: model_type(tokenizer=tokenizer))
    if model and data:
        step("train(dataset, epochs=2)", lambda: model.train(data, epochs=2))
        step("save", lambda: model.save(str(folder / "model")))
        (folder / "model").mkdir(exist_ok=True)
        step("export", lambda: model.export(str(folder / "model")))
        steps["files of export"] = ", ".join(sorted(path.name for path in (folder / "model").iterdir()))
        step("from_pretrained(what export wrote)", lambda: model_type.from_pretrained(str(folder / "model")))
        step("encode(adata)", lambda: model.encode(adata))

        import torch

        with torch.no_grad():
            cells = [model.model.projection(torch.tensor(row)).mean(0).numpy() for row in tokens]
        np.save(folder / "encoded.npy", np.vstack(cells))
        table = model.model.projection.weight.detach().numpy()
        rare = np.bincount(np.concatenate(tokens), minlength=len(table))[: adata.n_vars] < 10
        norm = np.linalg.norm(table[: adata.n_vars], axis=1)
        steps["median norm of trained regions, of those below min_count"] = (
            f"{np.median(norm[~rare]):.2f}, {np.median(norm[rare]) if rare.any() else float('nan'):.2f}"
        )
(folder / "found.json").write_text(json.dumps({"versions": versions, "steps": steps}))
