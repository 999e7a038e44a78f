"""Names, words, seeds, trends and maps: on values that are known."""

import numpy as np
import pytest

from tfp_dgm.data import DataError, SeedTopic
from tfp_dgm.topic_modelling.document_map import document_map
from tfp_dgm.topic_modelling.seeded_topics import seeded_topics
from tfp_dgm.topic_modelling.topic_trends import topic_trend, topics_of_classes
from tfp_dgm.topic_modelling.topic_words import (
    TopicWord,
    distinctiveness,
    told_words,
    topic_names,
)

VOCABULARY = ("rocket", "moon", "oven", "the")
TOPICS = np.array([[0.5, 0.3, 0.0, 0.2], [0.0, 0.1, 0.7, 0.2]])


def test_words_have_their_lift():
    frequencies = np.array([9.5, 9.5, 19.5, 9.5])  # With a half more each: 10, 10, 20, 10.
    found = told_words(np.array([[0, 3], [2, 1]]), TOPICS, frequencies, VOCABULARY)
    assert [[word.word for word in own] for own in found] == [["rocket", "the"], ["oven", "moon"]]
    np.testing.assert_allclose([word.lift for word in found[0]], [0.5 / 0.2, 0.2 / 0.2])
    np.testing.assert_allclose([word.probability for word in found[1]], [0.7, 0.1])
    share = np.array([0.2, 0.2, 0.4, 0.2])
    expected = 0.5 * np.log(0.5 / 0.2) + 0.3 * np.log(0.3 / 0.2)
    assert distinctiveness(TOPICS, frequencies)[0] == pytest.approx(expected)
    assert distinctiveness(share[np.newaxis], frequencies)[0] == pytest.approx(0, abs=1e-12)


def words(text):
    return [TopicWord(word, 0.1, 2.0) for word in text.split()]


def test_names_are_distinct():
    same = words("a b c d e")
    found = topic_names([same, same, same, words("x y"), same, same], [*[None] * 5, "mine"])
    assert found == ("a, b, c", "a, b, c, d", "a, b, c, d, e", "x, y", "a, b, c, d, e (2)", "mine")
    assert topic_names([words("a b c d")] * 2, ["a, b, c", None]) == ("a, b, c", "a, b, c, d")


FREQUENCIES = {"refund": 12, "refunds": 3, "money": 5, "back": 9, "parcel": 4}
TEXTS = ["t0", "t1", "t2"]


def seeds(*topics, given=None):
    return seeded_topics(topics, TEXTS, given, source="s.yaml", frequencies=FREQUENCIES)


def test_seeds_are_looked_up_as_words_are_read():
    found = seeds(
        SeedTopic("refunds", (("Refund", 1), ("money back", 1))),
        SeedTopic("late", (("parcel", 3),)),
        given=["late", None, "other"],
    )
    assert found.names == ("refunds", "late", "other")
    assert found.words == (("refund", "money", "back"), ("parcel",), ())
    assert found.documents.tolist() == [1, -1, 2]
    ids = found.word_ids(["back", "parcel", "refund", "money"], 4)
    assert [own.tolist() for own in ids] == [[2, 3, 0], [1], [], []]


def test_a_seed_that_no_text_has_is_named_with_the_nearest():
    with pytest.raises(DataError, match=r"s.yaml, line 7: no text has the word 'refnds' of 'x'"):
        seeds(SeedTopic("x", (("parcel", 6), ("refnds", 7))))
    with pytest.raises(
        DataError, match=r"texts have: 'refunds' \(3 texts\), 'refund' \(12 texts\)"
    ):
        seeds(SeedTopic("x", (("refnds", 7),)))
    with pytest.raises(DataError, match="nor one that is spelled alike"):
        seeds(SeedTopic("x", (("qqqq", 7),)))
    with pytest.raises(DataError, match=r"no text has the word '\.\.\.'"):
        seeds(SeedTopic("x", (("...", 7),)))


def dates(*texts):
    return np.array(texts, "datetime64[s]")


def test_a_trend_has_the_shortest_period_that_is_not_too_many():
    mixtures = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0], [0.2, 0.8]])
    found = topic_trend(mixtures, dates("2024-01-05", "2024-01-30", "2024-04-02", "NaT"), most=6)
    assert (found.period, found.starts) == (
        "month",
        ("2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"),
    )
    assert found.documents.tolist() == [2, 0, 0, 1]
    np.testing.assert_allclose(
        found.shares, [[0.75, 0.25], [np.nan, np.nan], [np.nan, np.nan], [0, 1]]
    )


@pytest.mark.parametrize(
    ("last", "period", "starts"),
    [
        ("2024-01-04", "day", ("2024-01-02", "2024-01-04")),
        ("2024-01-16", "week", ("2024-01-01", "2024-01-15")),  # Mondays.
        ("2024-05-31", "quarter", ("2024-01-01", "2024-04-01")),
        ("2026-07-01", "year", ("2024-01-01", "2026-01-01")),
        ("2043-07-01", "7 years", ("2024-01-01", "2038-01-01")),
    ],
)
def test_periods(last, period, starts):
    found = topic_trend(np.eye(2), dates("2024-01-02", last), most=3)
    assert found.period == period
    assert (found.starts[0], found.starts[-1]) == starts


def test_one_period_is_no_trend():
    assert topic_trend(np.eye(2), dates("2024-01-02", "2024-01-02T11:00")) is None
    assert topic_trend(np.eye(2), dates("NaT", "NaT")) is None


def test_topics_of_classes_are_means():
    mixtures = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0], [0.2, 0.8]])
    found = topics_of_classes(mixtures, ["b", "a", "b", None])
    assert found.classes == ("b", "a")
    assert found.documents.tolist() == [2, 1]
    np.testing.assert_allclose(found.shares, [[0.5, 0.5], [0.5, 0.5]])
    assert topics_of_classes(mixtures, ["b", "a", "b", None], most=1).classes == ("b",)


def test_a_map_keeps_like_texts_together():
    random = np.random.default_rng(0)
    groups = np.arange(90) % 3
    mixtures = random.dirichlet([0.3] * 4, size=90) * 0.1 + 0.9 * np.eye(4)[groups]
    rows, points = document_map(mixtures, most=60)
    assert len(rows) == 60
    assert (np.diff(rows) > 0).all()
    assert points.min() == 0
    assert points.max() == 1
    np.testing.assert_array_equal(document_map(mixtures, most=60)[1], points)
    distances = np.linalg.norm(points[:, np.newaxis] - points, axis=-1)
    np.fill_diagonal(distances, np.inf)
    nearest = groups[rows][distances.argmin(axis=1)]
    assert (nearest == groups[rows]).mean() > 0.9


@pytest.mark.parametrize(("texts", "topics"), [(1, 3), (3, 2), (30, 2), (5, 1)])
def test_small_maps(texts, topics):
    mixtures = np.random.default_rng(1).dirichlet([1.0] * topics, size=texts)
    _, points = document_map(mixtures)
    assert points.shape == (texts, 2)
    assert np.isfinite(points).all()
