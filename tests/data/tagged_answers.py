"""Results for tagged sentences in tests: what the tags say, at made-up probabilities."""

from tfp_dgm.data import SentenceResult, SpanResult


def answers(sentences):
    """A result of each sentence; words whose tags are open get the first label that is allowed."""
    scheme = sentences.scheme
    found = []
    for tags in sentences.tags:
        labels = _path(scheme, scheme.allowed(tags)) if scheme.labels else []
        spans = [
            SpanResult(span.first, span.last, span.name, 0.75, True, "O", 0.125)
            for span in scheme.spans(labels)
        ]
        written = scheme.written(labels) if labels else ["X"] * len(tags)
        found.append(
            SentenceResult(written, [0.5] * len(tags), [True, False, None] * len(tags), spans)
        )
    for result in found:
        del result.accept[len(result.tags) :]
    return found


def _path(scheme, allowed):
    """A legal sequence within what is allowed, which is the support of a chain."""
    labels = []
    for row in allowed:
        follows = scheme.transitions[labels[-1]] if labels else scheme.initial
        labels.append(int((row & follows).argmax()))
    return [scheme.labels[k] for k in labels]
