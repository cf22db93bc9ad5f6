"""Variant effects against full evaluation of windows cut from edited contigs, base by base, in float64."""

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
import torch

import scbasset_tl as sb
from scbasset_tl._adata.model.store import read_network, write_model
from scbasset_tl.genome import encode, reverse_complement
from scbasset_tl.nn.codes import one_hot
from scbasset_tl.nn.trunk import Trunk, TrunkConfig

SEQ_LEN, N_LATENT, N_OBS = 192, 6, 10
OTHER = {"A": "C", "C": "G", "G": "T", "T": "A"}


@pytest.fixture(scope="module")
def contigs():
    draw = np.random.default_rng(3)
    return {name: "".join(draw.choice(list("ACGT"), n)) for name, n in (("chr1", 900), ("chr2", 150))}


@pytest.fixture
def fasta(contigs, tmp_path):
    path = tmp_path / "genome.fa"
    path.write_text("".join(f">{name}\n{letters}\n" for name, letters in contigs.items()))
    return path


@pytest.fixture
def model(fasta):
    """Peaks at both ends of the contigs, some with overlapping windows, and an untrained network."""
    adata = ad.AnnData(np.ones((N_OBS, 5), dtype=np.float32))
    adata.obs_names = [f"cell{i}" for i in range(N_OBS)]
    adata.var_names = ["chr1:0-100", "chr1:300-420", "chr1:350-470", "chr1:800-900", "chr2:40-120"]
    adata.obs["kind"] = pd.Categorical(["a", "b", "c", "a", "b"] * 2)
    sb.pp.add_sequences(adata, fasta, seq_len=SEQ_LEN)
    draw, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
    trunk = Trunk(TrunkConfig.of_width(4, seq_len=SEQ_LEN, n_latent=N_LATENT), generator)
    for name, tensor in trunk.state_dict().items():
        if name.endswith(("running_mean", "bias")):
            tensor.normal_(0, 0.3, generator=generator)
        elif name.endswith("running_var"):
            tensor.uniform_(0.5, 2, generator=generator)
    head = {"cell_embedding": draw.normal(size=(N_OBS, N_LATENT)), "cell_bias": draw.normal(size=N_OBS)}
    peaks = draw.normal(size=(5, N_LATENT))
    write_model(adata, None, trunk=trunk, peak_embedding=peaks, params={}, history={}, **head)
    return adata


