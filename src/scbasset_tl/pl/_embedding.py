"""Cells in two dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData
    from matplotlib.axes import Axes
    from mudata import MuData

_MANY = 5000


def coordinates(data: AnnData | MuData, adata: AnnData, basis: str | None, model: str) -> tuple[np.ndarray, str]:
    """Two coordinates of each cell, those of the modality before those of the MuData, and what to call them."""
    import numpy as np
    from anndata import AnnData

    from scbasset_tl._adata.cells import representation
    from scbasset_tl._adata.model.store import read_model

    slot = basis or "X_umap"
    for name in (slot, f"X_{slot}"):
        if name not in adata.obsm and data is not adata and name in data.obsm:
            rows = data.obs_names.get_indexer(adata.obs_names)
            adata, slot = AnnData(obs=adata.obs[[]], obsm={name: np.asarray(data.obsm[name])[rows]}), name
            break
    if basis is None and "X_umap" not in adata.obsm:
        vectors = read_model(adata, model).cell_embedding
        u, s, _ = np.linalg.svd(vectors - vectors.mean(0), full_matrices=False)
        if len(s) < 2:
            message = (
                f"basis: the cells' vectors {vectors.shape} have no two principal components: name a slot of obsm."
            )
            raise ValueError(message)
        return (u * s)[:, :2], "PC"
    if slot not in adata.obsm and f"X_{slot}" in adata.obsm:
        slot = f"X_{slot}"
    points = representation(adata, slot)
    if points.shape[1] < 2:
        message = f"basis: obsm[{slot!r}] has one column; two are drawn."
        raise ValueError(message)
    return points[:, :2], slot.removeprefix("X_").replace("umap", "UMAP")


def draw_groups(ax: Axes, adata: AnnData, points: np.ndarray, axis: str, color: str) -> None:
    """Cells coloured by the categories of ``obs[color]``, in scanpy's colours if it has stored some."""
    from scbasset_tl.pl._colors import group_colors
    from scbasset_tl.pl._show import legend_below

    column = adata.obs[color].astype("category")
    names = [str(name) for name in column.cat.categories]
    size = 3 if len(points) > _MANY else 12
    for code, (name, value) in enumerate(zip(names, group_colors(names, None, adata, color), strict=True)):
        members = points[(column.cat.codes == code).to_numpy()]
        ax.scatter(members[:, 0], members[:, 1], s=size, color=value, lw=0, label=name, rasterized=True)
    ax.set(xlabel=f"{axis}1", ylabel=f"{axis}2", xticks=[], yticks=[], title=f"Cells by {color}")
    legend_below(ax, markerscale=2)
