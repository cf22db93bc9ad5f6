from time import process_time

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import scbasset_tl as sb
from scbasset_tl.genome import check_on_contigs, read_regions
from scbasset_tl.genome.regions import first_of_window


def table(**columns):
    return pd.DataFrame(columns, index=[f"peak{row}" for row in range(len(next(iter(columns.values()))))])


def as_tuples(regions):
    return list(zip(regions.chrom.tolist(), regions.start.tolist(), regions.end.tolist(), strict=True))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chrI:252-552", ("chrI", 252, 552)),
        ("chrI-252-552", ("chrI", 252, 552)),
        ("chrI_252_552", ("chrI", 252, 552)),
        ("1:0-1", ("1", 0, 1)),
        ("HLA-DRB1*15:01:01:01:5-60", ("HLA-DRB1*15:01:01:01", 5, 60)),
        ("HLA-A-5-60", ("HLA-A", 5, 60)),
        ("chrUn_KI270742v1-10-20", ("chrUn_KI270742v1", 10, 20)),
        ("chr1:2:3-4", ("chr1:2", 3, 4)),
    ],
)
def test_names(name, expected):
    assert as_tuples(read_regions(pd.DataFrame(index=[name]))) == [expected]


@pytest.mark.parametrize(
    "name", ["chr1", "chr1:5", "chr1:-5-100", "chr1:5-1e+05", "chr1:1.5-7", ":5-7", "chr1:5-7:+", "5-7", ""]
)
def test_names_that_are_no_regions(name):
    with pytest.raises(KeyError, match="no columns chr, start, end"):
        read_regions(pd.DataFrame(index=[name]))
    with pytest.raises(ValueError, match=r"var_names hold no region: 1 of 2 peaks, .*region_keys") as error:
        read_regions(pd.DataFrame(index=["chr1:2-3", name]))
    assert repr(name) in str(error.value)


def test_the_time_grows_no_faster_than_the_names(no_garbage_collection):
    seconds = []
    for n_names in (10_000, 100_000):
        names = pd.Index([f"chr{row % 22}:{row}-{row + 500}" for row in range(n_names)])
        started = process_time()
        regions = read_regions(pd.DataFrame(index=names))
        seconds.append(process_time() - started)
    assert seconds[1] < 60 * seconds[0]
    assert as_tuples(regions)[99_999] == ("chr9", 99_999, 100_499)


@pytest.mark.parametrize(
    "columns", [("chr", "start", "end"), ("chrom", "chromStart", "chromEnd"), ("seqnames", "start", "end")]
)
def test_columns_come_before_names(columns):
    var = pd.DataFrame([["a", 1, 4]], columns=list(columns), index=["chr9:7-8"])
    assert as_tuples(read_regions(var)) == [("a", 1, 4)]
    assert read_regions(var).middle.tolist() == [2]


@pytest.mark.parametrize("kind", ["int32", "uint32", "float64", "Int64", "str", "category", "object"])
def test_any_column_type_of_whole_numbers(kind):
    # where the type can hold it, a sum of start and end that would overflow 32 bits
    start = 2_000_000_000 if kind == "int32" else 4_000_000_000
    var = table(chr=["a", "b"], start=[0, start], end=[9, start + 100])
    var["start"] = var["start"].astype(kind)
    regions = read_regions(var)
    assert regions.start.dtype == regions.end.dtype == np.int64
    assert regions.start.tolist() == [0, start]
    assert regions.middle.tolist() == [4, start + 50]


@pytest.mark.parametrize("chrom", [[1, 2], [1.0, 2.0], ["1", "2"], pd.Categorical(["1", "2"])])
def test_contigs_that_are_numbers(chrom):
    assert read_regions(table(chr=chrom, start=[1, 1], end=[2, 2])).chrom.tolist() == ["1", "2"]


