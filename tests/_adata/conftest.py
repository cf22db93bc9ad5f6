"""Data with one result of every kind, and the call that makes each."""

from importlib.util import find_spec

import pandas as pd
import pytest

import scbasset_tl as sb
from scbasset_tl._adata import kinds
from scbasset_tl.genome import Motif, discover

SMALL = {"trunk": 4, "n_latent": 6, "max_epochs": 1, "accelerator": "cpu"}
KINDS = [kind for kind in kinds.KINDS if kind is not kinds.MODISCO or find_spec("modiscolite") is not None]


def two_patterns(codes, contributions, arguments):
    """Patterns in place of those of modisco-lite, which finds none in so few peaks."""
    pwm = pd.DataFrame({"A": [0.7] * 8, "C": 0.1, "G": 0.1, "T": 0.1}).to_numpy()
    return [discover.Pattern(number == 0, 40, part, part - 0.25) for number, part in enumerate((pwm, pwm[:, ::-1]))]


class Calls:
    """The call that makes each kind of result, by its default name; ``key_added`` and the like as arguments."""

    def __init__(self, folder):
        self.fasta = sb.datasets.toy_genome(folder / "toy.fa", n_vars=60)
        self.data = sb.datasets.toy(n_obs=40, n_vars=60)
        self.data.obs["kind"] = self.data.obs.pop("cell_type")
        pwms = self.data.uns.pop("toy")["motifs"]["pwm"][:2]
        self.motifs = [Motif(f"M{number}", f"TF{number}", pwm) for number, pwm in enumerate(pwms)]
        var = self.data.var.iloc[[3, 20]]
        chrom = var["chr"].astype(str).to_numpy()
        self.genes = pd.DataFrame({"gene": ["a", "b"], "chr": chrom, "tss": var["end"].to_numpy() + 200})
        start = int(var["start"].iloc[0] + var["end"].iloc[0]) // 2
        with sb.genome.Fasta(self.fasta) as genome:
            ref = str(sb.genome.decode(genome.codes(chrom[0], start, start + 1)))
        alt = min(set("ACGT") - {ref})
        self.variants = pd.DataFrame({"chr": chrom[:1], "pos": start + 1, "ref": ref, "alt": alt})
        for name in ("toy_sites", "toy_effect"):
            del self.data.varm[name]

    def __call__(self, data, name, **arguments):
        """Make the result ``name`` in ``data``."""
        groups = {"groupby": "kind"}
        {
            "dna_code": lambda **k: sb.pp.add_sequences(data, self.fasta, seq_len=192, **k),
            "downsample_counts": lambda **k: sb.pp.downsample_counts(data, 0.5, **k),
            "shuffle_accessibility": lambda **k: sb.pp.shuffle_accessibility(data, **k),
            "tokens": lambda **k: sb.pp.tokenize_regions(data, data.var.iloc[::2], **k),
            "scembed": lambda **k: sb.tl.scembed(data, n_latent=4, max_epochs=1, min_count=1, **k),
            "scbasset": lambda **k: sb.tl.scbasset(data, **{"rng": 1, **SMALL, **k}),
            "denoise": lambda **k: sb.tl.denoise(data, **k),
            "scbasset_decoder": lambda **k: sb.tl.fit_decoder(data, **k),
            "rank_peaks_groups": lambda **k: sb.tl.rank_peaks_groups(data, "kind", **k),
            "rank_peaks_groups_raw": lambda **k: sb.tl.rank_peaks_groups(data, "kind", kind="raw", **k),
            "lsi": lambda **k: sb.tl.lsi(data, n_latent=3, **k),
            "denoised_pca": lambda **k: sb.tl.denoised_pca(data, n_comps=3, **k),
            "gene_scores": lambda **k: sb.tl.gene_scores(data, self.genes, **k),
            "gene_scores_raw": lambda **k: sb.tl.gene_scores(data, self.genes, kind="raw", **k),
            "cell_type": lambda **k: sb.tl.annotate(data, data, label_key="kind", k=5, **k),
            "tf_activity": lambda **k: sb.tl.tf_activity(data, self.motifs, n_background=10, n_null=0, **k),
            "motif_deviations": lambda **k: sb.tl.motif_deviations(data, self.motifs, n_background=2, **k),
            "variant_effect": lambda **k: sb.tl.variant_effect(data, self.variants, self.fasta, **k),
            "ism": lambda **k: sb.tl.ism(data, [0, 1], window=20, **k),
            "motif_hits": lambda **k: sb.tl.motif_hits(data, [0, 1], self.motifs, p_value=0.01, **k),
            "modisco": lambda **k: sb.tl.modisco(data, motifs=self.motifs, n_regions=4, **groups, **k),
            "design": lambda **k: sb.tl.design(
                data, group="type_1", n_sequences=1, n_rounds=1, window=10, **groups, **k
            ),
            "atac_diff": lambda **k: sb.tl.atac_diff(
                data, **{"max_steps": 6, "n_components": 2, "n_latent": 3, "accelerator": "cpu", **k}
            ),
            "atac_diff_imputed": lambda **k: sb.tl.impute(data, n_samples=1, steps=2, accelerator="cpu", **k),
            "atac_diff_generated": lambda: data.uns.update(
                sb.tl.generate(data, 5, steps=2, accelerator="cpu").uns
            ),  # the entry of new cells
        }[name](**arguments)

    def everything(self):
        """Data with all of them."""
        data = self.data.copy()
        for kind in KINDS:
            self(data, kind.default)
        return data


@pytest.fixture(scope="session")
def calls(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setattr(discover, "find_patterns", two_patterns)
    yield Calls(tmp_path_factory.mktemp("calls"))
    patch.undo()


@pytest.fixture(scope="session")
def _everything(calls):
    with sb.settings.override(verbosity=0):
        return calls.everything()


@pytest.fixture
def everything(_everything):
    """60 peaks × 40 cells with every kind of result under its default name; a copy of the test's own."""
    return _everything.copy()
