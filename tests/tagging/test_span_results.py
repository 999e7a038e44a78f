import numpy as np
import pytest

from tfp_dgm.data import TagScheme
from tfp_dgm.tagging.sentence_readings import SpanReading
from tfp_dgm.tagging.span_results import checked_spans, runner_up, span_labels, span_results

SCHEME = TagScheme("BIO", ("LOC", "PER"))


def _span(first, last, type_, probability=0.8, other=(0, 0, 2), other_probability=0.1):
    return SpanReading(first, last, type_, probability, *other, other_probability)


def _verdicts(tags, *spans):
    given = [(tag,) if tag else () for tag in tags]
    return [right for _, right in checked_spans(spans, SCHEME.allowed(given), given)]


def test_the_labels_of_a_span():
    names = [SCHEME.labels[k] for k in span_labels(3, 6, 1)]
    assert names == ["B-PER", "I-PER", "I-PER", "E-PER"]
    assert [SCHEME.labels[k] for k in span_labels(2, 2, 0)] == ["S-LOC"]


@pytest.mark.parametrize(
    ("tags", "span", "expected"),
    [
        (["O", "B-PER", "I-PER", "O"], (1, 2, 1), [True]),
        (["O", "B-PER", "I-PER", "O"], (1, 2, 0), [False]),
        (["O", "B-PER", "I-PER", "O"], (1, 1, 1), [False]),  # It goes on.
        (["O", "B-PER", "I-PER", "I-PER"], (1, 2, 1), [False]),
        (["O", "B-PER", "B-PER", "O"], (1, 1, 1), [True]),
        (["O", "O", "O", "O"], (1, 2, 1), [False]),
        (["O", "B-PER", "I-PER"], (1, 2, 1), [True]),  # The sentence ends.
        (["O", "B-PER", "I-PER", None], (1, 2, 1), []),  # It may go on.
        ([None, "B-PER", "I-PER", "O"], (1, 2, 1), []),
        (["O", "B-PER", None, "O"], (1, 2, 1), []),
        ([None, None, "O", None], (2, 2, 1), []),  # Wrong, but nothing would tell that it is right.
    ],
)
def test_verdicts_of_tags(tags, span, expected):
    assert _verdicts(tags, _span(*span)) == expected


def test_runner_ups_are_told_with_their_words():
    assert runner_up("LOC", 2, 3, moved=False) == "LOC"
    assert runner_up("PER", 2, 4, moved=True) == "PER:3-5"


def test_what_is_written_of_spans():
    spans = [
        _span(0, 1, 1, 0.9, (0, 1, 2), 0.05),
        _span(3, 3, 0, 0.6, (3, 4, 0), 0.3),
        _span(5, 5, 1, 0.95, (5, 5, 0), 0.04),
    ]
    known = np.array([True, False, False, False, False, True])
    sure = np.ones(6, bool)
    found = span_results(spans, SCHEME.names, lambda p: p**2, 0.5, known, sure)
    assert [span.runner_up for span in found] == ["O", "LOC:4-5", "LOC"]
    assert [span.accept for span in found] == [True, False, None]
    assert [span.probability for span in found] == pytest.approx([0.81, 0.36, 0.9025])
    # Half of the rest of 0.9 becomes half of the rest of 0.81.
    assert found[0].runner_up_probability == pytest.approx(0.19 / 2)
    assert found[1].runner_up_probability == pytest.approx(0.64 * 0.75)
    assert [
        span.accept for span in span_results(spans, SCHEME.names, lambda p: p, None, known, sure)
    ] == [False, False, None]
    doubted = np.array([True, False, True, True, True, False])  # The second word's choice.
    found = span_results(spans, SCHEME.names, lambda p: p, 0.5, known, doubted)
    assert [span.accept for span in found] == [False, True, None]
    assert span_results([], SCHEME.names, lambda p: p, 0.5, known, sure) == ()
