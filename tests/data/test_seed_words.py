"""Files of seed words: what they say, and what is wrong with them."""

import pytest

from tfp_dgm.data import DataError, read_seed_words


def write(folder, text):
    path = folder / "topics.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_topics_with_their_words_and_lines(tmp_path):
    path = write(tmp_path, "refunds: [refund, money back]\nyes:\n  - parcel\n  - 1\nlate: late\n")
    found = read_seed_words(path)
    assert [topic.name for topic in found] == ["refunds", "yes", "late"]
    assert found[0].words == (("refund", 1), ("money back", 1))
    assert found[1].words == (("parcel", 3), ("1", 4))
    assert found[2].words == (("late", 5),)
    assert read_seed_words(write(tmp_path, '{"a": ["b"]}'))[0].words == (("b", 1),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected topics, each `name: "),
        ("- a\n- b\n", "expected topics, each `name: "),
        ("a: [b\n", "not YAML"),
        ("a: [b]\nc: [d]\na: [e]\n", "line 3: 'a' stands in line 1, too"),
        ("a: []\n", "line 1: expected words of 'a'; received none"),
        ("a: [b]\nc:\n", "line 2: expected a word of 'c'; received ''"),
        ("a:\n  b: c\n", "line 2: expected the words of 'a'; received a mapping"),
        ("a:\n  - [b]\n", "line 2: expected a word of 'a'; received a list"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path, text, said):
    path = write(tmp_path, text)
    with pytest.raises(DataError, match=said) as error:
        read_seed_words(path)
    assert str(error.value).startswith(str(path))


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match=r"none\.yaml: expected a file of seed words: No such"):
        read_seed_words(tmp_path / "none.yaml")
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"caf\xe9: [a]")
    with pytest.raises(DataError, match="expected a file of seed words in UTF-8"):
        read_seed_words(path)
