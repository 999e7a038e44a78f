"""Taggers that read words with a pretrained encoder: what is learned, chosen, saved and served."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.labelling.tiny_encoder import write_tiny_encoder
from tests.tagging.made_sentences import conll, parts_of_speech
from tfp_dgm.data import read_json
from tfp_dgm.networks import WordEncoder
from tfp_dgm.tagging import fit_tagger, predict_tags, tag_file
from tfp_dgm.tagging.word_encoders import tried_encoder, word_encoder

# Nobody tells two kinds of names apart by their spelling or neighbours; the encoder does.
LABELS = ("A", "B")
EVERYTHING = np.ones(2, bool), np.ones((2, 2), bool), np.ones(2, bool)
KINDS = ["ka", "kb", "kc", "kd", "ke", "kf", "kg", "kh", "ki", "kj", "kk", "kl"]
TRUTH = np.array([0, 1, 1, 0, 1, 0, 0, 1, 0, 1, 1, 0])


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoder") / "tiny"
    return write_tiny_encoder(folder, [*KINDS, "the", "cat", "dog"])


@pytest.fixture(scope="module")
def encoder(preset):
    """Whose first unit is the kind of a known name."""
    found = WordEncoder.from_preset(preset)
    for weight in found.body.weights:
        if weight.path.endswith("layer_norm/beta") or "layernorm/beta" in weight.path:
            weight.assign(tf.zeros_like(weight))
    embedding = found.body.get_layer("token_embedding").embeddings
    values = embedding.numpy()
    values[:, 0] = 0
    values[5 : 5 + len(KINDS), 0] = np.where(TRUTH, 3, -3)
    embedding.assign(values)
    return found


def names(count, known):
    """Sentences of one or two names of some kinds."""
    random = np.random.default_rng(count)
    places = [random.choice(known, size=random.integers(1, 3)) for _ in range(count)]
    return [[KINDS[k] for k in own] for own in places], [TRUTH[own] for own in places]


@pytest.mark.slow
def test_what_the_encoder_tells_apart_is_learned_of_words_never_seen(encoder):
    tokens, states = names(40, range(8))
    allowed = [np.eye(2, dtype=bool)[own] for own in states]
    new, truth = names(30, range(8, 12))
    truth = np.concatenate(truth)
    right = {}
    for name, asked in (("words", None), ("encoder", encoder)):
        fit = fit_tagger(tokens, allowed, LABELS, EVERYTHING, encoder=asked)
        found = np.concatenate([answer.mode for answer in fit.tagger.answers(new)])
        right[name] = np.mean(found == truth)
    assert right["encoder"] > 0.95
    assert right["words"] < 0.8
    assert fit.encoder_choice.taken == "full"
    assert fit.tagger.encoder is encoder
    # The served graph's own potentials and those of training agree.
    unseen = np.concatenate([answer.marginals for answer in fit.fitted])
    assert np.mean(unseen.argmax(axis=1) == np.concatenate(states)) > 0.95
    chain = fit.tagger(tf.constant([[*words, ""][:2] for words in new])).numpy()
    np.testing.assert_allclose(chain[0, 0], fit.tagger.answers(new)[0].marginals[0], atol=1e-5)


@pytest.mark.parametrize(
    ("without", "read", "taken"),
    [
        ([10.0] * 8, [5.0] * 8, "full"),
        ([5.0] * 8, [10.0] * 8, "none"),
        ([5.0] * 8, [5.0] * 8, "none"),  # It gains nothing, and takes time.
        ([5.0], [6.0], "full"),  # Of one sentence nothing is known but what is believed.
    ],
)
def test_it_is_taken_where_unseen_tags_get_likelier(without, read, taken):
    choice = tried_encoder(np.array(without), np.array(read), np.full(len(without), 10))
    assert choice.taken == taken
    assert f"{choice.gains['full']:+.2f}" in choice.why


def test_a_gain_is_the_posterior_mean():
    """Two sentences of ten words, gains of 0.5 and 0.1 a word: 0.3, give or take 0.2."""
    choice = tried_encoder(np.array([5.0, 1.0]), np.zeros(2), np.array([10, 10]))
    expected = (0.05 / 0.1**2 + 0.3 / 0.2**2) / (1 / 0.1**2 + 1 / 0.2**2)
    assert choice.gains["full"] == pytest.approx(expected)


def test_auto_fetches_nothing_and_says_why():
    encoder, choice = word_encoder("auto")
    assert encoder is None
    assert choice.taken == "none"
    assert "`dgm datasets path minilm` fetches" in choice.why
    assert word_encoder("none")[0] is word_encoder(None)[0] is None


@pytest.mark.slow
def test_auto_tries_what_the_cache_has(preset, monkeypatch):
    module = "tfp_dgm.tagging.word_encoders"
    monkeypatch.setattr(f"{module}.why_untried", lambda: None)
    monkeypatch.setattr(f"{module}.fetch", lambda name: preset)
    tokens, states = names(12, range(8))
    allowed = [np.eye(2, dtype=bool)[own] for own in states]
    fit = fit_tagger(tokens, allowed, LABELS, EVERYTHING, encoder="auto")
    assert fit.encoder_choice.asked == "auto"
    assert set(fit.encoder_choice.gains) == {"full"}
    assert (fit.tagger.encoder is None) == (fit.encoder_choice.taken == "none")


@pytest.mark.slow
def test_a_file_is_tagged_alike_by_all_that_is_written(preset, tmp_path):
    """The output, the SavedModel and `.keras` give the same tags and probabilities."""
    sentences = parts_of_speech(24)
    source, new = tmp_path / "in.conll", tmp_path / "new.conll"
    source.write_text(conll(sentences, lambda sentence, word: sentence < 16))
    new.write_text(conll(sentences[16:], lambda sentence, word: False))
    job = tag_file(source, tmp_path / "out.conll", encoder=preset, min_precision=0.8)
    assert "encoder  full. It was asked for." in job.summary()
    model = tmp_path / "out.model"
    assert read_json(model / "settings.json", "settings")["encoder"] == preset
    assert read_json(model / "metrics.json", "metrics")["encoder"]["taken"] == "full"
    assert "Pretrained encoder: <strong>full</strong>" in (model / "report.html").read_text()
    predict_tags(model, new, tmp_path / "new_out.conll")
    was = [line.split("\t") for line in (tmp_path / "out.conll").read_text().splitlines() if line]
    now = [
        line.split("\t") for line in (tmp_path / "new_out.conll").read_text().splitlines() if line
    ]
    for one, other in zip(was[-len(now) :], now, strict=True):
        assert [one[0], one[2], one[4]] == [other[0], other[2], other[4]]
        assert float(one[3]) == pytest.approx(float(other[3]), abs=2e-3)
    loaded = keras.models.load_model(model / "model.keras")
    words = [words for words, _ in sentences[16:]]
    longest = max(map(len, words))
    padded = tf.constant([own + [""] * (longest - len(own)) for own in words])
    answers = loaded.answers(padded)
    told = [tag.decode() for tag in answers["tags"].numpy().ravel() if tag]
    assert told == [row[2] for row in now]
