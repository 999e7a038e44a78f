"""What stands in the columns of a file that is labelled."""

import numpy as np
import tensorflow as tf

from tfp_dgm.labelling.answer_columns import predicted_columns
from tfp_dgm.labelling.file_prediction import _once


def test_equal_texts_are_asked_about_once_and_answered_each():
    asked = []

    def answer(texts):
        asked.append(texts)
        return {"length": [len(text) for text in texts], "first": [text[:1] for text in texts]}

    texts = ["pear", "", "apple", "pear", "", "fig"]
    expected = {"length": [4, 0, 5, 4, 0, 3], "first": ["p", "", "a", "p", "", "f"]}
    assert _once(answer, texts) == expected
    assert _once(answer, ["pear", "fig"]) == {"length": [4, 3], "first": ["p", "f"]}
    assert asked == [["pear", "", "apple", "fig"], ["pear", "fig"]]


def test_cells_are_those_of_the_served_answers_rounded_as_decimals():
    """Odd multiples of 1/128 have a five in the seventh place: there rounding may go two ways."""
    rng = np.random.default_rng(0)
    numbers = np.concatenate([np.arange(1, 128, 2) / 128, rng.random(500)]).astype(np.float32)

    def classify(texts):
        rows = [int(text) for text in texts.numpy()]
        return {
            "label": tf.constant([f"größe {row % 3}" for row in rows]),
            "second_label": tf.constant(["(none)"] * len(rows)),
            "accept": tf.constant([row % 2 == 0 for row in rows]),
            **{
                name: tf.constant(numbers[rows])
                for name in ("probability", "second_probability", "none_probability")
            },
        }

    texts = [str(row) for row in range(len(numbers))]
    found = predicted_columns(classify, texts, rows_at_once=50)
    expected = [round(float(number), 6) for number in numbers]
    for name in ("probability", "second_probability", "none_probability"):
        assert found[name] == expected
    assert found["predicted_label"] == [f"größe {row % 3}" for row in range(len(numbers))]
    assert found["accept"] == [row % 2 == 0 for row in range(len(numbers))]
    assert found["novelty"] == [None] * len(numbers)
