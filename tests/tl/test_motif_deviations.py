import anndata as ad
import numpy as np
import pytest
from scipy import sparse

import scbasset_tl as sb
from scbasset_tl.genome import Motif, encode
from scbasset_tl.genome.scan import BACKGROUND, scan
from scbasset_tl.stats.deviations import background_peaks, deviations


@pytest.fixture
def motifs(rng):
    planted = np.full((8, 4), 0.02) + 0.92 * np.eye(4)[encode("GATAAGTC")]
    return [Motif("M1", "A", planted), Motif("M2", "B", rng.dirichlet(np.ones(4), 7))]


def test_scores_follow_from_matches_counts_and_backgrounds(tiny, motifs):
    """The parts put together by hand; one peak is open nowhere, and the matrix holds counts."""
    counts = tiny.X.toarray()
    counts[:, 5] = 0
    tiny.X = sparse.csr_matrix(counts)
    sb.tl.motif_deviations(tiny, motifs, p_value=2e-3, width=100, n_background=8, rng=3)
    found = sb.get.motif_deviations(tiny)
    peaks = np.delete(np.arange(90), 5)
    codes = tiny.varm["dna_code"][peaks, 46:146]
    opened = (counts[:, peaks] > 0).T.astype(float)
    hits = scan([motif.pwm for motif in motifs], codes, p_value=2e-3, background=BACKGROUND)
    has_motif = np.zeros((89, 2))
    has_motif[hits.sequence, hits.motif] = 1
    assert 20 < has_motif[:, 0].sum() < 80
    gc = np.isin(codes, [1, 2]).mean(1)
    similar = background_peaks(gc, opened.sum(1), 8, np.random.default_rng(3))
    expected = deviations(sparse.csr_matrix(opened), sparse.csr_matrix(has_motif), similar)
    np.testing.assert_allclose(found.to_numpy(), expected, rtol=1e-6)
    assert list(found) == ["A", "B"]
    assert found.index.equals(tiny.obs_names)


def test_cells_that_open_peaks_with_a_motif_score_higher(tiny, motifs):
    sb.tl.motif_deviations(tiny, motifs)
    scores = sb.get.motif_deviations(tiny)
    kinds = scores["A"].groupby(tiny.obs["kind"]).mean()
    assert abs(kinds["a"] - kinds["b"]) > 2


def test_a_motif_without_a_match_is_nan(tiny, motifs):
    rare = Motif("M3", "C/D", np.eye(4)[encode("ACG")])  # its p-values are never that small
    sb.tl.motif_deviations(tiny, [*motifs, rare])
    scores = sb.get.motif_deviations(tiny)
    assert scores["C/D"].isna().all()
    assert scores["A"].notna().all()


def test_slots_copies_and_files(tiny, motifs, tmp_path):
    other = sb.tl.motif_deviations(tiny, motifs, key_added="chromvar", copy=True)
    assert "chromvar" not in tiny.obsm
    assert sb.tl.motif_deviations(tiny, motifs) is None
    expected = sb.get.motif_deviations(tiny)
    assert sb.get.motif_deviations(other, key="chromvar").equals(expected)
    other.write_h5ad(tmp_path / "x.h5ad")
    assert sb.get.motif_deviations(ad.read_h5ad(tmp_path / "x.h5ad"), key="chromvar").equals(expected)
    assert sb.get.motif_deviations(tiny[3:9]).equals(expected[3:9])
    del tiny.obsm["motif_deviations"]
    with pytest.raises(KeyError, match="is gone: run tl.motif_deviations again"):
        sb.get.motif_deviations(tiny)


def test_kmers_are_scored_as_motifs_that_match_exactly(tiny):
    """Each k-mer as a motif of its letters, with a threshold that only its own match passes."""
    sb.tl.motif_deviations(tiny, kmers=4, n_background=6, rng=1)
    found = sb.get.motif_deviations(tiny)
    assert found.shape == (60, 136)
    some = ["AAGT", "CGCG", "GATA"]
    motifs = [Motif(name, name, np.full((4, 4), 0.001) + 0.996 * np.eye(4)[encode(name)]) for name in some]
    sb.tl.motif_deviations(tiny, motifs, p_value=0.006, n_background=6, rng=1, key_added="motifs")
    expected = sb.get.motif_deviations(tiny, key="motifs")
    np.testing.assert_allclose(found[some], expected, rtol=1e-5)
    assert found.isna().to_numpy().mean() < 0.1


def test_kmers_of_the_planted_site_stand_out(tiny):
    sb.tl.motif_deviations(tiny, kmers=6)
    scores = sb.get.motif_deviations(tiny)
    assert scores.shape[1] == 2080
    means = scores.groupby(tiny.obs["kind"].to_numpy()).mean()
    apart = (means.loc["a"] - means.loc["b"]).abs().dropna()
    # words of GATAAGTC, each named by the first of both strands
    assert apart[["CTTATC", "ACTTAT", "GACTTA"]].max() > apart.quantile(0.99)
    assert tiny.uns["motif_deviations"]["params"]["kmers"] == 6


def test_what_cannot_be_scored_is_refused_in_words(tiny, motifs):
    with pytest.raises(ValueError, match=r"kmers=6 are longer than the 4 bp of each peak .* raise width= \(now 4\)"):
        sb.tl.motif_deviations(tiny, kmers=6, width=4)
    tiny.X = sparse.csr_matrix(tiny.shape, dtype=np.float32)
    for call in ({"motifs": motifs}, {"kmers": 3}):
        with pytest.raises(ValueError, match="adata.X has 0 peaks with open entries; at least 2"):
            sb.tl.motif_deviations(tiny, **call)
