import itertools
import math

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from tfp_dgm.evaluation import cohen_kappa, fleiss_kappa, krippendorff_alpha


def test_cohens_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    for _ in range(20):
        first = rng.integers(0, 4, 30)
        second = np.where(rng.random(30) < 0.6, first, rng.integers(0, 5, 30))
        assert cohen_kappa(first, second) == pytest.approx(cohen_kappa_score(first, second))


def test_fleiss_is_that_of_a_worked_example():
    """Of encyclopaedias: 14 raters, ten subjects, five categories."""
    counts = [
        *([0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0]),
        *([2, 2, 8, 1, 1], [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2]),
        *([6, 5, 2, 1, 0], [0, 2, 2, 3, 7]),
    ]
    assert fleiss_kappa(counts) == pytest.approx(0.210, abs=5e-4)


@pytest.mark.parametrize(
    ("people", "alpha"),
    [
        (["123321412...", "1233224125.3", ".3332342251.", "12332441251."], 0.743),
        (["aabbdcccedda", "babbbcccedda"[:11] + "d"], 0.692),
    ],
)
def test_krippendorffs_is_that_of_the_paper(people, alpha):
    """His examples C, of four observers with gaps, and B, of two; nominal."""
    letters = sorted(set("".join(people)) - {"."})
    table = [[letters.index(c) if c != "." else -1 for c in row] for row in people]
    assert krippendorff_alpha(table) == pytest.approx(alpha, abs=5e-4)


def _alpha(table):
    """By the definition: disagreement of all pairs within rows, and of all pairs at all."""
    within, values = 0.0, []
    for column in table.T:
        said = [value for value in column.tolist() if value >= 0]
        if len(said) < 2:
            continue
        values += said
        pairs = list(itertools.permutations(said, 2))
        within += sum(a != b for a, b in pairs) / (len(said) - 1)
    every = list(itertools.permutations(values, 2))
    observed = within / len(values)
    return 1 - observed / (sum(a != b for a, b in every) / len(every))


def test_krippendorffs_is_that_of_the_definition():
    rng = np.random.default_rng(1)
    for people in (2, 3, 5):
        for _ in range(10):
            truth = rng.integers(0, 4, 25)
            table = np.where(
                rng.random((people, 25)) < 0.7, truth, rng.integers(0, 4, (people, 25))
            )
            table[rng.random((people, 25)) < 0.3] = -1
            assert krippendorff_alpha(table) == pytest.approx(_alpha(table))


def test_chance_is_nought_and_full_agreement_one():
    rng = np.random.default_rng(2)
    said = rng.integers(0, 3, (2, 200_000))
    assert cohen_kappa(*said) == pytest.approx(0, abs=0.01)
    assert krippendorff_alpha(said) == pytest.approx(0, abs=0.01)
    counts = np.stack([(said == k).sum(axis=0) for k in range(3)], axis=1)
    assert fleiss_kappa(counts) == pytest.approx(0, abs=0.01)
    same = np.stack([said[0], said[0]])
    assert cohen_kappa(*same) == krippendorff_alpha(same) == 1


def test_what_has_no_answer_is_not_a_number():
    assert math.isnan(cohen_kappa([], []))
    assert math.isnan(cohen_kappa([2, 2], [2, 2]))
    assert math.isnan(fleiss_kappa(np.zeros((0, 3))))
    assert math.isnan(fleiss_kappa([[2, 0], [2, 0]]))
    assert math.isnan(krippendorff_alpha([[0, -1], [-1, 1]]))
    assert math.isnan(krippendorff_alpha(np.full((2, 3), -1)))


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"second: expected \(2,\) as in first; received \(3,\)"):
        cohen_kappa([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="the same number of answers in every row, at least two"):
        fleiss_kappa([[2, 0], [1, 2]])
    with pytest.raises(ValueError, match="at least two; received 1 to 1"):
        fleiss_kappa([[1, 0], [0, 1]])
    with pytest.raises(ValueError, match=r"answers: expected \[people, N\]"):
        krippendorff_alpha([1, 2])
