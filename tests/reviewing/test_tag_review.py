"""Answers to words: the journal, the state that it is replayed to, orders, the export."""

import json

import numpy as np
import pytest

from tests.reviewing.made_tags import accept, made_lines, made_tagging, name
from tfp_dgm.data import DataError, TagScheme, digest, read_tagged_sentences
from tfp_dgm.reviewing.agreements import agreement_of
from tfp_dgm.reviewing.answered_words import is_whole, with_border_moved
from tfp_dgm.reviewing.item_review import journal_of
from tfp_dgm.reviewing.review_state import replayed
from tfp_dgm.reviewing.row_queue import Search
from tfp_dgm.reviewing.tag_export import export_tags
from tfp_dgm.reviewing.tag_review import TagReview
from tfp_dgm.reviewing.tag_state import TagState

SCHEME = TagScheme("BIO", ("LOC", "PER"))
TOKENS = [["a", "b", "c", "d"], ["e", "f"]]


def entry(row, first, tags, who="", **changes):
    shown = ["O"] * len(tags)
    return {
        "kind": "tags",
        "rows": [row],
        "first": first,
        "tags": tags,
        "shown": shown,
        "tokens": digest(TOKENS[row]),
        "annotator": who,
        **changes,
    }


def test_a_sentence_is_done_when_all_of_its_words_are_answered():
    state = TagState(SCHEME, TOKENS)
    state.apply(entry(0, 1, ["B-PER", "E-PER"]))
    assert not state.done("").any()
    assert state.words_of("", 0) == {1: "B-PER", 2: "E-PER"}
    assert state.guessed("") == (2, 0)
    assert state.answered_rows() == [0]
    state.apply({"kind": "skip", "rows": [0], "annotator": ""})
    assert state.skipped("").tolist() == state.done("").tolist() == [True, False]
    assert state.words_of("", 0) == {1: "B-PER", 2: "E-PER"}  # What was said stays said.
    state.apply(entry(0, 0, ["O", "B-PER", "E-PER", "O"], shown=["O", "B-PER", "E-PER", "O"]))
    assert state.done("").tolist() == [True, False]
    assert not state.skipped("").any()
    assert state.guessed("") == (4, 2)  # Of two words something else was shown at first.
    for number in (3, 2, 1):
        state.apply({"kind": "undo", "of": number, "annotator": ""})
    assert not state.done("").any()
    assert state.answered_rows() == []
    assert state.guessed("") == (0, 0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tags": ["B-PER"]}, "expected whole spans"),
        ({"tags": ["S-DATE"]}, "expected whole spans"),
        ({"tags": "O"}, "tags: expected a list"),
        ({"tags": []}, "received 0 from word 0 on"),
        ({"first": 4}, "of 4 words; received 1 from word 4"),
        ({"first": -1}, "received 1 from word -1"),
        ({"first": "0"}, "and the first word's number"),
        ({"shown": []}, "shown: expected as many labels"),
        ({"tokens": "x"}, "tokens: expected"),
        ({"rows": [0, 1]}, "expected one sentence"),
        ({"rows": [2]}, "rows: expected numbers below 2"),
        ({"kind": "label", "label": "PER"}, "kind: expected what an answer does"),
        ({"first": 2}, "expected all words of a span that was answered; received those from 2 to"),
    ],
)
def test_an_entry_that_says_nothing_is_refused(change, said):
    state = TagState(SCHEME, TOKENS)
    state.apply(entry(0, 1, ["B-PER", "E-PER"]))
    with pytest.raises(DataError, match=said):
        state.apply({**entry(0, 0, ["O"]), **change})
    assert state.words_of("", 0) == {1: "B-PER", 2: "E-PER"}


def test_people_differ_in_words(tmp_path):
    state = TagState(SCHEME, TOKENS)
    state.apply(entry(0, 0, ["S-PER", "O"], who="ann"))
    state.apply(entry(0, 1, ["O", "O"], who="bob"))
    assert state.disputed() == []
    state.apply(entry(1, 0, ["S-PER", "O"], who="ann"))
    state.apply(entry(1, 0, ["B-PER", "E-PER"], who="bob"))
    assert state.disputed() == [1]
    assert state.people == ["ann", "bob"]
    found = agreement_of(state.compared())
    assert (found.rows, found.pairs[0].same) == (3, 1)
    assert found.disputed == (4, 5)  # Words, those of all sentences.
    assert state.words_of_all(1) == {0: "B-PER", 1: "E-PER"}
    state.apply(entry(1, 0, ["O"], who="cid"))
    assert state.words_of_all(1) == {0: "O"}  # What is left of the cut span is no answer.


