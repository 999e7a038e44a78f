"""The vocabulary of topics: what is left out, what stays, and texts without any word of use."""

import numpy as np
import pytest

from tests.topic_modelling.made_texts import COMMON, OWN_WORDS, made_texts
from tfp_dgm.data import DataError
from tfp_dgm.topic_modelling.learned_vocabulary import count_texts


def test_common_words_letters_and_numbers_are_left_out():
    texts, _ = made_texts(300)
    texts = [f"{text} x 1999 y{n}" for n, text in enumerate(texts)]
    found = count_texts(texts)
    assert set(found.vocabulary) == OWN_WORDS
    assert set(found.common) == {word for word in COMMON if len(word) > 1}
    for row in (0, 17):
        tokens = texts[row].split()
        expected = [tokens.count(word) for word in found.vocabulary]
        np.testing.assert_array_equal(found.counts[row].toarray()[0], expected)


def test_asked_words_stay_and_the_largest_vocabulary_is_kept():
    texts, _ = made_texts(300)
    texts[5] += " oddity"
    found = count_texts(texts, max_words=6, kept=["the", "oddity", "never"])
    assert len(found.vocabulary) == 6
    assert {"the", "oddity"} <= set(found.vocabulary)
    assert "the" not in found.common


def test_scripts_without_spaces_have_words_of_one_character():
    texts = ["月 火箭", "月 卫星", "面 糖", "糖 油 面"] * 5
    assert {"月", "糖"} <= set(count_texts(texts).vocabulary)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["", " ", "..."], "expected words in at least one text; received none"),
        (["a 1", "b 2 a"], "words that tell texts apart; .* one letter: 'a', '1'"),
    ],
)
def test_texts_without_words_of_use_are_refused(texts, said):
    with pytest.raises(DataError, match=said):
        count_texts(texts)


def test_few_texts_keep_words_that_stand_in_one():
    assert set(count_texts(["rocket moon", "oven flour"]).vocabulary) == {
        "rocket",
        "moon",
        "oven",
        "flour",
    }
