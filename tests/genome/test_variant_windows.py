"""Window finding against a loop over everything, edited windows against windows of edited strings."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scbasset_tl.genome import decode, encode
from scbasset_tl.genome.variant_windows import variants_in_windows, write_alternatives

positions = st.lists(st.tuples(st.sampled_from("abc"), st.integers(-30, 60)), max_size=25)


@settings(max_examples=200, deadline=None)
@given(positions, st.lists(st.tuples(st.sampled_from("abd"), st.integers(0, 60), st.integers(1, 20)), max_size=25),
       st.integers(1, 25))  # fmt: skip
def test_finds_every_window_that_holds_the_reference_allele(windows, variants, seq_len):
    chrom, start, length = (np.array([v[i] for v in variants], dtype=object if i == 0 else int) for i in range(3))
    window_chrom, window_start = (np.array([w[i] for w in windows], dtype=object if i == 0 else int) for i in range(2))
    variant, window = variants_in_windows(chrom, start, start + length, window_chrom, window_start, seq_len)
    naive = [
        (i, j)
        for i, (name, first, n) in enumerate(variants)
        for j, (other, left) in enumerate(windows)
        if name == other and left <= first and first + n <= left + seq_len
    ]
    assert sorted(zip(variant.tolist(), window.tolist(), strict=True)) == naive
    assert variant.tolist() == sorted(variant.tolist())
    for one in set(variant.tolist()):
        lefts = window_start[window[variant == one]].tolist()
        assert lefts == sorted(lefts)


letters = st.text("ACGT", min_size=1, max_size=12)


@settings(max_examples=200, deadline=None)
@given(st.data(), st.text("ACGTN", min_size=40, max_size=60), st.integers(1, 20))
def test_alternatives_are_windows_of_the_edited_contig(data, contig, seq_len):
    n = data.draw(st.integers(1, 6))
    offset, ref_length = np.empty(n, dtype=int), np.empty(n, dtype=int)
    alts, naive = [], []
    for row in range(n):
        offset[row] = data.draw(st.integers(0, seq_len - 1))
        ref_length[row] = data.draw(st.integers(1, seq_len - offset[row]))
        alts.append(data.draw(letters))
        edited = contig[: offset[row]] + alts[-1] + contig[offset[row] + ref_length[row] :]
        naive.append(edited[:seq_len])
    longer = seq_len + max(0, *(r - len(a) for r, a in zip(ref_length, alts, strict=True)), 0)
    stretches = np.tile(encode(contig[:longer]), (n, 1))
    before = stretches.copy()
    found = write_alternatives(stretches, offset, ref_length, alts, seq_len)
    assert decode(found).tolist() == naive
    np.testing.assert_array_equal(stretches, before)
