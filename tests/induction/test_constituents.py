"""The induction of constituents: what the folder holds, what is read and scored, every model."""

import json
import re

import numpy as np
import pytest
import tensorflow as tf

from tests.induction.toy_grammar import CLASS_OF, sentences
from tfp_dgm.data import DataError, read_bracketed_trees
from tfp_dgm.induction import ConstituentSettings, claim_constituents, induce_constituents, results
from tfp_dgm.induction.constituent_page import render_constituents
from tfp_dgm.induction.constituent_scores import constituent_scores, tree
from tfp_dgm.induction.sentences import read_words
from tfp_dgm.induction.without_marks import gold_spans, kept_words, spans_with_marks
from tfp_dgm.models import load_model
from tfp_dgm.settings import read_settings

ROWS = sentences(12)
SMALL = ["model.nonterminals=2", "model.preterminals=3", "model.units=4", "model.epochs=1"]

pytestmark = pytest.mark.usefixtures("eager")


def bracketed(row):
    """(S (NP D A? N) (VP V (NP D A? N)) .)"""
    leaves = [f"({CLASS_OF[word]} {word})" for word in row]
    verb = [CLASS_OF[word] for word in row].index("V")
    subject, rest = " ".join(leaves[:verb]), " ".join(leaves[verb + 1 : -1])
    return f"(S (NP-SBJ {subject}) (VP {leaves[verb]} (NP {rest})) {leaves[-1]})"


def settings_of(*assignments):
    return read_settings(ConstituentSettings, None, [*SMALL, *assignments])


def induced(folder, text, settings, **kwargs):
    with claim_constituents(folder, settings, **kwargs) as run:
        return induce_constituents(text, run, settings, say=lambda message: None)


@pytest.fixture
def _without_export(monkeypatch):
    monkeypatch.setattr(results, "export", lambda *args, **kwargs: None)


@pytest.mark.slow
@pytest.mark.usefixtures("_without_export")
def test_the_folder_holds_trees_and_their_scores(tmp_path):
    text, folder = tmp_path / "toy.mrg", tmp_path / "run"
    text.write_text("\n".join(map(bracketed, ROWS)))
    numbers = induced(folder, text, settings_of("max_length=6"))
    assert numbers == json.loads((folder / "metrics.json").read_text())
    assert numbers["num_learned_sentences"] == sum(len(row) <= 7 for row in ROWS) < len(ROWS)
    found = read_bracketed_trees(folder / "parsed.mrg")
    assert [row.words for row in found] == ROWS
    assert [row.tags for row in found] == [[CLASS_OF[word] for word in row] for row in ROWS]
    for row in found:  # Binary over the words, and the full stop beside them.
        words = len(row.words) - 1
        assert len(row.spans()) == words
        assert (0, words - 1) in row.spans()
    page = (folder / "report.html").read_text()
    assert page.count('<div class="tree">') == len(ROWS)
    assert page.count("<line ") >= sum(2 * (len(row) - 2) for row in ROWS)
    assert not re.search(r"<script|https?://", page)


