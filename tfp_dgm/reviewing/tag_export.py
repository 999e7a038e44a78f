"""The file of a review of tags: that of the source, with what people answered as tags."""

from __future__ import annotations

import os
from collections.abc import Sequence

from tfp_dgm.data import TagScheme
from tfp_dgm.reviewing.answered_words import shown_labels
from tfp_dgm.reviewing.tag_review import TagReview


def export_tags(review: TagReview, output: str | os.PathLike[str]) -> int:
    """Writes the source again, in its format, with the answers as tags.

    Words that nobody has answered stay as they were: without a tag, if they had none. Of several
    people's answers to a word the last one counts.

    Args:
      review: what was answered.
      output: the file; gzipped if it ends in .gz.
    Returns:
      How many words somebody has answered.
    Raises:
      DataError: if it cannot be written there, or is the tagged file itself.
    """
    with review.turn:
        rows = review.rows
        answered = {row: review.state.words_of_all(row) for row in review.state.answered_rows()}
    answers: list[list[str | None] | None] = [None] * len(rows)
    for row, words in answered.items():
        labels = shown_labels(rows.scheme, rows.sentences.labels[row], words)
        answers[row] = written_answers(rows.scheme, labels, words, rows.sentences.tags[row])
    rows.sentences.write_source(output, answers)
    return sum(map(len, answered.values()))


def written_answers(
    scheme: TagScheme,
    labels: Sequence[str],
    answered: dict[int, str],
    given: Sequence[tuple[str, ...]],
) -> list[str | None]:
    """The tags of a sentence that change.

    Args:
      scheme: of the file.
      labels: of all T words, those answered among them.
      answered: the labels of these.
      given: the T words' tags in the source.
    Returns:
      T tags, None where the source's stays. In IOB1 a span begins in one way behind a span of its
      type and in another elsewhere, so that a tag that is given may have to be written anew.
    """
    tags = scheme.written(labels)
    found: list[str | None] = [
        tags[word] if word in answered else None for word in range(len(tags))
    ]
    if scheme.kind == "IOB1":
        for word in answered:
            behind = word + 1
            if behind < len(tags) and behind not in answered and len(given[behind]) == 1:
                found[behind] = tags[behind]
    return found
