import errno
import gzip
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from Bio import SeqIO, bgzf
from pyfaidx import Faidx

import scbasset_tl as sb
from scbasset_tl.genome import Fasta, decode
from scbasset_tl.genome import fasta as fasta_module

CONTIGS = {
    name: "".join(np.random.default_rng(seed).choice(list("ACGTacgtNR"), length))
    for seed, (name, length) in enumerate({"chrI": 5000, "chrII": 1731, "HLA-A*01": 60, "s": 1}.items())
}


def text_of(contigs, width=60, newline="\n"):
    lines = []
    for name, sequence in contigs.items():
        lines += [f">{name} some text > more", *(sequence[i : i + width] for i in range(0, len(sequence), width))]
    return newline.join([*lines, ""])


def write(path, text):
    """Plain, gzip or bgzip, by the name: ``.gz`` and ``.bgz`` are bgzip, ``.gzip`` is gzip."""
    if path.suffix in (".gz", ".bgz"):
        with bgzf.BgzfWriter(path) as file:
            file.write(text)
    elif path.suffix == ".gzip":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_bytes(text.encode())
    return path


@pytest.fixture(params=["x.fa", "x.fa.gz"])
def genome(request, tmp_path):
    return write(tmp_path / request.param, text_of(CONTIGS))


def naive_window(sequence, middle, seq_len):
    """One base after the other."""
    start = middle - seq_len // 2
    bases = [sequence[i].upper() if 0 <= i < len(sequence) else "N" for i in range(start, start + seq_len)]
    return "".join(base if base in "ACGT" else "N" for base in bases)


@pytest.mark.parametrize("seq_len", [1, 2, 7, 100, 3000])
def test_windows_against_one_base_after_the_other(genome, rng, seq_len):
    chrom = rng.choice(list(CONTIGS), 200)
    middle = [int(rng.integers(0, len(CONTIGS[name]))) for name in chrom]
    with Fasta(genome) as fasta:
        windows = fasta.windows(chrom, middle, seq_len)
    assert windows.dtype == np.uint8
    assert windows.shape == (200, seq_len)
    expected = [naive_window(CONTIGS[name], m, seq_len) for name, m in zip(chrom, middle, strict=True)]
    assert [decode(window) for window in windows] == expected


def test_windows_against_pyfaidx(genome):
    middle = np.arange(300, 4000, 37)
    with Fasta(genome) as fasta:
        windows = fasta.windows(["chrI"] * len(middle), middle, 64)
    other = Faidx(genome, as_raw=True)
    for m, window in zip(middle, windows, strict=True):
        letters = other.fetch("chrI", int(m) - 32 + 1, int(m) + 32).upper().replace("R", "N")
        assert decode(window) == letters
    other.close()


