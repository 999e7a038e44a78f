"""What chains and segmentations answer, beside the enumeration of a row."""

import numpy as np
import tensorflow as tf
from scipy.stats import chi2
from tensorflow_probability import distributions as tfd

from tests.references.chains import split

BEST = 4
CLOSE = {"rtol": 1e-4, "atol": 1e-4}


def answers(chain, other, events):
    """Everything, to be traced at once."""
    return {
        "log_partition": chain.log_partition(),
        "marginals": chain.marginals(),
        "entropy": chain.entropy(),
        "divergence": tfd.kl_divergence(chain, other),
        "mode": chain.mode(),
        "top_k": chain.top_k(BEST),
        "log_prob": chain.log_prob(events),
    }


def assert_answers(found, row, length, enumerated, others, potentials, events):
    """One row's answers are those of the enumeration, and nothing is said of the padding.

    Args:
      enumerated, others: `EnumeratedStructures` of the row, and of the other distribution's.
      potentials: the row's, without padding.
      events: [S, B, T], whose log-probabilities were asked for.
    """
    np.testing.assert_allclose(found["log_partition"][row], enumerated.log_partition, **CLOSE)
    np.testing.assert_allclose(found["entropy"][row], enumerated.entropy, **CLOSE)
    np.testing.assert_allclose(found["divergence"][row], enumerated.divergence(others), **CLOSE)
    wanted = split(enumerated.marginals, potentials)
    for given, part in zip(found["marginals"], wanted, strict=True):
        padded = np.zeros(given.shape[1:])
        padded[tuple(slice(size) for size in part.shape)] = part
        np.testing.assert_allclose(given[row], padded, **CLOSE)
    for draw, event in enumerate(events[:, row]):
        expected = enumerated.log_prob(event[:length])
        np.testing.assert_allclose(found["log_prob"][draw, row], expected, **CLOSE)
    ranked = np.sort(enumerated.log_probs)[::-1]
    np.testing.assert_allclose(enumerated.log_prob(found["mode"][row, :length]), ranked[0], **CLOSE)
    structures, best = (part.numpy()[:, row] for part in found["top_k"])
    possible = np.isfinite(ranked[:BEST]).sum()
    np.testing.assert_allclose(best[:possible], ranked[:possible], **CLOSE)
    assert np.isneginf(best[possible:]).all()
    kept = structures[:possible, :length]
    assert len({event.tobytes() for event in kept}) == possible
    np.testing.assert_allclose(
        [enumerated.log_prob(event) for event in kept], best[:possible], **CLOSE
    )


def assert_compiles(make, potentials, lengths, enumerate_row):
    """Under XLA log Z, its derivative, the best two and a draw are those of the enumeration."""

    @tf.function(jit_compile=True)
    def ask(*potentials):
        with tf.GradientTape() as tape:
            tape.watch(potentials)
            chain = make(*potentials, lengths)
            log_partition = chain.log_partition()
        gradients = tape.gradient(log_partition, potentials)
        return log_partition, gradients[0], chain.mode(), chain.sample(seed=(1, 2)), chain.top_k(2)

    log_partition, gradient, mode, draw, ranked = ask(*map(tf.constant, potentials))
    for row, length in enumerate(lengths):
        enumerated, own = enumerate_row(*potentials, row, length)
        np.testing.assert_allclose(log_partition[row], enumerated.log_partition, **CLOSE)
        marginals = split(enumerated.marginals, own)[0]
        np.testing.assert_allclose(gradient[row, :length], marginals, **CLOSE)
        best, second = np.sort(enumerated.log_probs)[:-3:-1]
        np.testing.assert_allclose(enumerated.log_prob(mode[row, :length]), best, **CLOSE)
        for structures, log_probs, wanted in zip(*ranked, (best, second), strict=True):
            np.testing.assert_allclose(log_probs[row], wanted, **CLOSE)
            of_event = enumerated.log_prob(structures[row, :length])
            np.testing.assert_allclose(of_event, wanted, **CLOSE)
        assert enumerated.log_prob(draw[row, :length]) > -np.inf


def assert_draws_follow(enumerated, draws):
    """Draws [N, T, ...] without padding, by the chi-square test."""
    axes = tuple(range(1, draws.ndim))
    counts = np.array([np.all(draws == event, axis=axes).sum() for event in enumerated.events])
    assert counts.sum() == len(draws)
    expected = len(draws) * enumerated.probs
    assert not counts[expected == 0].any()
    deviations = np.square(counts - expected)[expected > 0] / expected[expected > 0]
    assert chi2.sf(deviations.sum(), max(len(deviations) - 1, 1)) > 1e-3
