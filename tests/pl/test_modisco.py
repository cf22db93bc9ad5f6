import numpy as np
import pytest
from anndata import AnnData
from matplotlib.figure import Figure

import scbasset_tl as sb
from scbasset_tl._adata.sequence.modisco import pack_patterns
from scbasset_tl.genome import Motif
from scbasset_tl.genome.discover import Pattern


@pytest.fixture
def patterns(rng):
    """Three patterns of one group and one of another, as tl.modisco writes them."""
    motifs = [
        Motif(f"M{i}", f"(LONGNAME{i})_(Mus_musculus)_(DBD_0.99)", rng.dirichlet(np.ones(4), 9)) for i in range(30)
    ]
    shapes = [motif.pwm for motif in motifs[:4]]
    made = [Pattern(i != 2, 100 - i, pwm, (pwm - 0.25) * (1 if i != 2 else -1)) for i, pwm in enumerate(shapes)]
    adata = AnnData(np.zeros((2, 2), dtype=np.float32))
    adata.uns["modisco"] = {
        **{"written_by": "tl.modisco", "schema_version": 1, "params": {}, "slots": {}},
        **pack_patterns({"B cells": made[:3], "T cells": made[3:]}, motifs),
    }
    return adata


def test_modisco_draws_the_patterns_of_a_group(patterns, assert_nothing_cut):
    figure = sb.pl.modisco(patterns, show=False)
    assert isinstance(figure, Figure)
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert [title.split(", ")[-1] for title in titles] == ["100 sites", "99 sites", "98 sites"]
    assert titles[0].startswith("(LONGNAME0)")
    assert figure.get_suptitle() == "B cells"
    assert figure.axes[2].get_ylim()[0] < 0
    assert_nothing_cut(figure)


def test_modisco_draws_as_many_as_wanted_of_the_group_wanted(patterns):
    assert len(sb.pl.modisco(patterns, n_patterns=2, show=False).axes) == 2
    assert sb.pl.modisco(patterns, group="T cells", show=False).get_suptitle() == "T cells"


def test_modisco_is_shown_once(patterns, shown):
    assert sb.pl.modisco(patterns, show=True) is None
    assert len(shown) == 1
