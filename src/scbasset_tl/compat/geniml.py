"""geniml's names for scEmbed, so that its guide runs after changing the imports.

Each is a thin alias: :func:`scbasset_tl.pp.tokenize_regions`, :func:`scbasset_tl.tl.scembed`,
:func:`scbasset_tl.tl.map_cells` and :func:`scbasset_tl.tl.annotate` do the work and have the options.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from anndata import AnnData, read_h5ad

from scbasset_tl import io, pp, tl
from scbasset_tl._files import as_path
from scbasset_tl._keys import CELL_TYPE, CHROM, END, SCEMBED, START
from scbasset_tl._log import info
from scbasset_tl.io._hub import model_folder_or_hub

if TYPE_CHECKING:
    from os import PathLike

    from scipy import sparse

__all__ = ["Region2VecDataset", "ScEmbed", "annotate_celltypes", "tokenize_cells"]


def tokenize_cells(
    adata: AnnData | str | PathLike[str], universe_file: str | PathLike[str], output: str | PathLike[str]
) -> None:
    """Write the cells' tokens to the Parquet file ``output``, and the universe beside it (``output + '.bed'``)."""
    from shutil import copyfile

    data = adata if isinstance(adata, AnnData) else read_h5ad(as_path("adata", adata))
    cells = AnnData(data.X, obs=data.obs[[]], var=data.var)
    pp.tokenize_regions(cells, universe_file)
    io.write_tokens(cells, output)
    copyfile(as_path("universe_file", universe_file), f"{as_path('output', output)}.bed")


class Region2VecDataset:
    """Tokenized cells: the Parquet file of :func:`tokenize_cells`, with the universe that lies beside it."""

    def __init__(self, path: str | PathLike[str], *, universe_file: str | PathLike[str] | None = None) -> None:
        from scbasset_tl.genome.universe import read_bed

        self.path = as_path("path", path)
        self.universe = read_bed(universe_file or f"{self.path}.bed", name="universe_file")

    def tokens(self) -> sparse.csr_matrix:
        """Cells × regions, bool."""
        return io.read_tokens(self.path, n_regions=len(self.universe.start))


class ScEmbed:
    """A scEmbed model with geniml's methods: a new one, or that of a folder or of the Hugging Face Hub by its name."""

    def __init__(
        self,
        model_path: str | PathLike[str] | None = None,
        *,
        embedding_dim: int = 100,
        window_size: int = 5,
        negative_samples: int = 5,
    ) -> None:
        self.options = {"n_latent": embedding_dim, "window_size": window_size, "n_negative": negative_samples}
        self.model = None if model_path is None else _load(model_path, None)

    def train(
        self,
        dataset: Region2VecDataset,
        *,
        epochs: int = 100,
        min_count: int = 10,
        batch_size: int | None = None,
        learning_rate: float | None = None,
    ) -> None:
        """Train on a dataset; ``batch_size`` and ``learning_rate`` are those of another optimizer and are not used."""
        if batch_size is not None or learning_rate is not None:
            info("batch_size and learning_rate are geniml's and are not used; tl.scembed has its own.")
        regions = dataset.universe
        var = pd.DataFrame({CHROM: np.asarray(regions.chrom), START: regions.start, END: regions.end})
        data = AnnData(dataset.tokens(), var=var.set_axis(var.index.astype(str)))
        tl.scembed(data, max_epochs=epochs, min_count=min_count, **self.options)  # type: ignore[arg-type]
        self.model = io.RegionEmbedding(regions, data.varm[SCEMBED], data.uns[SCEMBED]["params"])

    def encode(self, adata: AnnData) -> np.ndarray:
        """Vectors of the cells (n_obs, embedding_dim); the data stay as they are."""
        cells = AnnData(adata.X, obs=adata.obs[[]], var=adata.var)
        tl.map_cells(cells, self._trained())
        return cells.obsm["X_scembed"]

    def save(self, path: str | PathLike[str]) -> None:
        """Write the model with its universe, as :func:`scbasset_tl.io.write_scembed`."""
        io.write_scembed(self._trained(), path)

    def export(self, path: str | PathLike[str]) -> None:
        """Write the folder that geniml loads, as :func:`scbasset_tl.io.write_geniml`."""
        io.write_geniml(self._trained(), path)

    @classmethod
    def from_pretrained(
        cls, path: str | PathLike[str], *, universe_file_name: str | PathLike[str] | None = None
    ) -> ScEmbed:
        """A saved model, one that geniml exported, or, with the extra ``hub``, one of the Hugging Face Hub by its name.

        geniml's ``export`` writes no universe: pass the BED file that the model was trained on, or its name in the folder.
        """
        model = cls()
        model.model = _load(path, universe_file_name)
        return model

    def _trained(self) -> io.RegionEmbedding:
        if self.model is None:
            message = "the model is not trained: call train, or ScEmbed.from_pretrained."
            raise ValueError(message)
        return self.model


def annotate_celltypes(
    query_adata: AnnData,
    reference_adata: AnnData,
    embedding_key: str = "scembed_X",
    k: int = 10,
    label_key: str = "cell_type",
) -> pd.Series:
    """Labels of the query's cells by the vote of their neighbours in ``reference_adata.obs[label_key]``."""
    query = AnnData(obs=query_adata.obs[[]], obsm={embedding_key: query_adata.obsm[embedding_key]})
    tl.annotate(query, reference_adata, label_key=label_key, use_rep=embedding_key, k=k, metric="cosine")
    return query.obs[CELL_TYPE]


def _load(path: str | PathLike[str], universe_file_name: str | PathLike[str] | None) -> io.RegionEmbedding:
    if isinstance(path, int):
        message = (
            f"model_path must be a folder or a name of the Hugging Face Hub, got {path}: pass embedding_dim={path}."
        )
        raise TypeError(message)
    folder = model_folder_or_hub(path)
    if (folder / "config.json").is_file() and (folder / "model.safetensors").is_file():
        return io.read_scembed(folder)
    universe = None
    if universe_file_name is not None:
        inside = folder / universe_file_name
        universe = inside if inside.is_file() else as_path("universe_file_name", universe_file_name)
    elif folder.is_dir() and not any((folder / name).is_file() for name in ("universe.bed", "universe.bed.gz")):
        message = (
            f"{str(folder)!r} has no universe.bed, which geniml's export does not write: pass the BED file that the "
            "model was trained on, ScEmbed.from_pretrained(path, universe_file_name=...), or copy it there."
        )
        raise FileNotFoundError(message)
    return io.read_geniml(folder, universe=universe)
