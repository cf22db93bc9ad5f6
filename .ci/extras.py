"""Call what an extra of pyproject.toml is for, on made data: ``python .ci/extras.py modisco``."""

import os
import sys
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory


def sure(right: bool, message: str) -> None:  # noqa: FBT001
    """End with ``message`` unless ``right``."""
    if not right:
        sys.exit(message)


def cluster() -> object:
    """Clusters of cells, as many as there are types."""
    import scbasset_tl as sb

    adata = sb.datasets.toy(n_obs=200, n_vars=1000, depth=300)
    sb.tl.lsi(adata)
    scores = sb.metrics.clustering_scores(adata, label_key="cell_type", use_rep="X_lsi")
    sure(scores["n_clusters"] > 1, f"no clusters: {scores}")
    return scores


def hub() -> object:
    """A model in the cache of the Hugging Face Hub, found there by its name without a network."""
    import torch

    import scbasset_tl as sb

    snapshot = Path("models--made--model/snapshots/" + "0" * 40)
    snapshot.mkdir(parents=True)
    refs = snapshot.parents[1] / "refs"
    refs.mkdir()
    (refs / "main").write_text(snapshot.name)
    torch.save({"projection.weight": torch.ones(9, 4)}, snapshot / "checkpoint.pt")
    (snapshot / "config.yaml").write_text("vocab_size: 9\nembedding_dim: 4\n")
    (snapshot / "universe.bed").write_text("chr1\t0\t100\nchr1\t200\t300\n")
    found = sb.io.read_geniml("made/model").vectors.shape
    sure(found == (2, 4), f"vectors of shape {found}, not (2, 4)")
    return found


def modisco() -> object:
    """Motifs that recur among attributions."""
    import scbasset_tl as sb

    adata = sb.datasets.toy(n_obs=200, n_vars=1000, depth=300)
    sb.tl.scbasset(adata, trunk=16, max_epochs=12)
    sb.tl.modisco(adata, n_regions=200, sliding_window_size=16, flank_size=4, n_leiden_runs=1)
    found = sb.get.modisco(adata)
    sure(len(found) > 0, "no motif recurs")
    return len(found), "motifs"


def motifs() -> object:
    """A collection of JASPAR by its name."""
    import scbasset_tl as sb

    found = sb.io.read_motifs("jaspar2024-vertebrates")
    sure(len(found) >= 500, f"{len(found)} motifs only")
    return len(found), found[0]


def tokens() -> object:
    """A Parquet file, written and read."""
    import scbasset_tl as sb

    adata = sb.datasets.toy(n_obs=60, n_vars=200)
    sb.io.write_tokens(adata, "tokens.parquet")
    found = sb.io.read_tokens("tokens.parquet", n_regions=200)
    sure((found != (adata.X != 0)).sum() == 0, "other tokens were read than were written")
    return found.shape


if __name__ == "__main__":
    name = sys.argv[1]
    with TemporaryDirectory() as folder, chdir(folder):
        os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": folder}
        print(name, {"cluster": cluster, "hub": hub, "modisco": modisco, "motifs": motifs, "tokens": tokens}[name]())
