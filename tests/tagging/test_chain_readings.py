import itertools

import numpy as np
import pytest
import tensorflow as tf

from tfp_dgm.tagging.chain_readings import TagSpace, markov, read_chains, span_log_probabilities

TYPES = ("LOC", "PER")
LABELS = ("O", *(f"{role}-{name}" for name in TYPES for role in "BIES"))
SPACE = TagSpace(
    LABELS, (0, 1, 2, 2, 1, 3, 4, 4, 3), ("O", "B-LOC", "I-LOC", "B-PER", "I-PER"), TYPES
)
K = len(LABELS)


def _legal(before, after):
    if before is None or before[0] in "OES":
        return after is None or after[0] in "OBS"
    return after is not None and after[0] in "IE" and after[2:] == before[2:]


def _world(lengths, seed=0, scale=1.5):
    """Potentials of a legal chain, -inf where illegal; also at ends, as a tagger gives them."""
    rng = np.random.default_rng(seed)
    unary = rng.normal(0, scale, (len(lengths), max(lengths), K))
    for row, length in enumerate(lengths):
        unary[row, 0, [not _legal(None, label) for label in LABELS]] = -np.inf
        unary[row, length - 1, [not _legal(label, None) for label in LABELS]] = -np.inf
        unary[row, length:] = rng.normal(0, scale)
    moves = rng.normal(0, scale, (K, K))
    moves[[[not _legal(a, b) for b in LABELS] for a in LABELS]] = -np.inf
    return unary.astype(np.float32), moves.astype(np.float32)


def _enumerated(unary, moves):
    """All legal sequences of a sentence and their probabilities."""
    found = []
    for path in itertools.product(range(K), repeat=len(unary)):
        score = unary[range(len(path)), path].sum() + sum(
            moves[a, b] for a, b in itertools.pairwise(path)
        )
        if np.isfinite(score):
            found.append((path, score))
    scores = np.array([score for _, score in found], float)
    weights = np.exp(scores - scores.max())
    return [path for path, _ in found], weights / weights.sum()


def _spans(path):
    spans, first = set(), 0
    for place, k in enumerate(path):
        if LABELS[k][0] in "BS":
            first = place
        if LABELS[k][0] in "ES":
            spans.add((first, place, TYPES.index(LABELS[k][2:])))
    return spans


@pytest.fixture(scope="module")
def world():
    lengths = [4, 1, 3, 4, 2]
    unary, moves = _world(lengths)
    read = tf.function(
        lambda u, m, n: read_chains(u, m, n, SPACE), jit_compile=True, autograph=False
    )
    readings = read(unary, moves, tf.constant(lengths))
    return lengths, unary, moves, [None if part is None else part.numpy() for part in readings]


@pytest.mark.slow
def test_tags_and_labels_are_those_of_enumeration(world):
    lengths, unary, moves, (tags, labels, *_) = world
    for row, length in enumerate(lengths):
        paths, probabilities = _enumerated(unary[row, :length], moves)
        expected = np.zeros((length, len(SPACE.tags)))
        for path, probability in zip(paths, probabilities, strict=True):
            expected[range(length), [SPACE.groups[k] for k in path]] += probability
        np.testing.assert_allclose(tags[row, :length], expected, atol=1e-5)
        assert tuple(labels[row, :length]) == paths[probabilities.argmax()]


@pytest.mark.slow
def test_spans_and_their_other_readings_are_those_of_enumeration(world):
    lengths, unary, moves, readings = world
    checked = 0
    for row, length in enumerate(lengths):
        paths, probabilities = _enumerated(unary[row, :length], moves)
        of_path = list(zip([_spans(path) for path in paths], paths, probabilities, strict=True))

        def of_span(span, of_path=of_path):
            return sum(p for spans, _, p in of_path if span in spans)

        best = _spans(paths[probabilities.argmax()])
        for first, last, name in best:
            checked += 1
            none = sum(p for _, path, p in of_path if not any(path[first : last + 1]))
            others = {(first, last, len(TYPES)): none}
            others |= {(first, last, c): of_span((first, last, c)) for c in range(2) if c != name}
            for left, right in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                span = (first + left, last + right, name)
                others[span] = of_span(span)
            likeliest = max(others, key=others.get)
            for word in range(first, last + 1):
                at = [part[row, word] for part in readings[2:]]
                assert at[:2] == [first, last]
                assert at[2] == pytest.approx(of_span((first, last, name)), abs=1e-6)
                assert tuple(at[3:6]) == likeliest
                assert at[6] == pytest.approx(others[likeliest], abs=1e-6)
    assert checked > 4


