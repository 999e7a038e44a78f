"""CoNLL and CoNLL-U: what is read, what is written, what is refused."""

import gzip
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.data.tagged_answers import answers
from tests.references.tagged_spans import SCHEMES, all_spans, tags_of
from tfp_dgm.data import (
    DataError,
    TaggedWriter,
    iter_tagged_sentences,
    read_conllu,
    read_tagged_sentences,
)

ROUND_TRIP = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
SPANS = list(all_spans(4, ("PER", "a-b")))


def read(folder, text, name="t.conll", **options):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_tagged_sentences(path, **options)


def test_comments_blank_lines_and_documents_stay(tmp_path):
    text = (
        "# newdoc\n-DOCSTART- -X- O\n\n\n# id = 1\nEU NNP B-ORG\n#1 CD O\nwins VBZ O  \n"
        " \t \nPeter NNP B-PER\n. . O"
    )
    found = read(tmp_path, text)
    assert found.tokens == [["EU", "#1", "wins"], ["Peter", "."]]
    assert found.tags == [[("B-ORG",), ("O",), ("O",)], [("B-PER",), ("O",)]]
    assert [found.place(0, 1), found.place(1)] == ["line 7", "line 10"]
    assert found.offsets is None
    assert found.texts is None
    found.write(tmp_path / "out.conll", answers(found))
    assert (tmp_path / "out.conll").read_text() == (
        "# newdoc\n-DOCSTART- -X- O\n\n\n# id = 1\n"
        "EU NNP B-ORG B-ORG 0.5000 Yes 0.7500 Yes O 0.1250\n"
        "#1 CD O O 0.5000 No _ _ _ _\nwins VBZ O   O 0.5000 _ _ _ _ _\n"
        " \t \nPeter NNP B-PER B-PER 0.5000 Yes 0.7500 Yes O 0.1250\n. . O O 0.5000 No _ _ _ _"
    )


@pytest.mark.parametrize(
    ("text", "tokens", "tags"),
    [
        ("New York\tA\n#\tB\n# tag\tA\n", ["New York", "#", "# tag"], ["A", "B", "A"]),
        ("# a comment\na\tA\n\tx\n".replace("\tx", "b\tB"), ["a", "b"], ["A", "B"]),
        ("a\tA\nb\nc\t\nd\t_\ne\t?\n", list("abcde"), ["A", "", "", "", ""]),
        ("a A\nb\n# id 5\n", ["a", "b"], ["A", ""]),
        ("# newdoc\na   \t A\nb B\n", ["a", "b"], ["A", "B"]),
        ("#x\nb\tB\n#b\n", ["#x", "b", "#b"], ["", "B", ""]),
        ("#y z\nb b\tB\n", ["b b"], ["B"]),
        ("a\n#b\nc\n", ["a", "#b", "c"], ["", "", ""]),
        ("\ufeffa\tA\r\nb\tB\r\n", ["a", "b"], ["A", "B"]),
        ("a\tA\rb\tB", ["a", "b"], ["A", "B"]),
        ("x\u00a0y A\n\u200b B\n\u3000 C\n", ["x\u00a0y", "\u200b", "\u3000"], ["A", "B", "C"]),
        ("N\tA\n", ["N"], ["A"]),
    ],
)
def test_columns_in_many_spellings(tmp_path, text, tokens, tags):
    found = read(tmp_path, text)
    assert found.tokens == [tokens]
    assert found.tags == [[(tag,) if tag else () for tag in tags]]


