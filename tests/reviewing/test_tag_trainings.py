"""Trainings of a tagger in the background: what they read, what they give, what stays as it was."""

import json
from dataclasses import asdict
from itertools import chain

import numpy as np
import pytest

from tests.reviewing.made_review import wait_for
from tests.reviewing.made_tags import accept, made_result, made_tagging, name
from tests.tagging.made_sentences import conll, names, parts_of_speech
from tfp_dgm.data import (
    DataError,
    SentenceResult,
    SpanResult,
    TagScheme,
    read_tagged_sentences,
    write_json,
)
from tfp_dgm.reviewing import Retrainer, TagReview, journal_of
from tfp_dgm.reviewing.answered_words import Change, is_whole
from tfp_dgm.reviewing.entry_checks import TAGS
from tfp_dgm.reviewing.retraining_process import JOB, LOG, RoundTrainer
from tfp_dgm.reviewing.review_sentences import TagGuesses, read_review_sentences
from tfp_dgm.reviewing.rounds import Round, write_round
from tfp_dgm.reviewing.training_worker import TrainingWorker
from tfp_dgm.reviewing.word_guesses import with_former_guesses, word_guesses

NAMES = names(60, seed=2)
WORDS = parts_of_speech(40, seed=1)


def _labels(tags):
    """The B, I, E and S of tags that have B and I."""
    found = []
    for tag, behind in zip(tags, [*tags[1:], "O"], strict=True):
        ends = not behind.startswith("I-")
        letter = {"B-": "S" if ends else "B", "I-": "E" if ends else "I"}.get(tag[:2])
        found.append(tag if letter is None else letter + tag[1:])
    return found


def _answer_truly(review, row, tags, count=None):
    """Says the true tags of a sentence, or of its first words, which are whole spans."""
    review.change("", row, lambda shown: Change(0, _labels(tags)[:count]))


def _without_learning(monkeypatch):
    """Trains in this process, and guesses at random: files and settings are as of `tag_file`."""

    def tag_file(source, output, *, model_directory, min_precision, encoder, seed, **read):
        sentences = read_tagged_sentences(source, **read)
        sentences.check_output(output)
        sentences.check_learnable()
        rng = np.random.default_rng(seed)
        results = [made_result(sentences.scheme, tags, rng) for tags in sentences.tags]
        sentences.write(output, results)
        model_directory.mkdir()
        settings = {**read, "scheme": asdict(sentences.scheme), "output": output.name}
        write_json(model_directory / "settings.json", settings)
        write_json(model_directory / "metrics.json", {})

    def train(self, folder):
        try:
            RoundTrainer().train(folder)
        except DataError as error:
            (folder / LOG).write_text(f"{error}\n")
            return 1
        return 0

    monkeypatch.setattr("tfp_dgm.tagging.tag_file", tag_file)
    monkeypatch.setattr(TrainingWorker, "train", train)


def _right(review, sentences):
    found = chain.from_iterable(result.tags for result in review.rows.guesses.results)
    truth = chain.from_iterable(tags for _, tags in sentences)
    return np.array([a == b for a, b in zip(found, truth, strict=True)])