def test_codes_of_any_range(genome):
    with Fasta(genome) as fasta:
        for start, end in [(-5, 3), (0, 5000), (4998, 5003), (-10, -2), (6000, 6005), (-3, 5003), (60, 120), (7, 7)]:
            expected = naive_window(CONTIGS["chrI"], start + (end - start) // 2, end - start)
            assert decode(fasta.codes("chrI", start, end)) == expected


@pytest.mark.parametrize(("width", "newline"), [(63, "\n"), (50, "\n"), (10**6, "\n"), (61, "\r\n")])
@pytest.mark.parametrize("name", ["x.fa", "x.fa.bgz"])
def test_reads_that_begin_where_a_block_of_bgzip_begins(tmp_path, width, newline, name):
    # blocks of 65,536 bytes, of which pyfaidx cannot read the first byte
    sequence = "".join(np.random.default_rng(0).choice(list("ACGT"), 150_000))
    path = write(tmp_path / name, text_of({"c": sequence}, width, newline))
    with Fasta(path) as fasta:
        for block in (65_536, 131_072):
            near = block * width // (width + len(newline))
            for start in range(near - 40, near + 10):
                assert decode(fasta.codes("c", start, start + 9)) == sequence[start : start + 9]


def test_only_what_is_needed_is_read(genome, monkeypatch):
    read = []
    original = Fasta._read
    monkeypatch.setattr(Fasta, "_read", lambda self, *where: read.append(where) or original(self, *where))
    monkeypatch.setattr(fasta_module, "_STRETCH", 1000)
    ticks = []
    with Fasta(genome) as fasta:
        fasta.windows(["chrII", "chrI", "chrI", "chrI"], [900, 4100, 100, 4120], 10, tick=ticks.append)
    assert read == [("chrI", 95, 105), ("chrI", 4095, 4125), ("chrII", 895, 905)]
    assert ticks == [1, 2, 1]


def test_no_windows_and_unknown_contigs(genome):
    with Fasta(genome) as fasta:
        assert fasta.windows([], [], 10).shape == (0, 10)
        for chrom in ("chrX", None):
            with pytest.raises(
                KeyError, match=rf"no contig {'nan' if chrom is None else repr(chrom)}; it has \['chrI'"
            ):
                fasta.windows(["chrI", chrom], [1, 1], 10)


def test_lengths_are_those_of_the_contigs(genome):
    with Fasta(genome) as fasta:
        assert fasta.lengths == {name: len(sequence) for name, sequence in CONTIGS.items()}


def test_checksum_is_the_ga4gh_digest_and_ignores_order(tmp_path):
    # sorted_name_length_pairs of contigs chr1 and chr2 of 16 bp in the documentation of refget (refgenie)
    expected = "weuiIikf4uTSGp0BoHaoP3iNjofokg2c"
    for number, contigs in enumerate([{"chr1": "A" * 16, "chr2": "G" * 16}, {"chr2": "C" * 16, "chr1": "T" * 16}]):
        with Fasta(write(tmp_path / f"{number}.fa", text_of(contigs))) as fasta:
            assert fasta.checksum() == expected
    with Fasta(write(tmp_path / "other.fa", text_of({"chr1": "A" * 17, "chr2": "G" * 16}))) as fasta:
        assert fasta.checksum() != expected


# the index


def index_files(path):
    return sorted(file.name for file in path.parent.iterdir() if file != path)


def test_the_index_is_kept_and_used_again(genome, monkeypatch):
    Fasta(genome).close()
    kept = ["x.fa.fai"] if genome.suffix == ".fa" else ["x.fa.gz.fai", "x.fa.gz.gzi"]
    assert index_files(genome) == kept
    monkeypatch.setattr(fasta_module, "_build", lambda path: pytest.fail("was built again"))
    with Fasta(genome) as fasta:
        assert decode(fasta.codes("chrII", 3, 40)) == naive_window(CONTIGS["chrII"], 3 + 18, 37)


def test_a_folder_that_cannot_be_written_to_is_no_hindrance(genome, monkeypatch, capsys):
    def refuse(source, target):
        raise PermissionError(13, "Permission denied", str(target))

    monkeypatch.setattr(fasta_module.shutil, "copy2", refuse)
    with sb.settings.override(verbosity=2), Fasta(genome) as fasta:
        assert fasta.lengths["chrI"] == 5000
    assert index_files(genome) == []
    assert "cannot be written to" in capsys.readouterr().err


def other_index(path):
    """The index of a FASTA of the same name with other contents, newer than the FASTA."""
    folder = path.parent / "other"
    folder.mkdir()
    other = write(folder / path.name, text_of({**{"new": "ACGT" * 30}, **CONTIGS}))
    Fasta(other).close()
    for file in index_files(other):
        (folder / file).rename(path.parent / file)
    other.unlink()
    folder.rmdir()


@pytest.mark.parametrize("state", ["older", "half written", "half its contigs", "empty", "of another file"])
def test_an_index_that_does_not_fit_is_built_again(genome, state):
    Fasta(genome).close()
    files = [genome.parent / name for name in index_files(genome)]
    if state == "older":
        write(genome, text_of({"chrI": "ACGT"}))
        for file in files:
            os.utime(file, (1, 1))
    elif state == "of another file":
        other_index(genome)
    elif state == "half its contigs":
        lines = files[0].read_text().splitlines(keepends=True)
        files[0].write_text("".join(lines[:2]))
    else:
        for file in files:
            size = file.stat().st_size // 2 if state == "half written" else 0
            file.write_bytes(file.read_bytes()[:size])
    with Fasta(genome) as fasta:
        expected = "ACGT" if state == "older" else CONTIGS["chrI"]
        assert decode(fasta.codes("chrI", 0, 4)) == naive_window(expected, 2, 4)
        assert list(fasta.lengths) == (["chrI"] if state == "older" else list(CONTIGS))
    with Fasta(genome) as again:
        assert again.lengths == fasta.lengths


# files that are not as they should be


def test_no_place_for_temporary_files(tmp_path, monkeypatch):
    def full():
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    path = write(tmp_path / "x.fa", text_of(CONTIGS))
    monkeypatch.setattr("scbasset_tl.genome.fasta.TemporaryDirectory", full)
    with pytest.raises(OSError, match=r"x\.fa cannot be indexed: No usable temporary directory .* TMPDIR"):
        Fasta(path)
    assert not index_files(path)


def test_no_such_file(tmp_path):
    for path in (tmp_path / "no.fa", tmp_path):
        with pytest.raises(FileNotFoundError, match="there is no FASTA file"):
            Fasta(path)


def test_plain_gzip_is_refused_with_the_command_that_helps(tmp_path):
    path = write(tmp_path / "x.fa.gzip", text_of(CONTIGS)).rename(tmp_path / "x.fa.gz")
    with pytest.raises(ValueError, match=rf"gunzip -c {path} \| bgzip > {tmp_path / 'x.fa.bgz'}$"):
        Fasta(path)
    assert index_files(path) == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.fa", b"", "does not start with '>'"),
        ("x.fa", b"ACGT\n", r"does not start with '>' \(it starts with b'ACGT"),
        ("x.2bit", b"\x43\x27\x41\x1a" + bytes(20), "does not start with '>'"),
        ("x.fa.gz", b"\x1f\x8b", "is compressed by gzip"),
        ("x.fa.gz", b">a\nACGT\n", "is not compressed, which its name does not say"),
        ("x.fa", b">a\nACGT\n>a\nGGGG\n", 'Duplicate key "a"'),
        ("x.fa", b">a\nACGT\nAC\nACGT\n", "lines of 'a' are of uneven length at line 4"),
        ("x.fa", b">a\nACGT\n\nACGT\n", "of uneven length at line 4"),
        ("x.fa", b">a\nACGT\nACGTA\n", "of uneven length at line 3"),
        ("x.fa", b";hello\n", "no '>' at the start of a line"),
        ("x.fa", b"\n;hello\n>a\n>\n", "line 4 names no contig"),
        ("x.fa", b";hello\nACGT\n>a\n", "line 2 is text before the first '>'"),
        ("x.fa", b">\nACGT\n", "line 1 names no contig"),
        ("x.fa", b">a\nACGT\n>\xff\n", "cannot be read as FASTA: 'utf-8' codec"),
    ],
)
def test_malformed_files(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        Fasta(path)
    assert index_files(path) == []


@pytest.mark.parametrize("sequence", ["ACGTACG-T", "ACGTéACGT", "ACGTACGT>", "ACGT ACGT"])
def test_letters_that_are_no_nucleotides(tmp_path, sequence):
    path = write(tmp_path / "x.fa", f">a\n{sequence}\n")
    with Fasta(path) as fasta, pytest.raises(ValueError, match=r"cannot be read at a:0-9: .*(no IUPAC|of 9 bases)"):
        fasta.codes("a", 0, 9)


def test_bgzip_under_another_name(tmp_path):
    path = write(tmp_path / "x.fa.gz", text_of(CONTIGS)).rename(tmp_path / "x.fa")
    with pytest.raises(ValueError, match="is compressed by bgzip, which its name does not say"):
        Fasta(path)


@pytest.mark.parametrize("indexed", [False, True])
def test_truncated_bgzip(tmp_path, indexed):
    path = write(tmp_path / "x.fa.gz", text_of(CONTIGS))
    if indexed:
        Fasta(path).close()
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="is truncated: the end marker of bgzip is missing"):
        Fasta(path)


