"""Trains what tells the words that decide: a student of the labels that were predicted."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.generated_data import generated_dataset
from tfp_dgm.labelling.classifier import TextClassifier
from tfp_dgm.labelling.outcome import Outcome, RationaleScores
from tfp_dgm.labelling.rationale_tokens import known_of
from tfp_dgm.labelling.word_rationales import WordRationales
from tfp_dgm.models import RationaleClassifier
from tfp_dgm.networks import BagOfWordsEncoder
from tfp_dgm.objectives import ELBO, AtMost, Constrained
from tfp_dgm.text import WordVocabulary
from tfp_dgm.timed import timed
from tfp_dgm.token_ids import NUM_SPECIAL, PAD
from tfp_dgm.training import Progress

# The share of a text's known words that is kept, in the mean; chosen, as all here, on R8, short
# messages and sentence polarity.
SHARE = 0.2
_STEPS, _BATCH = 500, 64
_UNITS, _DROPOUT, _LEARNING_RATE, _MULTIPLIER_RATE = 64, 0.2, 3e-3, 0.01
_VECTOR_DEVIATION = 0.3
_ROWS_AT_ONCE = 1024
_HELD_OUT_SHARE, _MOST_HELD_OUT = 10, 1000  # One text of so many, and at most.


def fit_rationales(
    classifier: TextClassifier, outcome: Outcome, *, seed: int, progress: Progress
) -> tuple[TextClassifier, Outcome]:
    """Teaches a rationale classifier the labels that a classifier predicts.

    It marks words, and changes no answer: labels, probabilities and what is accepted stay. How
    often the words kept tell the predicted label is measured on texts that it did not learn from.
    Selector and classifier see one word at a time; their vectors of words begin as the latent
    semantic ones of the labeller's.

    Args:
      classifier: trained.
      outcome: what it labelled.
      seed: the same seed gives the same words.
      progress: called with a step's name, how much of it is done, and how much there is.
    Returns:
      The classifier, with the same layers and `rationales`; and the outcome with their scores.
    """
    seconds = dict(outcome.seconds)
    with timed(seconds, "rationales"):
        keras.utils.set_random_seed(seed)
        held_out = _held_out(outcome.texts, seed)
        learnt = np.random.default_rng(seed).permutation(np.flatnonzero(~held_out))
        learnt = np.sort(learnt[: _STEPS * _BATCH]).tolist()  # No more are looked at.
        trained = _new(classifier, seed)
        _train(
            trained,
            [*_token_ids(classifier, [outcome.texts[row] for row in learnt])],
            outcome.predicted[learnt],
            seed,
            progress,
        )
        rationales = _new(classifier, seed)  # Without what only a training needs.
        rationales.set_weights(trained.get_weights())
        found = TextClassifier(**classifier.given_arguments() | {"rationales": rationales})
        found.build()
        scores = _scores(found, rationales, outcome, np.flatnonzero(held_out))
    return found, replace(outcome, rationales=scores, seconds=seconds)


def _new(classifier: TextClassifier, seed: int) -> RationaleClassifier:
    """An untrained one, with the labeller's vocabulary."""
    words = classifier.word_counts.vocabulary
    vectors = classifier.lsa.kernel.numpy()[:, :_UNITS] * classifier.tf_idf.idf[:, np.newaxis]
    vectors *= _VECTOR_DEVIATION / max(float(vectors.std()), 1e-9)
    size = NUM_SPECIAL + len(words)
    encoders = [
        BagOfWordsEncoder(
            size,
            _UNITS,
            embedding_units=vectors.shape[1],
            dropout=_DROPOUT,
            return_sequences=name == "selector",
            seed=seed + number,
            name=name,
        )
        for number, name in enumerate(("selector", "classifier"))
    ]
    for encoder in encoders:
        encoder.build((None, None))
        encoder.embedding.assign(np.vstack([np.zeros((NUM_SPECIAL, vectors.shape[1])), vectors]))
    vocabulary = WordVocabulary(words, split_punctuation=False)
    model = RationaleClassifier(
        classifier.classes, vocabulary, *encoders, seed=seed, name="rationales"
    )
    model.build()
    return model


def _token_ids(classifier: TextClassifier, texts: Sequence[str]) -> Iterator[np.ndarray]:
    """Of each text, without padding."""
    for start in range(0, len(texts), _ROWS_AT_ONCE):
        batch = [text.encode("utf-8", "replace") for text in texts[start : start + _ROWS_AT_ONCE]]
        for row in known_of(classifier.word_counts, tf.constant(batch)).numpy():
            yield row[row != PAD]


def _train(
    model: RationaleClassifier,
    token_ids: Sequence[np.ndarray],
    labels: np.ndarray,
    seed: int,
    progress: Progress,
) -> None:
    limit = AtMost("kept", SHARE, learning_rate=_MULTIPLIER_RATE)
    model.compile(keras.optimizers.Adam(_LEARNING_RATE), Constrained(ELBO(), [limit]))
    report = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: progress("Learning rationales", batch + 1, _STEPS)
    )
    signature = (tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int64))
    batches = generated_dataset(lambda: _batches(token_ids, labels, seed), signature).prefetch(2)
    model.fit(batches, steps_per_epoch=_STEPS, shuffle=False, callbacks=[report], verbose=0)


def _batches(
    token_ids: Sequence[np.ndarray], labels: np.ndarray, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Without end: texts of like length together, the batches in random order."""
    random = np.random.default_rng(seed)
    lengths = np.array([len(row) for row in token_ids])
    while True:
        order = random.permutation(len(labels))
        order = order[np.argsort(lengths[order], kind="stable")]
        starts = random.permutation(-(-len(order) // _BATCH)) * _BATCH
        for start in starts:
            rows = order[start : start + _BATCH]
            padded = np.full((len(rows), max(1, lengths[rows].max())), PAD, np.int32)
            for place, row in enumerate(rows):
                padded[place, : lengths[row]] = token_ids[row]
            yield padded, labels[rows]


def _held_out(texts: Sequence[str], seed: int) -> np.ndarray:
    """bool [N]; a tenth of the different texts, with all copies of each."""
    distinct, which = np.unique(np.array(texts, object), return_inverse=True)
    number = min(len(distinct) // _HELD_OUT_SHARE, _MOST_HELD_OUT)
    chosen = np.random.default_rng(seed).permutation(len(distinct))[:number]
    return np.isin(which, chosen)


def _scores(
    classifier: TextClassifier,
    rationales: RationaleClassifier,
    outcome: Outcome,
    rows: np.ndarray,
) -> RationaleScores:
    read = WordRationales(rationales, classifier.word_counts)
    kept, told, known = read.read([outcome.texts[row] for row in rows])
    shares = np.array([len(words) for words in kept]) / np.maximum(known, 1)
    if not len(rows):
        return RationaleScores(0, None, None)
    return RationaleScores(
        len(rows), float(shares.mean()), float((told == outcome.predicted[rows]).mean())
    )
