"""scEmbed: tokens of a universe and trained region vectors."""