def test_damaged_bgzip(tmp_path):
    path = write(tmp_path / "x.fa.gz", text_of(CONTIGS))
    content = bytearray(path.read_bytes())
    content[200:260] = bytes(60)
    path.write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read as FASTA"):
        Fasta(path)


def test_a_file_that_is_cut_while_it_is_open(tmp_path):
    path = write(tmp_path / "x.fa", text_of(CONTIGS))
    with Fasta(path) as fasta:
        os.truncate(path, 2000)
        with pytest.raises(ValueError, match=r"at chrI:3000-4000: there are 0 of 1000 bases\. .*truncated"):
            fasta.codes("chrI", 3000, 4000)


def test_truncated_plain_fasta_has_a_shorter_contig(tmp_path):
    path = write(tmp_path / "x.fa", text_of(CONTIGS))
    Fasta(path).close()
    content = path.read_bytes()[:2000]
    path.write_bytes(content)
    os.utime(path)
    with Fasta(path) as fasta:
        assert list(fasta.lengths) == ["chrI"]
        assert fasta.lengths["chrI"] < 2000


def test_empty_contigs_are_n(tmp_path):
    with Fasta(write(tmp_path / "x.fa", ">empty\n>full\nACGT\n")) as fasta:
        assert fasta.lengths == {"empty": 0, "full": 4}
        assert decode(fasta.windows(["empty", "full"], [0, 2], 4)).tolist() == ["NNNN", "ACGT"]