def test_region_keys():
    var = table(chr=["a"], start=[1], end=[4], c=["b"], s=[2], e=[5])
    assert as_tuples(read_regions(var, keys=("c", "s", "e"))) == [("b", 2, 5)]
    with pytest.raises(KeyError, match="region_keys: var has no column 'x', 'y'; it has 'chr'"):
        read_regions(var, keys=("c", "x", "y"))
    for keys in ("chr", ("chr", "start")):
        with pytest.raises(ValueError, match="region_keys must name three columns"):
            read_regions(var, keys=keys)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("chr", None, r"var\['chr'\] is missing: 2 of 5 peaks, 'peak1'"),
        ("start", np.nan, r"var\['start'\] is missing or no number: 2 of 5 peaks, 'peak1' \(nan\)"),
        ("start", "x", r"var\['start'\] is missing or no number: 2 of 5 peaks, 'peak1' \(x\)"),
        ("end", np.inf, r"var\['end'\] is infinite.*'peak1' \(inf\)"),
        ("start", -np.inf, r"var\['start'\] is negative.*'peak1' \(-inf\)"),
        ("start", -3, r"var\['start'\] is negative: 2 of 5 peaks, 'peak1' \(-3\), 'peak3' \(-3\)\. Coordinates are"),
        ("end", 1e300, r"var\['end'\] is infinite or beyond any genome.*1e\+300"),
        ("end", 7.5, r"var\['end'\] is not a whole number: 2 of 5 peaks, 'peak1' \(7.5\)"),
        ("start", 20, r"var\['start'\] is not below var\['end'\]: 2 of 5 peaks, 'peak1' \(\[20 10\]\)"),
        ("start", 10, r"var\['start'\] is not below var\['end'\]: 2 of 5 peaks, 'peak1' \(\[10 10\]\)"),
    ],
)
def test_columns_that_are_no_regions(column, value, message):
    var = table(chr=["a"] * 5, start=[1] * 5, end=[10] * 5).astype(object)
    var.loc[["peak1", "peak3"], column] = value
    with pytest.raises(ValueError, match=message):
        read_regions(var)


def test_only_the_first_offenders_are_shown():
    with pytest.raises(ValueError, match=r"7 of 7 peaks, 'peak0' \(-1\), 'peak1' \(-1\), 'peak2' \(-1\), \.\.\.\. "):
        read_regions(table(chr=["a"] * 7, start=[-1] * 7, end=[10] * 7))


def test_transposed_data_are_recognised():
    cells = pd.DataFrame(index=["AAAC-1", "AAAG-1"])
    for obs in (table(chr=["a"], start=[1], end=[2]), pd.DataFrame(index=["chr1:1-2", "chr1:5-9"])):
        with pytest.raises(ValueError, match=r"regions are in adata.obs.*adata.T.copy\(\)"):
            read_regions(cells, obs=obs)
    for obs in (cells, pd.DataFrame(index=["AAAC-1-0"]), pd.DataFrame(index=[])):
        with pytest.raises(KeyError, match="no columns chr, start, end"):
            read_regions(cells, obs=obs)


def test_no_peaks_and_repeated_names():
    assert as_tuples(read_regions(pd.DataFrame(index=pd.Index([], dtype=object)))) == []
    assert as_tuples(read_regions(pd.DataFrame(index=["a:1-2"] * 2))) == [("a", 1, 2)] * 2


def check(names, lengths, var=None):
    regions = read_regions(pd.DataFrame(index=names) if var is None else var)
    check_on_contigs(regions, lengths, margin=100, source="x.fa")


def test_regions_on_their_contigs_pass():
    # the last overruns its end by less than the margin, with its middle on the contig
    check(["a:0-1", "a:999-1000", "a:950-1049"], {"a": 1000, "b": 10})


@pytest.mark.parametrize("name", ["a:1000-1001", "a:5000-6000", "a:0-1101", "a:999-1001"])
def test_past_the_end_is_another_assembly(name):
    message = r"past the end of the contig in x.fa \(a has 1,000 bp\): 1 of 2 peaks, 'a:.*another assembly"
    with pytest.raises(ValueError, match=message):
        check(["a:0-1", name], {"a": 1000})


