"""Train scBasset's network by CREsted for one epoch, or mutate sequences, and save when each step or call ended.

Runs in an environment of its own (``pip install crested torch``; run with ``KERAS_BACKEND=torch``); knows nothing of scbasset_tl.
CREsted has no scBasset of its own, so the network is built here from Keras' layers, with the original's shape and the
bias of each cell; loss, optimizer and metrics are those of CREsted's classification of topics.
Input: an ``.npz`` written by ``benchmarks/throughput.py`` (codes, the CSR of cells × peaks).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import anndata as ad
import crested
import keras
import numpy as np
import scipy.sparse as sp
import torch
from crested.tl import TaskConfig
from crested.tl.data import AnnDataWrapper
from keras import layers

BLOCKS = zip((17, 5, 5, 5, 5, 5, 5, 1), (3, 2, 2, 2, 2, 2, 2, 1), strict=True)


def gelu(x: Any) -> Any:
    """The original's, which is not Keras'."""
    return x * keras.ops.sigmoid(1.702 * x)


def network(seq_len: int, width: int, n_cells: int, activation: str) -> keras.Model:
    """The original: a stem, a tower that grows by 1.122 a block, 32 numbers a peak, one output a cell."""
    channels = [width, *(round(width * 1.122**block) for block in range(6)), max(1, round(width * 256 / 288))]
    x = sequence = keras.Input((seq_len, 4))
    for n_filters, (kernel, pool) in zip(channels, BLOCKS, strict=True):
        x = layers.Activation(gelu)(x)
        x = layers.Conv1D(n_filters, kernel, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-3)(x)
        if pool > 1:
            x = layers.MaxPooling1D(pool, padding="same")(x)
    x = layers.Flatten()(layers.Activation(gelu)(x))
    x = layers.Dense(32, use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-3)(x)
    x = layers.Activation(gelu)(layers.Dropout(0.2)(x))
    return keras.Model(sequence, layers.Dense(n_cells, activation=activation)(x))


class Ends(keras.callbacks.Callback):
    """When each step ended."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seconds.append(time.perf_counter())


def train(args: argparse.Namespace, problem: Any, folder: Path) -> dict[str, Any]:
    """One epoch of ``Crested.fit``; the last two peaks are held out."""
    codes, shape = problem["codes"], tuple(problem["shape"].tolist())
    counts = sp.csr_matrix((problem["data"], problem["indices"], problem["indptr"]), shape=shape)
    length = codes.shape[1]
    names = [f"chr{peak}:0-{length}" for peak in range(len(codes))]
    fasta = folder / "genome.fa"
    fasta.write_text("".join(f">chr{i}\n{''.join(row)}\n" for i, row in enumerate(np.array(list("ACGT"))[codes])))
    adata = ad.AnnData(sp.csc_matrix(counts))
    adata.var_names = names
    adata.var["split"] = ["train"] * (len(names) - 2) + ["val", "test"]
    data = AnnDataWrapper(
        adata, crested.Genome(fasta), batch_size=args.batch_size, always_reverse_complement=False, drop_remainder=False
    )
    config = crested.tl.default_configs("topic_classification")
    ends = Ends()
    model = network(length, args.width, shape[0], "sigmoid")
    metrics = [keras.metrics.AUC(name="auROC")] if args.plain_metrics else config.metrics
    task = TaskConfig(config.optimizer, config.loss, metrics)
    trainer = crested.tl.Crested(data, model, task, project_name=str(folder / "project"), run_name="run")
    trainer.fit(
        epochs=1, model_checkpointing=False, early_stopping=False, learning_rate_reduce=False, custom_callbacks=[ends]
    )
    return {"ends": ends.seconds}


def mutate(args: argparse.Namespace, problem: Any) -> dict[str, Any]:
    """Scores of the first sequence for the first cell, as logits; weights and scores are saved for comparison."""
    one_hot = np.eye(4, dtype=np.float32)[problem["codes"][:1]]
    model = network(one_hot.shape[1], args.width, int(problem["shape"][0]), "linear")
    model.save_weights(args.out.with_suffix(".weights.h5"))
    result: dict[str, Any] = {}
    for method in args.methods:
        seconds = []
        for _ in range(args.repeats):
            started = time.perf_counter()
            scores, _ = crested.tl.contribution_scores(one_hot, 0, model, method=method, verbose=False)
            seconds.append(time.perf_counter() - started)
        result[method] = seconds
        np.save(args.out.with_suffix(f".{method}.npy"), scores[0, 0])
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["train", "mutate"])
    parser.add_argument("problem", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--width", type=int, default=288)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--methods", nargs="+", default=["mutagenesis", "expected_integrated_grad"])
    parser.add_argument("--plain-metrics", action="store_true", help="one auROC in place of CREsted's own metrics")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    problem = np.load(args.problem)
    with tempfile.TemporaryDirectory() as folder:
        result = train(args, problem, Path(folder)) if args.what == "train" else mutate(args, problem)
    result["versions"] = {name: version(name) for name in ("crested", "keras", "torch")}
    args.out.write_text(json.dumps(result))


if __name__ == "__main__":
    main()
