from time import process_time

import numpy as np
import pandas as pd
import pytest

from scbasset_tl.genome import check_on_contigs, read_regions


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


def test_100_000_names_take_no_loop_in_python():
    names = pd.Index([f"chr{row % 22}:{row}-{row + 500}" for row in range(100_000)])
    started = process_time()
    regions = read_regions(pd.DataFrame(index=names))
    assert process_time() - started < 3
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
        (["1:1-2", "X:1-2"], {"chr1": 9, "chrX": 9}, r"Rename .* adata.var_names = 'chr' \+ adata.var_names\.$"),
        (["chr1:1-2"], {"1": 9}, r"adata.var_names = adata.var_names.str.removeprefix\('chr'\)\.$"),
        (["1:1-2", "Q:1-2"], {"chr1": 9}, r"'chr' \+ adata.var_names\. Then drop the peaks on 'Q'"),
        (["chr1:1-2", "chrQ:1-2"], {"chr1": 9}, r"no contig 'chrQ' \(it has 'chr1'\): 1 of 2 peaks, .*Drop these"),
        (["q:1-2"], {"chr1": 9}, "of another assembly or species"),
    ],
)
def test_unknown_contigs_come_with_what_helps(names, lengths, message):
    with pytest.raises(ValueError, match=message):
        check(names, lengths)


def test_the_renaming_names_the_users_column():
    with pytest.raises(ValueError, match=r"adata.var\['chrom'\] = 'chr' \+ adata.var\['chrom'\].astype\(str\)"):
        check(None, {"chr1": 9}, table(chrom=[1], start=[1], end=[2]))
    regions = read_regions(table(chrom=[1], start=[1], end=[2]))
    assert regions.column == "chrom"


def test_the_suggested_renaming_works():
    var = table(chrom=pd.Categorical([1, 2]), start=[1, 1], end=[2, 2])
    var["chrom"] = "chr" + var["chrom"].astype(str)
    check(None, {"chr1": 9, "chr2": 9}, var)
    var["chrom"] = var["chrom"].astype(str).str.removeprefix("chr")
    check(None, {"1": 9, "2": 9}, var)
