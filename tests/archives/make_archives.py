"""Write the archives of this folder: one of each kind of result, with the package at the commit that README.md names.

python make_archives.py FOLDER
"""

import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd

import scbasset_tl as sb
from scbasset_tl.genome import discover
from scbasset_tl.nn.latent_diffusion import DiffusionConfig

FOLDER = Path(sys.argv[1])
SMALL = {"trunk": 4, "n_latent": 6, "max_epochs": 2, "accelerator": "cpu"}


def found_patterns(codes, contributions, arguments):
    """Two patterns in place of modisco-lite, which finds none in so few peaks."""
    pwm = np.full((2, 10, 4), 0.1, dtype=np.float32)
    pwm[0, :, 0] = pwm[1, :, 2] = 0.7
    return [discover.Pattern(number == 0, 40 - number, part, part - 0.25) for number, part in enumerate(pwm)]


def main() -> None:
    work = Path(tempfile.mkdtemp())
    sb.settings.verbosity = 0
    DiffusionConfig.__init__.__defaults__ = (32, 30, (), 16, 2, "mlp", "linear", 1000, "x0")  # networks of a few kB
    fasta = sb.datasets.toy_genome(work / "toy.fa", n_vars=60)
    adata = sb.datasets.toy(n_obs=40, n_vars=60, n_batches=2)
    for name in ("toy_sites", "toy_effect", "toy_batch_effect"):
        del adata.varm[name]
    pwms = adata.uns.pop("toy")["motifs"]["pwm"][:3]
    motifs = [sb.genome.Motif(f"M{number}", f"TF{number}", pwm) for number, pwm in enumerate(pwms)]
    adata.uns["motif_pwms"] = np.array(pwms)  # the tests draw with them
    query = adata[:15].copy()
    query.obs_names = [f"query{number}" for number in range(15)]
    del query.obs["cell_type"]
    genes = pd.DataFrame({
        "gene": ["near", "other"],
        "chr": adata.var["chr"].astype(str).iloc[[3, 20]].to_numpy(),
        "tss": adata.var["end"].iloc[[3, 20]].to_numpy() + 200,
    })  # fmt: skip
    regions = work / "universe.bed"
    adata.var[["chr", "start", "end"]].iloc[::2].to_csv(regions, sep="\t", header=False, index=False)
    with sb.genome.Fasta(fasta) as genome:
        chrom, middle = str(adata.var["chr"].iloc[5]), int(adata.var["start"].iloc[5]) + 200
        ref = str(sb.genome.decode(genome.codes(chrom, middle, middle + 1)))
    others = sorted(set("ACGT") - {ref})
    variants = pd.DataFrame({
        "chr": chrom, "pos": [middle + 1, middle + 1, 5], "ref": [ref, ref, "N"], "alt": [*others[:2], "A"]
    })  # fmt: skip

    sb.pp.filter_peaks(adata)
    sb.pp.split_peaks(adata, by="peak", rng=1)
    sb.pp.downsample(adata, 0.5)
    sb.pp.shuffle_labels(adata)
    sb.tl.scbasset(adata, batch_key="batch", rng=1, **SMALL)
    sb.tl.scbasset(adata, key_added="second", rng=2, **SMALL)
    sb.tl.denoise(adata, dtype="float16")
    sb.tl.denoised_pca(adata, n_comps=4)
    sb.tl.gene_scores(adata, genes)
    sb.tl.gene_scores(adata, genes, kind="raw")
    sb.tl.tf_activity(adata, motifs, groupby="cell_type", n_background=10, n_null=20)
    sb.tl.ism(adata, [0, 1], window=40)
    sb.tl.ism(adata, [2], window=30, key="second", key_added="ism_second")
    sb.tl.motif_hits(adata, [0, 1, 2, 3], motifs, groupby="cell_type", p_value=0.01)
    sb.tl.variant_effect(adata, variants, fasta)
    discover.find_patterns = found_patterns
    sb.tl.modisco(adata, motifs=motifs, groupby="cell_type", n_regions=5)
    sb.pp.tokenize_regions(adata)
    sb.tl.scembed(adata, n_latent=4, max_epochs=1, min_count=1)
    sb.pp.tokenize_regions(adata, regions, key_added="half_tokens")
    sb.tl.scembed(adata, n_latent=4, max_epochs=1, min_count=1, tokens_key="half_tokens", key_added="half_scembed")
    sb.tl.atac_diff(
        adata, condition_keys="cell_type", max_steps=10, n_components=3, n_latent=4, hidden=16, accelerator="cpu"
    )
    sb.tl.impute(adata, n_samples=1, steps=3, layer="imputed", accelerator="cpu")
    made = sb.tl.generate(adata, 12, condition={"cell_type": "type_1"}, steps=3, accelerator="cpu")
    sb.tl.map_cells(query, adata)
    sb.tl.project_cells(query, adata)
    sb.tl.annotate(query, adata, label_key="cell_type", k=5)
    del query.varm["dna_code"]
    objects = {"data": adata, "query": query, "generated": made}
    for name, data in objects.items():
        data.write_h5ad(FOLDER / f"{name}.h5ad")
        data.write_zarr(work / name)
        with zipfile.ZipFile(FOLDER / f"{name}.zarr.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as zipped:
            for file in sorted(path for path in (work / name).rglob("*") if path.is_file()):
                zipped.write(file, file.relative_to(work / name))
    md.MuData({"atac": adata, "query": query}).write_h5mu(FOLDER / "data.h5mu")
    shutil.rmtree(work)


if __name__ == "__main__":
    print(ad.__version__, md.__version__)
    main()
