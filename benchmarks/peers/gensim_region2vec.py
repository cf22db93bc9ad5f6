"""Word2Vec of gensim on the tokens of cells, as geniml's Region2Vec calls it. Knows nothing of scbasset_tl.

python gensim_region2vec.py tokens.npz out.npz --epochs 10 [--cbow] [--seed 0]
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
from gensim.models import Word2Vec

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("tokens")
parser.add_argument("out")
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--cbow", action="store_true")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--min-count", type=int, default=10)
arguments = parser.parse_args()

saved = np.load(arguments.tokens)
rng = np.random.default_rng(arguments.seed)
rows = np.split(saved["indices"], saved["indptr"][1:-1])


class Corpus:
    """Shuffled anew each pass, as geniml's dataset."""

    def __iter__(self):
        return (list(map(str, rng.permutation(row))) for row in rows)


wall, cpu = time.perf_counter(), time.process_time()
model = Word2Vec(
    vector_size=100, window=5, min_count=arguments.min_count, workers=1, seed=arguments.seed, sg=int(not arguments.cbow),
    negative=5, epochs=arguments.epochs,
)  # fmt: skip
model.build_vocab(Corpus())
model.train(Corpus(), total_examples=model.corpus_count, epochs=arguments.epochs)
took = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
vectors = np.zeros((int(saved["n_regions"]), 100), dtype=np.float32)
for word, index in model.wv.key_to_index.items():
    vectors[int(word)] = model.wv.vectors[index]
np.savez(arguments.out, vectors=vectors, took=json.dumps(took))
