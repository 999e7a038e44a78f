"""The predictor of tables, its parts and its encoder of sentences."""

import keras
import numpy as np

from tests.golden.latent_variable_models import randomized
from tests.tiny_bert import SPECIAL, tiny_bert, tiny_tokenizer
from tfp_dgm.labelling.classifier import TextClassifier
from tfp_dgm.labelling.classifiers import TextClassifiers
from tfp_dgm.labelling.head_layers import BagOfHeads, ClassGroups
from tfp_dgm.labelling.multi_label import MultiLabelClassifier
from tfp_dgm.labelling.multi_label.multi_label_layers import LabelDependence, SigmoidCalibration
from tfp_dgm.labelling.novelty_layers import NoClassProbability, TextNovelty
from tfp_dgm.labelling.word_order import WordOrder
from tfp_dgm.models import BagOfWordsVAE, RationaleClassifier
from tfp_dgm.networks import (
    BagOfWordsEncoder,
    SentenceEncoder,
    TemperedMixture,
    TokenVectors,
    TunedSentenceEncoder,
)
from tfp_dgm.networks.tuned_encoder import copied_layers
from tfp_dgm.objectives import ELBO
from tfp_dgm.text import TfIdf, WordCounts, WordVocabulary

CLASSES = ("fruit", "metal")  # K
VOCABULARY = ["apple", "pear", "iron", "zinc", "the"]
PIECES = ["the", "apple", "iron", "##s"]
TEXTS = np.array([b"the apples, a pear", b"iron and zinc", b""])
COUNTS = np.float32([[1, 0, 2, 0, 0], [0, 1, 0, 3, 1], [0, 0, 0, 1, 0]])
IDF = [1.2, 0.7, 1.9, 0.4, 1.1]


def bag_of_words_vae(words=5, **kwargs):
    return BagOfWordsVAE(IDF[:words], units=4, latent_units=3, word_dropout=0.2, seed=1, **kwargs)


def trained_vae():
    log_probabilities = np.log([0.1, 0.2, 0.3, 0.15, 0.25])
    model = bag_of_words_vae(word_log_probabilities=log_probabilities)
    randomized(model, COUNTS).compile(keras.optimizers.Adam(0.02), ELBO(kl_weight=0.4))
    return model, COUNTS, None


def sentence_encoder():
    return SentenceEncoder(*tiny_bert(PIECES, length=8, units=4, hidden=4))


def tuned_encoder():
    encoder = sentence_encoder()
    layers = copied_layers(encoder.backbone)
    random = np.random.default_rng(9)
    for layer in layers:
        layer.set_weights([random.normal(size=weight.shape) for weight in layer.get_weights()])
    return TunedSentenceEncoder.of(encoder, layers)


def token_vectors():
    vectors = np.random.default_rng(5).normal(size=(len(SPECIAL) + len(PIECES), 4))
    texts = [text.decode() for text in TEXTS]
    return TokenVectors.fit(tiny_tokenizer(PIECES), vectors, texts, sequence_length=8)


def no_class():
    layer = NoClassProbability(
        2,
        [5],
        measure_weights=[0.3, 0.5, 0.4],
        constant=-0.2,
        scores=[-2.0, 0.5, 1.5],
        probabilities=[0.01, 0.2, 0.9],
    )
    random = np.random.default_rng(5)
    layer.set_weights([random.normal(size=weight.shape) for weight in layer.weights])
    return layer


def novelty():
    return TextNovelty(
        distance_weights=[2.0, 0.0],
        encoder_units=0,
        distances=[0.1, 0.6, 1.4],
        shares=[0.0, 0.5, 1.0],
        limit=1.7,
    )


def rationales():
    size = 4 + len(VOCABULARY)
    model = RationaleClassifier(
        CLASSES,
        WordVocabulary(VOCABULARY, split_punctuation=False),
        BagOfWordsEncoder(size, 3, embedding_units=2, return_sequences=True, name="selector"),
        BagOfWordsEncoder(size, 3, embedding_units=2, name="classifier"),
        seed=7,
    )
    model.build()
    random = np.random.default_rng(8)
    model.set_weights([random.normal(size=weight.shape) for weight in model.get_weights()])
    return model


def what_reads(encoder=None):
    """The arguments of a classifier that make features of a text."""
    return {
        "vae_words": [0, 2, 3],
        "vae_scale": [0.5, 1.5, 0.9],
        "word_counts": WordCounts(VOCABULARY),
        "tf_idf": TfIdf(IDF),
        "lsa": keras.layers.Dense(2, use_bias=False),
        "vae": bag_of_words_vae(words=3),
        "encoder": encoder,
    }


