"""Save the models of ``keras_plain.h5`` and ``keras_batch.h5`` as Keras 3 does; see README.md beside this file.

Run in an environment of its own with keras, torch and h5py:
``KERAS_BACKEND=torch python tests/reference/make_keras_3_fixtures.py``.
"""

from __future__ import annotations

from pathlib import Path

import h5py
import keras
import numpy as np
from keras import layers

FOLDER = Path(__file__).parent
SEQ_LEN, CHANNELS, N_CELLS = 384, (8, 8, 9, 10, 11, 12, 14, 7), 6
KERNELS, POOLS = (17, 5, 5, 5, 5, 5, 5, 1), (3, 2, 2, 2, 2, 2, 2, 1)


def build(*, with_batches):
    """The layers with weights in the order of the original."""
    x = sequence = keras.Input((SEQ_LEN, 4))
    for n_filters, kernel, pool in zip(CHANNELS, KERNELS, POOLS, strict=True):
        x = layers.Activation("gelu")(x)
        x = layers.Conv1D(n_filters, kernel, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-3)(x)
        if pool > 1:
            x = layers.MaxPooling1D(pool, padding="same")(x)
    x = layers.Flatten()(layers.Activation("gelu")(x))
    x = layers.Dense(32, use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-3)(x)
    h = layers.Activation("gelu")(layers.Dropout(0.2)(x))
    out = layers.Dense(N_CELLS)(h)
    if with_batches:
        batch = layers.Dense(2)(h)
        out = layers.Add()([layers.Concatenate()([batch, batch, batch]), out])
    return keras.Model(sequence, layers.Activation("sigmoid")(out))


def legacy_weights(path):
    """The arrays of a file in the layout of before, in its order."""
    with h5py.File(path) as file:
        groups = [file[name] for name in file.attrs["layer_names"]]
        return [np.asarray(group[name]) for group in groups for name in group.attrs["weight_names"]]


for kind, name in (("plain", "keras_3_plain.keras"), ("batch", "keras_3_batch.weights.h5")):
    model = build(with_batches=kind == "batch")
    model.set_weights(legacy_weights(FOLDER / f"keras_{kind}.h5"))
    (model.save if name.endswith(".keras") else model.save_weights)(FOLDER / name)
