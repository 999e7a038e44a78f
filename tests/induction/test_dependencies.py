"""The induction of dependencies: what the folder holds, what is read and scored, every model."""

import json
import re

import numpy as np
import pytest
import tensorflow as tf

from tests.as_python import as_python
from tests.induction.dependency_runs import induced, settings_of, written
from tests.induction.toy_grammar import heads_of, sentences
from tests.references.trees import dependency_trees
from tfp_dgm.data import DataError, read_conllu
from tfp_dgm.induction import results
from tfp_dgm.induction.dependency_page import render_dependencies
from tfp_dgm.induction.dependency_parses import parse
from tfp_dgm.induction.dependency_scores import dependency_scores
from tfp_dgm.induction.sentences import read_words
from tfp_dgm.induction.without_marks import gold_heads, kept_words, with_marks
from tfp_dgm.models import load_model

ROWS = sentences(60)


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return written(tmp_path_factory, ROWS)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("runs") / "trees"
    with pytest.MonkeyPatch.context() as patch, as_python():
        patch.setattr(
            results, "export", lambda *args, **kwargs: None
        )  # The page's commands export.
        return folder, induced(folder, text, settings_of("model.iterations=5", "max_length=6"))


@pytest.mark.slow
def test_the_trees_beat_guesses_and_are_the_scores(finished):
    folder, numbers = finished
    assert numbers["num_learned_sentences"] == sum(len(row) <= 7 for row in ROWS) < len(ROWS)
    assert numbers["undirected"] > numbers["undirected_head_next"] > 0
    found = [row.heads for row in read_conllu(folder / "parsed.conllu")]
    right = [
        head == wanted
        for row, heads in zip(ROWS, found, strict=True)
        for head, wanted in zip(heads[:-1], heads_of(row)[:-1], strict=True)
    ]
    assert numbers["directed_any_length"] == pytest.approx(np.mean(right))
    assert all(heads[heads.index(0)] == 0 and heads[-1] == heads.index(0) + 1 for heads in found)
    assert json.loads((folder / "metrics.json").read_text()) == numbers


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_the_model_that_comes_back_tells_the_same_heads(finished):
    folder, _ = finished
    rows = read_conllu(folder / "parsed.conllu")[:9]
    texts = tf.constant([" ".join(row.xpos[:-1]) for row in rows] + [""])
    model = load_model(folder / "model.keras")
    body = model.serving_signatures()["serving_default"].body
    answer = {name: value.numpy() for name, value in body(text=texts).items()}
    for place, row in enumerate(rows):
        heads = row.heads[:-1]
        padding = answer["heads"].shape[1] - len(heads)
        assert answer["heads"][place].tolist() == heads + [-1] * padding
    assert (answer["heads"][-1] == -1).all()
    known = answer["heads"] >= 0
    assert (answer["probabilities"][~known] == 0).all()
    # Arcs' probabilities, counted in draws.
    draws = model.structure(texts[:1]).sample(400, seed=(1, 2)).numpy()  # [400, 1, T]
    often = np.mean(draws[:, 0] == answer["heads"][0, : draws.shape[-1]], axis=0)
    np.testing.assert_allclose(
        often[: len(rows[0].heads) - 1],
        answer["probabilities"][0][: len(rows[0].heads) - 1],
        atol=4 * 0.5 / 400**0.5,
    )


@pytest.mark.slow
def test_the_page_draws_every_arc(finished):
    folder, _ = finished
    page = (folder / "report.html").read_text()
    assert len(re.findall(r'<div class="tree">', page)) == 40
    assert page.count("<polygon") == sum(len(row) - 1 for row in ROWS[:40])
    assert not re.search(r"<script|https?://", page)


def test_wrong_arcs_are_broken_and_words_are_shown_as_they_are():
    page = render_dependencies(
        "t",
        [["<b>", "b"], []],
        [["<b>", "N"], []],
        [[0, 1], []],
        [[2, 0], []],
        {},
        {0: [1]},
        best=0,
    )
    assert page.count('class="wrong"') == 2
    assert "<b>" not in page
    assert "&lt;b&gt;" in page


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    "assignments",
    [
        ["model.hard=true"],
        ["model.kind=neural_valence", "model.units=3", "model.gradient_steps=1", "model.starts=2"],
    ],
    ids=["viterbi", "networks"],
)
def test_every_model_is_trained_and_comes_back(assignments, text, tmp_path, monkeypatch):
    monkeypatch.setattr(results, "export", lambda *args, **kwargs: None)
    plain = tmp_path / "t.txt"
    plain.write_text("".join(" ".join(row) + "\n" for row in ROWS[:20]))
    settings = settings_of("model.iterations=1", *assignments)
    numbers = induced(tmp_path / "run", plain, settings)
    assert "directed" not in numbers  # Plain text has nothing to compare with.
    model = load_model(tmp_path / "run" / "model.keras")
    log_prob = np.sum(model(tf.constant([" ".join(row[:-1]) for row in ROWS[:20]])))
    history = json.loads((tmp_path / "run" / "history.json").read_text())
    assert [start["seed"] for start in history] == list(range(len(history)))
    best = max(start["log_likelihood"][-1] for start in history)
    if settings.model.hard:  # The likelihood of sentences with their best trees.
        assert log_prob > best
    else:
        assert len(history) == 2
        assert log_prob == pytest.approx(best, rel=1e-5)


