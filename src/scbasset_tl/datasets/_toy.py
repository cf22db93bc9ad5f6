"""Single-cell accessibility that follows from planted motifs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scbasset_tl._docs import doc_params
from scbasset_tl._random import as_generator, draw_seed, recorded_seed
from scbasset_tl._validate import check_number, check_positive_int

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from scipy import sparse

    from scbasset_tl.datasets._simulate_cells import Cells
    from scbasset_tl.datasets._simulate_genome import Genome


@doc_params
def toy(
    *,
    n_obs: int = 600,
    n_vars: int = 4000,
    n_types: int = 5,
    n_batches: int = 1,
    depth: float = 50,
    peak_noise: float = 0.0,
    seq_len: int = 192,
    rng: int | np.random.Generator | None = 0,
) -> AnnData:
    """Cells × peaks whose accessibility follows from motifs planted in a made genome, and the answer beside them.

    A peak holds none, two or three sites of motifs 16 bp wide, on either strand, within 84 bp of its centre. The
    log-odds that it is open in a cell are ``base + log(depth) + toy_effect``: a constant, the cell's depth, and the sum
    of what its sites add in the cell's type. Each type has a motif of its own, and most share one with another type; a
    general motif acts in all types, and a repressor, planted beside the general motif, in half of them. The motifs have
    about 25 bits: chance matches in the background are too rare to matter and do not count.

    The defaults are hard for what reads no sequences: in TF-IDF + SVD, 0.65 to 0.9 of a cell's 50 nearest neighbours
    share its type. A narrow trunk learns them in a minute: ``tl.scbasset(adata, trunk=32)``.

    Parameters
    ----------
    n_obs, n_vars
        Cells and peaks (at least 10).
    n_types
        Cell types, 2 to 20, equally large.
    n_batches
        Batches, equally large. With more than one, a motif's effect differs between batches (standard deviation 0.5
        in log-odds) and each batch is 0.7 times as deep as the one before it.
    depth
        Peaks open in a cell, on average over cells; approximate, and fewer where it is a large part of all peaks.
    peak_noise
        Standard deviation of a log-odds term of each peak that its sequence does not tell.
    seq_len
        Length of the windows in bp, at least 168 so that they hold all sites. Up to 1,344 they hold no others.
    {rng}

    Returns
    -------
    AnnData with Poisson counts in `X` (CSR; a cell that would have none gets one) and

    `obs['cell_type']`, `obs['depth']`, `obs['batch']` :
        Type, depth (log-normal, standard deviation 0.8), and batch if there are several.
    `var['chr']`, `var['start']`, `var['end']` :
        Where the peak is, 0-based and half-open.
    `var['programme']` :
        The types that the peak's own motif acts in, ``general``, ``repressed``, or ``background`` without sites.
    `varm['toy_sites']` : :class:`numpy.ndarray` (dtype `int64`)
        Sites (n_vars, 3, 3): number of the motif or -1, start relative to the peak's centre, strand 1 or -1.
    `varm['toy_effect']` : :class:`numpy.ndarray` (dtype `float64`)
        Log-odds that the sites add in each type (n_vars, n_types); with batches also `varm['toy_batch_effect']`, and
        with ``peak_noise`` `var['toy_noise']`.
    `varm['dna_code']`, `uns['dna_code']` :
        As :func:`scbasset_tl.pp.add_sequences` writes them from the file of :func:`scbasset_tl.datasets.toy_genome`.
    `uns['toy']` : :class:`dict`
        ``best_auroc`` and ``best_auroc_per_peak``, the exact auROC of the motifs' log-odds against the drawn accessibility
        (means over cells and over peaks): what a model of sequence can reach on unseen peaks; ``motifs`` with
        ``name``, ``kind``, ``pwm`` (m, 16, 4), ``effect`` (m, n_types) and, with batches, ``batch_effect``;
        ``cell_types``, the columns of the effects; ``base``; the call in ``params``.

    Raises
    ------
    ValueError
        If a size or factor is out of range.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=50, n_vars=100)
    >>> adata.shape, adata.varm["dna_code"].shape
    ((50, 100), (100, 192))
    >>> adata.uns["toy"]["motifs"]["kind"].tolist()[4:8]
    ['specific', 'shared', 'shared', 'general']
    """
    import numpy as np
    from anndata import AnnData

    from scbasset_tl._keys import DNA_CODE
    from scbasset_tl._log import info
    from scbasset_tl.datasets import _simulate_cells as simulate
    from scbasset_tl.datasets._simulate_genome import REACH, check_sizes, make_genome, windows

    check_sizes(n_vars, n_types)
    params = {
        "n_obs": check_positive_int("n_obs", n_obs),
        "n_vars": n_vars,
        "n_types": n_types,
        "n_batches": check_positive_int("n_batches", n_batches),
        "depth": check_number("depth", depth, low=0, open_low=True),
        "peak_noise": check_number("peak_noise", peak_noise, low=0),
        "seq_len": check_positive_int("seq_len", seq_len, minimum=2 * REACH),
        "rng": recorded_seed(rng),
    }
    if max(n_types, n_batches) > n_obs:
        message = f"n_obs={n_obs} cells are too few for n_types={n_types} and n_batches={n_batches}: each needs one."
        raise ValueError(message)

    generator = as_generator(rng)
    genome = make_genome(n_vars, n_types, generator)
    motifs = genome.motifs
    draws = np.random.default_rng(draw_seed(generator))
    cells = simulate.draw_cells(n_obs, n_types, n_batches, depth, draws)
    batch_effect = simulate.draw_batch_effect(motifs, n_batches, draws)
    sites = simulate.count_sites(genome.sites, len(motifs.name))
    # rounded, because peaks with the same sites must tie whatever the order a matrix product adds in
    by_type, by_batch = (np.round(sites @ effect, 6) for effect in (motifs.effect, batch_effect))
    base = simulate.base_log_odds(n_vars)
    logits = simulate.log_odds(base, cells, by_type, by_batch)
    noise = draws.normal(0, peak_noise, n_vars)
    counts = simulate.draw_counts(logits + noise, draws)
    per_cell, per_peak = _best_auroc(logits, counts)

    adata = AnnData(counts, obs=_obs(cells, n_types), var=_var(genome))
    adata.varm["toy_sites"], adata.varm["toy_effect"] = genome.sites, by_type
    answer = motifs._asdict()
    if n_batches > 1:
        adata.obs["batch"] = _numbered("batch", cells.batch, n_batches)
        adata.varm["toy_batch_effect"] = by_batch
        answer["batch_effect"] = batch_effect
    if peak_noise > 0:
        adata.var["toy_noise"] = noise
    adata.varm[DNA_CODE] = windows(genome, seq_len)
    adata.uns[DNA_CODE] = _sequence_record(genome, seq_len)
    adata.uns["toy"] = {
        "best_auroc": per_cell,
        "best_auroc_per_peak": per_peak,
        "motifs": answer,
        "cell_types": adata.obs["cell_type"].cat.categories.to_numpy(dtype=object),
        "base": base,
        "params": {name: value for name, value in params.items() if value is not None},
    }
    info(
        f"toy data: {n_obs:,} cells × {n_vars:,} peaks, {counts.nnz / logits.size:.2%} open; the best possible auROC on "
        f"unseen peaks is {per_cell:.3f} per cell and {per_peak:.3f} per peak"
    )
    return adata


def _obs(cells: Cells, n_types: int) -> pd.DataFrame:
    import pandas as pd

    columns = {"cell_type": _numbered("type", cells.cell_type, n_types), "depth": cells.depth}
    return pd.DataFrame(columns, index=[f"cell_{i + 1}" for i in range(len(cells.depth))])


def _var(genome: Genome) -> pd.DataFrame:
    import pandas as pd

    columns = {
        "chr": pd.Categorical(genome.chrom),
        "start": genome.start,
        "end": genome.end,
        "programme": pd.Categorical(genome.programme),
    }
    names = [f"{c}:{s}-{e}" for c, s, e in zip(genome.chrom, genome.start, genome.end, strict=True)]
    return pd.DataFrame(columns, index=names)


def _numbered(name: str, numbers: np.ndarray, count: int) -> pd.Categorical[str]:
    import pandas as pd

    names = pd.Index([f"{name}_{i + 1}" for i in range(count)])
    return pd.Categorical(names[numbers], categories=names)


def _best_auroc(logits: np.ndarray, counts: sparse.csr_matrix) -> tuple[float, float]:
    """Means over cells and over peaks of the exact auROC, without those of one class."""
    import numpy as np

    from scbasset_tl.stats.auc import areas_per_column, areas_per_row
    from scbasset_tl.stats.open_entries import OpenEntries

    entries = OpenEntries.from_csr(counts)
    areas = (areas_per_row(logits, entries).roc, areas_per_column(logits, entries).roc)
    per_cell, per_peak = (float(np.nanmean(area)) if np.isfinite(area).any() else float("nan") for area in areas)
    return per_cell, per_peak


def _sequence_record(genome: Genome, seq_len: int) -> dict[str, Any]:
    """What :func:`scbasset_tl.pp.add_sequences` keeps in ``uns``."""
    from scbasset_tl._adata.kinds import DNA
    from scbasset_tl._adata.results import entry, names
    from scbasset_tl.genome.codes import ALPHABET
    from scbasset_tl.genome.fasta import assembly_checksum

    return {
        **entry(DNA, {"fasta": "toy.fa", "seq_len": seq_len}, names(DNA)),
        "fasta": "toy.fa",
        "checksum": assembly_checksum({name: len(codes) for name, codes in genome.contigs.items()}),
        "seq_len": seq_len,
        "alphabet": ALPHABET,
    }
