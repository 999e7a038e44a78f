"""What a text says of where its words looked, against NumPy's count over all alignments."""

import numpy as np
import pytest
from scipy.special import softmax

from tests.models import captioner_toys as toys
from tests.references import latent_alignments
from tests.references.recurrent_text import weights_of
from tfp_dgm.inference import mean_alignments

INPUTS = toys.inputs(rows=3, grid=True)


def test_alignments_are_those_of_every_expert_by_its_responsibility():
    model = toys.randomized(toys.variational_attention(2), INPUTS)
    weights = weights_of(model.experts.head.decoder)
    kernel, bias = (np.asarray(part, np.float64) for part in model.to_context.weights)
    found = mean_alignments(model, INPUTS)
    for b, (source, text) in enumerate(zip(INPUTS["source"], INPUTS["token_ids"], strict=True)):
        memory = np.asarray(source, np.float64).reshape(-1, toys.FEATURES)
        context = np.tanh(memory.mean(axis=0) @ kernel + bias)
        tokens = [token for token in text if token]
        each = [
            latent_alignments.tables(weights, np.concatenate([context, own]), tokens, memory)
            for own in np.asarray(model.experts.embedding, np.float64)
        ]
        share = softmax([latent_alignments.log_marginal(*pair) for pair in each])
        before = sum(s * np.exp(prior) for s, (prior, _) in zip(share, each, strict=True))
        after = sum(s * latent_alignments.posterior(*p) for s, p in zip(share, each, strict=True))
        np.testing.assert_allclose(found.before[b, : len(tokens)], before, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(found.after[b, : len(tokens)], after, rtol=1e-4, atol=1e-6)
        assert np.abs(after - before).max() > 0.005


def test_attention_that_is_no_alignment_is_refused():
    model = toys.randomized(toys.captioner(attends=True), INPUTS)
    with pytest.raises(ValueError, match="with an AlignedTokenSequence; its head is a TokenS"):
        mean_alignments(model, INPUTS)