@pytest.mark.parametrize(
    ("names", "lengths", "message"),
    [
        (
            ["1:1-2", "Q:1-2"],
            {"chr1": 9},
            r"no contig 'Q', in any spelling \(it has 'chr1'\): 1 of 2 .*'Q:1-2'.*drop these",
        ),
        (["chr1:1-2", "chrQ:1-2"], {"chr1": 9}, r"no contig 'chrQ', .*: 1 of 2 peaks, .*drop these"),
        (["q:1-2"], {"chr1": 9}, "of another assembly or species"),
    ],
)
def test_unknown_contigs_come_with_what_helps(names, lengths, message):
    with pytest.raises(ValueError, match=message):
        check(names, lengths)


def test_contigs_are_those_of_the_genome_in_any_spelling():
    var = table(chrom=[1.0, 2.0], start=[1, 1], end=[2, 2])
    for lengths in ({"chr1": 9, "chr2": 9}, {"1": 9, "2": 9}, {"CHR1": 9, "CHR2": 9}):
        regions = check_on_contigs(read_regions(var), lengths, margin=0, source="x.fa")
        assert regions.chrom.tolist() == list(lengths)
    names = pd.DataFrame(index=["chr1:1-2", "KI270728.1:1-2", " atac:chr2:3-4", "chr16-KI270728v1-random-5-6"])
    lengths = {"1": 9, "2": 9, "KI270728.1": 9}
    regions = check_on_contigs(read_regions(names), lengths, margin=0, source="x.fa")
    assert regions.chrom.tolist() == ["1", "KI270728.1", "2", "KI270728.1"]


COLUMNS = [
    *("chr start end", "Chromosome Start End", "CHR START END", "#chrom start end", "Chrom Start Stop"),
    *("chromosome_name start_position end_position", "seqnames start end", "seqname start end", "seqid start end"),
    *("peak_chr peak_start peak_end", "chrom chromStart chromEnd", "chrom chrom_start chrom_end", "contig begin end"),
    *("seqnames Start End", "Chr chr_start chr_end", "peak.chr peak.start peak.end"),
]


@pytest.mark.parametrize("columns", COLUMNS)
def test_columns_in_many_spellings(columns):
    var = table(
        **dict(zip(columns.split(), (["a", "b"], [1, 5], [4, 9]), strict=True)), strand=["+", "-"], width=[3, 4]
    )
    assert as_tuples(read_regions(var)) == [("a", 1, 4), ("b", 5, 9)]


def test_columns_that_could_be_either():
    var = table(Chrom=["a"], chromosome=["b"], Start=[1], End=[4])
    with pytest.raises(
        KeyError, match=r"var has the columns \['Chrom', .*, of which Chrom and chromosome could be meant"
    ):
        read_regions(var)
    assert as_tuples(read_regions(var.set_axis(["c:5-9"]))) == [("c", 5, 9)]
    assert as_tuples(read_regions(var, keys=["chromosome", "Start", "End"])) == [("b", 1, 4)]


@pytest.mark.parametrize("column", ["interval", "gene_ids", "peak", "Peaks", "region", "coordinates", "feature_id"])
def test_a_column_of_regions(column):
    var = table(n=[3, 4], gene=["x", "y"], **{column: ["chr1:1-4", "chr2:5-9"]})
    assert as_tuples(read_regions(var)) == [("chr1", 1, 4), ("chr2", 5, 9)]
    var["interval"], var["peak"] = ["chr1:1-4", "chr2:5-9"], ["chr1_1_4", "chr2_5_9"]
    assert as_tuples(read_regions(var)) == [("chr1", 1, 4), ("chr2", 5, 9)]
    var["region"] = ["chr1:1-4", "chr2:5-10"]
    with pytest.raises(KeyError, match="holds regions"):
        read_regions(var)


