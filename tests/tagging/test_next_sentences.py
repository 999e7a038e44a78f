import itertools

import numpy as np
import pytest

from tfp_dgm.tagging.next_sentences import sentences_to_annotate


def _chosen(sentences, count):
    tokens = [[word for word, _ in sentence] for sentence in sentences]
    doubt = [np.array([wrong for _, wrong in sentence]) for sentence in sentences]
    return sentences_to_annotate(tokens, doubt, count)


def test_sentences_without_doubt_are_not_asked_for():
    assert _chosen([[("a", 0.0), ("b", 0.0)], [("c", 0.4)]], 5) == [1]


def test_a_word_that_is_doubtful_in_many_places_comes_first_and_once():
    many = [[("odd", 0.4), (f"w{n}", 0.0)] for n in range(5)]
    once = [[("rare", 0.5), ("x", 0.0)]]
    order = _chosen(once + many, 6)
    assert order[0] in range(1, 6)
    assert order.index(0) < 4  # Not behind all that have the same word.
    assert sorted(order) == list(range(6))


def test_of_two_sentences_with_the_same_doubt_the_shorter_one_is_asked_for():
    long = [("odd", 0.4), *((f"w{n}", 0.0) for n in range(20))]
    assert _chosen([long, [("odd", 0.4)]], 1) == [1]


def test_the_greedy_choice_is_that_of_a_plain_loop():
    rng = np.random.default_rng(0)
    sentences = [
        [(f"w{rng.integers(12)}", float(rng.random() ** 3)) for _ in range(rng.integers(1, 9))]
        for _ in range(40)
    ]
    total = {}
    for word, wrong in itertools.chain(*sentences):
        total[word] = total.get(word, 0) + wrong
    times = dict.fromkeys(total, 0)
    left, expected = set(range(40)), []
    for _ in range(12):

        def worth(number):
            most = {}
            for word, wrong in sentences[number]:
                most[word] = max(most.get(word, 0), wrong)
            gained = sum(
                wrong * np.log1p(total[word]) * 0.4 ** times[word] for word, wrong in most.items()
            )
            return gained / (len(sentences[number]) + 5)

        best = max(left, key=worth)
        expected.append(best)
        left.remove(best)
        for word in {word for word, _ in sentences[best]}:
            times[word] += 1
    assert _chosen(sentences, 12) == expected


def test_case_is_no_difference():
    sentences = [[("Odd", 0.4)], [("odd", 0.4)], [("new", 0.35)]]
    assert _chosen(sentences, 2)[1] == 2
    assert _chosen(sentences, 2)[0] == pytest.approx(0)
