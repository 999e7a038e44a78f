import re
from collections import Counter

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfp_dgm.text import WordCounts, words

TEXTS = ["The cat saw the dog.", "A dog! A DOG?", "", "no-known w0rds: 3.5 %", "the the the"]


def _python_words(text):
    """An oracle for spaced scripts, by Python's own idea of letters and digits."""
    return re.findall(r"[^\W_]+", text.lower())


@pytest.mark.parametrize("text", [*TEXTS, "Grüße, ÉCOLE_one; it's", "ΣΊΣΥΦΟΣ и Ёлка"])
def test_words_are_lower_case_letters_and_digits(text):
    expected = [word.replace("ς", "σ") for word in _python_words(text)]
    (found,) = words(tf.constant([text])).to_list()
    assert [word.decode().replace("ς", "σ") for word in found] == expected


def test_scripts_without_spaces_are_cut_into_characters():
    (found,) = words(tf.constant(["日本語 abc かな"])).to_list()
    assert [word.decode() for word in found] == ["日", "本", "語", "abc", "か", "な"]


def test_marks_stay_with_their_letters():
    (found,) = words(tf.constant(["नमस्ते दुनिया"])).to_list()
    assert [word.decode() for word in found] == ["नमस्ते", "दुनिया"]


def test_bytes_that_are_not_utf8_separate_words():
    (found,) = words(tf.constant([b"bad \xff\xfebytes"])).to_list()
    assert found == [b"bad", b"bytes"]


def test_every_ascii_character_is_a_letter_or_separates():
    texts = [f"a{chr(code)}B" for code in range(128)]
    found = words(tf.constant(texts)).to_list()
    expected = [[word.encode() for word in _python_words(text)] for text in texts]
    assert found == expected


def test_texts_of_all_scripts_stay_in_their_places():
    rng = np.random.default_rng(0)
    parts = ["Cat", "dog!", "", "École", "\u00df-x", "3.5", "a_b", "\u041c\u0438\u0440"]
    texts = [" ".join(rng.choice(parts, rng.integers(0, 5))) for _ in range(200)]
    found = words(tf.constant(texts)).to_list()
    assert [[word.decode() for word in row] for row in found] == [*map(_python_words, texts)]
    assert words(tf.constant([], tf.string)).to_list() == []


def test_sparse_counts_match_python():
    layer = WordCounts(["the", "dog", "a", "cat"])
    counts, unknown = layer.sparse_count(tf.constant(TEXTS))
    assert counts.dense_shape.numpy().tolist() == [5, 4]
    dense = tf.sparse.to_dense(tf.sparse.reorder(counts)).numpy()
    for text, row, others in zip(TEXTS, dense, unknown.numpy(), strict=True):
        expected = Counter(_python_words(text))
        assert row.tolist() == [expected[word] for word in layer.vocabulary]
        assert others == sum(expected.values()) - row.sum()
    for texts in ([], ["", "?"]):
        counts, unknown = layer.sparse_count(tf.constant(texts, tf.string))
        assert counts.dense_shape.numpy().tolist() == [len(texts), 4]
        assert len(counts.values) == 0
        assert unknown.numpy().tolist() == [0.0] * len(texts)


def test_counts_match_python():
    layer = WordCounts(["the", "dog", "a", "cat"])
    counts = layer(tf.constant(TEXTS)).numpy()
    for row, text in zip(counts, TEXTS, strict=True):
        expected = Counter(_python_words(text))
        assert row.tolist() == [expected[word] for word in layer.vocabulary]


def test_sparse_and_dense_counts_agree_with_python_over_several_batches():
    rng = np.random.default_rng(0)
    known = [f"w{i}" for i in range(40)]
    texts = [" ".join(rng.choice(known, rng.integers(0, 9))) for _ in range(2500)]
    layer = WordCounts(known[:30])
    matrix = layer.count_matrix(texts).toarray()
    assert matrix.shape == (2500, 30)
    for row in (0, 1023, 1024, 2499):
        expected = Counter(texts[row].split())
        assert matrix[row].tolist() == [expected[word] for word in layer.vocabulary]


def test_fit_keeps_the_words_of_enough_documents_most_frequent_first():
    texts = ["b a", "b c", "b a a a", "d"]
    assert WordCounts.fit(texts, min_documents=2).vocabulary == ("b", "a")
    assert WordCounts.fit(texts, min_documents=1, max_words=3).vocabulary == ("b", "a", "c")
    assert WordCounts.fit(["x y", "z"], min_documents=2).vocabulary == ("x", "y", "z")


def test_no_word_at_all_is_an_error():
    with pytest.raises(ValueError, match="at least one word; received 2 texts"):
        WordCounts.fit(["", "..."])
    with pytest.raises(ValueError, match="`vocabulary` is empty"):
        WordCounts([])


def test_comes_back_from_a_keras_file(tmp_path):
    model = keras.Sequential([keras.Input((), dtype="string"), WordCounts(["dog", "grüße"])])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    answer = loaded(tf.constant(["Grüße an den dog, dog"]))
    assert answer.numpy().tolist() == [[2.0, 1.0]]
