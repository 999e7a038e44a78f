"""A small tagging by a real model: reviewed, exported, tagged again."""

import numpy as np
import pytest

from tfp_dgm.data import read_tagged_sentences
from tfp_dgm.reviewing import TagReview, export_answers, open_review, teaching_sentences
from tfp_dgm.reviewing.answered_words import named, widened
from tfp_dgm.reviewing.page.runner_up_words import load_runners_up
from tfp_dgm.tagging import tag_file, tag_sentences

NAMES = ("Anna", "Cora", "Lee", "Oslo", "Rome", "York")


def _source(path, count=40):
    rng = np.random.default_rng(3)
    lines = []
    for number in range(count):
        for word in ("then", str(rng.choice(NAMES)), "met", str(rng.choice(NAMES)), "."):
            tag = "O" if word not in NAMES else "B-PER" if word in NAMES[:3] else "B-LOC"
            lines.append(f"{word} {tag if number < 25 else '_'}")
        lines.append("")
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.slow
def test_a_tagging_is_reviewed_and_its_export_is_tagged_again(tmp_path):
    _source(tmp_path / "notes.conll")
    tag_file(tmp_path / "notes.conll", tmp_path / "tagged.conll")
    with open_review(tmp_path / "tagged.model") as review:
        assert isinstance(review, TagReview)
        teaching = teaching_sentences(review.rows)
        doubts = [review.rows.guesses.doubt[n].sum() for n in teaching]
        assert all(n >= 25 for n in teaching)
        assert min(doubts, default=1) > 0
        review.teach(teaching)
        ask = load_runners_up(tmp_path / "tagged.model")
        for word, (one, likely, other, less) in zip(
            review.rows.tokens[30], ask(review.rows.tokens[30]), strict=True
        ):
            assert word
            assert one != other
            assert likely >= less
            assert likely + less <= 1.001
            assert {one, other} <= {"O", "B-PER", "I-PER", "B-LOC", "I-LOC"}
        scheme = review.rows.scheme
        # What no model would say: the full stop is a name, and all else is as it was guessed.
        review.change("", 30, lambda labels: named(scheme, labels, 4, 4, "PER"))
        review.change("", 31, lambda labels: widened(scheme, labels, 0, 4))
        answered = review.labels("", 31)
        assert export_answers(review, tmp_path / "notes2.conll") == 6
        left = teaching_sentences(review.rows, answered=review.answered())
        assert not {30, 31} & {*left.tolist()}
    again = read_tagged_sentences(tmp_path / "notes2.conll")
    assert again.tags[30] == [(), (), (), (), ("B-PER",)]
    _, outcome = tag_sentences(again.tokens, again.tags, again.scheme)
    tagged = [[outcome.space.labels[k] for k in labels] for labels in outcome.labels]
    assert tagged[30][4] == "S-PER"
    assert tagged[31] == answered
