"""Topics of made texts: found, seeded, stable; and texts that have none."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from tests.topic_modelling.made_texts import COMMON, OWN_WORDS, TOPICS, made_texts
from tfp_dgm.data import DataError, SeedTopic
from tfp_dgm.evaluation import clustering_scores
from tfp_dgm.models import load_model
from tfp_dgm.topic_modelling import find_topics, number_of_topics, text_topics, topic_metrics

DATES = np.datetime64("2024-01-01", "s") + np.arange(120) * np.timedelta64(86_400, "s")


@pytest.fixture(scope="module")
def found():
    texts, names = made_texts()
    texts[7] = "..."  # Says nothing.
    texts[10] = texts[13]  # A copy.
    return find_topics(texts, num_topics=3, labels=names, dates=DATES), names


def test_the_topics_are_those_that_texts_were_made_of(found):
    (_, outcome), names = found
    assert sorted(sorted(word.word for word in words[:8]) for words in outcome.words) == sorted(
        sorted(words) for words in TOPICS.values()
    )
    told = np.delete(outcome.best, 7)
    truth = [name for n, name in enumerate(names) if n != 7]
    assert clustering_scores(truth, told.tolist())["accuracy"] == 1
    assert set(outcome.common) == set(COMMON) - {"a"}
    np.testing.assert_allclose(outcome.sizes.sum(), 1, rtol=1e-5)
    assert (np.diff(outcome.sizes) <= 1e-6).all()
    assert outcome.diversity == 24 / 72  # Each topic has a place for all 24 words.
    assert (outcome.stability > 0.9).all()


def test_coherence_is_npmi_of_pairs_within_texts(found):
    (_, outcome), _ = found
    texts = [set(text.split()) for text in dict.fromkeys(outcome.texts)]
    for own, coherence in zip(outcome.words, outcome.coherence, strict=True):
        values = []
        for first, second in itertools.combinations([word.word for word in own], 2):
            one, other = (sum(word in text for text in texts) for word in (first, second))
            both = sum({first, second} <= text for text in texts)
            joint = both / len(texts) + 1e-12
            pointwise = np.log(joint * len(texts) ** 2 / (one * other))
            values.append(pointwise / -np.log(joint))
        assert coherence == pytest.approx(np.mean(values), abs=1e-6)


def test_rows_say_what_is_known(found):
    (_, outcome), _ = found
    columns = outcome.columns(mixture=True)
    assert list(columns) == [
        "topic",
        "topic_probability",
        "sure_topic",
        *(f"share of {name}" for name in outcome.names),
    ]
    assert [columns[name][7] for name in columns] == [None] * 6
    shares = np.array([[columns[f"share of {name}"][n] for name in outcome.names] for n in (0, 5)])
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=2e-4)
    assert columns["topic"][0] == outcome.names[shares[0].argmax()]
    assert columns["topic_probability"][0] == shares[0].max()
    for name in outcome.names:
        rows = [n for n, topic in enumerate(columns["topic"]) if topic == name]
        sure = [n for n in rows if columns["sure_topic"][n] is not None]
        assert len(sure) == -(-len(rows) // 2)
        rest = set(rows) - set(sure)
        least = min(columns["topic_probability"][n] for n in sure)
        assert least >= max(columns["topic_probability"][n] for n in rest)


def test_doubts_are_told(found):
    (_, outcome), _ = found
    assert "1 of 120 texts are copies of others, and counted once." in outcome.warnings
    assert "1 of 120 texts have no topic: their words tell nothing apart." in outcome.warnings


def test_metrics_hold_what_was_found(found):
    (_, outcome), names = found
    figures = topic_metrics(outcome)
    assert figures["rows"] == {"all": 120, "without_known_words": 1}
    assert figures["agreement"]["accuracy"] == 1
    assert figures["agreement"]["rows"] == 119
    assert [one["name"] for one in figures["topics"]] == list(outcome.names)
    assert sum(one["texts"] for one in figures["topics"]) == 119
    assert {one["name"]: one["texts"] for one in figures["classes"]} == {
        name: names.count(name) for name in TOPICS
    }
    assert figures["trend"]["period"] == "week"
    assert sum(figures["trend"]["texts"]) == 120


def test_the_model_tells_what_was_found(found, tmp_path):
    (teller, outcome), _ = found
    teller.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    mixtures, known = loaded.mixtures_of(outcome.texts)
    np.testing.assert_array_equal(known, outcome.known)
    np.testing.assert_allclose(mixtures[known], outcome.mixtures[known], atol=1e-6)
    np.testing.assert_allclose(loaded(tf.constant(outcome.texts)), mixtures, atol=1e-3)


@pytest.mark.parametrize("plain", [False, True])
def test_strings_are_answered_with_names(found, eager, plain):
    (teller, outcome), _ = found
    signature = teller.serving_signatures()["serving_default"]
    texts = tf.constant([outcome.texts[0], "unheard of", outcome.texts[1]])
    told = (
        signature.plain_body(text=texts)
        if plain
        else signature.body(**signature.before(text=texts))
    )
    answer = signature.after(**told)
    best = outcome.best[[0, 1]]
    names = [outcome.names[k].encode() for k in best]
    assert answer["topic"].numpy().tolist() == [names[0], b"", names[1]]
    own = " ".join(word.word for word in outcome.words[best[0]]).encode()
    assert answer["words"].numpy().tolist()[:2] == [own, b""]
    np.testing.assert_allclose(answer["mixture"][0], outcome.mixtures[0], atol=1e-3)
    np.testing.assert_allclose(answer["probability"][1], 0)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_topics():
    texts, _ = made_texts(60)
    first, second = (find_topics(texts, num_topics=3, seed=4)[1] for _ in range(2))
    np.testing.assert_array_equal(first.mixtures, second.mixtures)
    assert first.names == second.names


def test_seeds_name_their_topics():
    texts, names = made_texts(120)
    given = [name if n < 30 and name == "sport" else None for n, name in enumerate(names)]
    _, outcome = find_topics(
        texts, num_topics=3, seed_topics=[SeedTopic("baking", (("oven dough", 1),))], given=given
    )
    assert {"baking", "sport"} < set(outcome.names)
    for name, own in (("baking", "kitchen"), ("sport", "sport")):
        k = outcome.names.index(name)
        assert outcome.seeded[k]
        assert {word.word for word in outcome.words[k][:8]} == set(TOPICS[own])
    assert sum(outcome.seeded) == 2


@pytest.mark.slow
def test_seeds_count_while_their_number_is_chosen(monkeypatch):
    texts, names = made_texts(120)
    given = [name if n < 60 and name == "sport" else None for n, name in enumerate(names)]
    monkeypatch.setattr(number_of_topics, "CANDIDATES", (3, 5))
    fit, asked = text_topics._FITS["topic"], []

    def spied(counts, number, **how):
        asked.append((counts, how))
        return fit(counts, number, **how)

    monkeypatch.setitem(text_topics._FITS, "topic", spied)
    teller, outcome = find_topics(
        texts, seed_topics=[SeedTopic("baking", (("oven", 1),))], given=given
    )
    assert {"baking", "sport"} < set(outcome.names)
    vocabulary = teller.word_counts.vocabulary
    sport = [vocabulary.index(word) for word in TOPICS["sport"]]
    smallest = min(counts.shape[0] for counts, _ in asked)
    assert smallest < 120  # Some were held out.
    for counts, how in asked:
        assert vocabulary[how["seeds"][0][0]] == "oven"
        rows = np.flatnonzero(how["seeded_documents"] == 1)
        assert 10 < len(rows) <= 20
        assert (counts[rows][:, sport].sum(axis=1) > 0).all()


def test_copies_in_dispute_are_nobodys():
    texts, _ = made_texts(60)
    _, outcome = find_topics([*texts, texts[0]], num_topics=3, given=["a", *[None] * 59, "b"])
    assert not any(outcome.seeded)
    assert "1 text has copies with another topic in the column of seeds: it is no seed." in (
        outcome.warnings
    )


def only(*texts):
    return list(texts)


@pytest.mark.parametrize(
    ("texts", "how", "said"),
    [
        (only("rocket moon"), {}, "two or more different texts .* received 1"),
        (only("rocket moon") * 10_000, {}, "two or more different texts .* received 1"),
        (only("", "", " "), {}, "words in at least one text; received none"),
        (only("a b", "c", "d e"), {}, "words that tell texts apart"),
        (only("rocket", "oven", "goal"), {"num_topics": 4}, "at most as many as .* 3; received 4"),
        (only("rocket", "oven"), {"kind": "cluster", "num_topics": 4}, "num_clusters: expected at"),
        (
            made_texts(30)[0],
            {"num_topics": 2, "given": ["a", "b", "c", *[None] * 27]},
            "one or more for each of the 3 that have seeds; received 2",
        ),
        (
            made_texts(30)[0],
            {"seed_topics": [SeedTopic("x", (("rockett", 9),))], "seed_source": "s.yaml"},
            r"s.yaml, line 9: no text has the word 'rockett' of 'x'; .*'rocket'",
        ),
    ],
)
def test_what_has_no_topics_is_refused(texts, how, said):
    with pytest.raises(DataError, match=said):
        find_topics(texts, **how)


def test_few_texts_have_topics_that_are_not_to_be_trusted():
    _, outcome = find_topics(["rocket moon rocket", "oven flour", "oven sugar", "moon comet"])
    assert len(outcome.names) == 2
    assert any("4 different texts are too few" in warning for warning in outcome.warnings)


@pytest.mark.slow
def test_more_topics_than_texts_use_are_told():
    texts, _ = made_texts(60)
    _, outcome = find_topics(texts, num_topics=20)
    assert any("fewer may do" in warning for warning in outcome.warnings)
    assert sum("nearly the same" in warning for warning in outcome.warnings) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["topic", "cluster"])
@pytest.mark.parametrize("rows", [30, 200])
def test_the_number_that_is_chosen_leaves_no_topic_empty(kind, rows):
    texts, names = made_texts(rows * 3 // 2)
    texts = [text for text, name in zip(texts, names, strict=True) if name != "sport"]
    assert len(texts) == rows
    _, outcome = find_topics(texts, kind=kind)
    assert set(outcome.best.tolist()) == set(range(len(outcome.names)))
    assert len(outcome.names) == outcome.number.chosen == 2


def test_topics_with_seeds_stay_where_others_are_empty():
    texts, _ = made_texts(45)
    seeds = [SeedTopic(name, ((TOPICS[name][0], 1),)) for name in TOPICS]
    _, outcome = find_topics(texts, seed_topics=seeds)
    assert set(outcome.names) >= set(TOPICS)


def test_a_script_without_spaces():
    texts = ["火箭 月 卫星", "火箭 卫星", "月 火箭", "面 糖 油", "糖 面", "油 面 糖"] * 3
    texts = [f"{text} {n}" for n, text in enumerate(texts)]
    _, outcome = find_topics(texts, num_topics=2)
    assert replace(outcome, labels=None).best[:6].tolist() in ([0] * 3 + [1] * 3, [1] * 3 + [0] * 3)


def test_own_words_are_all_that_is_needed():
    """No word of the made texts is one of a stop list that might be known."""
    texts, _ = made_texts(120)
    _, outcome = find_topics(texts, num_topics=3)
    assert {word.word for words in outcome.words for word in words[:8]} == OWN_WORDS
