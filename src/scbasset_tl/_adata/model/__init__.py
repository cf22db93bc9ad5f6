"""Trained models: how they are stored, found, mapped and written to files."""
