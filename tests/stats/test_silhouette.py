"""Silhouettes against sklearn's."""

import tracemalloc

import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from scbasset_tl.stats import silhouette


@pytest.fixture
def points(rng):
    labels = np.append(rng.integers(0, 4, 300), [4, 5])  # two labels of one cell
    return rng.standard_normal((302, 7)) + 2 * np.eye(6, 7)[labels], labels


@pytest.mark.parametrize("block", [1, 1 << 16, 1 << 26])
def test_euclidean(points, monkeypatch, block):
    monkeypatch.setattr(silhouette, "BLOCK_BYTES", block)
    x, labels = points
    for dtype in (np.float64, np.float32):
        found = silhouette.euclidean_silhouette(x.astype(dtype), labels)
        assert found == pytest.approx(
            silhouette_score(x.astype(dtype), labels), abs=1e-6 if dtype == np.float32 else 1e-12
        )


def test_cosine(points):
    x, labels = points
    units = x / np.linalg.norm(x, axis=1, keepdims=True)
    expected = silhouette_score(x, labels, metric="cosine")
    assert silhouette.cosine_silhouette(units, labels) == pytest.approx(expected, abs=1e-12)


def test_cosine_with_vectors_of_no_length(points):
    x, labels = points
    x[::7] = 0
    norms = np.linalg.norm(x, axis=1, keepdims=True)
    units = np.divide(x, norms, out=np.zeros_like(x), where=norms > 0)
    expected = silhouette_score(x, labels, metric="cosine")
    assert silhouette.cosine_silhouette(units, labels) == pytest.approx(expected, abs=1e-12)


def test_cells_that_are_all_alike():
    x, labels = np.ones((6, 3)) / np.sqrt(3), np.array([0, 0, 0, 1, 1, 1])
    assert silhouette.cosine_silhouette(x, labels) == pytest.approx(0, abs=1e-6)
    assert silhouette.euclidean_silhouette(x, labels) == 0


def test_pairs_of_cells_are_not_held(rng, monkeypatch):
    monkeypatch.setattr(silhouette, "BLOCK_BYTES", 1 << 20)
    x, labels = rng.standard_normal((3000, 8)), rng.integers(0, 5, 3000)  # 72 MB of distances
    for measure in (silhouette.euclidean_silhouette, silhouette.cosine_silhouette):
        tracemalloc.start()
        try:
            measure(x, labels)
            assert tracemalloc.get_traced_memory()[1] < 16 << 20
        finally:
            tracemalloc.stop()