def conllu(path, rows):
    lines = (
        f"{i}\t{word}\t_\t{upos}\t{xpos}\t_\t{head}\t_\t_\t_"
        for i, (word, upos, xpos, head) in enumerate(rows, start=1)
    )
    path.write_text("\n".join(lines) + "\n")
    return path


def test_marks_are_left_out_and_hung_again(tmp_path):
    rows = [("``", "_", "``", 3), ("a", "_", "D", 1), ("%", "_", "N", 0), ("-LRB-", "_", "(", 3)]
    sentences = read_words(conllu(tmp_path / "t.conllu", rows))
    kept = kept_words(sentences)
    assert kept == [[False, True, True, False]]
    # "a" hangs at a mark, which hangs at "%".
    assert gold_heads(sentences, kept) == [[2, 0]]
    assert with_marks([2, 0], kept[0]) == [3, 3, 0, 3]
    assert with_marks([], [False, False, False]) == [0, 1, 1]
    rows = [("x", "PUNCT", "_", 2), ("!", "NOUN", "_", "_")]
    sentences = read_words(conllu(tmp_path / "t.conllu", rows))
    assert kept_words(sentences) == [[False, True]]
    assert gold_heads(sentences, kept_words(sentences)) is None


def test_scores_and_guesses_counted_by_hand():
    gold, induced = [[2, 0], [2, 0, 2], []], [[2, 0], [0, 1, 2], []]
    scores = dependency_scores(gold, induced, max_length=2)
    of_short = {
        **{"directed": 1, "undirected": 1},
        **{"directed_head_previous": 0, "undirected_head_previous": 0.5},
        **{"directed_head_next": 1, "undirected_head_next": 1},
    }
    of_longer = {
        **{"directed": 3, "undirected": 4},
        **{"directed_head_previous": 1, "undirected_head_previous": 3},
        **{"directed_head_next": 3, "undirected_head_next": 4},
    }
    up_to_40 = {f"{name}_up_to_40": right / 5 for name, right in of_longer.items()}
    of_all = {f"{name}_any_length": right / 5 for name, right in of_longer.items()}
    assert scores == pytest.approx(of_short | up_to_40 | of_all)
    # 41 words, each below the one before it; the induced tree hangs each at the next one.
    gold, induced = [*gold, list(range(41))], [*induced, [*range(2, 42), 0]]
    more = {"directed": 0, "undirected": 40}
    more |= {"directed_head_previous": 41, "undirected_head_previous": 41}
    more |= {"directed_head_next": 0, "undirected_head_next": 40}
    of_all = {
        f"{name}_any_length": (right + more[name]) / (5 + 41) for name, right in of_longer.items()
    }
    scores = dependency_scores(gold, induced, max_length=2)
    assert scores == pytest.approx(of_short | up_to_40 | of_all)


@pytest.mark.parametrize(
    ("rows", "assignments", "message"),
    [
        ([("a", "_", "_", 0)], (), "reads is xpos, and not every word has a tag"),
        ([("a", "_", "_", 0)], ("reads=upos",), "reads is upos, and not every word has a tag"),
        ([("a", "_", "D", 0)] * 3, ("max_length=2",), "max_length is 2, and no sentence"),
        ([(".", "_", ".", 2), (".", "_", ".", 1), ("a", "_", "D", 1)], (), "a circle of heads"),
    ],
)
def test_bad_inputs_are_refused(rows, assignments, message, tmp_path):
    path = conllu(tmp_path / "t.conllu", rows)
    with pytest.raises(DataError, match=message):
        induced(tmp_path / "run", path, settings_of(*assignments))
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_trees_of_a_graph_are_the_best(finished):
    """That which the likelihood of a joint of words and heads finds likeliest."""
    folder, _ = finished
    model = load_model(folder / "model.keras")
    rows = [row[:-1] for row in model.vocabulary.encode_all(["D N V", "", "D A N V N"])]
    found = parse(model, rows).heads
    assert found[1] == []
    for row, heads in ((rows[0], found[0]), (rows[2], found[2])):
        structure = model.structure(row[np.newaxis])
        every = [
            np.array(event)
            for event, _ in dependency_trees(len(row), len(row), projective=True, single_root=True)
        ]
        scores = structure.score(np.stack(every)[:, np.newaxis]).numpy()[:, 0]
        assert heads == every[int(scores.argmax())].tolist()


def test_a_text_without_any_symbol_is_refused(tmp_path):
    path = conllu(tmp_path / "t.conllu", [("a", "_", "<unk>", 0)])
    with pytest.raises(DataError, match=r"settings: .* no word occurs"):
        induced(tmp_path / "run", path, settings_of())


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("reads", ["words", "xpos"])
def test_words_and_tags_are_cut_nowhere_else_than_they_are_read(reads, tmp_path, monkeypatch):
    """At the spaces of Unicode, or at those within a tag."""
    monkeypatch.setattr(results, "export", lambda *args, **kwargs: None)
    rows = [("1\u00a0000", "NUM", "C\fD", 2), ("cats", "NOUN", "N\u2003", 0)]
    path = conllu(tmp_path / "t.conllu", rows)
    numbers = induced(tmp_path / "run", path, settings_of("model.iterations=1", f"reads={reads}"))
    assert numbers["num_words"] == 2
    assert "1\ufffd000" in (tmp_path / "run" / "report.html").read_text()  # Not printable.


def test_plain_text_has_no_columns(tmp_path):
    (tmp_path / "t.txt").write_text("a b\n")
    with pytest.raises(DataError, match="reads must be words where the text has no tags"):
        induced(tmp_path / "run", tmp_path / "t.txt", settings_of("reads=upos"))
