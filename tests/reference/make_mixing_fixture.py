"""Make mixing.npz: kBET and LISI as scib-metrics and harmonypy compute them. Knows nothing of scbasset_tl.

pip install scib-metrics==0.5.10 harmonypy==2.1.0 && python tests/reference/make_mixing_fixture.py
"""

from pathlib import Path

import numpy as np
import pandas as pd
import scib_metrics
from harmonypy import compute_lisi
from scib_metrics.nearest_neighbors import NeighborsResults
from sklearn.neighbors import NearestNeighbors

N, K = 240, 45

rng = np.random.default_rng(0)
batch = rng.choice(3, N, p=[0.5, 0.35, 0.15])
x = rng.normal(size=(N, 4)) + np.outer(batch, [0.7, 0, 0, 0])
distances, indices = NearestNeighbors(n_neighbors=K, algorithm="brute").fit(x).kneighbors(x)
neighbors = NeighborsResults(indices=indices, distances=distances)
acceptance, _, p_values = scib_metrics.kbet(neighbors, batch)
np.savez_compressed(
    Path(__file__).parent / "mixing.npz",
    x=x,
    batch=batch,
    k=K,
    kbet=acceptance,
    kbet_p_values=p_values,
    lisi=scib_metrics.lisi_knn(neighbors, batch),
    ilisi=scib_metrics.ilisi_knn(neighbors, batch, scale=False),
    lisi_harmonypy=compute_lisi(x, pd.DataFrame({"batch": batch}), ["batch"], perplexity=K // 3)[:, 0],
)
