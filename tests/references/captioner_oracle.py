"""A mixture of experts in NumPy: one source, one expert and one token at a time, in float64."""

import numpy as np
from scipy.special import log_softmax

from tests.references.recurrent_text import lstm_log_prob, weights_of


def log_joint(model, sources, token_ids):
    """log p(x, k | c), [B, K], of a captioner whose experts are LSTMs of one layer.

    Args:
      model: a `MixtureOfExpertsCaptioner`.
      sources: B arrays [..., D], what the experts see: features, or what an encoder has given.
      token_ids: [B, T].
    """
    experts = [weights_of(head.decoder) for head in model.experts.heads]
    embeddings = np.zeros((model.num_experts, 0))
    if len(experts) == 1:  # All share one decoder.
        experts *= model.num_experts
        embeddings = np.asarray(model.experts.embedding, np.float64)
    to_context = _float64(model.to_context.weights)
    to_gate = _float64(model.gate.projection.weights) if hasattr(model.gate, "projection") else None
    found = np.zeros((len(token_ids), model.num_experts))
    for row, (source, text) in enumerate(zip(sources, token_ids, strict=True)):
        memory = np.asarray(source, np.float64)
        memory = memory.reshape(-1, memory.shape[-1])  # [M, D]
        context = np.tanh(_affine(memory.mean(axis=0), to_context))
        log_gate = np.full(model.num_experts, -np.log(model.num_experts))
        if to_gate is not None:
            log_gate = log_softmax(_affine(memory.mean(axis=0), to_gate))
        seen = memory if model.experts.memory_units else None
        tokens = [token for token in text if token]
        for k, weights in enumerate(experts):
            conditioning = np.concatenate([context, embeddings[k]])
            found[row, k] = log_gate[k] + lstm_log_prob(weights, conditioning, tokens, seen)
    return found


def _affine(x, weights):
    kernel, bias = weights
    return x @ kernel + bias


def _float64(weights):
    return [np.asarray(weight, np.float64) for weight in weights]
