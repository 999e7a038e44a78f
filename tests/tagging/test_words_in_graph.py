import time

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfp_dgm.data import words_of
from tfp_dgm.tagging.words_in_graph import split_words

_ALPHABET = "aNnTtsSdré1٣.,:'\u2019- \t@#\u200c\u00ad\u200b\u00a0\u0301東ひー🙂\ufe0f"


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(_ALPHABET, max_size=14), min_size=1, max_size=4))
def test_words_and_characters_are_those_of_python(texts):
    tokens, starts, ends = (part.numpy() for part in split_words(tf.constant(texts)))
    for row, text in enumerate(texts):
        expected = words_of(text)
        length = len(expected)
        assert list(zip(starts[row], ends[row], strict=True))[:length] == expected
        assert [token.decode() for token in tokens[row, :length]] == [
            text[begin:end] for begin, end in expected
        ]
        assert set(tokens[row, length:]) <= {b""}
        assert not starts[row, length:].any()


def test_texts_without_words_have_a_row_of_padding():
    tokens, starts, _ = split_words(tf.constant(["", " \t"]))
    assert tokens.numpy().tolist() == [[b""], [b""]]
    assert starts.shape == (2, 1)


def test_what_is_no_utf8_is_replaced():
    tokens, starts, ends = split_words(tf.constant([b"a \xff b"]))
    assert [token.decode() for token in tokens.numpy()[0]] == ["a", "\ufffd", "b"]
    np.testing.assert_array_equal(starts[0], [0, 2, 4])
    np.testing.assert_array_equal(ends[0], [1, 3, 5])


def test_a_long_line_takes_its_share_of_time():
    text = "Anna met Zoë. " * 10_000
    split_words(tf.constant([text]))
    begun = time.process_time()
    _, starts, ends = split_words(tf.constant([text, "ë a"]))
    # Where each word copies what stands before it, this takes twenty seconds and more.
    assert time.process_time() - begun < 5
    assert (starts[0, -1], ends[0, -1]) == (len(text) - 2, len(text) - 1)
    assert ends[1, :2].numpy().tolist() == [1, 3]
