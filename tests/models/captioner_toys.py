"""Small captioners and their data, for the tests of models, decoding and serving."""

import numpy as np

from tfp_dgm import layers, networks
from tfp_dgm.models import MixtureOfExpertsCaptioner, VariationalAttentionCaptioner

EXPERTS = 3  # K
VOCABULARY = 9  # V
CONTEXT = 4  # C
FEATURES = 5  # D
LENGTH = 6


def head(units=6, *, expert_units=3, attends=False, transformer=False, dropout=0.0, seed=1):
    arguments = {
        "conditioning_units": CONTEXT + expert_units,
        "embedding_units": 4,
        "memory_units": FEATURES if attends else 0,
        "dropout": dropout,
        "seed": seed,
    }
    if transformer:
        decoder = networks.TransformerDecoder(
            VOCABULARY, units, num_layers=1, num_heads=2, **arguments
        )
    else:
        decoder = networks.LSTMDecoder(VOCABULARY, units, **arguments)
    return layers.TokenSequence(decoder, LENGTH)


def aligned_head():
    decoder = networks.LSTMDecoder(
        VOCABULARY,
        6,
        conditioning_units=CONTEXT + 3,
        embedding_units=4,
        memory_units=FEATURES,
        seed=1,
    )
    return layers.AlignedTokenSequence(decoder, LENGTH)


def recognition():
    encoder = networks.LSTMEncoder(
        VOCABULARY, 3, embedding_units=3, bidirectional=True, return_sequences=True
    )
    return layers.AlignmentRecognition(encoder, 4, name="alignment_posterior")


def variational_attention(num_experts=2, objective=None, **kwargs):
    return VariationalAttentionCaptioner(
        layers.SharedExperts(aligned_head(), num_experts, embedding_units=3, name="experts"),
        recognition(),
        alignment_objective=objective,
        **{"seed": 1, **kwargs},
    )


def captioner(*, separate=False, gated=True, **kwargs):
    """A captioner with random weights in every place."""
    parts = {
        name: kwargs.pop(name) for name in ("attends", "transformer", "dropout") if name in kwargs
    }
    if separate:
        experts = layers.SeparateExperts(
            [head(expert_units=0, seed=k, **parts) for k in range(EXPERTS)], name="experts"
        )
    else:
        experts = layers.SharedExperts(head(**parts), EXPERTS, embedding_units=3, name="experts")
    gate = layers.Categorical(EXPERTS, name="gate") if gated else None
    return MixtureOfExpertsCaptioner(experts, gate=gate, **{"seed": 1, **kwargs})


def randomized(model, inputs, scale=0.8, seed=12):
    model.build({name: value.shape for name, value in inputs.items()})
    random = np.random.default_rng(seed)
    for weight in model.trainable_weights:
        weight.assign(random.normal(scale=scale, size=weight.shape))
    return model


def inputs(rows=5, *, grid=False, seed=3):
    """Features, and texts of several lengths."""
    random = np.random.default_rng(seed)
    source = random.normal(size=(rows, 2, 2, FEATURES) if grid else (rows, FEATURES))
    token_ids = np.zeros((rows, LENGTH), np.int32)
    for row in range(rows):
        length = 1 + row % (LENGTH - 1)
        token_ids[row, :length] = random.integers(3, VOCABULARY, size=length)
        token_ids[row, length] = 2
    return {"source": source.astype(np.float32), "token_ids": token_ids}


def written_tokens(model, text):
    """The tokens that an expert wrote, from its text: the end stands where there is room for it."""
    ids = {word: 4 + n for n, word in enumerate(model.vocabulary.tokens)} | {"<unk>": 3}
    tokens = [ids[word] for word in text.split()]
    return tokens if len(tokens) == LENGTH else [*tokens, 2]
