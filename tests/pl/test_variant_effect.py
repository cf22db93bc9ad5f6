import anndata as ad
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import scbasset_tl as sb
from scbasset_tl._adata.kinds import VARIANT_EFFECT
from scbasset_tl._adata.results import find
from scbasset_tl._adata.sequence.variant_view import find_row, variant_view
from scbasset_tl.genome import Fasta, decode

SEQ_LEN = 192
KINDS = {"snv": (80, 1), "deletion": (70, 4), "insertion": (71, 1), "first": (0, 1), "last": (SEQ_LEN - 1, 1)}


@pytest.fixture(scope="module")
def _scored(tmp_path_factory):
    """A variant of each kind in one window; another window overlaps it."""
    fasta = sb.datasets.toy_genome(tmp_path_factory.mktemp("genome") / "toy.fa", n_vars=60)
    with sb.settings.override(verbosity=0):
        adata = sb.datasets.toy(n_obs=60, n_vars=60)
        sb.tl.scbasset(adata, trunk=4, max_epochs=1)
    peak = 2 + int((adata.varm["dna_code"][2:] < 4).all(axis=1).argmax())
    near = adata[:, [peak]].copy()
    near.var["start"] += 60
    near.var["end"] += 60
    near.var_names = ["near"]
    row = adata.var.iloc[peak]
    start = int(row["start"] + row["end"]) // 2 - SEQ_LEN // 2
    both = ad.concat([adata, near], axis=1, merge="same", uns_merge="first")
    rows = []
    for name, (offset, length) in KINDS.items():
        ref = decode(adata.varm["dna_code"][peak, offset : offset + length])
        other = "ACGT"[("ACGT".index(ref[0]) + 1) % 4]
        alt = {"deletion": ref[0], "insertion": ref + "GATTC"}.get(name, other)
        rows.append((row["chr"], start + offset + 1, ref, alt, name))
    variants = pd.DataFrame(rows, columns=["chr", "pos", "ref", "alt", "id"])
    with sb.settings.override(verbosity=0):
        sb.pp.add_sequences(both, fasta, seq_len=SEQ_LEN)
        sb.tl.variant_effect(both, variants, fasta)
    return both, fasta, adata.var_names[peak]


@pytest.fixture
def scored(_scored):
    return _scored[0].copy()


@pytest.fixture
def fasta(_scored):
    return _scored[1]


@pytest.fixture
def peak(_scored):
    return _scored[2]


@pytest.mark.parametrize(
    ("variant", "n_groups"),
    [("snv", 5), ("deletion", 2), ("insertion", 12), ("first", 12), ("last", 2), ("last", None)],
)
def test_nothing_is_cut_and_bars_are_the_effects(scored, fasta, peak, assert_nothing_cut, variant, n_groups):
    groupby = None
    if n_groups:
        scored.obs["group"] = pd.Categorical([f"a rather long name of group {i % n_groups}" for i in range(60)])
        groupby = "group"
    figure = sb.pl.variant_effect(scored, variant, fasta=fasta, groupby=groupby, peak=peak, return_fig=True)
    assert_nothing_cut(figure)
    top, bottom, right = figure.axes
    assert top.get_ylim() == bottom.get_ylim()
    found = sb.get.variant_effect(scored, groupby=groupby).iloc[
        find_row(find(scored, VARIANT_EFFECT, "variant_effect"), variant, peak)
    ]
    if n_groups:
        drawn = [bar.get_width() for bar in right.patches]
        np.testing.assert_allclose(drawn, found[list(scored.obs["group"].cat.categories)].astype(float), rtol=1e-4)
    else:
        assert sum(bar.get_height() for bar in right.patches) == scored.n_obs
    renderer = figure.canvas.get_renderer() if hasattr(figure.canvas, "get_renderer") else None
    for labels in (right.get_yticklabels(), right.get_xticklabels(), bottom.get_xticklabels()):
        boxes = [label.get_window_extent(renderer) for label in labels if label.get_text()]
        assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])


