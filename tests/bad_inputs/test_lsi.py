"""tl.lsi: what is refused. A case is (what is wrong, how it is made, the call, error, words)."""

import numpy as np
import pytest

import scbasset_tl as sb


def changed(change):
    def make(world):
        change(world.data)

    return make


def lsi(**arguments):
    return lambda world: sb.tl.lsi(world.data, **arguments)


def blank(data):
    data.X = data.X.toarray()
    data.X[2:] = 0


def put(field, name, value):
    return changed(lambda data: getattr(data, field).__setitem__(name, value))


CASES = {
    "tl.lsi": [
        ("`n_latent=0`", None, lsi(n_latent=0), ValueError, "n_latent must be a whole number of at least 1"),
        ("no such layer", None, lsi(layer="counts"), KeyError, "no layer 'counts'"),
        ("two cells with open peaks", changed(blank), lsi(), ValueError, "2 cells", "at least 3"),
        ("another LSI in its place", put("obsm", "X_lsi", np.ones((60, 2))), lsi(), ValueError,
         "obsm['X_lsi'] is there already, and not from tl.lsi"),
        ('`key_added="ism"`', None, lsi(key_added="ism"), ValueError, "another name"),
        ('`rng="a"`', None, lsi(rng="a"), ValueError, "rng must be a whole number"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("section", "case"), [pytest.param(section, case, id=case[0]) for section, rows in CASES.items() for case in rows]
)
def test_refused(refused, section, case):
    refused(section, *case)


def test_the_page_has_these_rows(page):
    page.hold_order(CASES)
