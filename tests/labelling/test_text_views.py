"""What texts are alike in, of what an encoder says of them."""

import numpy as np
import tensorflow as tf

from tests.labelling.tiny_encoder import write_tiny_encoder
from tfp_dgm.labelling.text_views import meaning
from tfp_dgm.networks import SentenceEncoder


def test_what_texts_are_alike_in_is_told_by_the_last_layer(tmp_path):
    folder = write_tiny_encoder(tmp_path / "tiny", ["apple", "pear"], layers=3)
    last, two = (SentenceEncoder.from_preset(folder, depths=d) for d in ([1.0], [1.0, 2 / 3]))
    texts = ["apple", "pear apple", ""]
    expected = last.encode(texts)
    np.testing.assert_array_equal(meaning(last, expected), expected)
    np.testing.assert_allclose(meaning(two, two.encode(texts)), expected, atol=1e-5)
    np.testing.assert_allclose(meaning(two, two(tf.constant(texts))), expected, atol=1e-5)
