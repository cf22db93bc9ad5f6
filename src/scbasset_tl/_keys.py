"""Every slot name the package reads or writes by default."""

from typing import Final

SCHEMA_VERSION: Final = 1

SCBASSET: Final = "scbasset"
DNA_CODE: Final = "dna_code"
SPLIT: Final = "split"
FEATURE_TYPES: Final = "feature_types"  # as 10x names the column and what is in it
PEAKS: Final = "Peaks"
GENES: Final = "Gene Expression"
N_CELLS: Final = "n_cells"
DOWNSAMPLED: Final = "downsampled"
TF_ACTIVITY: Final = "tf_activity"
GENE_SCORES: Final = "gene_scores"
CELL_TYPE: Final = "cell_type"
SCEMBED: Final = "scembed"
CHROM, START, END = "chr", "start", "end"
SPLIT_LEVELS: Final = ("train", "val", "test")
HELD_OUT: Final = SPLIT_LEVELS[1:]