def test_what_was_answered_is_there_again(tmp_path):
    model = made_tagging(tmp_path)
    with TagReview(model) as review:
        words = len(review.rows.tokens[5])
        name(review, 5, 0, words - 1, "PER")
        name(review, 6, 0, 0, "LOC", who="ann")
        accept(review, 6, who="ann")
        review.answer("", "note", rows=[5], note="odd")
        review.undo("ann")
        kept = [dict(e) for e in review.state.entries]
        expected = [review.labels(who, row) for who in ("", "ann") for row in (5, 6)]
    lines = journal_of(model).read_text().splitlines()
    assert [json.loads(line)["kind"] for line in lines[1:]] == [e["kind"] for e in kept]
    first = json.loads(lines[1])
    assert first["tags"][0] == "B-PER"
    assert first["tokens"] == digest(review.rows.tokens[5])
    with TagReview(model) as again:
        assert [again.labels(who, row) for who in ("", "ann") for row in (5, 6)] == expected
        assert again.state.notes(5) == [("", "odd")]
        assert again.state.done("").nonzero()[0].tolist() == [5]
    with pytest.raises(DataError, match="line 2 of the journal: tags: expected whole spans"):
        replayed(
            [{**first, "tags": ["E-PER", *first["tags"][1:]]}],
            TagState(again.rows.scheme, again.rows.tokens),
        )


def test_a_change_that_is_none_is_not_kept(tmp_path):
    with TagReview(made_tagging(tmp_path)) as review:
        assert name(review, 5, 0, 99, "PER") is None
        assert review.change("", 5, lambda labels: None) is None
        name(review, 5, 0, 0, None)
        moved = review.change(
            "", 5, lambda labels: with_border_moved(review.rows.scheme, labels, 0, "last", 1)
        )
        assert moved is None
        assert len(review.journal.entries) == 1


def test_orders_hold_the_sentences_whose_tags_are_not_all_given(tmp_path):
    with TagReview(made_tagging(tmp_path)) as review:
        none = review.state.done("")
        left = {order: review.left(order, Search(), none).tolist() for order in ("doubt", "random")}
        assert sorted(left["doubt"]) == sorted(left["random"]) == list(range(3, 12))
        wrong = [
            sum(
                1 - p
                for p, accept in zip(r.probabilities, r.accept, strict=True)
                if accept is not None
            )
            / (len(r.tags) + 5)
            for r in review.rows.guesses.results
        ]
        assert left["doubt"] == sorted(range(3, 12), key=lambda n: -wrong[n])
        review.teach(np.array([7, 4]))
        assert review.left("teach", Search(), none).tolist()[:2] == [7, 4]
        assert review.left("class", Search(), none).tolist()[:2] == [7, 4]  # Not known here.
        assert review.left("suspect", Search(), none).tolist() == []
        found = review.left("teach", Search(guess="PER"), none).tolist()
        with_type = [
            row for row, labels in enumerate(review.rows.guesses.labels) if "S-PER" in labels
        ]
        assert sorted(found) == with_type
        text = review.rows.texts[2]
        assert 2 in review.left("teach", Search(text=text.upper()), none).tolist()


def test_a_given_tag_that_gets_little_is_a_suspect(tmp_path):
    model = made_tagging(tmp_path)
    path = tmp_path / "out.conll"
    lines = path.read_text().split("\n")
    cells = lines[1].split()
    lines[1] = " ".join([*cells[:4], "0.0100", *cells[5:]])
    path.write_text("\n".join(lines))
    with TagReview(model) as review:
        assert review.rows.guesses.suspects(0) == [0]
        assert 0 in review.rows.guesses.doubtful(0)
        assert review.left("suspect", Search(), review.state.done("")).tolist() == [0]


def test_the_export_has_the_answers_and_nothing_else(tmp_path):
    model = made_tagging(tmp_path)
    source = (tmp_path / "in_out.conll").read_bytes()
    before = (tmp_path / "out.conll").read_bytes()
    with TagReview(model) as review:
        assert export_tags(review, tmp_path / "none.conll") == 0
        assert (tmp_path / "none.conll").read_bytes() == source
        name(review, 5, 1, 2, "LOC")
        accept(review, 7)
        given = review.rows.sentences.tags
        answered = {5: dict(review.state.words_of("", 5)), 7: dict(enumerate(review.labels("", 7)))}
        count = export_tags(review, tmp_path / "new.conll")
        with pytest.raises(DataError, match=r"out\.conll"):
            export_tags(review, tmp_path / "out.conll")
    assert count == len(answered[5]) + len(answered[7])
    assert (tmp_path / "in_out.conll").read_bytes() == source
    assert (tmp_path / "out.conll").read_bytes() == before
    again = read_tagged_sentences(tmp_path / "new.conll")
    written = {"B": "B", "I": "I", "E": "I", "S": "B"}
    for row, tags in enumerate(again.tags):
        for word, options in enumerate(tags):
            label = answered.get(row, {}).get(word)
            if label is None:
                assert options == given[row][word]
            else:
                assert options == (label if label == "O" else written[label[0]] + label[1:],)
    # Other columns, comments and blank lines are those of the source.
    new, old = (tmp_path / "new.conll").read_text().split("\n"), source.decode().split("\n")
    assert [line.split(" ")[:2] for line in new] == [line.split(" ")[:2] for line in old]


