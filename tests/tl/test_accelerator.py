"""Verbs that read sequences: on which device, and without TF32."""

import pytest
import torch

import scbasset_tl as sb
from scbasset_tl.nn.precision import no_tf32


@pytest.fixture
def calls(trained, tmp_path):
    fasta = sb.datasets.toy_genome(tmp_path / "toy.fa", n_vars=80)
    with sb.genome.Fasta(fasta) as genome:
        ref = sb.genome.decode(genome.codes("chr1", 100, 101))
    variants = tmp_path / "one.vcf"
    variants.write_text(f"#CHROM\tPOS\tID\tREF\tALT\nchr1\t101\t.\t{ref}\t{'A' if ref != 'A' else 'C'}\n")
    motif = sb.genome.Motif("M1", "TF1", trained.uns["toy"]["motifs"]["pwm"][0])
    few = {"n_background": 10, "n_null": 0}
    return {
        "ism": lambda accelerator: sb.tl.ism(trained, [0], window=5, accelerator=accelerator),
        "gradient": lambda accelerator: sb.tl.ism(trained, [0], window=5, method="gradient", accelerator=accelerator),
        "tf_activity": lambda accelerator: sb.tl.tf_activity(trained, motif, **few, accelerator=accelerator),
        "variants": lambda accelerator: sb.tl.variant_effect(
            trained, variants, fasta, windows="variant", accelerator=accelerator
        ),
        "sequences": lambda accelerator: sb.get.accessibility(
            trained, sequences={"a": "A" * 192}, accelerator=accelerator
        ),
        "peaks again": lambda accelerator: sb.metrics.accessibility_auc(
            trained, split=None, average="none", accelerator=accelerator
        ),
        "design": lambda accelerator: sb.tl.design(
            trained, groupby="cell_type", group="type_1", n_sequences=1, n_rounds=1, window=4, accelerator=accelerator
        ),
    }


NAMES = ("ism", "gradient", "tf_activity", "variants", "sequences", "peaks again", "design")


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_device_is_refused(calls, name):
    with pytest.raises(ValueError, match="accelerator"):
        calls[name]("tpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("name", NAMES)
def test_a_missing_gpu_is_said(calls, name):
    with pytest.raises(ValueError, match="pass accelerator='cpu'"):
        calls[name]("gpu")


@pytest.mark.parametrize("name", NAMES)
def test_tf32_is_off_while_the_network_reads(calls, name, monkeypatch):
    conv2d, seen = torch.nn.Conv2d.forward, []

    def spy(self, x):
        seen.append(_tf32())
        return conv2d(self, x)

    monkeypatch.setattr(torch.nn.Conv2d, "forward", spy)
    assert _tf32()
    calls[name]("cpu")
    assert seen
    assert not any(seen)
    assert _tf32()


def test_tf32_is_back_after_an_error():
    def fails():
        with no_tf32():
            assert not _tf32()
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert _tf32()


def _tf32():
    convolution = getattr(torch.backends.cudnn, "conv", None)
    return torch.backends.cudnn.allow_tf32 if convolution is None else convolution.fp32_precision == "tf32"