@pytest.mark.slow
@pytest.mark.parametrize("in_process", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_training_learns_the_tags_that_were_answered(
    tmp_path, monkeypatch, no_saved_model, in_process
):
    """And again after a restart; that a process trains is seen in `test_retrainer.py`, too."""
    if not in_process:
        train = lambda self, folder: RoundTrainer().train(folder) or 0  # noqa: E731
        monkeypatch.setattr(TrainingWorker, "train", train)
    model = made_tagging(tmp_path, conll(NAMES, lambda sentence, word: sentence < 4))
    told = []
    with TagReview(model) as review:
        retrainer = Retrainer(review, 8, on_guesses=lambda: told.append(review.rows.model))
        former = review.rows.guesses
        before = _right(review, NAMES)
        for row in range(4, 11):
            _answer_truly(review, row, NAMES[row][1])
        retrainer.consider()
        assert (retrainer.running, retrainer.to_go) == (False, 1)
        half = next(row for row in range(20, 60) if NAMES[row][1][:2] == ["B-PER", "O"])
        _answer_truly(review, half, NAMES[half][1], count=2)
        retrainer.consider()
        wait_for(retrainer)
        retrainer.close()
        assert retrainer.failed == ""
        folder = journal_of(model).parent / "rounds/1"
        assert told == [folder / "tagged.model"]
        answered = {(row, word) for row in range(11) for word in range(len(NAMES[row][0]))}
        answered |= {(half, 0), (half, 1)}
        source = (folder / "answered.conll").read_text()
        assert source == conll(NAMES, lambda sentence, word: (sentence, word) in answered)
        # What was said of words is unknown to models, and to other people.
        open_words = np.array(
            [
                (row, word) not in answered
                for row, (words, _) in enumerate(NAMES)
                for word in range(len(words))
            ]
        )
        after = _right(review, NAMES)
        assert before[open_words].mean() < 0.6 < 0.95 < after[open_words].mean()
        for row in range(4, 11):
            assert review.rows.guesses.labels[row] == former.labels[row]
            assert review.labels("ann", row) == former.labels[row]
            assert review.rows.guesses.results[row].spans == former.results[row].spans
        assert review.labels("", 5) != former.labels[5]
        assert review.rows.guesses.labels[half][:2] == former.labels[half][:2]
        assert is_whole(review.rows.scheme, review.rows.guesses.labels[half])
        start, one = retrainer.rounds
        words = [line.split("\t") for line in (folder / "tagged.conll").read_text().splitlines()]
        blank = [cells for cells in words if cells[1:2] == ["_"]]
        assert (one.answers, one.open_rows) == (8, len(blank)) == (8, open_words.sum())
        assert start.open_rows == sum(len(words) for words, _ in NAMES[4:])
        assert one.accepted == sum(cells[4] == "Yes" for cells in blank)
        assert one.expected == pytest.approx(np.mean([float(cells[3]) for cells in blank]))
        metrics = json.loads((folder / "tagged.model/metrics.json").read_text())
        assert one.checked == metrics["cross_fitted"]["accuracy"]["value"]
        tags = list(chain.from_iterable(result.tags for result in former.results))
        full = [cells for cells in words if len(cells) > 1]
        others = [a != cells[2] for a, cells in zip(tags, full, strict=True) if cells[1] == "_"]
        assert one.changed == pytest.approx(np.mean(others))
        left = review.queue.left("teach", review.state.done("")).tolist()
        assert half in left
        assert not {*range(11)} & {*left}
        guesses = review.rows.guesses
    with TagReview(model) as review:
        again = Retrainer(review, 8)
        again.resume()
        assert review.rows.guesses == guesses
        assert review.rows.model == folder / "tagged.model"
        assert (len(again.rounds), again.to_go) == (2, 8)
        review.undo("")
        assert review.labels("", half)[:2] == former.labels[half][:2]


def _texts(sentences, given):
    """Texts with spans of characters, those of the first `given` sentences."""
    lines = []
    for number, (words, tags) in enumerate(sentences):
        spans, place = [], 0
        for word, tag in zip(words, tags, strict=True):
            if tag[0] == "B":
                spans.append([place, place + len(word), tag[2:]])
            elif tag[0] == "I":
                spans[-1][1] = place + len(word)
            place += len(word) + 1
        more = {"label": spans} if number < given else {}
        lines.append(json.dumps({"text": " ".join(words), **more}))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("kind", ["plain.conll", "texts.jsonl", "iob1.conll"])
def test_answers_are_read_as_the_source_was(tmp_path, monkeypatch, kind):
    sentences = WORDS if kind == "plain.conll" else NAMES[:40]
    text = conll(sentences, lambda sentence, word: sentence < 6)
    options = {}
    if kind == "texts.jsonl":
        text = _texts(sentences, 6)
    if kind == "iob1.conll":
        text, options = text.replace("\tB-", "\tI-"), {"scheme": "IOB1"}
    _without_learning(monkeypatch)
    model = made_tagging(tmp_path, text, name=kind, **options)
    with TagReview(model) as review:
        retrainer = Retrainer(review, 10)
        for row in range(6, 16):
            _answer_truly(review, row, sentences[row][1])
        retrainer.consider()
        wait_for(retrainer)
        assert retrainer.failed == ""
        found = read_review_sentences(review.rows.model)
        assert found.scheme == review.rows.scheme
        written = [[options for options, *_ in tags] for tags in found.sentences.tags[:16]]
        truth = [tags for _, tags in sentences[:16]]
        if kind == "iob1.conll":
            truth = [[tag.replace("B-", "I-") for tag in tags] for tags in truth]
        if kind == "texts.jsonl":
            truth = [_labels(tags) for tags in truth]
        assert written == truth
        assert not any(chain.from_iterable(found.sentences.tags[16:]))
        assert retrainer.rounds[1].open_rows == sum(len(words) for words, _ in sentences[16:])
        assert review.rows.guesses.labels[16:] == found.guesses.labels[16:]


def test_a_training_that_fails_is_told_and_the_guesses_stay(tmp_path, monkeypatch):
    model = made_tagging(tmp_path, "a X\nb _\n\nc _\nd Y\n\n")
    _without_learning(monkeypatch)
    with TagReview(model) as review:
        guesses = review.rows.guesses
        retrainer = Retrainer(review, 1)
        name(review, 1, 1, 1, "X")
        retrainer.consider()
        wait_for(retrainer)
        assert "expected two or more tags; received only 'X'" in retrainer.failed
        assert review.rows.guesses is guesses
        assert len(retrainer.rounds) == 1
        folder = journal_of(model).parent / "rounds"
        model = made_tagging(tmp_path, "a X\nb _\n\n", name="rounds.conll")
        (folder / "9").mkdir()
        model.rename(folder / "9/tagged.model")
        (tmp_path / "rounds.conll").rename(folder / "9/rounds.conll")
        with pytest.raises(DataError, match=r"rounds\.conll: expected the sentences of the review"):
            retrainer._trainings.take_up(folder / "9")
    with pytest.raises(DataError, match="every: expected at least 1; received 0"):
        Retrainer(review, 0)


def test_what_is_asked_is_what_the_first_tagging_was_asked(tmp_path):
    options = {"separator": "/", "token_column": 1, "tag_column": 3}
    model = made_tagging(tmp_path, **options)
    settings = json.loads((model / "settings.json").read_text())
    settings |= {"seed": 7, "encoder": "auto", "encoder_choice": {"taken": "none"}}
    (model / "settings.json").write_text(json.dumps(settings))
    with TagReview(model) as review:
        name(review, 5, 0, 1, "PER")
        retrainer = Retrainer(review, 1)
        folder = journal_of(model).parent / "rounds/1"
        retrainer._prepare(folder, 4, 9)
        job = json.loads((folder / JOB).read_text())
        assert (job["job"], job["number"], job["figures"]["answers"]) == ("tag", 4, 9)
        asked = {"seed": 7, "encoder": "none", "scheme": "BIO", "min_precision": 0.9, **options}
        assert {key: job["arguments"][key] for key in asked} == asked
        read = read_tagged_sentences(folder / "answered.conll", **options)
        assert read.tags[5][:2] == [("B-PER",), ("I-PER",)]
        write_round(folder, Round(1, 2, 40, 10, 0.8, None, 3.0, job["figures"]["about"]))
        assert [one.number for one in Retrainer(review, 10).rounds] == [0, 1]
    made_again = tmp_path / "out.conll"
    made_again.write_text(made_again.read_text().replace(" No", " Yes").replace("0.6", "0.7"))
    with TagReview(model) as review:  # Another tagging of the same sentences.
        assert [one.number for one in Retrainer(review, 10).rounds] == [0]


def _made_guesses(scheme, lengths, rng):
    """Legal labels with their spans."""
    labels, results = [], []
    for length in lengths:
        own = ["O"] * length
        spans, place = [], 0
        while place < length:
            size = int(rng.integers(1, 4))
            if rng.random() < 0.5 and place + size <= length:
                type_ = str(rng.choice(scheme.names))
                letters = "S" if size == 1 else f"B{'I' * (size - 2)}E"
                own[place : place + size] = [f"{letter}-{type_}" for letter in letters]
                sure, safe = float(rng.random()), bool(rng.integers(2))
                spans.append(SpanResult(place, place + size - 1, type_, sure, safe, "O", 0.0))
            place += size
        sure = rng.random(length).tolist()
        safe = [bool(value) for value in rng.integers(2, size=length)]
        labels.append(own)
        results.append(SentenceResult(scheme.written(own), sure, safe, spans))
    return TagGuesses(labels, results)


@pytest.mark.parametrize("seed", range(20))
def test_what_was_learnt_from_answers_is_as_it_was_guessed_before(seed):
    rng = np.random.default_rng(seed)
    scheme = TagScheme("BIO", ("LOC", "PER"))
    lengths = rng.integers(1, 9, 12).tolist()
    new, old = (_made_guesses(scheme, lengths, rng) for _ in range(2))
    learnt = [set(np.flatnonzero(rng.random(n) < 0.3).tolist()) for n in lengths]
    found = with_former_guesses(scheme, new, old, learnt)
    for row, words in enumerate(learnt):
        labels, said = found.labels[row], found.results[row]
        before, after = old.results[row], new.results[row]
        assert is_whole(scheme, labels)
        assert said.tags == scheme.written(labels)
        spans = {(span.first, span.last, span.name) for span in said.spans}
        assert spans == {(span.first, span.last, span.name) for span in scheme.spans(labels)}
        assert all(span in (*before.spans, *after.spans) for span in said.spans)
        for word, label in enumerate(labels):
            if word in words:
                assert label == old.labels[row][word]
                assert said.probabilities[word] == before.probabilities[word]
            if label == new.labels[row][word] != old.labels[row][word]:
                assert said.probabilities[word] == after.probabilities[word]
        if not words:
            assert (labels, said) == (new.labels[row], after)
    assert word_guesses(found).open.all()


def test_words_of_a_span_that_is_none_any_more_are_not_safe():
    scheme = TagScheme("BIO", ("PER",))
    span = SpanResult(0, 1, "PER", 0.9, True, "O", 0.1)
    new = SentenceResult(["B-PER", "I-PER"], [0.9, 0.8], [True, True], [span])
    old = SentenceResult(["O", "O"], [0.6, 0.7], [False, False])
    found = with_former_guesses(
        scheme,
        TagGuesses([["B-PER", "E-PER"]], [new]),
        TagGuesses([["O", "O"]], [old]),
        [{0}],
    )
    assert found.labels == [["O", "O"]]
    (said,) = found.results
    assert said.probabilities == [0.6, pytest.approx(0.2)]
    assert (said.accept, said.spans) == ([False, False], [])


def test_an_answer_that_is_taken_back_is_a_guess_no_more(tmp_path, monkeypatch):
    """Though the model learnt it."""
    model = made_tagging(tmp_path, conll(WORDS, lambda sentence, word: sentence < 6))
    _without_learning(monkeypatch)
    with TagReview(model) as review:
        retrainer = Retrainer(review, 1)
        former = list(review.labels("", 9))
        wrong = [next(tag for tag in review.rows.scheme.names if tag != said) for said in former]
        review.change("", 9, lambda shown: Change(0, wrong))
        retrainer.consider()
        wait_for(retrainer)
        assert retrainer.failed == ""
        review.undo("")
        assert review.labels("", 9) == former
        accept(review, 9, who="ann")
        (entry,) = [e for e in review.state.entries if e["annotator"] == "ann"]
        assert (entry["kind"], entry["shown"]) == (TAGS, former)
