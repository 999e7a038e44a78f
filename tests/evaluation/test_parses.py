"""Scores of induced trees, on trees small enough to count by hand."""

import pytest

from tfp_dgm.evaluation import attachment_scores, unlabelled_f1, without_punctuation

# "the dog barks ." and "we sing": heads of each word.
GOLD = [[2, 3, 0, 3], [2, 0]]
FOUND = [[3, 0, 2, 3], [0, 1]]


def test_attachment_counts_arcs_with_their_direction_and_without():
    # Directed: the full stop alone. Undirected: besides it barks - dog and sing - we, of which
    # each is counted at the word that hangs there now.
    assert attachment_scores(GOLD, FOUND) == pytest.approx({"directed": 1 / 6, "undirected": 3 / 6})
    kept = [[True, True, True, False], [True, True]]
    scores = attachment_scores(GOLD, FOUND, kept)
    assert scores == pytest.approx({"directed": 0, "undirected": 2 / 5})
    assert attachment_scores(GOLD, GOLD) == {"directed": 1.0, "undirected": 1.0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[0]], [[0, 1]]), "gold: .* received 1, 1 and 1 sentences of 1, 2 and 1 words"),
        (([[0]], [[0], [0]]), "gold: .* received 1, 2 and 1 sentences"),
        (([[0]], [[0]], [[False]]), "kept: expected a word to be scored"),
    ],
)
def test_uneven_sentences_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        attachment_scores(*arguments)


def test_f1_leaves_trivial_brackets_out_and_averages_over_sentences():
    gold = [{(0, 3), (0, 1), (2, 3), (1, 1)}, {(0, 2), (1, 2)}, {(0, 1)}, {(0, 0)}]
    found = [{(0, 3), (1, 2), (1, 3), (2, 3)}, {(0, 2), (0, 1)}, {(0, 1)}, {(0, 0)}]
    # 2 of (2 gold + 3 found) brackets agree, none, and nothing where there was nothing to find.
    expected = (2 / 5 + 0 + 1) / 3
    assert unlabelled_f1(gold, found, [4, 3, 2, 1]) == pytest.approx(expected)


def test_f1_needs_a_sentence():
    with pytest.raises(ValueError, match="lengths: expected a sentence of two words"):
        unlabelled_f1([set()], [set()], [1])


def test_brackets_without_punctuation():
    # ( ( " we ) ( sing . ) ) without the marks: we and sing.
    kept = [False, True, True, False]
    assert without_punctuation({(0, 3), (0, 1), (2, 3), (0, 0)}, kept) == {(0, 1), (0, 0), (1, 1)}