def peak_starts(adata):
    regions = [name.replace(":", "-").split("-") for name in adata.var_names]
    return [(chrom, (int(start) + int(end)) // 2 - SEQ_LEN // 2) for chrom, start, end in regions]


def window(contig, start):
    """Letters of a window, N outside the contig."""
    return "".join(contig[i] if 0 <= i < len(contig) else "N" for i in range(start, start + SEQ_LEN))


def moved(rows, by):
    """Rows of codes by so many places to the right, N (4) for what comes in."""
    filled = np.pad(rows, ((0, 0), (3, 3)), constant_values=4)
    return filled[:, 3 - by : 3 - by + rows.shape[1]]


def naive_change(trunk, contig, start, left, ref, alt, average):
    """Latent change of one variant in the window from ``left`` on."""
    assert contig[start:].startswith(ref)
    edited = contig[:start] + alt + contig[start + len(ref) :]
    pair = np.array([encode(window(letters, left)) for letters in (contig, edited)])
    strands = [pair] if average == "none" else [pair, reverse_complement(pair)]
    shifts = range(-3, 4) if average == "strands_shifts" else [0]
    codes = [moved(part, by) for part in strands for by in shifts]
    with torch.no_grad():
        changes = [trunk(one_hot(torch.tensor(part.copy())).double()).diff(dim=0)[0] for part in codes]
    return torch.stack(changes).mean(0).numpy()


def places(contigs, adata):
    """0-based positions of every kind: contig ends, window ends, in between, in two windows, in none."""
    found = []
    for chrom, left in peak_starts(adata):
        inside = [left, left + 1, left + 60, left + SEQ_LEN // 2, left + SEQ_LEN - 2, left + SEQ_LEN - 1]
        found += [(chrom, position) for position in inside]
    found += [("chr1", 0), ("chr1", 899), ("chr2", 0), ("chr2", 149), ("chr1", 650)]
    return sorted({(chrom, at) for chrom, at in found if 0 <= at < len(contigs[chrom])})


def table(rows):
    return pd.DataFrame(rows, columns=["chrom", "start", "ref", "alt"])


KINDS = {
    "SNV": lambda ref: (ref[:1], OTHER[ref[0]]),
    "MNV": lambda ref: (ref[:4], "".join(OTHER[base] for base in ref[:4])),
    "insertion": lambda ref: (ref[:1], ref[0] + "ACGTTGA"),
    "long insertion": lambda ref: (ref[:1], ref[0] + "ACGTTGACCA" * 30),
    "deletion": lambda ref: (ref[:7], ref[:1]),
    "long deletion": lambda ref: (ref[:90], ref[:1]),
    "delins": lambda ref: (ref[:5], "GGT" if ref[:5] != "GGT" else "AAC"),
}


@pytest.mark.parametrize("average", ["none", "strands", "strands_shifts"])
@pytest.mark.parametrize("windows", ["peaks", "variant"])
def test_equals_full_evaluation_of_edited_contigs(model, fasta, contigs, windows, average):
    rows = []
    for chrom, at in places(contigs, model):
        for kind in KINDS.values():
            ref, alt = kind(contigs[chrom][at : at + 100])
            if ref != alt:
                rows.append((chrom, at, ref, alt))
    rows = list(dict.fromkeys(rows))  # near the end of a contig, short alleles coincide
    sb.tl.variant_effect(model, table(rows), fasta, windows=windows, average=average)
    entry, trunk = model.uns["variant_effect"], read_network(model).trunk().double()
    naive, columns = [], []
    for chrom, at, ref, alt in rows:
        if windows == "variant":
            lefts = [("", at + len(ref) // 2 - SEQ_LEN // 2)]
        else:
            lefts = [(name, left) for name, (other, left) in zip(model.var_names, peak_starts(model), strict=True)
                     if other == chrom and left <= at and at + len(ref) <= left + SEQ_LEN]  # fmt: skip
        for peak, left in lefts:
            naive.append(naive_change(trunk, contigs[chrom], at, left, ref, alt, average))
            columns.append((chrom, at + 1, ref, alt, peak, at - left))
    found = sb.get.variant_effect(model)
    assert list(found[["chrom", "pos", "ref", "alt", "peak", "offset"]].itertuples(index=False, name=None)) == columns
    assert entry["delta"].dtype == np.float32
    np.testing.assert_allclose(entry["delta"], np.array(naive), atol=2e-6)
    logits = np.array(naive) @ model.obsm["X_scbasset"].T.astype(float)
    np.testing.assert_allclose(found[list(model.obs_names)], logits, atol=1e-5)
    skipped = sb.get.variant_effect(model, skipped=True)
    assert len(skipped) + found.drop_duplicates(["chrom", "pos", "ref", "alt"]).shape[0] == len(rows)
    if windows == "peaks":
        assert set(skipped["reason"]) == {"in no peak's window of 192 bp"}
        assert (found["peak"] == "chr1:350-470").any()


def test_chunks_do_not_matter(model, fasta, contigs, monkeypatch):
    from scbasset_tl._adata.sequence import variant_effect as pairing

    rows = [(c, p, contigs[c][p], OTHER[contigs[c][p]]) for c, p in places(contigs, model)]
    rows += [(c, p, contigs[c][p : p + 3], contigs[c][p]) for c, p in places(contigs, model) if p < 140]
    sb.tl.variant_effect(model, table(rows[::-1]), fasta)
    whole = model.uns["variant_effect"]["delta"]
    monkeypatch.setattr(pairing, "_AT_ONCE", 3)
    sb.tl.variant_effect(model, table(rows[::-1]), fasta)
    np.testing.assert_allclose(model.uns["variant_effect"]["delta"], whole, atol=1e-6)


def test_a_change_behind_the_window_is_no_change(model, fasta, contigs):
    """An allele that differs only where it no longer fits."""
    left = peak_starts(model)[1][1]
    last = left + SEQ_LEN - 1
    base = contigs["chr1"][last]
    rows = [("chr1", last, base, base + "TTT")]
    sb.tl.variant_effect(model, table(rows), fasta)
    found = sb.get.variant_effect(model, groupby="kind")
    inside = found["peak"] == "chr1:300-420"
    assert (found.loc[inside, ["a", "b", "c"]] == 0).all(axis=None)
    assert (found.loc[~inside, ["a", "b", "c"]] != 0).all(axis=None)


@pytest.fixture
def scored(model, fasta, tmp_path, contigs):
    """Two alternatives of one record, a symbolic one, one outside all windows; read from a VCF."""
    at, base = 380, contigs["chr1"][380]
    alts = f"{OTHER[base]},{base}TT,<DEL>"
    path = tmp_path / "x.vcf"
    path.write_text(f"##\nchr1\t{at + 1}\trs1\t{base.lower()}\t{alts}\n1\t651\t.\t{contigs['chr1'][650]}\tN\n"
                    f"1\t651\tfar\t{contigs['chr1'][650]}\t{OTHER[contigs['chr1'][650]]}\n")  # fmt: skip
    sb.tl.variant_effect(model, path, fasta)
    return model


def test_skipped_variants_are_listed_and_counted(scored, capsys, fasta, contigs):
    found = sb.get.variant_effect(scored, groupby="kind")
    assert found["id"].tolist() == ["rs1"] * 4
    assert found["peak"].tolist() == ["chr1:300-420", "chr1:350-470"] * 2
    skipped = sb.get.variant_effect(scored, skipped=True)
    assert skipped["id"].tolist() == ["rs1", ".", "far"]
    assert skipped["reason"].tolist() == [
        "symbolic allele or breakend",
        "allele with a letter other than A, C, G, T",
        "in no peak's window of 192 bp",
    ]
    assert skipped["pos"].tolist() == [381, 651, 651]
    base = contigs["chr1"][650]
    rows = [("chr1", 650, base, OTHER[base]), ("chr1", 20, contigs["chr1"][20], "AACC")]
    with sb.settings.override(verbosity=2):
        sb.tl.variant_effect(scored, table(rows), fasta)
    assert (
        "1 of 2 variants, in 1 windows; skipped: 1 in no peak's window of 192 bp (get.variant_effect"
        in capsys.readouterr().err
    )
    with sb.settings.override(verbosity=2):
        sb.tl.variant_effect(scored, table(rows), fasta, windows="variant")
    assert "2 of 2 variants, in 2 windows\n" in capsys.readouterr().err
    assert sb.get.variant_effect(scored, skipped=True).empty


def test_groups_contrast_and_cells(scored):
    cells = sb.get.variant_effect(scored)
    groups = sb.get.variant_effect(scored, groupby="kind")
    np.testing.assert_allclose(
        groups["a"], cells[list(scored.obs_names[scored.obs["kind"] == "a"])].mean(axis=1), rtol=1e-5
    )
    assert list(sb.get.variant_effect(scored, groupby="kind", groups=["c", "a"]))[-2:] == ["c", "a"]
    contrast = sb.get.variant_effect(scored, groupby="kind", contrast=("a", "c"))
    np.testing.assert_allclose(contrast["a - c"], groups["a"] - groups["c"], rtol=1e-4, atol=1e-6)
    assert list(sb.get.variant_effect(scored, obs=["cell3", "cell1"]))[-2:] == ["cell3", "cell1"]


@pytest.mark.parametrize("kind", ["h5ad", "zarr", "h5mu"])
@pytest.mark.parametrize("windows", ["peaks", "variant"])
def test_survives_files(scored, fasta, contigs, tmp_path, kind, windows):
    if windows == "variant":  # nothing is skipped
        base = contigs["chr1"][20]
        sb.tl.variant_effect(scored, table([("chr1", 20, base, OTHER[base])]), fasta, windows="variant")
    before = [sb.get.variant_effect(scored, groupby="kind", skipped=skipped) for skipped in (False, True)]
    path = tmp_path / f"x.{kind}"
    if kind == "h5mu":
        md.MuData({"atac": scored}).write_h5mu(path)
        read = md.read_h5mu(path)
    else:
        getattr(scored, f"write_{kind}")(path)
        read = ad.read_h5ad(path) if kind == "h5ad" else ad.read_zarr(path)
    for skipped, one in zip((False, True), before, strict=True):
        pd.testing.assert_frame_equal(sb.get.variant_effect(read, groupby="kind", skipped=skipped), one)


def test_containers_copy_view_and_key_added(scored, fasta, contigs):
    del scored.uns["variant_effect"]
    base = contigs["chr1"][380]
    rows = table([("chr1", 380, base, OTHER[base])])
    copied = sb.tl.variant_effect(scored, rows, fasta, key_added="mine", copy=True)
    assert "mine" not in scored.uns
    one = sb.get.variant_effect(copied, key="mine")
    view = scored[:, [1, 2]]
    sb.tl.variant_effect(view, rows, fasta)
    pd.testing.assert_frame_equal(sb.get.variant_effect(view), one)
    mdata = md.MuData({"peaks": scored})
    sb.tl.variant_effect(mdata, rows, fasta, mod="peaks")
    pd.testing.assert_frame_equal(sb.get.variant_effect(mdata, mod="peaks"), one)
    params = {"key": "scbasset", "fasta": "genome.fa", "windows": "peaks", "average": "strands"}
    assert view.uns["variant_effect"]["params"] == params


def test_windows_of_their_own_need_no_regions(scored, fasta, contigs):
    scored.var_names = [f"peak{i}" for i in range(5)]
    base = contigs["chr1"][650]
    rows = table([("chr1", 650, base, OTHER[base])])
    with pytest.raises(KeyError, match="its names are not"):
        sb.tl.variant_effect(scored, rows, fasta)
    sb.tl.variant_effect(scored, rows, fasta, windows="variant")
    assert sb.get.variant_effect(scored)["offset"].tolist() == [SEQ_LEN // 2]


def test_groups_named_as_other_columns_are_refused(scored):
    scored.obs["kind"] = scored.obs["kind"].cat.rename_categories({"a": "ref", "b": "pos"})
    with pytest.raises(ValueError, match=r"obs\['kind'\] has groups .* own columns, \['ref', 'pos'\]"):
        sb.get.variant_effect(scored, groupby="kind")
    assert list(sb.get.variant_effect(scored, groupby="kind", groups="c"))[-1] == "c"
    assert list(sb.get.variant_effect(scored, groupby="kind", contrast=("ref", "pos")))[-1] == "ref - pos"


def test_a_table_of_associations_is_scored_as_the_vcf_of_its_variants(model, fasta, contigs, tmp_path):
    """Both orders of the alleles give the change from reference to alternative, and the effect allele stays named."""
    places = [320, 330, 400, 850]
    refs = [contigs["chr1"][place - 1] for place in places]
    (tmp_path / "x.vcf").write_text(
        "".join(f"chr1\t{p}\trs{p}\t{ref}\t{OTHER[ref]}\n" for p, ref in zip(places, refs, strict=True))
    )
    effects = [OTHER[ref] if number % 2 else ref for number, ref in enumerate(refs)]
    others = [ref if number % 2 else OTHER[ref] for number, ref in enumerate(refs)]
    lines = zip(places, effects, others, strict=True)
    (tmp_path / "gwas.tsv").write_text(
        "chromosome\tbase_pair_location\teffect_allele\tother_allele\tbeta\trsid\n"
        + "".join(f"1\t{place}\t{effect}\t{other}\t0.1\trs{place}\n" for place, effect, other in lines)
    )
    sb.tl.variant_effect(model, tmp_path / "x.vcf", fasta)
    expected = sb.get.variant_effect(model, groupby="kind")
    sb.tl.variant_effect(model, tmp_path / "gwas.tsv", fasta)
    model.write_h5ad(tmp_path / "a.h5ad")
    found = sb.get.variant_effect(ad.read_h5ad(tmp_path / "a.h5ad"), groupby="kind")
    by_place = dict(zip(places, effects, strict=True))
    assert found["effect_allele"].tolist() == [by_place[place] for place in found["pos"]]
    assert "effect_allele" not in expected
    pd.testing.assert_frame_equal(found.drop(columns="effect_allele"), expected)