def test_columns_are_chosen(tmp_path):
    text = "# global.columns = ID FORM NER\n1\ta\tX\n2\tb\tY\n"
    for token, tag in (("form", "ner"), (2, 3), ("2", "3"), ("FORM", None)):
        found = read(tmp_path, text, token_column=token, tag_column=tag)
        assert (found.tokens, found.tags) == ([["a", "b"]], [[("X",), ("Y",)]])
    assert read(tmp_path, "B-X\ta\nO\tb\n", token_column=2).tags == [[("B-X",), ("O",)]]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("a\tA\nb\tB\tC\n", {}, "line 2: expected 2 columns between tabs.*received 3 in 'b"),
        (
            "a A\nb B\nc d C\n",
            {},
            "line 3: expected 2 columns between blanks.*received 3 in 'c d C",
        ),
        ("a\tA\nb B\nc c\tC\n", {}, "line 2: expected 2 columns between tabs.*received 1 in 'b"),
        ("a\tA\n\tB\n", {}, "line 2: expected a word in column 1; received an empty one"),
        ("", {}, "expected words in columns; the file has none"),
        ("\n\n# text\n", {}, "expected words in columns"),
        ("-DOCSTART- O\n\n", {}, "expected words in columns"),
        ("1\ta\tA\n2\tb\tA\n", {}, "first column numbers the words; name .* `token_column`"),
        ("a\tA\n", {"tag_column": 3}, "tag_column: expected a column from 1 to 2; received 3"),
        ("a\tA\n", {"tag_column": "ner"}, "tag_column: expected the number of a column; .*'ner'"),
        ("a\tA\n", {"tag_column": 1, "token_column": 1}, "in two columns; received the column 1"),
        (b"a\tA\nb\xe9\tA\n", {}, "line 2: expected UTF-8; received byte 0xe9"),
        ("a\tA\nb\0\tA\n", {}, "line 2: expected text; received a NUL byte"),
        ("a\tA\n".encode("utf-16"), {}, "expected UTF-8; received UTF-16 text"),
        ("a\tA\n", {"format": "iob"}, "format: expected one of conll, conllu, json, text; .*'iob'"),
        ("a\tO\nb\tB-X\nc\tY\n", {}, "line 3: expected O, or a letter, .*received the tag 'Y'"),
        ("a\tB\nb\tB-X\nc\tI-Y\n", {}, "line 1: expected a type after the letter.*the tag 'B'"),
        ("a\tB-X\nb\tL-X\nc\tS-X\n", {}, "expected letters of one scheme.*received B, L, S"),
        ("a\tA\n", {"scheme": "BIO"}, "line 1: expected O, or a letter.*received the tag 'A'"),
        ("a\tE-X\n", {"scheme": "BIO"}, "line 1: expected a tag of BIO.*received the tag 'E-X'"),
    ],
)
def test_faults_are_named(tmp_path, text, options, message):
    with pytest.raises(DataError, match=f"t.conll.*{message}|{message}"):
        read(tmp_path, text, **options)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\t_\nb\t?\n", "no word has a tag in column 2; tag a few sentences first"),
        ("a\nb\n", "no word has a tag in the only column"),
        ("a\tO\nb\tO\n", "expected two or more tags; received only 'O'"),
        (
            "".join(f"w{i}\tt{i}\n" for i in range(1200)),
            "expected tags that words share; received 1,200 different ones.*`tag_column`",
        ),
    ],
)
def test_nothing_to_learn_is_said(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read(tmp_path, text).check_learnable()


@pytest.mark.parametrize(
    ("tags", "kind", "words"),
    [
        ("O I-X I-X O I-X", "IOB1", "tags with I are taken for IOB1: no tag has the letter B"),
        ("O B-X B-X O", "BIO", "tags with B are taken for BIO: no tag has the letter I"),
        ("O B-X O I-X O B-X", "BIO", "begin with B 2 times and with I 1 times"),
        ("O B-X O I-X O B-X", "BIO", "1 tag cannot follow .* such as I-X after O: line 4;"),
        ("B-X O I-X O I-X", "IOB1", "begin with B 1 times and with I 2 times"),
        ("? I-X _ I-X", "BIO", "tags with I are taken for BIO"),
        ("B-X E-X O", "BIOES", "BIOES, BMES, BMEWO have such tags"),
        ("B O B O", "none", "the tags B, O are taken for plain tags, not for spans"),
        ("A A A|C", "none", "hold '|' without naming other tags are taken for tags.*'A|C'"),
        ("A A B", "none", "1 tag at one word only: 'B'"),
        ("B-X I-X B-Y B-X", "BIO", "1 type of spans at one word only: 'Y'"),
        ("Yes No Yes No", "none", "is it the output of an earlier run"),
        ("B-X I-X " + "O " * 1000 + "B-X", "BIO", "a sentence of 1,003 words from line 1 on"),
    ],
)
def test_what_is_doubtful_is_said(tmp_path, tags, kind, words):
    found = read(tmp_path, "".join(f"w\t{tag}\n" for tag in tags.split()))
    assert found.scheme.kind == kind
    assert any(re.search(words.replace("|", r"\|"), warning) for warning in found.warnings)


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        ("O B-X I-X O B-X I-X", "BIO"),
        ("I-X I-X O I-X B-X", "IOB1"),
        ("B-X I-X E-X O S-X", "BIOES"),
        ("B-X I-X L-X O U-X", "BILOU"),
        ("B-X M-X E-X O S-X", "BMES"),
        ("B-X M-X E-X O W-X", "BMEWO"),
        ("B I O B I", "BIO"),
        ("b-x i-x o b-x", "BIO"),
        ("N V N V", "none"),
        ("X B N X B N", "none"),
        ("B-NOM|B-ACC I-NOM|I-ACC O", "BIO"),
    ],
)
def test_schemes_are_told_apart_without_a_word(tmp_path, tags, kind):
    found = read(tmp_path, "".join(f"w\t{tag}\n" for tag in tags.split() * 2))
    assert (found.scheme.kind, found.warnings) == (kind, [])