def test_the_message_names_the_columns_that_are_there():
    with pytest.raises(KeyError, match=r"var has the columns \['n', 'gene'\]\."):
        read_regions(table(n=[3], gene=["x"]))
    message = r"var\['mine'\] holds regions: adata.var_names = adata.var\['mine'\].astype\(str\)\."
    with pytest.raises(KeyError, match=message):
        read_regions(table(mine=["chr1:5-6"]))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chr1:100-200-1", ("chr1", 100, 200)),
        ("chr1:100-200-300", ("chr1", 100, 200)),
        ("chr1-100-200-1", ("chr1", 100, 200)),
        ("chr1_100_200_1", ("chr1", 100, 200)),
        ("chr1:100-200.1", ("chr1", 100, 200)),
        ("chr1:100-200-1-0", ("chr1", 100, 200)),
        ("chr1-100-200-1-0", ("chr1", 100, 200)),
        ("chr1:100-200-donor_a", ("chr1", 100, 200)),
        ("chr1-100-200-atac", ("chr1", 100, 200)),
        ("scaffold_12_100_200_1", ("scaffold_12", 100, 200)),
        ("chr14-GL000009v2-random-100-200-1", ("chr14-GL000009v2-random", 100, 200)),
        ("HLA-DRB1*15:01:01:01:5-60-1", ("HLA-DRB1*15:01:01:01", 5, 60)),
        ("KI270728.1-100-200-1", ("KI270728.1", 100, 200)),
    ],
)
def test_names_with_a_suffix(name, expected, capsys):
    with sb.settings.override(verbosity=2):
        assert as_tuples(read_regions(pd.DataFrame(index=["chr7:3-8", name]))) == [("chr7", 3, 8), expected]
    assert (
        f"1 of 2 names go on after the region, as make_unique and concat leave them ({name!r})"
        in capsys.readouterr().err
    )


@pytest.mark.filterwarnings("ignore:Variable names are not unique:UserWarning")
def test_names_that_make_unique_and_concat_write():
    one = ad.AnnData(np.ones((2, 3)))
    one.var_names = ["chr1:100-200", "chr1:100-200", "chr2-3-4"]
    two = one.copy()
    one.var_names_make_unique()
    both = ad.concat({"a": one, "b": two[:, :1].copy()}, axis="var", index_unique="_")
    assert both.var_names.tolist() == ["chr1:100-200_a", "chr1:100-200-1_a", "chr2-3-4_a", "chr1:100-200_b"]
    expected = [("chr1", 100, 200), ("chr1", 100, 200), ("chr2", 3, 4), ("chr1", 100, 200)]
    assert as_tuples(read_regions(both.var)) == expected


def test_names_of_no_suffix_say_nothing(capsys):
    with sb.settings.override(verbosity=2):
        read_regions(pd.DataFrame(index=["chr7:3-8", "chr7-3-8", "a_b_1_2"]))
    assert not capsys.readouterr().err


def test_empty_columns_do_not_hide_names(capsys):
    names = ["chr1:1-4", "chr2:5-9", "chr2:7-9"]
    var = pd.DataFrame({"chrom": [1.0, np.nan, 2.0], "start": [1, np.nan, 7], "end": [4, np.nan, 9]}, index=names)
    with sb.settings.override(verbosity=2):
        assert as_tuples(read_regions(var)) == [("1", 1, 4), ("chr2", 5, 9), ("2", 7, 9)]
    assert "are empty for 1 of 3 peaks: the names are read for these" in capsys.readouterr().err
    assert as_tuples(read_regions(var * np.nan)) == [("chr1", 1, 4), ("chr2", 5, 9), ("chr2", 7, 9)]
    other = var.assign(start=[2, np.nan, 8])  # names and columns do not count alike
    for bad, keys in ((other, None), (var, ["chrom", "start", "end"]), (var.set_axis(["a", "b", "c"]), None)):
        with pytest.raises(ValueError, match=r"var\['chrom'\] is missing: 1 of 3 peaks"):
            read_regions(bad, keys=keys)


def test_windows_that_repeat():
    names = ["chr1:0-100", "chr2:0-100", "1:0-100", "chr1:40-60", "chr1:1-100", "chr1:0-101"]
    regions = read_regions(pd.DataFrame(index=names))
    assert first_of_window(regions).tolist() == [0, 1, 0, 0, 0, 0]
    assert first_of_window(read_regions(pd.DataFrame(index=["a:1-3", "a:2-4"]))).tolist() == [0, 1]
