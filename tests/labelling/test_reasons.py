"""Reasons: the words' shares of the members' log-odds, exact where these are linear."""

import numpy as np
import pytest
import tensorflow as tf

from tests.labelling.made_classifiers import LATENT, CountingEncoder, drawn_classifier
from tfp_dgm.labelling import WordReasons
from tfp_dgm.labelling.reasons import reasons_column

WORDS = ["card", "charged", "delivery", "late", "refund", "twice", "the", "日", "本"]
TEXTS = [
    "Refund the card, refund!",
    "late LATE late delivery",
    "the unheard-of",
    "日本 twice",
    "charged twice; the card; refund; late delivery; 本",
]
ANSWERS, OTHERS = np.array([0, 1, 2, 0, 1]), np.array([1, 2, 0, 2, 0])


def _log_odds(model, texts):
    """By hand, member by member, from the layers' inputs and outputs: float64 [N]."""
    words, views = model.views(tf.constant(texts))
    rows = np.arange(len(texts))

    def odds(probabilities):
        logs = np.log(np.asarray(probabilities, np.float64))
        return logs[rows, ANSWERS] - logs[rows, OTHERS]

    members = []
    for bag, view in zip(model.heads, views, strict=True):
        logits = (view @ bag.kernel + bag.bias).numpy().reshape(len(texts), -1, bag.num_classes)
        probabilities = tf.nn.softmax(logits.astype(np.float64)).numpy()
        each = [odds(probabilities[:, h]) for h in range(len(bag.head_weights))]
        members.append(np.average(each, axis=0, weights=bag.head_weights))
    members += [odds(bayes(words)) for bayes in model.naive_bayes]
    ensemble = sum(
        w / t * member
        for w, t, member in zip(
            model.ensemble.weights_, model.ensemble.temperatures, members, strict=True
        )
    )
    (of_ensemble, of_student), (first, second) = (
        model.combination.weights_,
        model.combination.temperatures,
    )
    return of_ensemble / first * ensemble + of_student / second * odds(model.student(words))


def _deaf_to_topics(model):
    """The same without what the autoencoder's topics add, which no word has a share of."""
    of_words = 2 if model.encoder is None else 3
    for bag in model.heads[:of_words:2]:
        kernel, bias = bag.get_weights()
        kernel[-LATENT:] = 0
        bag.set_weights([kernel, bias])
    return model


@pytest.mark.parametrize("ordered_as", [(), [*TEXTS, *TEXTS]])
def test_shares_and_biases_sum_to_the_log_odds(ordered_as):
    model = _deaf_to_topics(drawn_classifier(WORDS, ordered_as=ordered_as))
    shares = WordReasons(model).linear_shares(TEXTS, ANSWERS, OTHERS)
    assert [set(share) for share in shares] == [
        {"refund", "the", "card"},
        {"late", "delivery"},
        {"the"},
        {"日", "本", "twice"},
        {"charged", "twice", "the", "card", "refund", "late", "delivery", "本"},
    ]
    sums = [sum(share.values()) for share in shares]
    biases = _log_odds(model, ["..."] * 5)  # A text without a word has nothing else.
    np.testing.assert_allclose(np.add(sums, biases), _log_odds(model, TEXTS), atol=2e-5)