@pytest.mark.slow
@pytest.mark.usefixtures("_without_export")
@pytest.mark.parametrize("kind", ["neural_grammar", "compound_grammar"])
def test_the_model_that_comes_back_serves_the_same_trees(tmp_path, kind):
    text, folder = tmp_path / "toy.txt", tmp_path / "run"
    text.write_text("".join(" ".join(row) + "\n" for row in ROWS[:8]))
    numbers = induced(folder, text, settings_of(f"model.kind={kind}", "starts=2"))
    assert "f1" not in numbers  # Plain text has nothing to compare with.
    history = json.loads((folder / "history.json").read_text())
    assert [start["seed"] for start in history] == [0, 1]
    best = max(start["log_likelihood"][-1] for start in history)
    assert numbers["log_likelihood_per_word"] == pytest.approx(best / numbers["num_learned_words"])
    model = load_model(folder / "model.keras")
    rows = read_bracketed_trees(folder / "parsed.mrg")[:3]
    texts = [" ".join(row.words[:-1]) for row in rows]
    body = model.serving_signatures()["serving_default"].body
    answer = {k: v.numpy() for k, v in body(text=tf.constant([*texts, "dog", ""])).items()}
    for place, row in enumerate(rows):
        # Parents before children, from left to right.
        whole = (0, len(row.words) - 1)
        wanted = sorted(row.spans() - {whole}, key=lambda span: (span[0], -span[1]))
        padding = [[-1, -1]] * (answer["spans"].shape[1] - len(wanted))
        assert answer["spans"][place].tolist() == [list(span) for span in wanted] + padding
        known = answer["spans"][place, :, 0] >= 0
        chances = answer["probabilities"][place]
        assert chances[0] == pytest.approx(1, abs=1e-4)  # Of the whole sentence.
        assert ((chances[known] > 0) & (chances[known] < 1 + 1e-4)).all()
        assert (chances[~known] == 0).all()
    assert (answer["spans"][3:] == -1).all()
    assert np.isfinite(answer["probabilities"]).all()


def test_marks_are_left_out_and_stand_inside_again(tmp_path):
    path = tmp_path / "t.mrg"
    path.write_text("(S (`` ``) (NP (DT the) (, ,) (NN cat)) (VP (VB ran)) (. .))")
    sentences = read_words(path)
    kept = kept_words(sentences)
    assert kept == [[False, True, False, True, True, False]]
    assert gold_spans(sentences, kept) == [{(0, 2), (0, 1), (2, 2)}]
    assert spans_with_marks({(0, 2), (0, 1)}, kept[0]) == {(1, 4), (1, 3)}


def test_scores_and_guesses_counted_by_hand():
    gold = [{(0, 3), (0, 1), (2, 3)}, {(0, 2), (1, 2)}, {(0, 0)}]
    scores = constituent_scores(
        gold, [{(0, 3), (1, 3), (2, 3)}, {(0, 2), (0, 1)}, set()], [4, 3, 1], 3
    )
    assert scores["f1"] == 0
    assert scores["f1_any_length"] == pytest.approx((2 * 1 / 4 + 0) / 2)
    assert scores["f1_right_branching"] == 1
    assert scores["f1_right_branching_any_length"] == pytest.approx((2 * 1 / 4 + 1) / 2)
    assert scores["f1_left_branching_any_length"] == pytest.approx((2 * 1 / 4 + 0) / 2)
    assert scores["f1_balanced_any_length"] == pytest.approx((1 + 0) / 2)
    # Of three words one of two trees is right; ten trees' mean.
    assert 0.1 <= scores["f1_random"] <= 0.9
    assert tree(1, min) == set()


def test_wrong_forks_are_broken_and_words_are_shown_as_they_are():
    page = render_constituents(
        "t",
        [["<b>", "b", "c"], []],
        [{(0, 2), (0, 1)}, set()],
        [{(0, 2)}, set()],
        {},
        {0: [1]},
        best=0,
    )
    assert page.count("<line ") == 4 + 2  # The likelihood's axes.
    assert page.count('class="wrong"') == 2
    assert "<b>" not in page
    assert "&lt;b&gt;" in page


@pytest.mark.parametrize(
    ("text", "assignments", "message"),
    [
        ("a\n", (), "max_length is 20, and no sentence has 2 to 20 words"),
        ("a b\n", ("reads=xpos",), "reads must be words where the text has no tags"),
    ],
)
def test_bad_inputs_are_refused(text, assignments, message, tmp_path):
    (tmp_path / "t.txt").write_text(text)
    with pytest.raises(DataError, match=message):
        induced(tmp_path / "run", tmp_path / "t.txt", settings_of(*assignments))
    assert not (tmp_path / "run").exists()
