import numpy as np
import pytest

from scbasset_tl.genome import decode, encode, reverse_complement
from scbasset_tl.genome.codes import gc_share


def test_every_byte_against_the_alphabet():
    expected = {letter: code for code, letters in enumerate(["Aa", "Cc", "Gg", "Tt"]) for letter in letters}
    expected |= dict.fromkeys("RYSWKMBDHVNUryswkmbdhvnu", 4)
    for byte in range(256):
        letter = np.array([byte], dtype=np.uint8)
        if chr(byte) in expected:
            assert encode(letter).tolist() == [expected[chr(byte)]]
        else:
            with pytest.raises(ValueError, match="no IUPAC nucleotide letter"):
                encode(letter)


def test_text_bytes_and_arrays_of_letters_give_the_same_codes():
    expected = [0, 1, 2, 3, 4, 0]
    assert encode("ACGTna").tolist() == encode(b"ACGTna").tolist() == expected
    letters = np.frombuffer(b"ACGTna" * 6, dtype=np.uint8).reshape(2, 3, 6)
    codes = encode(letters)
    assert codes.dtype == np.uint8
    assert codes.tolist() == [[expected] * 3] * 2
    assert encode("").shape == (0,)


@pytest.mark.parametrize(("sequence", "found"), [("ACG-T", "b'-' at position 3"), ("AC>", "b'>' at position 2")])
def test_other_characters_are_named_with_their_position(sequence, found):
    with pytest.raises(ValueError, match=found):
        encode(sequence)
    with pytest.raises(ValueError, match="2 characters .* position 0"):
        encode("é")


def test_arrays_that_are_no_letters_are_refused():
    with pytest.raises(TypeError, match="int64"):
        encode(np.zeros(3, dtype=np.int64))


def test_gc_share_leaves_out_n():
    texts = ["GCAT", "GGNN", "GANN", "TTTN", "NNNN"]
    np.testing.assert_array_equal(gc_share(np.array([encode(text) for text in texts])), [0.5, 1, 0.5, 0, 0.5])


def test_decode_is_the_inverse(rng):
    codes = rng.integers(0, 5, (2, 3, 40), dtype=np.uint8)
    text = decode(codes)
    assert text.shape == (2, 3)
    assert text[1, 2] == "".join("ACGTN"[code] for code in codes[1, 2])
    assert isinstance(decode(codes[0, 0]), str)
    np.testing.assert_array_equal(encode(decode(codes[0, 0])), codes[0, 0])


def test_reverse_complement_against_biopython(rng):
    from Bio.Seq import Seq

    codes = rng.integers(0, 5, (4, 33), dtype=np.uint8)
    for row, other in zip(codes, reverse_complement(codes), strict=True):
        assert decode(other) == str(Seq(decode(row)).reverse_complement())
    np.testing.assert_array_equal(reverse_complement(reverse_complement(codes)), codes)
