"""Bracketed trees in and out, and what is wrong with others."""

import gzip
import io

import pytest

from tfp_dgm.data import DataError, read_bracketed_trees, write_bracketed_tree

TREES = """
( (S
    (NP-SBJ-1 (DT the) (NN cat))
    (VP (VBD sat) (S (NP (-NONE- *-1)) (ADVP=2 (RB down))) (-LRB- -LRB-)) (. .)))
(S (NP (-NONE- *)))
(FRAG (UH well)) (X (X (A a) (B b)) (C c))
"""


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_words_tags_and_phrases_are_read_without_traces(tmp_path, ending):
    path = tmp_path / "t.mrg.gz"
    with gzip.open(path, "wb") as file:
        file.write(TREES.replace("\n", ending).encode())
    cat, well, abc = read_bracketed_trees(path)
    assert cat.words == ["the", "cat", "sat", "down", "-LRB-", "."]
    assert cat.tags == ["DT", "NN", "VBD", "RB", "-LRB-", "."]
    assert cat.spans() == {(0, 5), (0, 1), (2, 4), (3, 3)}
    labels = [child.label for child in cat.tree.children[0].children]
    assert labels == ["NP", "VP", "."]
    assert (well.words, well.spans()) == (["well"], {(0, 0)})
    assert (abc.words, abc.spans()) == (["a", "b", "c"], {(0, 2), (0, 1)})


def test_what_is_written_is_read(tmp_path):
    file = io.StringIO()
    write_bracketed_tree(file, ["a", "(", "c d", "e"], {(1, 3), (1, 2)}, tags=["A", "(", "C", "D"])
    write_bracketed_tree(file, ["a"], set())
    assert file.getvalue().splitlines() == [
        "(X (A a) (X (X (-LRB- -LRB-) (C c_d)) (D e)))",
        "(X (X a))",
    ]
    path = tmp_path / "t.mrg"
    path.write_text(file.getvalue())
    first, second = read_bracketed_trees(path)
    assert first.words == ["a", "-LRB-", "c_d", "e"]
    assert first.spans() == {(0, 3), (1, 3), (1, 2)}
    assert second.spans() == {(0, 0)}


def test_a_tree_may_be_deep(tmp_path):
    path = tmp_path / "t.mrg"
    path.write_text("(X (A a) " * 5000 + "(B b)" + ")" * 5000)
    (sentence,) = read_bracketed_trees(path)
    assert sentence.spans() == {(i, 5000) for i in range(5000)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected at least one bracketed tree with a word"),
        ("(S (NP (-NONE- *)))\n", "expected at least one bracketed tree with a word"),
        ("the cat\n", r"line 1: expected \( before anything else; received 'the'"),
        ("(S (A a))\n)\n", r"line 2: expected \( before anything else; received '\)'"),
        ("(S (A a)\n\n(B b)\n", r"line 1: expected \) at the end of a tree"),
        ("(S\n(A a) b)\n", r"line 2: expected words in brackets of their own.*received 'b'"),
        ("(S (A a b))\n", "line 1: expected words in brackets of their own.*received 'b'"),
        ("(S ((A a) b))\n", "line 1: expected words in brackets of their own.*received 'b'"),
        ("(S (A a (B b)))\n", r"line 1: expected \) after a word; received \("),
    ],
)
def test_other_files_are_refused(tmp_path, text, message):
    path = tmp_path / "t.mrg"
    path.write_text(text)
    with pytest.raises(DataError, match=rf"t.mrg.*{message}"):
        read_bracketed_trees(path)