def test_importing_loads_nothing_heavy():
    code = "import sys, scbasset_tl.genome, scbasset_tl.pp; print(*{'pyfaidx', 'Bio', 'torch', 'anndata'} & {*sys.modules})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


def test_paths_as_text(tmp_path):
    path = write(tmp_path / "x.fa", text_of(CONTIGS))
    with Fasta(str(path)) as fasta:
        assert fasta.path == Path(path)


def spaced(newline, width=60):
    """Contigs with blank lines before the first, between them, in empty ones and at the end."""
    parts = [text_of({name: sequence}, width, newline) for name, sequence in CONTIGS.items()]
    blank = [newline * number for number in (1, 2, 3, 2)]
    return newline + "".join(part + lines for part, lines in zip(parts, blank, strict=True)) + f">no{newline}{newline}"


@pytest.mark.parametrize("name", ["x.fa", "x.fa.gz"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("width", [60, 7, 6000])
def test_blank_lines_between_contigs_and_at_the_end(tmp_path, name, newline, width):
    path = write(tmp_path / name, spaced(newline, width))
    plain = write(tmp_path / "plain.fa", spaced(newline, width))
    with plain.open() as file:  # Biopython reads sequences without an index
        expected = {record.id: str(record.seq) for record in SeqIO.parse(file, "fasta-pearson")}
    assert expected == {**CONTIGS, "no": ""}
    for _ in range(2):  # the index is built, and used again
        with Fasta(path) as fasta:
            assert fasta.lengths == {name: len(sequence) for name, sequence in expected.items()}
            for contig, sequence in expected.items():
                got = decode(fasta.codes(contig, 0, len(sequence))) if sequence else ""
                assert got == naive_window(sequence, len(sequence) // 2, len(sequence))


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("name", ["x.fa", "x.fa.gz"])
@pytest.mark.parametrize("end", ["", "\n"])
def test_the_index_is_that_of_pyfaidx(tmp_path, name, newline, end):
    path = write(tmp_path / name, text_of(CONTIGS, newline=newline).rstrip("\r\n") + end.replace("\n", newline))
    Fasta(path).close()
    ours = {file: (tmp_path / file).read_bytes() for file in index_files(path)}
    for file in ours:
        (tmp_path / file).unlink()
    Faidx(path).close()
    assert ours == {file: (tmp_path / file).read_bytes() for file in ours}


def test_a_fasta_from_the_future(tmp_path, recwarn):
    path = write(tmp_path / "x.fa.gz", text_of(CONTIGS))
    os.utime(path, (4e9, 4e9))
    with Fasta(path) as fasta:
        assert list(fasta.lengths) == list(CONTIGS)
    assert not recwarn


@pytest.mark.parametrize("packed", [False, True])
def test_bgzip_of_what_ucsc_and_ensembl_give_out(tmp_path, packed, capsys):
    text = text_of(CONTIGS).encode()
    path = tmp_path / ("x.fa.gz" if packed else "x.fa")
    path.write_bytes(gzip.compress(text[:1000]) + gzip.compress(text[1000:]) if packed else text)
    new = sb.genome.bgzip(path)
    assert new == tmp_path / "x.fa.bgz"
    assert gzip.decompress(new.read_bytes()) == text
    with Fasta(new) as fasta:
        assert decode(fasta.codes("chrII", 3, 40)) == naive_window(CONTIGS["chrII"], 3 + 18, 37)
    assert sb.genome.bgzip(path, tmp_path / "y.gz").name == "y.gz"
    assert {file.name for file in tmp_path.iterdir()} == {path.name, "x.fa.bgz", "x.fa.bgz.fai", "x.fa.bgz.gzi", "y.gz"}


def test_bgzip_of_files_that_cannot_be(tmp_path):
    path = tmp_path / "x.fa.gz"
    path.write_bytes(gzip.compress(b">a\nACGT\n" * 1000)[:-9])
    with pytest.raises(ValueError, match="truncated or damaged"):
        sb.genome.bgzip(path)
    for target in (path, tmp_path / "x.fa"):
        with pytest.raises(ValueError, match="must be another file than path"):
            sb.genome.bgzip(path, target)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        sb.genome.bgzip(tmp_path / "no.fa.gz")
    with pytest.raises(FileNotFoundError, match=r"target=.*the folder .* does not exist"):
        sb.genome.bgzip(path, tmp_path / "no" / "x.gz")
    assert [file.name for file in tmp_path.iterdir()] == ["x.fa.gz"]


def test_the_message_on_plain_gzip_can_be_followed(tmp_path):
    path = write(tmp_path / "x.fa.gzip", text_of(CONTIGS)).rename(tmp_path / "x.fa.gz")
    with pytest.raises(ValueError, match="sb.genome.bgzip") as caught:
        Fasta(path)
    statement = str(caught.value).partition("once: ")[2].partition(" writes")[0]
    with Fasta(eval(statement, {"sb": sb})) as fasta:
        assert list(fasta.lengths) == list(CONTIGS)


def test_home_in_paths(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "x.fa", text_of(CONTIGS))
    with Fasta("~/x.fa") as fasta:
        assert fasta.path == tmp_path / "x.fa"


def test_an_empty_block_of_bgzip_in_the_middle(tmp_path):
    """As in files that were compressed in parts and joined."""
    parts = [f">{name}\n{sequence}\n".encode() for name, sequence in (("a", "ACGT" * 10), ("b", "GGCC" * 10))]
    whole = b""
    for number, part in enumerate(parts):
        with bgzf.BgzfWriter(tmp_path / f"{number}.gz") as file:
            file.write(part)
        whole += (tmp_path / f"{number}.gz").read_bytes()
    (tmp_path / "joined.fa.gz").write_bytes(whole)
    for _ in range(2):  # with a new index, and with that
        with Fasta(tmp_path / "joined.fa.gz") as fasta:
            assert decode(fasta.codes("a", 0, 40)) == "ACGT" * 10
            assert decode(fasta.codes("b", 0, 40)) == "GGCC" * 10