def test_in_iob1_a_given_span_behind_an_answer_stays_a_span(tmp_path):
    text = "Anna _\nLee I-PER\nmet O\n\nA I-PER\nB B-PER\nC O\n"
    with TagReview(made_tagging(tmp_path, text, scheme="IOB1")) as review:
        name(review, 0, 0, 0, "PER")
        export_tags(review, tmp_path / "new.conll")
    assert (tmp_path / "new.conll").read_text() == text.replace(
        "Anna _\nLee I-PER", "Anna I-PER\nLee B-PER"
    )


def test_plain_tags_and_texts_are_exported_too(tmp_path):
    plain = "a\tX\nb\t_\nc\tY\n\nd\t_\n"
    (tmp_path / "one").mkdir()
    with TagReview(made_tagging(tmp_path / "one", plain)) as review:
        name(review, 1, 0, 0, "Y")
        export_tags(review, tmp_path / "plain.conll")
    assert (tmp_path / "plain.conll").read_text() == plain.replace("d\t_", "d\tY")
    (tmp_path / "two").mkdir()
    texts = '{"text": "Anna met Lee", "label": [[0, 4, "PER"]]}\n{"text": "Cora slept"}\n'
    with TagReview(made_tagging(tmp_path / "two", texts, name="out.jsonl")) as review:
        name(review, 1, 0, 0, "PER")
        name(review, 1, 1, 1, None)
        export_tags(review, tmp_path / "texts.jsonl")
    assert (tmp_path / "texts.jsonl").read_text() == texts.replace(
        '"Cora slept"', '"Cora slept", "label": [[0, 4, "PER"]]'
    )


def test_a_folder_without_its_file_is_refused(tmp_path):
    model = made_tagging(tmp_path)
    (tmp_path / "out.conll").rename(tmp_path / "other.conll")
    with pytest.raises(DataError, match=r"expected the tagged file out\.conll beside it"):
        TagReview(model)


def test_made_lines_are_read_as_spans(tmp_path):
    (tmp_path / "t.conll").write_text(made_lines())
    assert read_tagged_sentences(tmp_path / "t.conll").scheme == SCHEME


@pytest.mark.parametrize("seed", range(6))
def test_whatever_people_do_labels_are_legal_and_are_replayed(tmp_path, seed):
    rng = np.random.default_rng(seed)
    model = made_tagging(tmp_path)
    with TagReview(model) as review:
        scheme, lengths = review.rows.scheme, [len(words) for words in review.rows.tokens]
        for _ in range(60):
            who, row = str(rng.choice(["ann", "bob"])), int(rng.integers(4, 8))
            first = int(rng.integers(lengths[row]))
            last = int(rng.integers(first, lengths[row]))
            kind = rng.integers(4)
            if kind == 0:
                review.undo(who)
            elif kind == 1:
                side, by = ("first", "last")[rng.integers(2)], int(rng.choice([-1, 1]))
                review.change(
                    who,
                    row,
                    lambda labels, at=first, side=side, by=by: with_border_moved(
                        scheme, labels, at, side, by
                    ),
                )
            elif kind == 2:
                name(review, row, first, last, (*scheme.names, None)[rng.integers(3)], who)
            else:
                accept(review, row, who)
            for person in ("ann", "bob"):
                assert is_whole(scheme, review.labels(person, row))
            together = review.state.words_of_all(row)
            for place, label in together.items():  # No span of theirs is cut.
                if label[0] in "BI":
                    assert together[place + 1][0] in "IE"
                if label[0] in "IE":
                    assert together[place - 1][0] in "BI"
        kept = {
            (who, row): review.state.words_of(who, row)
            for who in ("ann", "bob")
            for row in range(12)
        }
        done = {who: review.state.done(who).tolist() for who in ("ann", "bob")}
        export_tags(review, tmp_path / "new.conll")
    again = read_tagged_sentences(tmp_path / "new.conll")
    assert [warning for warning in again.warnings if "cannot follow" in warning] == []
    with TagReview(model) as replay:
        for (who, row), words in kept.items():
            assert replay.state.words_of(who, row) == words
            assert replay.state.done(who)[row] == (len(words) == lengths[row])
        assert {who: replay.state.done(who).tolist() for who in ("ann", "bob")} == done
