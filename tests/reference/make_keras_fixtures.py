"""Make the Keras weight files that the reader is held against; see README.md beside this file.

Run in an environment of its own with tensorflow, tf_keras and h5py:
``TF_USE_LEGACY_KERAS=1 python tests/reference/make_keras_fixtures.py``.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import tensorflow as tf
import tf_keras as keras

FOLDER = Path(__file__).parent
SEQ_LEN, CHANNELS, N_CELLS = 384, (8, 8, 9, 10, 11, 12, 14, 7), 6
KERNELS, POOLS = (17, 5, 5, 5, 5, 5, 5, 1), (3, 2, 2, 2, 2, 2, 2, 1)
BATCH_OF_CELL = (0, 1, 1, 0, 1, 0)


class GELU(keras.layers.Layer):
    def call(self, x):
        return x * tf.sigmoid(1.702 * x)


class PerCell(keras.layers.Layer):
    """Hand every cell the value of its batch: multiply by the transposed design matrix."""

    def __init__(self, design, **kwargs):
        super().__init__(**kwargs)
        self.design = design

    def call(self, x):
        return tf.matmul(x, tf.constant(self.design, x.dtype), transpose_b=True)

    def get_config(self):
        return {**super().get_config(), "design": self.design}


def build(n_latent=32, batches=None):
    """The whole model, the part of it that gives the peak embedding, and the dense layer of the cells."""
    x = sequence = keras.Input((SEQ_LEN, 4))
    for n_filters, kernel, pool in zip(CHANNELS, KERNELS, POOLS, strict=True):
        x = GELU()(x)
        x = keras.layers.Conv1D(n_filters, kernel, padding="same", use_bias=False)(x)
        x = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-3)(x)
        if pool > 1:
            x = keras.layers.MaxPooling1D(pool, padding="same")(x)
    x = keras.layers.Flatten()(GELU()(x))
    x = keras.layers.Dense(n_latent, use_bias=False)(x)
    x = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-3)(x)
    h = GELU()(keras.layers.Dropout(0.2)(x))
    if batches is None:
        cell = keras.layers.Dense(N_CELLS, activation="sigmoid")
        out = cell(h)
    else:
        cell = keras.layers.Dense(N_CELLS)
        of_cell = cell(h)  # made before the batch layer, as in the original: the lower suffix is the cells'
        design = np.eye(max(batches) + 1)[list(batches)].tolist()
        batch = PerCell(design)(keras.layers.Dense(len(design[0]))(h))
        out = keras.layers.Activation("sigmoid")(keras.layers.Add()([batch, of_cell]))
    return keras.Model(sequence, out), keras.Model(sequence, h), cell


def randomise(model, rng):
    """Random weights, with running statistics from random DNA so that the sequences stay apart to the end."""
    values = []
    for weight in model.weights:
        name, shape = weight.name, weight.shape
        if "kernel" in name:
            values.append(rng.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape))
        elif "variance" in name or "gamma" in name:
            values.append(rng.uniform(0.5, 1.5, shape))
        else:
            values.append(rng.normal(0, 0.3, shape))
    model.set_weights(values)
    for _ in range(20):
        model(np.eye(4)[rng.integers(0, 4, (32, SEQ_LEN))], training=True)


def predict(model, one_hot, **kwargs):
    """Peak embedding, probabilities and normalised logits of the model rebuilt in float64."""
    keras.backend.set_floatx("float64")
    twin, embed, cell = build(**kwargs)
    twin.set_weights(model.get_weights())
    h = embed(one_hot, training=False).numpy()
    kernel = cell.get_weights()[0]
    result = {"h": h, "probability": twin(one_hot, training=False).numpy(), "normalised_logit": h @ kernel}
    keras.backend.set_floatx("float32")
    return result


def names_as_bytes(path):
    """Turn the names in a file into fixed-length bytes, as the TensorFlow of the published models stored them."""
    with h5py.File(path, "r+") as file:
        for group, name in [(file, "layer_names"), *((group, "weight_names") for group in file.values())]:
            values = [value.encode() for value in group.attrs[name]]
            if values:
                group.attrs[name] = np.array(values)
        for name in ("backend", "keras_version"):
            file.attrs[name] = np.bytes_(file.attrs[name])


def save_keras3(path):
    """The small file of the newer format, which has to be refused."""
    import keras as keras3

    model = keras3.Sequential([keras3.Input((3,)), keras3.layers.Dense(2)])
    model.save_weights(path)


def main():
    """Write every fixture."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, (4, SEQ_LEN)).astype(np.uint8)
    codes[1, 100:110] = codes[2, :20] = codes[3, -3:] = 4
    one_hot = np.vstack([np.eye(4), np.full((1, 4), 0.25)])[codes]
    predictions = {"codes": codes, "batch_of_cell": np.array(BATCH_OF_CELL)}

    cases = {"plain": {}, "batch": {"batches": BATCH_OF_CELL}, "latent5": {"n_latent": 5}}
    for name, kwargs in cases.items():
        if name == "latent5":  # by now this session's counters are far along
            for _ in range(3):
                build(**kwargs)
        else:
            keras.backend.clear_session()
        model, _, _ = build(**kwargs)
        randomise(model, rng)
        model.save_weights(FOLDER / f"keras_{name}.h5")
        if name != "latent5":
            model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
            model.optimizer.build(model.trainable_variables)
            model.save(FOLDER / f"keras_{name}_whole.h5")
        predictions |= {f"{name}/{key}": value for key, value in predict(model, one_hot, **kwargs).items()}
    shutil.copy(FOLDER / "keras_plain.h5", FOLDER / "keras_plain_bytes.h5")
    names_as_bytes(FOLDER / "keras_plain_bytes.h5")
    save_keras3(FOLDER / "keras_3.weights.h5")
    np.savez_compressed(FOLDER / "keras_predictions.npz", **predictions)


if __name__ == "__main__":
    main()
