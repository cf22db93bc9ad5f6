"""ATAC-Diff: what it refuses. A case is (what is wrong, how it is made, the call, error, words of the message)."""

import numpy as np
import pytest
from changes import drop, put
from scipy import sparse

import scbasset_tl as sb
from scbasset_tl import _space

_MODELS = {}
SHORT = {"max_steps": 4, "n_components": 2, "accelerator": "cpu"}
PLACES = np.arange(240.0).reshape(60, 4) % 7


def bare(*changes):
    """Data with a scBasset model and an embedding, changed in turn."""

    def make(world):
        data = world.trained()
        data.obsm["X_lsi"] = PLACES.copy()
        for change in changes:
            change(data)
        return data

    return make


def fitted(*changes, impute=False, **arguments):
    """Data with an ATAC-Diff model as well."""

    def make(world):
        name = str((impute, arguments))
        if name not in _MODELS:
            data = bare()(world)
            sb.tl.atac_diff(data, **{**SHORT, "condition_keys": "kind", **arguments})
            if impute:
                sb.tl.impute(data, n_samples=1, steps=1)
            _MODELS[name] = data
        data = _MODELS[name].copy()
        for change in changes:
            change(data)
        return data

    return make


def nan(field, name):
    def change(data):
        values = np.array(getattr(data, field)[name], dtype=np.float32)
        values[3] = np.nan
        getattr(data, field)[name] = values

    return change


