"""What the tests of this folder share with its scripts."""

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def fingerprint():
    """A digest of all that AnnData or MuData hold."""
    spec = importlib.util.spec_from_file_location("writers", Path(__file__).with_name("writers.py"))
    writers = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writers)
    return writers.fingerprint