def word_order():
    """Knows "apple pear", "the apple", and the beginnings "iron", "the" and "the apple"."""
    base = len(VOCABULARY) + 1
    phrases = [base + 2, 5 * base + 1, 4 * base**2, 6 * base**2, 6 * base**2 + base]
    return WordOrder(len(VOCABULARY), phrases, [1.5, 0.8, 1.1, 2.0, 1.7], 3)


def classifier(encoder=None, **parts):
    members = (5 if encoder is None else 7) + ("word_order" in parts)
    members += encoder is not None and encoder.tuned_units > 0
    model = TextClassifier(
        CLASSES,
        0.8,
        **what_reads(encoder),
        heads=[BagOfHeads(2, [0.3, 0.7]) for _ in range(members - 3)],
        naive_bayes=[keras.layers.Dense(2, activation="softmax") for _ in range(3)],
        student=keras.layers.Dense(2, activation="softmax"),
        ensemble=TemperedMixture(
            np.linspace(0.5, 2, members), np.full(members, 0.9 / members), 0.1
        ),
        combination=TemperedMixture([1.0, 1.3], [0.6, 0.4]),
        calibration=TemperedMixture([0.7, 2.0], [0.5, 0.3], 0.2),
        **parts,
    )
    model.build()
    randomized(model, TEXTS)
    random = np.random.default_rng(4)
    for heads in model.heads:
        for weight in heads.weights:
            weight.assign(random.normal(size=weight.shape))
    return model, TEXTS, None


def column_classifiers():
    """Of two label columns, which share what reads the text."""
    first = classifier()[0]
    random = np.random.default_rng(6)
    own = {
        "classes": ("bad", "good", "so so"),
        "threshold": None,
        "heads": [BagOfHeads(3, [1.0]) for _ in range(2)],
        "naive_bayes": [keras.layers.Dense(3, activation="softmax") for _ in range(2)],
        "student": keras.layers.Dense(3, activation="softmax"),
        "ensemble": TemperedMixture([1.0, 0.8, 1.2, 2.0], [0.4, 0.3, 0.2, 0.1]),
        "combination": TemperedMixture([1.0, 1.3], [0.7, 0.3]),
        "calibration": TemperedMixture([1.4], [0.9], 0.1),
    }
    second = TextClassifier(**first.given_arguments() | own)
    second.build()
    for layer in (*second.heads, *second.naive_bayes, second.student):
        layer.set_weights([random.normal(size=weight.shape) for weight in layer.get_weights()])
    return TextClassifiers.of({"topic": first, "mood/tone": second}), TEXTS, None


def multi_label_classifier():
    model = MultiLabelClassifier(
        ("fruit", "metal", "!odd"),
        separator=";",
        thresholds=[0.4, 0.5, 0.3],
        acceptance=[0.7, 0.6, 2.0],
        row_threshold=0.8,
        row_bias=0.3,
        row_weight=0.9,
        **what_reads(),
        latent_head=keras.layers.Dense(3, use_bias=False),
        word_head=keras.layers.Dense(3),
        dependence=LabelDependence(2, 3),
        calibration=SigmoidCalibration([0.7, 2.0], 3),
        row_calibration=SigmoidCalibration([0.9], 1),
    )
    model.build()
    randomized(model, TEXTS)
    for layer, weights in (
        (model.dependence, [[0.3, 0.7], [[0.8, 0.2, 0.1], [0.1, 0.6, 0.3]]]),
        (model.calibration, [[[0.4, 0.9, 0.5], [0.5, 0.1, 0.3]], [0.1, 0.0, 0.2]]),
        (model.row_calibration, [[[0.9]], [0.1]]),
    ):
        layer.set_weights([np.float32(weight) for weight in weights])
    return model, TEXTS, None


LABELLING_MODELS = {
    "multi_label_classifier": multi_label_classifier,
    "bag_of_words_vae": trained_vae,
    "text_classifier": classifier,
    "text_classifier_levels": lambda: classifier(
        levels=[ClassGroups(("things",), [0, 0], 0.7, [0.7, 2.0], [0.5, 0.3], 0.2)]
    ),
    "text_classifier_novelty": lambda: classifier(no_class=no_class(), novelty=novelty()),
    "text_classifier_rationales": lambda: classifier(rationales=rationales()),
    "text_classifier_order": lambda: classifier(word_order=word_order()),
    "text_classifiers": column_classifiers,
    "text_classifier_encoder": lambda: classifier(sentence_encoder()),
    "text_classifier_tuned_encoder": lambda: classifier(tuned_encoder()),
    "text_classifier_light_encoder": lambda: classifier(token_vectors()),
}
