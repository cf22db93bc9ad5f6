"""Give each peak its DNA."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from scbasset_tl._docs import doc_params
from scbasset_tl._files import as_path
from scbasset_tl._log import info, progress
from scbasset_tl._validate import check_positive_int

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    import numpy as np
    from anndata import AnnData
    from mudata import MuData

D = TypeVar("D", bound="AnnData | MuData")


@doc_params
def add_sequences(
    data: D,
    fasta: str | PathLike[str],
    *,
    seq_len: int = 1344,
    region_keys: Sequence[str] | None = None,
    mod: str = "atac",
    key_added: str | None = None,
    copy: bool = False,
) -> D | None:
    r"""Cut the DNA around the middle of each peak out of a genome, as in the original scBasset :cite:p:`Yuan2022`.

    The window is [m - seq_len // 2, m - seq_len // 2 + seq_len) with m = (start + end) // 2, 0-based. Positions outside
    the contig are N. Lower case (soft-masked) letters are sequence.

    Parameters
    ----------
    {data}
    fasta
        FASTA file of the assembly that the peaks were called on, plain or bgzip. A missing index is made.
        Contigs may be spelled otherwise than the peaks' (``chr1``, ``1``, ``GRCh38_chr1``).
    seq_len
        Length of the windows in bp. scBasset's network pools 1,344 bp without a remainder.
    region_keys
        Columns of ``.var`` with contig, start and end (0-based, half-open). By default ``chr``, ``start``, ``end`` (or
        their names in other packages); without those, names like ``chr1:100-600`` or ``chr1-100-600`` are read, or the
        one column that holds such regions; see :func:`scbasset_tl.genome.read_regions`.
    {mod}
    key_added
        Name for both slots instead of ``dna_code``.
    {copy}

    Returns
    -------
    ``None``, or the changed copy. Writes

    `adata.varm['dna_code' | key_added]` : :class:`numpy.ndarray` (dtype `uint8`)
        Codes (n_vars, seq_len): A0 C1 G2 T3, and 4 for N and every other ambiguous letter.
    `adata.uns['dna_code' | key_added]` : :class:`dict`
        Name of the FASTA and checksum of the assembly (GA4GH digest of contig names and lengths), ``seq_len``,
        ``alphabet`` (letters in the order of their codes), ``schema_version``, and the call in ``params``.

    Raises
    ------
    KeyError
        If ``.var`` has no regions.
    ValueError
        For coordinates that are no intervals, contigs that the FASTA does not have, peaks past the end of one, windows
        of which more than half hold no known base, and FASTA files that cannot be read.
    FileNotFoundError
        If there is no such FASTA.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> import anndata as ad
    >>> import numpy as np
    >>> import scbasset_tl as sb
    >>> fasta = Path(mkdtemp(), "toy.fa")
    >>> _ = fasta.write_text(">chrI\nACGTACGTACGT\n")
    >>> adata = ad.AnnData(np.ones((2, 2)))
    >>> adata.var_names = ["chrI:0-4", "chrI:5-7"]
    >>> sb.pp.add_sequences(adata, fasta, seq_len=6)
    >>> sb.genome.decode(adata.varm["dna_code"]).tolist()
    ['NACGTA', 'TACGTA']
    """
    from scbasset_tl._adata.kinds import DNA
    from scbasset_tl._adata.repeats import n_repeated
    from scbasset_tl._adata.resolve import target, writable_peaks
    from scbasset_tl._adata.results import claim, entry, names
    from scbasset_tl._adata.write import write_slots
    from scbasset_tl.genome.fasta import Fasta
    from scbasset_tl.genome.regions import check_on_contigs, first_of_window, read_regions

    seq_len = check_positive_int("seq_len", seq_len)
    source, fasta = writable_peaks(data, mod, copy=copy, region_keys=region_keys), as_path("fasta", fasta)
    # sequences of other packages under the default name are read anew
    foreign = key_added is None and DNA.default not in source.uns
    slots = names(DNA) if foreign else claim(source, DNA, key_added)
    name = fasta.name
    regions = read_regions(source.var, keys=region_keys, obs=source.obs)
    with Fasta(fasta) as genome:
        regions = check_on_contigs(regions, genome.lengths, margin=seq_len // 2, source=name)
        with progress(len(regions.start), description=f"reading {name}", unit=" peaks") as bar:
            codes = genome.windows(regions.chrom, regions.middle, seq_len, tick=bar.update)
        checksum = genome.checksum()
    _report(codes, name, n_repeated(first_of_window(regions)))

    keys = None if region_keys is None else list(region_keys)
    record = {
        **entry(DNA, {"fasta": name, "seq_len": seq_len, "region_keys": keys}, slots),
        "fasta": name,
        "checksum": checksum,
        "seq_len": seq_len,
        "alphabet": "ACGTN",
    }
    container, adata = target(data, mod, copy=copy)
    write_slots(adata, varm={slots["varm"]: codes}, uns={slots["uns"]: record})
    return container if copy else None


def _report(codes: np.ndarray, name: str, repeated: int) -> None:
    """Tell how much of the windows is N, and how many repeat; refuse if nearly all is N."""
    import numpy as np

    from scbasset_tl.genome.codes import N_CODE

    n_peaks, seq_len = codes.shape
    blank = int((codes.min(axis=1) == N_CODE).sum())
    if blank > n_peaks / 2:
        message = (
            f"{blank} of {n_peaks} windows hold nothing but N in {name}: is the FASTA masked by N (hard-masked), or of "
            "another assembly? Pass an unmasked or soft-masked one."
        )
        raise ValueError(message)
    n_unknown = sum(np.count_nonzero(block == N_CODE) for block in np.array_split(codes, 1 + n_peaks // 4096))
    edge = int(((codes[:, 0] == N_CODE) | (codes[:, -1] == N_CODE)).sum())
    info(
        f"{n_peaks:,} windows of {seq_len} bp: {n_unknown / codes.size:.2%} N, {edge:,} begin or end with N"
        + (f", {blank:,} hold nothing but N" if blank else "")
        + (f", {repeated:,} are those of an earlier peak" if repeated else "")
    )
