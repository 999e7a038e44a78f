"""M2's loss of one row by enumeration of y, from what the networks give (Kingma et al. 2014).

Written from eqs. 6, 7 and 9 of the paper, case by case: the package has one formula for all.
"""

import math
from typing import NamedTuple

import numpy as np

from tests.references.densities import normal_diag_kl, softmax, tokens_log_prob


class NetworkOutputs(NamedTuple):
    """Of one row, for each class k."""

    class_logits: list  # [K], of q(y | x)
    loc: list  # [K][Z], of q(z | x, y=k)
    scale: list  # [K][Z]
    word_logits: list  # [K][V], of p(x | y=k, z) at the z that q gives


def m2_loss(outputs, counts, annotation, *, class_prior, alpha, kl_weight=1.0):
    """(loss, bound, reconstruction); `annotation` is None, a class, or a set of classes."""
    q = softmax(outputs.class_logits)
    if annotation is None:
        return _unlabelled(outputs, counts, q, list(range(len(q))), class_prior, kl_weight)
    if isinstance(annotation, int):
        k = annotation
        reconstruction, kl = _given_class(outputs, counts, k)
        bound = reconstruction - kl + math.log(class_prior[k])
        weighted = reconstruction - kl_weight * kl + math.log(class_prior[k])
        return -weighted - alpha * math.log(q[k]), bound, reconstruction
    allowed = sorted(annotation)
    share = sum(q[k] for k in allowed)
    loss, bound, reconstruction = _unlabelled(
        outputs, counts, q / share, allowed, class_prior, kl_weight
    )
    return loss - alpha * math.log(share), bound, reconstruction


def _unlabelled(outputs, counts, q, classes, class_prior, kl_weight):
    weighted = bound = expected = 0.0
    for k in classes:
        reconstruction, kl = _given_class(outputs, counts, k)
        rest = math.log(class_prior[k]) - math.log(q[k])
        weighted += q[k] * (reconstruction - kl_weight * kl + rest)
        bound += q[k] * (reconstruction - kl + rest)
        expected += q[k] * reconstruction
    return -weighted, bound, expected


def _given_class(outputs, counts, k):
    zeros = np.zeros(len(outputs.loc[k]))
    kl = normal_diag_kl(outputs.loc[k], outputs.scale[k], zeros, zeros + 1.0)
    return tokens_log_prob(outputs.word_logits[k], counts), kl
