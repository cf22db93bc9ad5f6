"""Train CREsted's simple_convnet on the share of cells of each tissue in which a peak is open; save predictions of held-out peaks.

Runs in an environment of its own (``pip install torch crested==1.11.0``); knows nothing of scbasset_tl. Its own network, loss, and
rates; each peak is seen on a random strand, and predictions are means over both. Input: an ``.npz`` written by
``benchmarks/worm_quality.py crested``: codes, targets (peaks, tissues), and the peaks of train, val and test.

    python crested_train.py problem.npz out.npz --epochs 6
"""

from __future__ import annotations

import argparse
import os
import time
from importlib.metadata import version

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch
from crested.tl.losses import CosineMSELogLoss
from crested.tl.zoo import simple_convnet

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("problem")
parser.add_argument("out")
parser.add_argument("--epochs", type=int, required=True)
parser.add_argument("--threads", type=int, default=1)
arguments = parser.parse_args()

torch.set_num_threads(arguments.threads)
keras.utils.set_random_seed(0)
saved = np.load(arguments.problem)
letters = np.vstack([np.eye(4), np.full(4, 0.25)]).astype(np.float32)  # N is a quarter of each base
x, y = letters[saved["codes"]], saved["targets"].astype(np.float32)


class OneStrand(keras.utils.PyDataset):
    """Batches of training peaks in random order, each on a random strand."""

    def __init__(self) -> None:
        super().__init__()
        self.rng = np.random.default_rng(0)
        self.on_epoch_end()

    def on_epoch_end(self) -> None:
        self.order = self.rng.permutation(saved["train"])

    def __len__(self) -> int:
        return -(-len(self.order) // 64)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self.order[64 * number : 64 * (number + 1)]
        turned = self.rng.random(len(rows)) < 0.5
        return np.where(turned[:, None, None], x[rows, ::-1, ::-1], x[rows]), y[rows]


model = simple_convnet(seq_len=x.shape[1], num_classes=y.shape[1])
model.compile(keras.optimizers.Adam(1e-3), CosineMSELogLoss(max_weight=100))
best = keras.callbacks.EarlyStopping(patience=arguments.epochs, restore_best_weights=True, verbose=1)
started = time.perf_counter()
history = model.fit(
    OneStrand(),
    validation_data=(x[saved["val"]], y[saved["val"]]),
    epochs=arguments.epochs,
    callbacks=[best],
    verbose=2,
)
seconds = time.perf_counter() - started
test = x[saved["test"]]
predicted = (model.predict(test, verbose=0) + model.predict(test[:, ::-1, ::-1].copy(), verbose=0)) / 2
np.savez(
    arguments.out,
    predicted=predicted,
    seconds=seconds,
    version=version("crested"),
    best_epoch=1 + int(np.argmin(history.history["val_loss"])),
)
