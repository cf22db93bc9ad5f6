"""Gene scores and RNA of the same cells."""
