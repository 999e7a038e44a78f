"""A text's log-probability under an LSTM decoder, one token after the other in float64."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def weights_of(decoder):
    """The arrays that `lstm_log_prob` takes, from an `LSTMDecoder` of one layer."""
    weights = {
        "embedding": decoder.embedding,
        "input": decoder.input_maps[0].kernel,
        "input_bias": decoder.input_maps[0].bias,
        "recurrent": decoder.kernels[0],
        "output": decoder.output_weights,
        "output_bias": decoder.output_bias,
    }
    if decoder.conditioning_units:
        weights |= {
            "condition": decoder.condition_maps[0].kernel,
            "state": decoder.state_maps[0].kernel,
            "state_bias": decoder.state_maps[0].bias,
        }
    if decoder.memory_units:
        attention = decoder.attention
        for name, layer in {
            "query": attention.query,
            "key_value": attention.key_value,
            "answer": attention.output_map,
            "attended": decoder.attended,
        }.items():
            weights |= {name: layer.kernel, f"{name}_bias": layer.bias}
    return {name: np.asarray(value, np.float64) for name, value in weights.items()}


def encoder_weights_of(encoder):
    """The arrays that `lstm_features` takes, from an `LSTMEncoder` of one direction."""
    weights = {
        "embedding": encoder.embedding,
        "input": encoder.input_maps[0].kernel,
        "input_bias": encoder.input_maps[0].bias,
        "recurrent": encoder.kernels[0],
    }
    return {name: np.asarray(value, np.float64) for name, value in weights.items()}


def lstm_features(weights, tokens):
    """The last state [D] of an LSTM that has read the tokens."""
    h = c = np.zeros(len(weights["recurrent"]))
    for token in tokens:
        h, c = lstm_step(weights, token, h, c)
    return h


def lstm_step(weights, token, h, c, conditioned=0.0):
    gates = (
        weights["embedding"][token] @ weights["input"]
        + weights["input_bias"]
        + conditioned
        + h @ weights["recurrent"]
    )
    write, keep, candidate, read = np.split(gates, 4)
    c = sigmoid(keep) * c + sigmoid(write) * np.tanh(candidate)
    return sigmoid(read) * np.tanh(c), c


def lstm_log_prob(weights, z, tokens, memory=None):
    """log p(tokens | z) of one text.

    Args:
      weights: name -> array: embedding [V, E], input [E, 4 D] and its bias, recurrent [D, 4 D],
        output [V, D], output_bias [V]; with a z, condition [Z, 4 D], state [Z, 2 D] and its bias;
        with a memory, query [D, D], key_value [D', 2 D], answer [D, D] and attended [2 D, D], each
        with its bias.
      z: [Z], or None for a language model.
      tokens: ints up to and including the end; ids 0 and 1 are never written, and 1 is read first.
      memory: [M, D'], what one head of attention looks at.
    """
    weights = {name: np.asarray(value, np.float64) for name, value in weights.items()}
    h = c = np.zeros(len(weights["recurrent"]))
    conditioned = 0.0
    if z is not None:
        h, c = np.split(np.tanh(z @ weights["state"] + weights["state_bias"]), 2)
        conditioned = z @ weights["condition"]
    total, last = 0.0, 1
    for token in tokens:
        h, c = lstm_step(weights, last, h, c, conditioned)
        shown = h if memory is None else attended(weights, h, np.asarray(memory, np.float64))
        logits = weights["output"] @ shown + weights["output_bias"]
        possible = logits[2:]
        total += logits[token] - np.log(np.sum(np.exp(possible - possible.max()))) - possible.max()
        last = token
    return total


def attended(weights, h, memory):
    """tanh(R [h; attention(h)]) of one state over a memory [M, D']."""
    query = h @ weights["query"] + weights["query_bias"]
    keys, values = np.split(memory @ weights["key_value"] + weights["key_value_bias"], 2, axis=1)
    scores = np.exp(keys @ query / np.sqrt(len(query)))
    looked_at = scores @ values / scores.sum()
    answer = looked_at @ weights["answer"] + weights["answer_bias"]
    return np.tanh(np.concatenate([h, answer]) @ weights["attended"] + weights["attended_bias"])
