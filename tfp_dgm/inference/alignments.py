"""Which vectors of its source each word of a text looked at."""

from typing import Any, NamedTuple

import tensorflow as tf

from tfp_dgm.layers import AlignedTokenSequence
from tfp_dgm.models import MixtureOfExpertsCaptioner


class MeanAlignments(NamedTuple):
    """Probabilities of the M vectors of a source, for each of the T words of a text.

    Attributes:
      before: float32 [B, T, M]; p(z_t = i | x_<t, c), what attention weighs before the word is
        known.
      after: float32 [B, T, M]; p(z_t = i | x, c), by Bayes' rule.
    """

    before: tf.Tensor
    after: tf.Tensor


def mean_alignments(model: MixtureOfExpertsCaptioner, inputs: Any) -> MeanAlignments:
    """The alignments of texts, each expert's by its responsibility for the text.

    Args:
      model: a captioner whose heads are `layers.AlignedTokenSequence`.
      inputs: {"source": [B, ...], "token_ids": int32 [B, T]}.
    Returns:
      `MeanAlignments`; at PAD they mean nothing.
    Raises:
      ValueError: if the model's attention is the mean of the source, and no alignment.
    """
    head = model.experts.heads[0]
    if not isinstance(head, AlignedTokenSequence):
        raise ValueError(
            f"model: expected a captioner with an AlignedTokenSequence; its head is a "
            f"{type(head).__name__}"
        )
    encoded = model.encode(inputs["source"])
    token_ids = tf.convert_to_tensor(inputs["token_ids"])
    before, after = [], []
    for k in range(model.num_experts):
        text = model.experts.expert(k, encoded.context, encoded.memory, encoded.mask)
        aligned = text.aligned(token_ids)
        before.append(tf.exp(aligned.log_prior))
        after.append(aligned.posterior)
    shares = tf.nn.softmax(model.log_joint(token_ids, encoded))  # [B, K]
    weights = tf.transpose(shares)[..., tf.newaxis, tf.newaxis]  # [K, B, 1, 1]
    return MeanAlignments(
        *(tf.reduce_sum(weights * tf.stack(each), axis=0) for each in (before, after))
    )
