"""A text's log-probability under an LSTM decoder, one token after the other in float64."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_log_prob(weights, z, tokens):
    """log p(tokens | z) of one text.

    Args:
      weights: name -> array: embedding [V, E], input [E, 4 D] and its bias, recurrent [D, 4 D],
        condition [Z, 4 D], state [Z, 2 D] and its bias, output [V, D], output_bias [V].
      z: [Z].
      tokens: ints up to and including the end; ids 0 and 1 are never written, and 1 is read first.
    """
    weights = {name: np.asarray(value, np.float64) for name, value in weights.items()}
    h, c = np.split(np.tanh(z @ weights["state"] + weights["state_bias"]), 2)
    total, last = 0.0, 1
    for token in tokens:
        gates = (
            weights["embedding"][last] @ weights["input"]
            + weights["input_bias"]
            + z @ weights["condition"]
            + h @ weights["recurrent"]
        )
        write, keep, candidate, read = np.split(gates, 4)
        c = sigmoid(keep) * c + sigmoid(write) * np.tanh(candidate)
        h = sigmoid(read) * np.tanh(c)
        logits = weights["output"] @ h + weights["output_bias"]
        possible = logits[2:]
        total += logits[token] - np.log(np.sum(np.exp(possible - possible.max()))) - possible.max()
        last = token
    return total
