"""metrics.tf_expression_correlation: what it refuses."""

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest

import scbasset_tl as sb
from scbasset_tl._adata.kinds import TF_ACTIVITY


def multiome(*changes, genes=("GATA1", "TAL1"), n_shared=60):
    """The tiny cells with activities of two motifs, and genes; changed in turn."""

    def make(world):
        atac = world.data
        atac.obsm["tf_activity"] = np.random.default_rng(0).normal(size=(60, 2))
        entry = {"written_by": "tl.tf_activity", "slots": {"obsm": "tf_activity"}, "params": {}, "schema_version": 1}
        atac.uns["tf_activity"] = {
            **dict.fromkeys(TF_ACTIVITY.keys.split(), ()),
            **entry,
            "names": np.array(["GATA1", "TAL1"], dtype=object),
        }
        names = [*atac.obs_names[:n_shared], *(f"other{i}" for i in range(60 - n_shared))]
        counts = np.random.default_rng(1).poisson(3.0, (60, len(genes))).astype(np.float32)
        rna = ad.AnnData(counts, obs=pd.DataFrame(index=names), var=pd.DataFrame(index=list(genes)))
        for change in changes:
            change(atac, rna)
        return md.MuData({"atac": atac, "rna": rna})

    return make


def expression(**arguments):
    return lambda world: sb.metrics.tf_expression_correlation(world.data, **arguments)


def other_baseline(**kind):
    return lambda world: sb.metrics.tf_expression_correlation(world.data, baseline=pd.DataFrame(**kind))


def not_finite(atac, rna):
    rna.X[3, 0] = np.nan


def constant(atac, rna):
    rna.X[:] = 2


CASES = {"metrics.tf_expression_correlation": [
    ("an AnnData", None, expression(), TypeError, "data must be a MuData", "'rna'"),
    ("no such modality", multiome(), expression(rna="gex"), KeyError, "no modality 'gex'", "['atac', 'rna']"),
    ("no activities", multiome(lambda a, r: a.obsm.clear()), expression(), KeyError, "obsm['tf_activity']", "tl.tf_activity"),
    ("names of other motifs", multiome(lambda a, r: a.uns["tf_activity"].update(names=["GATA1"])), expression(),
     ValueError, "(60, 2)", "1 names"),
    ("genes under other names", multiome(genes=("ENSG1", "ENSG2")), expression(), ValueError, "none of the 2 motifs",
     "gene_symbols="),
    ("symbols that are no column", multiome(), expression(gene_symbols="symbol"), KeyError, "'symbol'"),
    ("cells that the modalities do not share", multiome(n_shared=1), expression(), ValueError, "share 1 cells"),
    ("no layer of that name", multiome(), expression(layer="norm"), KeyError, "no layer 'norm'"),
    ("NaN in the expression", multiome(not_finite), expression(), ValueError, "NaN or infinite"),
    ("genes that do not vary", multiome(constant), expression(), ValueError, "none of 2 motifs is left"),
    ("`groupby` that is no column", multiome(), expression(groupby="leiden"), KeyError, "'leiden'", "'kind'"),
    ("`groupby` of one group", multiome(lambda a, r: a.obs.__setitem__("kind", "a")), expression(groupby="kind"),
     ValueError, "1 group(s)"),
    ("no gene that differs between groups", multiome(), expression(groupby="batch", max_fdr=1e-9), ValueError, "max_fdr=1e-09"),
    ("`max_fdr=0`", multiome(), expression(max_fdr=0), ValueError, "max_fdr must be a finite number above 0"),
    ("`kinds` of other words", multiome(), expression(kinds={"GATA1": "enhancer"}), ValueError, "kinds", "'enhancer'"),
    ("an array for a baseline", multiome(), lambda w: sb.metrics.tf_expression_correlation(w.data, baseline=np.ones((60, 2))), TypeError,
     "baseline must be a DataFrame", "ndarray"),
    ("a baseline of other cells", multiome(), other_baseline(data=np.ones((3, 2)), columns=["GATA1", "TAL1"]), ValueError,
     "baseline lacks 60 cells"),
]}  # fmt: skip


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case[0]) for case in CASES["metrics.tf_expression_correlation"]]
)
def test_refused(refused, case):
    refused("metrics.tf_expression_correlation", *case)


def test_the_page_has_these_rows(page):
    page.hold_order(CASES)
