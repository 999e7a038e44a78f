"""The tagger of words, alone and with what its probabilities are worth."""

import numpy as np

from tfp_dgm.data import TagScheme
from tfp_dgm.networks import TemperedMixture
from tfp_dgm.tagging import JudgedTagger, SequenceTagger
from tfp_dgm.text import WordForms

SCHEME = TagScheme("BIO", ("LOC", "PER"))
FEATURES = ("w Rome", "l rome", "s2 me", "f Xx", "w in", "l in", "s1 n", "s2 ng")
TOKENS = np.array([[b"Rome", b"in", b"Home"], [b"being", b"", b""]])


def sequence_tagger():
    tagger = SequenceTagger(
        SCHEME.labels,
        WordForms(FEATURES),
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
        sequence_tagger(),
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


TAGGING_MODELS = {"judged_tagger": judged_tagger}
