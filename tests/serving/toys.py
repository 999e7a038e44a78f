"""Small models to serve."""

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.inference import gumbel
from tfp_dgm.models import Signature

LETTERS = "abcdefgh"
TWIN_LENGTH = 12
TEXTS = ["abba", "head of cabbage", "zzz", ""]


class Letters(keras.Model):
    """Tells by its letters whether a text is low or high, and draws letters."""

    def __init__(self):
        super().__init__()
        weights = np.random.default_rng(3).normal(size=(len(LETTERS) + 1, 2)).astype(np.float32)
        weights[0] = 0
        self.kernel = self.add_weight(shape=weights.shape, name="kernel")
        self.kernel.assign(weights)
        self.built = True

    def tokens(self, text):
        text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8")
        codes = tf.strings.unicode_decode(text, "UTF-8").to_tensor(0)  # [B, T]
        ids = codes - ord("a") + 1
        return {"token_ids": tf.where((ids > 0) & (ids <= len(LETTERS)), ids, 0)}

    def label(self, token_ids):
        logits = tf.reduce_sum(tf.gather(self.kernel, token_ids), axis=1)  # [B, 2]
        return {"probabilities": tf.nn.softmax(logits), "class_id": tf.argmax(logits, axis=-1)}

    def name_label(self, probabilities, class_id):
        return {
            "label": tf.gather(tf.constant(["low", "high"]), class_id),
            "probabilities": probabilities,
        }

    def draw(self, seed, temperature):
        logits = self.kernel[1:, 0] / temperature[:, tf.newaxis]
        letter = tf.argmax(logits + gumbel(seed, 0, [len(LETTERS)]), axis=-1)
        return {"letter_id": letter}

    def name_letter(self, letter_id):
        return {"letter": tf.gather(tf.constant(list(LETTERS)), letter_id)}

    def classify(self, inputs):
        text = tf.io.parse_example(inputs, {"text": tf.io.FixedLenFeature([], tf.string)})["text"]
        scores = self.label(**self.tokens(text))["probabilities"]
        classes = tf.broadcast_to(tf.constant(["low", "high"]), tf.shape(scores))
        return {"classes": classes, "scores": scores}

    def serving_signatures(self):
        text = tf.TensorSpec([None], tf.string)
        feature = {
            row: tf.train.Feature(bytes_list=tf.train.BytesList(value=[row.encode()]))
            for row in TEXTS
        }
        examples = [
            tf.train.Example(features=tf.train.Features(feature={"text": feature[row]}))
            for row in TEXTS
        ]
        return {
            "serving_default": Signature(
                inputs={"text": text},
                before=self.tokens,
                body=self.label,
                after=self.name_label,
                body_inputs={"token_ids": tf.TensorSpec([None, TWIN_LENGTH], tf.int32)},
                examples={"text": [row[:TWIN_LENGTH] for row in TEXTS]},
            ),
            "draw": Signature(
                inputs={
                    "seed": tf.TensorSpec([None, 2], tf.int32),
                    "temperature": tf.TensorSpec([None], tf.float32),
                },
                body=self.draw,
                after=self.name_letter,
                examples={"seed": [[1, 2], [-3, 4]], "temperature": [1.0, 0.5]},
            ),
            "classify": Signature(
                inputs={"inputs": text},
                body=self.classify,
                examples={"inputs": [row.SerializeToString() for row in examples]},
                xla=False,
                method="classify",
            ),
        }


class Slow(keras.Model):
    """Counts its rounds, about a million a second."""

    def __init__(self):
        super().__init__()
        self.one = self.add_weight(shape=(), initializer="ones", name="one")
        self.built = True

    def count(self, rounds):
        def step(i, total):
            return i + 1, total + self.one * tf.cast(i < rounds, tf.float32)

        start = (tf.constant(0), tf.zeros(tf.shape(rounds)))
        longest = tf.reduce_max(rounds)
        _, total = tf.while_loop(lambda i, _: i < longest, step, start)
        return {"total": total}

    def serving_signatures(self):
        return {
            "serving_default": Signature(
                inputs={"rounds": tf.TensorSpec([None], tf.int32)},
                body=self.count,
                examples={"rounds": [3]},
                xla=False,
            )
        }
