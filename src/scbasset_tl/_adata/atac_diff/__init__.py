"""ATAC-Diff: the space it works in, its stored model, generated and imputed cells."""