@pytest.mark.parametrize(
    ("ordered_as", "tuned"), [((), 0), ([*TEXTS, *TEXTS], 0), ((), 2), ([*TEXTS, *TEXTS], 2)]
)
def test_the_encoder_is_asked_to_do_without_each_word(ordered_as, tuned):
    """An encoder that counts has effects that are known: how often a word holds each string.

    Of these the last ones may be what labels have tuned, which a bag of heads of its own reads.
    """
    encoder = CountingEncoder(["un", "card", "LATE"], tuned)
    model = drawn_classifier(WORDS, encoder=encoder, ordered_as=ordered_as)
    model = _deaf_to_topics(model)
    reasons = WordReasons(model)(TEXTS, ANSWERS, OTHERS)
    linear = WordReasons(model).linear_shares(TEXTS, ANSWERS, OTHERS)
    heads = [bag.get_weights()[0].reshape(-1, 2, 3) for bag in model.heads[2:5]]
    strengths = np.divide(model.ensemble.weights_, model.ensemble.temperatures)[2:5] * 0.6 / 0.8
    plain = 3 - tuned
    kernel = sum(
        s * np.tensordot(head[:plain], [0.7, 0.3], axes=(1, 0))
        for s, head in zip(strengths[:2], heads, strict=False)
    )  # [3, K], or [1, K] where the others are tuned.
    if tuned:
        of_tuned = strengths[2] * np.tensordot(heads[2], [0.7, 0.3], axes=(1, 0))
        kernel = np.concatenate([kernel, of_tuned])
    effect = kernel[:, ANSWERS] - kernel[:, OTHERS]  # [3, N]
    expected = [dict(share) for share in linear]
    expected[0]["refund"] += 2 * effect[0, 0]
    expected[0]["card"] += effect[1, 0]
    expected[1]["late"] += effect[2, 1]
    expected[2]["unheard"] = effect[0, 2]
    expected[4]["refund"] += effect[0, 4]
    expected[4]["card"] += effect[1, 4]
    for found, known in zip(reasons, expected, strict=True):
        assert found
        for word, added in found:
            assert added == pytest.approx(known[word], abs=1e-5)
    assert "  the card,  !" in encoder.encoded


def test_of_long_texts_the_encoder_does_without_the_strongest_words():
    encoder = CountingEncoder(["x"])
    words = [f"w{n}" for n in range(30)]
    model = drawn_classifier(words, encoder=encoder)
    text = " ".join([*words, "unknown"])
    explain = WordReasons(model)
    found = explain([text], np.array([0]), np.array([1]))[0]
    (share,) = explain.linear_shares([text], np.array([0]), np.array([1]))
    strongest = sorted(share, key=lambda word: -abs(share[word]))[:10]
    assert {word for word, _ in found} <= set(strongest)
    left_out = [text for text in encoder.encoded if len(text.split()) == 30]
    assert len(left_out) == 10
    missing = [set([*words, "unknown"]) - set(text.split()) for text in left_out]
    assert [word for (word,) in missing] == strongest


def test_the_strongest_come_first_and_what_says_nothing_never():
    model = drawn_classifier(WORDS)
    explain = WordReasons(model)
    shares = explain.linear_shares(TEXTS, ANSWERS, OTHERS)
    for found, share in zip(explain(TEXTS, ANSWERS, OTHERS), shares, strict=True):
        values = [added for _, added in found]
        assert values == sorted(values, reverse=True)
        positive = sorted((added for added in share.values() if added >= 0.05), reverse=True)
        negative = sorted(added for added in share.values() if added <= -0.05)
        assert [added for added in values if added > 0] == positive[:5]
        assert sorted(added for added in values if added < 0) == negative[:2]
    # The other way round, for is against.
    swapped = explain.linear_shares(TEXTS, OTHERS, ANSWERS)
    assert [{w: -a for w, a in share.items()} for share in swapped] == shares
    assert explain(["", "???", "unheard"], ANSWERS[:3], OTHERS[:3]) == [[], [], []]
    assert explain([], ANSWERS[:0], OTHERS[:0]) == []


def test_cells_of_a_table():
    model = drawn_classifier(WORDS)
    columns = {"predicted_label": ["a", "b"], "second_label": ["b", "c"], "accept": [True, True]}
    done = []
    cells = reasons_column(WordReasons(model), [TEXTS[0], "!"], columns, done.append)
    found = WordReasons(model)(TEXTS[:1], np.array([0]), np.array([1]))[0]
    assert cells == ["; ".join(f"{word} {added:+.1f}" for word, added in found), ""]
    assert done == [2]