def damage(data):
    weights = np.array(data.uns["atac_diff"]["weights"])
    data.uns["atac_diff"]["weights"] = weights[: len(weights) // 2]


def another(data):
    """The model with other weights, as after more training."""
    weights = np.array(data.uns["atac_diff"]["weights"])
    weights[-1] ^= 1
    data.uns["atac_diff"]["weights"] = weights


def retrained(data):
    data.uns["scbasset"]["weights"] = np.array(data.uns["scbasset"]["weights"])[::-1].copy()


def blank(data):
    counts = data.X.toarray()
    counts[[3, 7]] = 0
    data.X = sparse.csr_matrix(counts)


def fractions(data):
    data.X = data.X / 2


def full(data):
    data.X = data.X.toarray() + 1


def few(data):
    data._inplace_subset_obs(np.arange(5))


def no_b(data):
    data._inplace_subset_obs((data.obs["kind"] == "a").to_numpy())


def little(prepare):
    def make(world):
        data = prepare(world)
        world.patch.setattr(_space, "available_memory", lambda: 1000)
        return data

    return make


def train(file=None, **arguments):
    def call(world):
        path = {} if file is None else {"checkpoint": world.folder / file}
        sb.tl.atac_diff(world.data, **{**SHORT, **path, **arguments})

    return call


def resumed(first, **then):
    """The call that goes on from the checkpoint of another one."""

    def prepare(world):
        data = bare()(world)
        sb.tl.atac_diff(data.copy(), **{**SHORT, "checkpoint": world.folder / "state", **first})
        return data

    return prepare, train("state", resume=True, **then)


def existing(world):
    world.file("state", "x")
    return bare()(world)


def generate(n_obs=5, **arguments):
    return lambda world: sb.tl.generate(world.data, n_obs, **{"steps": 1, **arguments})


def impute(**arguments):
    return lambda world: sb.tl.impute(world.data, **{"steps": 1, "n_samples": 1, **arguments})


def read(**arguments):
    return lambda world: sb.get.imputed(world.data, **arguments)


WHOLE = "must be a whole number of at least"
CASES = {
    "tl.atac_diff": [
        ("no scBasset model", None, train(), KeyError, "uns has no trained scBasset model 'scbasset'", "tl.scbasset", "space="),
        ("an embedding that is not there", bare(), train(space="X_pca"), KeyError, "space='X_pca'", "'X_lsi'", "space='ae'"),
        ("`space=3`", bare(), train(space=3), ValueError, "space must be text"),
        ("NaN in the embedding", bare(nan("obsm", "X_lsi")), train(space="X_lsi"), ValueError,
         "obsm['X_lsi'] is NaN or infinite for 1 cells", "'cell3'"),
        ("an embedding of one dimension too many", bare(put("obsm", "X_lsi", np.ones((60, 2, 2)))), train(space="X_lsi"),
         ValueError, "obsm['X_lsi']", "(60, 2, 2)"),
        ("an embedding without columns", bare(put("obsm", "X_lsi", np.ones((60, 0)))), train(space="X_lsi"), ValueError,
         "obsm['X_lsi']", "(60, 0)"),
        ("NaN in a cell's scBasset vector", bare(nan("obsm", "X_scbasset")), train(), ValueError, "obsm['X_scbasset']",
         "1 of 60 cells"),
        ("peak vectors are gone", bare(drop("varm", "scbasset")), train(), KeyError, "no peak embeddings", "tl.scbasset"),
        ("cells without an open peak", bare(blank), train(), ValueError, "adata.X has 2 cells without an open peak",
         "'cell3'", "filter_cells"),
        ("a matrix without zeros", bare(full), train(), ValueError, "no value that is 0", "layer="),
        ("no such layer", bare(), train(layer="counts"), KeyError, "no layer 'counts'"),
        ("fractions for `poisson`", bare(fractions), train(likelihood="poisson"), ValueError, "no counts",
         "likelihood='bernoulli'"),
        ("a condition that is no column", bare(), train(condition_keys="type"), KeyError, "no column 'type'", "'kind'"),
        ("a condition twice", bare(), train(condition_keys=["kind", "kind"]), ValueError, "names a column twice"),
        ("a condition with one category", bare(put("obs", "one", "x")), train(condition_keys="one"), ValueError,
         "obs['one'] has 1 categories", "at least two"),
        ("a condition with a category for each cell", bare(put("obs", "barcode", np.arange(60))),
         train(condition_keys="barcode"), ValueError, "obs['barcode'] has 60 categories"),
        ("`condition_keys=3`", bare(), train(condition_keys=3), ValueError, "condition_keys must be text"),
        ("more Gaussians than cells", bare(few), train(n_components=9), ValueError, "5 cells", "n_components=9",
         "Lower n_components"),
        ("`n_latent=0`", bare(), train(n_latent=0), ValueError, f"n_latent {WHOLE} 1, got 0"),
        ("`max_steps=1`", bare(), train(max_steps=1), ValueError, f"max_steps {WHOLE} 2, got 1"),
        ("`lr=0`", bare(), train(lr=0), ValueError, "lr must be a finite number above 0"),
        ("`ema=2`", bare(), train(ema=2), ValueError, "ema must be a finite number"),
        ("`lam` below `1 + alpha`", bare(), train(lam=1), ValueError, "lam must be a finite number at least 1.1, got 1"),
        ("`val_fraction=0.9`", bare(), train(val_fraction=0.9), ValueError, "val_fraction", "got 0.9"),
        ("another `likelihood`", bare(), train(likelihood="gauss"), ValueError, "likelihood must be one of", "'gauss'"),
        ("another `prior_kl`", bare(), train(prior_kl="joint"), ValueError, "prior_kl must be one of"),
        ("another `information`", bare(), train(information="mine"), ValueError, "information must be one of"),
        ("another `arch`", bare(), train(arch="unet"), ValueError, "arch must be one of"),
        ("another `schedule`", bare(), train(schedule="sigmoid"), ValueError, "schedule must be one of"),
        ("another `objective`", bare(), train(objective="eps"), ValueError, "objective must be one of"),
        ("`accelerator=\"tpu\"`", bare(), train(accelerator="tpu"), ValueError, "accelerator must be one of"),
        ("`rng` of text", bare(), train(rng="x"), ValueError, "rng must be"),
        ("its own space as `key_added`", bare(), train(space="X_lsi", key_added="X_lsi"), ValueError,
         "space='X_lsi' is what this call writes", "key_added="),
        ("another result as `key_added`", bare(), train(key_added="scembed"), ValueError, "key_added='scembed'"),
        ("a checkpoint that is there", existing, train("state"), FileExistsError, "resume=True"),
        ("`resume` without a checkpoint", bare(), train(resume=True), ValueError, "resume=True needs checkpoint="),
        ("`resume` from a file that is not there", bare(), train("none", resume=True), FileNotFoundError, "is not there"),
        ("`resume` from another file", existing, train("state", resume=True), ValueError, "not a whole safetensors file"),
        ("a checkpoint of another call", *resumed({}, batch_size=20), ValueError, "batch_size: saved 256, now 20"),
        ("a checkpoint of other data", *resumed({}, space="X_lsi"), ValueError, "belongs to another run"),
    ],
    "tl.generate": [
        ("before training", bare(), generate(), KeyError, "uns['atac_diff'] holds no ATAC-Diff model", "tl.atac_diff"),
        ("another kind of model as `key`", fitted(), generate(key="scbasset"), KeyError, "models here: ['atac_diff']"),
        ("`n_obs=0`", fitted(), generate(0), ValueError, f"n_obs {WHOLE} 1, got 0"),
        ("`steps=0`", fitted(), generate(steps=0), ValueError, f"steps {WHOLE} 1, got 0"),
        ("negative guidance", fitted(), generate(guidance=-1), ValueError, "guidance must be a finite number at least 0, got -1"),
        ("another `z`", fitted(), generate(z="vae"), ValueError, "z must be one of", "'vae'"),
        ("other `values`", fitted(), generate(values="logit"), ValueError, "values must be one of", "'logit'"),
        ("a condition that the model does not have", fitted(), generate(condition={"batch": "x"}), KeyError,
         "condition_keys=['kind']", "'batch'"),
        ("a category that the model does not have", fitted(), generate(condition={"kind": "c"}), ValueError,
         "'kind' has no category 'c'", "['a', 'b']"),
        ("a condition of a model without any", fitted(condition_keys=()), generate(condition={"kind": "a"}), ValueError,
         "trained without conditions", "condition_keys=['kind']"),
        ('`condition="a"`', fitted(), generate(condition="a"), ValueError, "condition must be a mapping", "got 'a'"),
        ("no cell has the labels asked for", fitted(no_b), generate(condition={"kind": "b"}), ValueError,
         "data has no such cell"),
        ("the condition's column is gone", fitted(drop("obs", "kind")), generate(), KeyError, "obs['kind']", "is missing"),
        ("new categories in the condition's column", fitted(put("obs", "kind", "new")), generate(), ValueError, "['new']",
         "it knows ['a', 'b']"),
        ("damaged weights", fitted(damage), generate(), ValueError, "uns['atac_diff']['weights'] is missing or damaged"),
        ("the depths are gone", fitted(drop("obs", "atac_diff_depth")), generate(), KeyError, "obs['atac_diff_depth']"),
        ("depths of 0", fitted(put("obs", "atac_diff_depth", 0)), generate(), ValueError, "obs['atac_diff_depth']", "1 or more"),
        ("the scBasset model is gone", fitted(drop("uns", "scbasset")), generate(), KeyError, "tl.scbasset"),
        ("the scBasset model was trained again", fitted(retrained), generate(), ValueError, "run tl.atac_diff again"),
        ("the decoder is gone", fitted(drop("varm", "atac_diff"), space="X_lsi"), generate(), KeyError, "varm['atac_diff']"),
        ("NaN in the decoder", fitted(nan("varm", "atac_diff"), space="X_lsi"), generate(), ValueError,
         "varm['atac_diff']", "NaN"),
        ("an embedding of another width", fitted(put("obsm", "X_lsi", PLACES[:, :2]), space="X_lsi"), generate(), ValueError,
         "obsm['X_lsi'] has 2 columns", "trained on 4"),
        ("another embedding of that name", fitted(put("obsm", "X_lsi", PLACES + 1), space="X_lsi"), generate(), ValueError,
         "obsm['X_lsi'] is not what the model", "tl.atac_diff"),
        ("an autoencoder's layers of another width", fitted(put("varm", "atac_diff_in", np.ones((90, 3))), space="ae", hidden=8),
         generate(), ValueError, "varm['atac_diff_in']", "do not fit"),
        ("probabilities that do not fit into memory", little(fitted()), generate(values="probability"), MemoryError,
         "5 cells × 90 peaks", "values='draws'"),
    ],
    "tl.impute": [
        ("before training", bare(), impute(), KeyError, "uns['atac_diff'] holds no ATAC-Diff model", "tl.atac_diff"),
        ("`strength=0`", fitted(), impute(strength=0), ValueError, "strength must be a finite number above 0 and at most 1"),
        ("`strength=1.5`", fitted(), impute(strength=1.5), ValueError, "strength", "got 1.5"),
        ("`n_samples=0`", fitted(), impute(n_samples=0), ValueError, f"n_samples {WHOLE} 1, got 0"),
        ("negative guidance", fitted(), impute(guidance=-1), ValueError, "guidance", "got -1"),
        ("a layer that is there already", fitted(put("layers", "counts", np.ones((60, 90)))), impute(layer="counts"),
         ValueError, "layers['counts'] is there already"),
        ("a layer that does not fit into memory", little(fitted()), impute(layer="filled"), MemoryError, "60 cells × 90 peaks",
         "get.imputed"),
        ("its model as `key_added`", fitted(), impute(key_added="atac_diff"), ValueError, "key_added='atac_diff'"),
        ("another embedding as `key_added`", fitted(), impute(key_added="X_lsi"), ValueError, "obsm['X_lsi'] is there already"),
        ("`get.imputed` before it", fitted(), read(), KeyError, "holds no imputed cells", "tl.impute"),
        ("`get.imputed` after more training", fitted(another, impute=True), read(), ValueError, "another model", "tl.impute again"),
        ("`get.imputed` without the features", fitted(drop("obsm", "atac_diff_imputed"), impute=True), read(), KeyError,
         "obsm['atac_diff_imputed']", "is gone"),
        ("`get.imputed` of another scale", fitted(impute=True), read(scale="linear"), ValueError, "['logit', 'sigmoid']"),
        ("`get.imputed` of a peak that is not there", fitted(impute=True), read(var="GATA1"), KeyError, "1 of 1 names"),
        ("`get.imputed` of a block that does not fit into memory", little(fitted(impute=True)), read(), MemoryError, "60 × 90"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("section", "case"),
    [pytest.param(section, case, id=f"{section}: {case[0]}") for section, rows in CASES.items() for case in rows],
)
def test_refused(refused, section, case):
    refused(section, *case)


def test_the_page_has_these_rows(page):
    page.hold_order(CASES)
