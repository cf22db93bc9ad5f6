"""What variants do to accessibility."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

from scbasset_tl._docs import doc_params
from scbasset_tl._files import as_path
from scbasset_tl._validate import check_one_of

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd
    from anndata import AnnData
    from mudata import MuData

D = TypeVar("D", bound="AnnData | MuData")


@doc_params
def variant_effect(
    data: D,
    variants: str | PathLike[str] | pd.DataFrame,
    fasta: str | PathLike[str],
    *,
    windows: Literal["peaks", "variant"] = "peaks",
    average: Literal["none", "strands", "strands_shifts"] = "strands",
    key: str = "scbasset",
    accelerator: str = "cpu",
    mod: str = "atac",
    key_added: str | None = None,
    copy: bool = False,
) -> D | None:
    """Score the effect of variants on the predicted accessibility of every cell.

    Each variant is scored in each window that holds its whole reference allele: alternative minus reference, as a
    change of the peak's vector that :func:`scbasset_tl.get.variant_effect` turns into changes of logits. The time does
    not depend on the number of cells. The window of the alternative allele begins where that of the reference begins;
    a deletion lets more of the contig in on the right, an insertion pushes some of it out.

    Parameters
    ----------
    {data}
    variants
        Path of a VCF, plain or compressed, each alternative allele being a variant; or a table (a DataFrame, or
        the path of one) with the columns ``chrom`` or ``chr``; ``pos``, 1-based as in a VCF, or ``start``, 0-based;
        ``ref``, ``alt``; and perhaps ``id`` or ``rsid``; or their names in PLINK, REGENIE, GWAS-SSF and the GWAS
        catalogue. If a table has an effect and another allele, the one in the FASTA becomes the
        reference. Substitutions,
        insertions and deletions of any length that a window holds. Duplicates are kept.
    fasta
        FASTA file of the assembly that the peaks were called on, plain or bgzip.
    windows
        ``"peaks"``: the windows of all peaks, as :func:`scbasset_tl.pp.add_sequences` cuts them. ``"variant"``: one
        around the middle of the reference allele, wherever that lies.
    average
        ``"strands"``: the mean over the two strands. ``"strands_shifts"``: over both strands, each moved by -3 to 3 bases
        as in training, in seven times the time. ``"none"``: the forward strand, in half of the time.
    {key}
    {accelerator}
    {mod}
    key_added
        Name for the slot instead of ``variant_effect``.
    {copy}

    Returns
    -------
    ``None``, or the changed copy. Writes

    `adata.uns['variant_effect' | key_added]` : :class:`dict`
        ``chrom``, ``pos`` (1-based), ``ref``, ``alt``, ``id``, ``peak`` (name, empty in a window of the variant's own),
        ``offset`` (of the reference allele in the window) and ``delta`` (float32, change of the peak vector): a row for
        each variant and window. ``skipped``: the variants that could not be scored, with the ``reason``; a few
        that do not fit the FASTA are among them. ``effect_allele``, if the table has one. The call in ``params``.

    Raises
    ------
    KeyError
        If there is no such model, or the table lacks a column.
    ValueError
        If the variants cannot be read, many do not fit the FASTA, or none of them can be scored; if the FASTA is of another
        assembly than the peaks.
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> import pandas as pd
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> fasta = sb.datasets.toy_genome("toy.fa", n_vars=200)
    >>> with sb.genome.Fasta(fasta) as genome:
    ...     ref = sb.genome.decode(genome.codes("chr1", 100, 101))
    >>> variants = pd.DataFrame({{"chr": "chr1", "pos": 101, "ref": ref, "alt": list(set("ACGT") - set(ref))}})
    >>> sb.tl.variant_effect(adata, variants, fasta)
    >>> sb.get.variant_effect(adata, groupby="cell_type").shape
    (3, 12)
    """
    from scbasset_tl._adata.kinds import VARIANT_EFFECT
    from scbasset_tl._adata.model.store import read_model
    from scbasset_tl._adata.resolve import target, writable
    from scbasset_tl._adata.results import claim, entry
    from scbasset_tl._adata.sequence.variant_effect import (
        latent_changes,
        pack,
        pair_with_own_windows,
        pair_with_peaks,
        report_skipped,
    )
    from scbasset_tl._adata.windows import check_assembly
    from scbasset_tl._adata.write import write_slots
    from scbasset_tl.genome.fasta import Fasta
    from scbasset_tl.genome.variant_match import match_genome
    from scbasset_tl.genome.variants import read_variants
    from scbasset_tl.nn.embed import AVERAGES
    from scbasset_tl.train.device import single_device

    source = writable(data, mod, copy=copy)
    device = single_device(accelerator)
    check_one_of("windows", windows, ("peaks", "variant"))
    check_one_of("average", average, AVERAGES)
    slots = claim(source, VARIANT_EFFECT, key_added, key=key)
    model = read_model(source, key)
    trunk = model.trunk().to(device)
    seq_len = trunk.config.seq_len
    table = read_variants(variants)
    with Fasta(as_path("fasta", fasta)) as genome:
        check_assembly(source, genome)
        table = match_genome(table, genome)
        if windows == "peaks":
            table, pairs = pair_with_peaks(source, table, genome, seq_len)
        else:
            table, pairs = pair_with_own_windows(table, seq_len)
        report_skipped(table, len(pairs.variant))
        delta = latent_changes(trunk, genome, table, pairs, average=average)
        name = genome.path.name
    params = {"key": key, "fasta": name, "windows": windows, "average": average}
    made = entry(VARIANT_EFFECT, params, slots, origin=model.origin()) | pack(table, pairs, delta, seq_len)
    container, adata = target(data, mod, copy=copy)
    write_slots(adata, uns={slots["uns"]: made})
    return container if copy else None