def test_blank_lines_between_words_are_told(tmp_path):
    found = read(tmp_path, "".join(f"w\t{tag}\r\r\n" for tag in "AB" * 10))
    assert found.warnings == [
        "20 of 20 sentences have one word only; are there blank lines between words?"
    ]


def test_sets_of_tags(tmp_path):
    found = read(tmp_path, "a\tN|V\nb\tN\nc\tV\nd\tN|?\n")
    assert found.tags == [[("N", "V"), ("N",), ("V",), ()]]
    assert read(tmp_path, "a\tN|V\nb\tN\nc\tV\n", separator="").tags[0][0] == ("N|V",)
    assert read(tmp_path, "a\tN/V\nb\tN\nc\tV\n", separator="/").tags[0][0] == ("N", "V")
    assert read(tmp_path, "a\tB-X|O\nb\tB-X\nc\tI-X\n").tags[0][0] == ("B-X", "O")


CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=4).filter(
    lambda cell: cell == cell.strip() and not cell.startswith("#") and not cell.isdecimal()
)


@ROUND_TRIP
@given(data=st.data(), kind=st.sampled_from(SCHEMES), end=st.sampled_from(["\n", "\r\n"]))
def test_what_was_there_is_written_again(tmp_path, data, kind, end):
    """With its own tags as results, a file gets columns and keeps every byte."""
    sentences = data.draw(st.lists(st.sampled_from(SPANS), min_size=1, max_size=4))
    lines = []
    for spans in sentences:
        lines += data.draw(st.sampled_from([[], ["# id = 1"], ["", "# text = a\tb\tc", "# \t"]]))
        for tag in tags_of(4, spans, kind):
            shown = data.draw(st.sampled_from([tag, tag, "_", "?", ""]))
            lines.append(f"{data.draw(CELLS)}\t{data.draw(CELLS)}\t{shown}")
        lines += data.draw(st.sampled_from([[""], [" "], ["", "\t", ""]]))
    text = end.join(lines) + data.draw(st.sampled_from(["", end]))
    found = read(tmp_path, text, scheme=kind)
    assert len(found.tokens) == len(sentences)
    found.write(tmp_path / "out.conll", answers(found))
    written = (tmp_path / "out.conll").read_bytes().decode().split(end)
    assert len(written) == len(text.split(end))
    for before, after in zip(text.split(end), written, strict=True):
        if after != before:
            assert after.startswith(before + "\t")
            added = after[len(before) + 1 :].split("\t")
            assert len(added) == 7
            given_tag = before.split("\t")[2]
            if kind == "IOB1":  # B or I is for the word before to say, which may be unknown.
                given_tag, added[0] = (tag.replace("B-", "I-") for tag in (given_tag, added[0]))
            assert given_tag in ("", "_", "?", added[0])
    assert sum(a != b for a, b in zip(text.split(end), written, strict=True)) == 4 * len(sentences)


@ROUND_TRIP
@given(data=st.data(), size=st.integers(1, 3))
def test_parts_are_the_whole(tmp_path, data, size):
    """Read part by part for a model, a file is written as if it were read at once."""
    blocks = data.draw(
        st.lists(st.sampled_from(["a\tX\nb\tY\n", "c\tX\n", "# d\n", "\n", "\n\n", "e\t\n"]))
    )
    text = "a\tX\nb\tY\n\n" + "".join(blocks)
    whole = read(tmp_path, text)
    with TaggedWriter(tmp_path / "parts.conll") as writer:
        for part in iter_tagged_sentences(
            tmp_path / "t.conll", scheme=whole.scheme, sentences=size
        ):
            assert not any(tags for sentence in part.tags for tags in sentence)
            writer.write(part, answers(part))
    unknown = read(tmp_path, text.replace("X", "_").replace("Y", "_"))
    results = answers(unknown)
    for result in results:
        result.tags[:] = ["X"] * len(result.tags)
    whole.write(tmp_path / "whole.conll", results)
    assert (tmp_path / "parts.conll").read_text() == (tmp_path / "whole.conll").read_text()