def test_every_span_of_a_sentence():
    unary, moves = _world([5], seed=3)
    paths, probabilities = _enumerated(unary[0], moves)
    spans = [(i, j, c) for i in range(5) for j in range(i, 5) for c in range(2)]
    chain = markov(tf.constant(unary), tf.constant(moves), tf.constant([5]))
    columns = [tf.constant([column]) for column in zip(*spans, strict=True)]
    found = np.exp(span_log_probabilities(chain, *columns)[0])
    expected = [
        sum(p for path, p in zip(paths, probabilities, strict=True) if span in _spans(path))
        for span in spans
    ]
    np.testing.assert_allclose(found, expected, atol=1e-7)


def test_plain_tags_take_the_likeliest_of_each_word():
    rng = np.random.default_rng(1)
    unary, moves = rng.normal(0, 2, (1, 4, 3)), rng.normal(0, 2, (3, 3))
    space = TagSpace(("A", "B", "C"), (0, 1, 2), ("A", "B", "C"))
    paths = list(itertools.product(range(3), repeat=4))
    weights = np.exp(
        [
            unary[0, range(4), path].sum() + sum(moves[a, b] for a, b in itertools.pairwise(path))
            for path in paths
        ]
    )
    expected = np.zeros((4, 3))
    for path, weight in zip(paths, weights / weights.sum(), strict=True):
        expected[range(4), path] += weight
    readings = read_chains(unary, moves, tf.constant([4]), space)
    np.testing.assert_allclose(readings.tags[0], expected, atol=1e-6)
    np.testing.assert_array_equal(readings.labels[0], expected.argmax(axis=1))


def test_evidence_against_all_that_the_chain_believes_stays_finite():
    unary, moves = _world([4], scale=0.1)
    unary[0, 1, 0] += 400  # The chain is sure of O, and is told that the word begins a span.
    unary[0, 1, [label != "B-LOC" for label in LABELS]] = -np.inf
    unary[0, 2, 0] += 400
    readings = read_chains(unary, moves, tf.constant([4]), SPACE)
    assert np.isfinite(readings.tags).all()
    assert LABELS[int(readings.labels[0, 1])] == "B-LOC"
    assert float(readings.tags[0, 2, SPACE.tags.index("I-LOC")]) == pytest.approx(1)
    np.testing.assert_allclose(tf.reduce_sum(readings.tags, axis=-1), 1, atol=1e-5)


@pytest.mark.slow
def test_a_long_sentence_is_read_as_exactly_as_a_short_one():
    unary, moves = _world([3000], seed=5)
    unary[0, :, 5] += 12  # Spans of one type nearly throughout, so that sums of steps are long.
    readings = read_chains(unary, moves, tf.constant([3000]), SPACE)
    expected = np.exp(
        span_log_probabilities(
            markov(unary, moves, tf.constant([3000])),
            readings.first,
            readings.last,
            tf.zeros_like(readings.first) + 1,
        )
    )
    inside = readings.labels.numpy() >= 5
    np.testing.assert_allclose(readings.probability.numpy()[inside], expected[inside], rtol=1e-3)
    assert np.isfinite(readings.other_probability).all()


@pytest.mark.slow
def test_a_graph_reads_sentences_of_one_word():
    """A batch of them has no move at all; served graphs know no size before."""
    unary, moves = _world([1, 1], seed=3)
    specs = [tf.TensorSpec([None, None, K]), tf.TensorSpec([None], tf.int32)]
    read = tf.function(
        lambda unary, lengths: read_chains(unary, tf.constant(moves), lengths, SPACE),
        input_signature=specs,
        autograph=False,
    )
    found = read(tf.constant(unary), tf.constant([1, 1]))
    for row in range(2):
        weights = np.exp(unary[row, 0])
        expected = weights / weights.sum()
        tags = np.bincount(SPACE.groups, expected)
        np.testing.assert_allclose(found.tags[row, 0], tags, atol=1e-6)
        assert found.labels[row, 0] == expected.argmax()
        if found.labels[row, 0] > 0:
            assert found.probability[row, 0] == pytest.approx(expected.max(), abs=1e-6)
