"""Metrics of captions against published values and counting by hand."""

import math

import numpy as np
import pytest

from tfp_dgm.evaluation import caption_metrics, cider_d
from tfp_dgm.evaluation.captions import caption_words, corpus_bleu, distinct, pairwise_bleu


def words(*texts):
    return [text.split() for text in texts]


def test_cider_d_of_a_published_example():
    """The example in the README of aac-metrics 0.4, which agrees with caption-evaluation-tools."""
    candidates = words("a man is speaking", "rain falls")
    references = [
        words(
            "a man speaks",
            "someone speaks",
            "a man is speaking while a bird is chirping in the background",
        ),
        words("rain is falling hard on a surface"),
    ]
    np.testing.assert_allclose(cider_d(candidates, references), [1.3641, 0.5587], atol=5e-5)


def test_cider_d_by_hand():
    """Two images; "b" and "b b" stand for unigrams of weight log 2, "a" of weight 0."""
    scores = cider_d(words("b b a", "c"), [words("b a", "b b a a a"), words("a c")])
    # Orders 1 to 4 against "b a": b counts min(2, 1) * 1 log^2, norms 2 log and 1 log. Bigrams of
    # the candidate: "b b", "b a"; of the references: "b a" | "b b", "b a", "a a" twice.
    first = [1 / 2, 1 / math.sqrt(2), 0.0, 0.0]
    second = [1.0, 2 / math.sqrt(2 * 6), 1 / math.sqrt(3), 0.0]
    penalties = [math.exp(-1 / 72), math.exp(-4 / 72)]
    expected = 10 * np.mean([penalties[0] * np.mean(first), penalties[1] * np.mean(second)])
    np.testing.assert_allclose(scores[0], expected)
    np.testing.assert_allclose(scores[1], 10 * math.exp(-1 / 72) / 4)


def test_cider_d_of_the_references_themselves_is_ten():
    references = [words("one two three four five"), words("six seven eight nine ten")]
    np.testing.assert_allclose(cider_d([texts[0] for texts in references], references), [10, 10])
    np.testing.assert_allclose(cider_d(words("a b c d"), [words("a b c d")]), [0.0])


def test_bleu_by_hand():
    """Clipped precisions 5/6, 4/5, 3/4, 2/3 for one of two references; no brevity penalty."""
    score = corpus_bleu(words("a b c d e x"), [words("a b c d e f", "z")])
    np.testing.assert_allclose(score, 100 * (5 / 6 * 4 / 5 * 3 / 4 * 2 / 3) ** 0.25)
    short = corpus_bleu(words("a b c d"), [words("a b c d e f")])
    np.testing.assert_allclose(short, 100 * math.exp(1 - 6 / 4))


def test_diversity_by_hand():
    same = [words("a b c d", "a b c d"), words("e f g h", "e f g h")]
    np.testing.assert_allclose(pairwise_bleu(same), 100)
    np.testing.assert_allclose(distinct(same, 2), 0.5)
    mixed = [words("a b a", "b a"), words("a b", "c d")]
    np.testing.assert_allclose(distinct(mixed, 1), (2 / 5 + 4 / 4) / 2)
    np.testing.assert_allclose(distinct(mixed, 2), (2 / 3 + 2 / 2) / 2)
    assert pairwise_bleu([words("a b")]) is None


def test_metrics_pick_the_best_for_the_oracle():
    references = [
        ["A dog runs through the grass.", "A brown dog is running fast"],
        ["Two men play chess in a park."],
        ["A red car stands by a house"],
    ]
    candidates = [
        ["a cat sleeps on a bed", "a dog runs through the grass"],
        ["two men play chess in a park", "a man eats"],
        ["a red car stands by a house", "a red car stands by a tree"],
    ]
    metrics = caption_metrics(candidates, references)
    np.testing.assert_allclose(metrics["oracle_bleu_4"], 100)
    assert metrics["mean_bleu_4"] < metrics["first_bleu_4"] < 100
    true = [[caption_words(text) for text in texts] for texts in references]
    cider = np.array(
        [cider_d([caption_words(texts[k]) for texts in candidates], true) for k in range(2)]
    )
    np.testing.assert_allclose(metrics["oracle_cider"], cider.max(axis=0).mean())
    np.testing.assert_allclose(metrics["mean_cider"], cider.mean())
    assert 0 < metrics["pairwise_bleu"] < 50
    assert metrics["candidates"] == 2
    assert metrics["images"] == 3
    assert metrics["vocabulary"] == len(
        {word for texts in candidates for text in texts for word in text.split()}
    )


@pytest.mark.parametrize(
    ("candidate", "bleu"),
    [
        ("a b c d x", 100 * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** (1 / 4)),
        # No order without a match is 0: it counts as 1/2, 1/4, ... of a match.
        ("a x y z w", 100 * (1 / 5 * 1 / (2 * 4) * 1 / (4 * 3) * 1 / (8 * 2)) ** (1 / 4)),
        ("x y z w v", 0.0),
    ],
)
def test_bleu_without_long_matches_by_hand(candidate, bleu):
    found = corpus_bleu([candidate.split()], [words("a b c d e")])
    np.testing.assert_allclose(found, bleu, rtol=1e-6)


def test_words():
    assert caption_words("A dog's tail, (wet) -- isn't it ?") == [
        "a",
        "dog's",
        "tail",
        "wet",
        "isn't",
        "it",
    ]


@pytest.mark.parametrize(
    ("candidates", "references", "message"),
    [
        ([], [], "received 0 and 0"),
        ([["a"]], [["a"], ["b"]], "received 1 and 2"),
        ([["a"], ["a", "b"]], [["a"], ["b"]], "the same number K"),
        ([["a"], ["b"]], [["a"], []], "image 1 has none"),
    ],
)
def test_errors(candidates, references, message):
    with pytest.raises(ValueError, match=message):
        caption_metrics(candidates, references)
