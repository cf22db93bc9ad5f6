"""Training from an index file is training from memory."""

import anndata as ad
import numpy as np

import scbasset_tl as sb

SMALL = {"trunk": 4, "n_latent": 6, "max_epochs": 2, "batch_size": 32, "accelerator": "cpu"}


def test_backed_data_give_the_model_of_data_in_memory(tiny, tmp_path):
    tiny.write_h5ad(tmp_path / "cells.h5ad")
    backed = ad.read_h5ad(tmp_path / "cells.h5ad", backed="r")
    sb.tl.scbasset(backed, **SMALL, index_file=tmp_path / "cells.index")
    sb.tl.scbasset(tiny, **SMALL)
    for field, name in (("obsm", "X_scbasset"), ("obs", "scbasset_bias"), ("varm", "scbasset")):
        np.testing.assert_array_equal(getattr(backed, field)[name], getattr(tiny, field)[name])
    sb.io.write_model(backed, tmp_path / "cells.h5ad")
    np.testing.assert_array_equal(backed.X[:5].toarray(), tiny.X[:5].toarray())


def test_a_checkpoint_from_memory_resumes_from_the_index_file(tiny, tmp_path):
    sb.tl.scbasset(tiny, **{**SMALL, "checkpoint": tmp_path / "run"})
    resumed = sb.tl.scbasset(
        tiny, **SMALL, checkpoint=tmp_path / "run", resume=True, index_file=tmp_path / "cells.index", copy=True
    )
    np.testing.assert_array_equal(resumed.obsm["X_scbasset"], tiny.obsm["X_scbasset"])
