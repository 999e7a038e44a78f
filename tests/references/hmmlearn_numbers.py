"""A small problem for hidden Markov models, and what hmmlearn makes of it.

`python tests/references/hmmlearn_numbers.py` prints the numbers of `HMMLEARN`, where hmmlearn is
installed (0.3.3 wrote them; it is no dependency).
"""

import numpy as np

LENGTHS = [7, 1, 6]
_TIME = np.arange(sum(LENGTHS))[:, np.newaxis]
VECTORS = 2 * np.sin(1.7 * _TIME + np.arange(2)) + np.cos(0.3 * _TIME**2 + 2 * np.arange(2))
INITIAL = np.array([0.6, 0.4])
TRANSITIONS = np.array([[0.7, 0.3], [0.2, 0.8]])
MEANS = np.array([[-1.0, 0.5], [1.0, -0.5]])
ITERATIONS = 6

# Covariances -> log-likelihoods before each iteration; states; means and covariances at the end.
HMMLEARN = {
    "diag": (
        [-63.2346214, -54.5690506, -53.2994531, -52.2399491, -50.8560465, -48.1039293],
        [1, 1, 1, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 1],
        [[-1.9732114, -0.4805333], [1.4148764, 0.1861873]],
        [[[0.2103320, 0], [0, 0.1613585]], [[1.1612995, 0], [0, 3.4953365]]],
    ),
    "full": (
        [-63.2346214, -50.8098177, -49.2786382, -48.7752743, -48.4997317, -47.6236072],
        [1, 1, 1, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 1],
        [[-0.8627101, 0.6436926], [1.7451276, -0.6407774]],
        [
            [[1.9212775, 1.6473709], [1.6473709, 1.9934438]],
            [[1.1388721, 1.5217326], [1.5217326, 2.4531636]],
        ],
    ),
}


def main():
    from hmmlearn.hmm import GaussianHMM

    for kind in HMMLEARN:
        model = GaussianHMM(
            2,
            kind,
            min_covar=0,
            covars_prior=0,
            init_params="",
            n_iter=ITERATIONS,
            tol=-np.inf,
        )
        model.startprob_, model.transmat_, model.means_ = INITIAL, TRANSITIONS, MEANS
        model.covars_ = np.ones((2, 2)) if kind == "diag" else np.stack([np.eye(2)] * 2)
        states = model.predict(VECTORS, LENGTHS)
        model.fit(VECTORS, LENGTHS)
        print(kind, list(model.monitor_.history), states, model.means_, model.covars_, sep="\n")


if __name__ == "__main__":
    main()