CONLLU = """# text = don't go
1-2\tdon't\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No
1\tdo\tdo\tAUX\tVBP|A\t_\t3\taux\t_\t_
2\tn't\tnot\t_\tRB\t_\t3\tadvmod\t_\tA=1|B=2
3\tgo\tgo\tVERB\tVB\t_\t0\troot\t_\t_
3.1\tgone\t_\t_\t_\t_\t_\t_\t_\t_

"""


def test_conllu_keeps_ten_columns(tmp_path):
    found = read(tmp_path, CONLLU, "t.conllu")
    assert found.tokens == [["do", "n't", "go"]]
    assert found.tags == [[("AUX",), (), ("VERB",)]]
    found.write(tmp_path / "out.conllu", answers(found))
    assert (tmp_path / "out.conllu").read_text() == (
        CONLLU.replace("aux\t_\t_", "aux\t_\tTag=AUX|TagProb=0.5000|TagAccept=Yes")
        .replace("B=2", "B=2|Tag=AUX|TagProb=0.5000|TagAccept=No")
        .replace("root\t_\t_", "root\t_\tTag=VERB|TagProb=0.5000")
    )
    assert read_conllu(tmp_path / "out.conllu") == read_conllu(tmp_path / "t.conllu")
    with pytest.raises(DataError, match="line 3: the last column already has 'Tag', 'TagProb'"):
        again = read_tagged_sentences(tmp_path / "out.conllu")
        again.write(tmp_path / "again.conllu", answers(again))
    assert not (tmp_path / "again.conllu").exists()


def test_conllu_columns(tmp_path):
    found = read(tmp_path, CONLLU, "t.conllu", tag_column="xpos")
    assert found.tags == [[("VBP|A",), ("RB",), ("VB",)]]
    found.write(tmp_path / "out.conllu", answers(found))
    assert r"Tag=VBP\pA|" in (tmp_path / "out.conllu").read_text()
    assert read(tmp_path, CONLLU, "t.conllu", tag_column=8).tags[0][0] == ("aux",)
    with pytest.raises(DataError, match=r"tag_column: expected one of id, form.*received 'pos'"):
        read(tmp_path, CONLLU, "t.conllu", tag_column="pos")
    with pytest.raises(DataError, match="line 4: expected the word 2; received 5"):
        read(tmp_path, CONLLU.replace("2\tn't", "5\tn't"), "t.conllu")


def test_gzip_in_and_out(tmp_path):
    (tmp_path / "t.conll.gz").write_bytes(gzip.compress(b"a\tX\nb\tY\n"))
    found = read_tagged_sentences(tmp_path / "t.conll.gz")
    found.write(tmp_path / "out.conll.gz", answers(found))
    with gzip.open(tmp_path / "out.conll.gz", "rt") as file:
        assert file.read() == "a\tX\tX\t0.5000\tYes\nb\tY\tY\t0.5000\tNo\n"


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("t.conll", "is the input"),
        ("out.jsonl", "the input is CoNLL columns, and so is the output; end its name in .conll"),
        ("none/out.conll", "the folder .* does not exist"),
    ],
)
def test_outputs_that_cannot_be(tmp_path, output, message):
    found = read(tmp_path, "a\tX\nb\tY\n")
    with pytest.raises(DataError, match=message):
        found.check_output(tmp_path / output)
    with pytest.raises(DataError, match=message):
        found.write(tmp_path / output, answers(found))
    assert [file.name for file in tmp_path.iterdir()] == ["t.conll"]


def test_too_few_results_leave_no_file(tmp_path):
    found = read(tmp_path, "a\tX\n\nb\tY\n")
    with pytest.raises(ValueError, match="shorter"):
        found.write(tmp_path / "out.conll", answers(found)[:1])
    assert not (tmp_path / "out.conll").exists()
