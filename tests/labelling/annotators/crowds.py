"""Simulated annotators."""

import numpy as np

from tfp_dgm.labelling.annotators import Answers

# p(answer | class): three who know, one who asks for more before the second class, one who
# guesses, one who says the first class always, and one who has them the wrong way round.
CONFUSIONS = np.array(
    [
        [[0.85, 0.15], [0.2, 0.8]],
        [[0.75, 0.25], [0.25, 0.75]],
        [[0.8, 0.2], [0.3, 0.7]],
        [[0.95, 0.05], [0.4, 0.6]],
        [[0.5, 0.5], [0.5, 0.5]],
        [[1.0, 0.0], [1.0, 0.0]],
        [[0.15, 0.85], [0.8, 0.2]],
    ]
)
NAMES = ["ann", "bob", "cyd", "dee", "guess", "same", "wrong"]


def simulated(num_rows, *, answers_of_a_row=4, confusions=CONFUSIONS, names=NAMES, seed=0):
    """Answers of annotators drawn for each row, and the truths [N]."""
    rng = np.random.default_rng(seed)
    num_annotators, num_classes = confusions.shape[:2]
    truth = rng.integers(0, num_classes, num_rows)
    row = np.repeat(np.arange(num_rows), answers_of_a_row)
    who = np.concatenate(
        [rng.permutation(num_annotators)[:answers_of_a_row] for _ in range(num_rows)]
    )
    chances = confusions[who, truth[row]].cumsum(axis=1)
    label = (rng.random((len(row), 1)) > chances).sum(axis=1)
    return Answers(row, who, label, num_rows, num_classes, names), truth


def of_triples(*triples, num_rows, num_classes=2, names=("ann", "bob")):
    """Answers from (row, annotator, label)."""
    row, who, label = np.array(triples, int).reshape(-1, 3).T
    return Answers(row, who, label, num_rows, num_classes, names)
