"""The files that the Python of README and docs reads, small."""

import gzip

import numpy as np

from tests.sentence_modelling.untrained_models import sentences


def make(folder):
    """Writes the sentences, under the names that the pages give them."""
    for seed, name in enumerate(("train", "valid")):
        (folder / f"{name}.txt").write_text(sentences(60, seed))


def digits(folder):
    """The folder of a set as `mnist-5k` is: 5,000 rows of 784 pixels and a digit."""
    random = np.random.default_rng(0)
    kinds = [",".join(map(str, random.integers(256, size=785))) + "\n" for _ in range(10)]
    with gzip.open(folder / "mnist_5k.csv.gz", "wt", compresslevel=1) as file:
        file.write("".join(kinds) * 500)
    return folder
