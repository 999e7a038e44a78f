"""ROUGE by hand, and longest common subsequences against all subsequences."""

import itertools

import numpy as np
import pytest

from tfp_dgm.evaluation import longest_common_subsequence, rouge_scores


def words(*texts):
    return [text.split() for text in texts]


def test_an_example_of_the_paper():
    """Lin (2004), section 3: ROUGE-L of 3/4 and of 2/4; bigrams: "the gunman" in the second."""
    reference = "police killed the gunman"
    first = rouge_scores(words("police kill the gunman"), words(reference))
    np.testing.assert_allclose(list(first.values()), [3 / 4, 1 / 3, 3 / 4])
    second = rouge_scores(words("the gunman kill police"), words(reference))
    np.testing.assert_allclose(list(second.values()), [3 / 4, 1 / 3, 2 / 4])


def test_by_hand():
    """Clipped counts, texts of different lengths, one without a match; the mean of both."""
    found = rouge_scores(words("a a a b", "x"), words("a a c", "y z"))
    # Unigrams: 2 of 4 and 2 of 3; bigrams "a a" once, of 3 and of 2; LCS "a a".
    np.testing.assert_allclose(found["rouge_1"], (4 / 7) / 2)
    np.testing.assert_allclose(found["rouge_2"], (2 / 5) / 2)
    np.testing.assert_allclose(found["rouge_l"], (4 / 7) / 2)
    assert set(rouge_scores(words(""), words("a")).values()) == {0.0}


def test_longest_common_subsequences_are_the_longest_of_all():
    random = np.random.default_rng(2)

    def all_of(text):
        return {
            part for size in range(len(text) + 1) for part in itertools.combinations(text, size)
        }

    for _ in range(40):
        one, other = (list(random.choice(list("abc"), random.integers(0, 7))) for _ in range(2))
        common = all_of(one) & all_of(other)
        found = tuple(longest_common_subsequence(one, other))
        assert found in common
        assert len(found) == max(map(len, common))


@pytest.mark.parametrize(("candidates", "references"), [([], []), ([["a"]], [])])
def test_refusals(candidates, references):
    with pytest.raises(ValueError, match="as many candidates as references, at least one"):
        rouge_scores(candidates, references)
