"""Classifiers of given shape and drawn weights, without a training."""

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.labelling.classifier import TextClassifier
from tfp_dgm.labelling.head_layers import BagOfHeads
from tfp_dgm.labelling.word_order import WordOrder
from tfp_dgm.models import BagOfWordsVAE
from tfp_dgm.networks import TemperedMixture
from tfp_dgm.text import TfIdf, WordCounts

LSA, LATENT = 4, 3


class CountingEncoder(keras.layers.Layer):
    """Vectors that are known: how often each of some strings occurs in a text [B, E].

    The last `tuned_units` of them pass for what labels have tuned.
    """

    def __init__(self, strings, tuned_units=0):
        super().__init__()
        self.strings = tuple(strings)
        self.units = len(strings)
        self.tuned_units = tuned_units
        self.built = True
        self.encoded = []

    def encode(self, texts):
        self.encoded += texts
        return np.array([[t.count(s) for s in self.strings] for t in texts], np.float32)

    def call(self, texts):
        return tf.constant(self.encode([text.decode() for text in texts.numpy()]))


def drawn_classifier(
    vocabulary,
    *,
    classes=("a", "b", "c"),
    encoder=None,
    vae_words=None,
    ordered_as=(),
    seed=0,
):
    """A classifier whose every weight is drawn; its bags have two heads.

    Args:
      ordered_as: texts whose phrases it knows; none = it does not read the order of words.
    """
    rng = np.random.default_rng(seed)
    size, num_classes = len(vocabulary), len(classes)
    vae_words = np.arange(size) if vae_words is None else np.asarray(vae_words)

    def dense(units, **options):
        return keras.layers.Dense(units, dtype="float32", **options)

    sizes = [LSA + LATENT, LSA]
    if encoder is not None:
        plain = encoder.units - encoder.tuned_units
        sizes += [plain + LSA + LATENT, plain]
        sizes += [encoder.tuned_units] if encoder.tuned_units else []
    word_counts, word_order = WordCounts(vocabulary), None
    if ordered_as:
        word_order, _ = WordOrder.fit(ordered_as, word_counts, seed=seed)
        sizes.append(word_order.projection.units)
    members = len(sizes) + 2
    weights = rng.dirichlet(np.ones(members))
    model = TextClassifier(
        classes,
        0.5,
        vae_words=vae_words,
        vae_scale=np.ones(LATENT),
        word_counts=word_counts,
        word_order=word_order,
        tf_idf=TfIdf(rng.uniform(1, 3, size)),
        lsa=dense(LSA, use_bias=False),
        vae=BagOfWordsVAE(np.linspace(1, 2, len(vae_words)), units=5, latent_units=LATENT, seed=0),
        encoder=encoder,
        heads=[BagOfHeads(num_classes, [0.7, 0.3]) for _ in sizes],
        naive_bayes=[dense(num_classes, activation="softmax") for _ in range(2)],
        student=dense(num_classes, activation="softmax"),
        ensemble=TemperedMixture(rng.uniform(0.5, 2, members), weights),
        combination=TemperedMixture([0.8, 1.3], [0.6, 0.4]),
        calibration=TemperedMixture([0.9], [0.98], 0.02),
    )
    model.build()
    drawn = [] if word_order is None else [word_order.projection]
    for layer in (model.lsa, *drawn, *model.heads, *model.naive_bayes, model.student):
        layer.set_weights([rng.normal(size=w.shape) for w in layer.get_weights()])
    return model
