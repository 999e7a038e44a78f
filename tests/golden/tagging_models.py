"""The tagger of words, alone and with what its probabilities are worth."""

import keras
import numpy as np

from tests.tiny_bert import tiny_bert
from tfp_dgm.data import TagScheme
from tfp_dgm.networks import TemperedMixture, WordEncoder
from tfp_dgm.tagging import JudgedTagger, SequenceTagger
from tfp_dgm.text import WordForms

LABELS = ("O", "B-X", "I-X", "E-X", "S-X")
FEATURES = ("w Rome", "l rome", "s2 me", "f Xx", "w in", "l in", "s1 n", "s2 ng", "p2 he")
SCHEME = TagScheme("BIO", ("LOC", "PER"))
TOKENS = np.array([[b"Rome", b"in", b"Home"], [b"being", b"here", b""], [b"9", b"", b""]])


def sequence_tagger():
    """Of the first six features, and vectors of all."""
    begins, goes_on = np.bool_([1, 1, 0, 0, 1]), np.bool_([0, 0, 1, 1, 0])
    model = SequenceTagger(
        LABELS,
        WordForms(FEATURES),
        taught=6,
        units=2,
        initial=begins,
        transitions=np.stack([begins, goes_on, goes_on, begins, begins]),
        final=[True, False, False, True, True],
    )
    model.build()
    random = np.random.default_rng(7)
    for weight in model.weights:
        weight.assign(random.normal(size=weight.shape))
    model.temperature.assign(1.3)
    return model, TOKENS, None


def encoding_tagger():
    """With an encoder of one layer, which knows a word and an ending."""
    keras.utils.set_random_seed(0)
    preprocessor, backbone = tiny_bert(["rome", "##s"], length=8, units=4, hidden=4)
    states = backbone.get_layer("transformer_layer_0").output
    model = SequenceTagger(
        ("N", "V"),
        WordForms(FEATURES[:2]),
        taught=2,
        units=2,
        initial=[True, True],
        transitions=[[True, True], [True, False]],
        final=[True, True],
        encoder=WordEncoder(preprocessor, keras.Model(backbone.input, states), 6),
    )
    model.build()
    random = np.random.default_rng(4)
    for weight in (model.table, model.vectors, model.contextual, model.move_potentials):
        weight.assign(random.normal(size=weight.shape))
    return model, TOKENS, None


def tagger_of_names():
    tagger = SequenceTagger(
        SCHEME.labels,
        WordForms(FEATURES[:-1]),
        taught=5,
        units=3,
        initial=SCHEME.initial,
        transitions=SCHEME.transitions,
        final=SCHEME.final,
    )
    tagger.build()
    random = np.random.default_rng(3)
    for weight in tagger.weights:
        weight.assign(random.normal(size=weight.shape))
    tagger.temperature.assign(1.3)
    return tagger


def judged_tagger():
    model = JudgedTagger(
        tagger_of_names(),
        SCHEME.kind,
        SCHEME.names,
        SCHEME.lower,
        TemperedMixture([0.7, 2.0], [0.5, 0.3], 0.2),
        0.8,
        TemperedMixture([1.4], [0.9], 0.1),
        0.7,
    )
    model.build()
    return model, TOKENS, None


TAGGING_MODELS = {
    "sequence_tagger": sequence_tagger,
    "sequence_tagger_encoder": encoding_tagger,
    "judged_tagger": judged_tagger,
}