@pytest.mark.parametrize("variant", list(KINDS))
def test_view_aligns_both_sequences(scored, fasta, peak, variant):
    """Letters read back from the view are those around the variant; importance is minus the mean over the bases."""
    entry = find(scored, VARIANT_EFFECT, "variant_effect")
    row = find_row(entry, variant, peak)
    line = sb.get.variant_effect(scored, obs=[0]).iloc[row]
    vector = scored.obsm["X_scbasset"][0]
    with Fasta(fasta) as genome:
        view = variant_view(scored, entry, row, genome, vector, width=30)
        first = int(view.pos[view.pos > 0].min())
        letters = [decode(codes).replace("N", "") for codes in view.codes]
        contig = decode(genome.codes(line["chrom"], 0, genome.lengths[line["chrom"]]))
    at = line["pos"] - first
    assert contig[first - 1 :].startswith(letters[0])
    assert letters[1] == letters[0][:at] + line["alt"] + letters[0][at + len(line["ref"]) :]
    assert view.changed[1] - at == max(len(line["ref"]), len(line["alt"]))
    assert view.changed[0] - at == (1 if variant in ("deletion", "insertion") else 0)
    assert (view.importance[view.codes == 4] == 0).all()
    assert (view.codes[:, : at + 1] < 4).all()
    ism = sb.get.ism(scored, regions=[line["peak"]], obs=[0])
    raw = dict(zip(ism.start[0] + 1 + np.arange(SEQ_LEN), ism.importance[0, 0], strict=True))
    known = view.pos > 0
    np.testing.assert_allclose(view.importance[0, known], [raw[position] for position in view.pos[known]], atol=1e-6)


def test_variants_are_found_by_row_id_and_name(scored):
    entry = find(scored, VARIANT_EFFECT, "variant_effect")
    rows = sb.get.variant_effect(scored, obs=[0])
    central = find_row(entry, "snv", None)
    assert rows.loc[central, "offset"] == 80  # at 80 of 192 in one window, at 20 in the other
    line = rows.loc[central]
    assert find_row(entry, f"{line['chrom']}:{line['pos']}:{line['ref']}>{line['alt']}", None) == central
    assert rows.loc[find_row(entry, "snv", "near"), "offset"] == 20
    assert find_row(entry, 3, None) == 3
    for bad in (len(rows), -1):
        with pytest.raises(KeyError, match=f"0 to {len(rows) - 1}"):
            find_row(entry, bad, None)
    with pytest.raises(KeyError, match="was scored in the windows of"):
        find_row(entry, "snv", "nowhere")
    with pytest.raises(KeyError, match="'rs9' is not among those that were scored, such as"):
        find_row(entry, "rs9", None)


def test_the_group_of_the_largest_effect_is_drawn_by_default(scored, fasta):
    effect = sb.get.variant_effect(scored, groupby="cell_type").iloc[0][list(scored.obs["cell_type"].cat.categories)]
    largest = effect.astype(float).abs().idxmax()
    figure = sb.pl.variant_effect(scored, 0, fasta=fasta, groupby="cell_type", return_fig=True)
    assert largest in figure.get_supylabel()
    figure = sb.pl.variant_effect(scored, 0, fasta=fasta, groupby="cell_type", logo_group="type_3", return_fig=True)
    assert "type_3" in figure.get_supylabel()
    with pytest.raises(KeyError, match="'type_9' is not among the groups"):
        sb.pl.variant_effect(scored, 0, fasta=fasta, groupby="cell_type", logo_group="type_9", show=False)
    with pytest.raises(ValueError, match="logo_group='type_3'.*groupby="):
        sb.pl.variant_effect(scored, 0, fasta=fasta, logo_group="type_3", show=False)


def test_too_many_groups_are_refused(scored, fasta):
    scored.obs["each"] = pd.Categorical(scored.obs_names)
    with pytest.raises(ValueError, match=r"60 groups, too many to draw \(at most 40\).*groups="):
        sb.pl.variant_effect(scored, 0, fasta=fasta, groupby="each", show=False)
    figure = sb.pl.variant_effect(scored, 0, fasta=fasta, groupby="each", groups=["cell_1", "cell_7"], return_fig=True)
    assert len(figure.axes[2].patches) == 2


def test_shows_only_when_asked(scored, fasta, shown):
    import matplotlib.pyplot as plt

    assert isinstance(sb.pl.variant_effect(scored, 0, fasta=fasta, return_fig=True), Figure)
    assert plt.get_fignums() == []
    assert sb.pl.variant_effect(scored, 0, fasta=fasta).shape == (3,)
    assert shown == []
    assert sb.pl.variant_effect(scored, 0, fasta=fasta, show=True) is None
    assert len(shown) == 1
