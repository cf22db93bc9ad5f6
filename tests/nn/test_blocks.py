"""Blocks: which cells get how many, and that the pairs follow the co-occurrence they stand for."""

import numpy as np
from scipy import sparse

from scbasset_tl.nn.blocks import draw, schedule, select


def blocks_of(tokens, cells, size, rng):
    index, lengths = np.empty((len(cells), size), dtype=np.int32), np.empty(len(cells), dtype=np.int64)
    draw(tokens.indptr, tokens.indices.copy(), cells, rng.random(index.shape), index, lengths)
    return index, lengths


def test_cells_in_proportion_to_their_tokens(rng):
    n_tokens = np.array([0, 1, 2, 50, 100, 7])
    cells = schedule(n_tokens, 1000, rng=rng)
    expected = np.array([0, 0, 2, 50, 100, 7]) * 1000 / 159
    assert np.abs(np.bincount(cells, minlength=6) - expected).max() <= 1
    assert (np.diff(cells) < 0).any()


def test_blocks_hold_distinct_regions_of_their_cell(rng):
    tokens = sparse.random(20, 200, density=0.2, format="csr", rng=rng).astype(bool)
    cells = rng.integers(0, 20, 300)
    index, lengths = blocks_of(tokens, cells, 16, rng)
    for cell, row, length in zip(cells, index, lengths, strict=True):
        assert length == min(16, tokens.indptr[cell + 1] - tokens.indptr[cell])
        assert len(set(row[:length])) == length
        assert tokens[cell].toarray()[0][row[:length]].all()


def test_pairs_follow_the_law_of_shuffled_lists(rng):
    """Expected co-occurrence: Xᵀ diag(1 / (n - 1)) X, its diagonal aside."""
    x = (rng.random((12, 9)) < np.linspace(0.3, 0.9, 9)).astype(float)
    x[0] = [1, 1, 0, 0, 0, 0, 0, 0, 0]
    tokens = sparse.csr_matrix(x.astype(bool))
    n = x.sum(1)
    expected = x.T @ np.diag(np.where(n > 1, 1 / np.maximum(n - 1, 1), 0)) @ x
    np.fill_diagonal(expected, 0)
    size, seen = 4, np.zeros((9, 9))
    cells = schedule(n.astype(int), 60_000, rng=rng)
    index, lengths = blocks_of(tokens, cells, size, rng)
    for length in range(2, size + 1):
        rows = index[lengths == length, :length]
        for i in range(length):
            for j in range(length):
                if i != j:
                    np.add.at(seen, (rows[:, i], rows[:, j]), size / length / (length - 1))
    np.testing.assert_allclose(seen / seen.sum(), expected / expected.sum(), atol=0.002)


def test_select():
    x = sparse.csr_matrix(np.array([[1, 1, 1, 0], [0, 1, 0, 1], [0, 0, 1, 1], [0, 0, 0, 0]], dtype=bool))
    assert select(x, np.array([1, 2, 3])).toarray().tolist() == [[1, 1, 0], [1, 0, 1], [0, 1, 1]]
    assert select(x, np.array([0, 1])).toarray().tolist() == [[1, 1]]
    assert select(x, np.array([0])).shape == (0, 1)
