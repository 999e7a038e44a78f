"""Treebanks in and out, and what is wrong with others."""

import gzip
import io

import pytest

from tfp_dgm.data import AnnotatedSentence, DataError, read_conllu, write_conllu

REST = "\t_\t_"
TREEBANK = f"""# sent_id = 1
1-2\tdon't\t_\t_\t_\t_\t_\t_{REST}
1\tdo\tdo\tAUX\tVBP\t_\t3\taux{REST}
2\tn't\tnot\tPART\tRB\t_\t3\tadvmod{REST}
3\tgo\tgo\tVERB\tVB\t_\t0\troot{REST}
3.1\tgone\t_\t_\t_\t_\t_\t_{REST}

1\tSo\tso\t_\t_\t_\t_\t_{REST}
"""
EXPECTED = [
    AnnotatedSentence(["do", "n't", "go"], ["AUX", "PART", "VERB"], ["VBP", "RB", "VB"], [3, 3, 0]),
    AnnotatedSentence(["So"], ["_"], ["_"], [None]),
]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_words_tags_and_heads_are_read(tmp_path, ending):
    path = tmp_path / "t.conllu.gz"
    with gzip.open(path, "wb") as file:
        file.write(TREEBANK.replace("\n", ending).encode())
    assert read_conllu(path) == EXPECTED


def test_what_is_written_is_read(tmp_path):
    file = io.StringIO()
    write_conllu(file, ["a", "b"], xpos=["T01", "T00"], heads=[2, 0])
    write_conllu(file, ["c"])
    assert file.getvalue().splitlines()[:2] == ["# text = a b", "1\ta\t_\t_\tT01\t_\t2\t_\t_\t_"]
    path = tmp_path / "t.conllu"
    path.write_text(file.getvalue())
    assert read_conllu(path) == [
        AnnotatedSentence(["a", "b"], ["_", "_"], ["T01", "T00"], [2, 0]),
        AnnotatedSentence(["c"], ["_"], ["_"], [None]),
    ]


def heads(*above):
    """A sentence of words with these heads."""
    lines = (f"{i}\ta\t_\t_\t_\t_\t{head}\t_\t_\t_" for i, head in enumerate(above, start=1))
    return "\n".join(lines) + "\n\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected at least one sentence"),
        ("one two\n", "line 1: expected 10 columns between tabs; received 1"),
        (TREEBANK.replace("2\tn't", "4\tn't"), "line 4: expected the word 2; received 4"),
        (TREEBANK.replace("3.1\tgone", "x\tgone"), "line 6: .* number of a word; received 'x'"),
        (TREEBANK.replace("2\tn't", "2\t"), "line 4: expected _ .*; received an empty column 2"),
        (TREEBANK.replace("\tVBP", "\t"), "line 3: expected _ .*; received an empty column 5"),
        (TREEBANK.replace("\t0\troot", "\t7\troot"), "heads from 0 to 3; received '7' of the word"),
        (
            heads(0, 1) + heads(0, 3, 2, 3),
            "sentence to line 7: .*a circle .* through the word [23]",
        ),
        (heads(1), "sentence to line 1: expected heads that lead to the root; received a circle"),
        (heads(2, 3, 4, 1, 0), "a circle of heads through the word [1-4]$"),
    ],
)
def test_other_files_are_refused(tmp_path, text, message):
    path = tmp_path / "t.conllu"
    path.write_text(text)
    with pytest.raises(DataError, match=rf"t.conllu.*{message}"):
        read_conllu(path)


def test_several_roots_and_words_without_heads_are_read(tmp_path):
    path = tmp_path / "t.conllu"
    path.write_text(heads(0, 1, 0) + heads("_", 1, 2))
    assert [row.heads for row in read_conllu(path)] == [[0, 1, 0], [None, 1, 2]]
