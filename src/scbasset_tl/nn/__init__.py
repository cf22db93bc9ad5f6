"""The networks: torch modules and functions that know nothing of AnnData or genomes."""
