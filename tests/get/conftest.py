"""A trained model to read."""

import pytest


@pytest.fixture
def trained(trained_tiny):
    return trained_tiny
