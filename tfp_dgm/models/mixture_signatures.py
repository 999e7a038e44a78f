"""What a model of topics is served for."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tfp_dgm.models.signature import Signature

_EXAMPLES = 4


def mixture_signatures(
    mixture: Callable[[tf.Tensor], tf.Tensor],
    num_words: int,
    vocabulary: Sequence[str] | None,
    count: Callable[[tf.Tensor], tf.Tensor] | None,
    top_words: np.ndarray | None,
) -> dict[str, Signature]:
    """`serving_default`: texts -> mixture [K], the largest part's topic and probability, and words.

    Without a vocabulary, the inputs are `counts` [V], and there are no `words` in the answer.

    Args:
      mixture: counts [B, V] -> mixtures [B, K].
      num_words: V.
      vocabulary: V words.
      count: texts [B] -> counts [B, V], where there is a vocabulary.
      top_words: int [K, n]; places in the vocabulary of the words that tell each topic, best first.
    """

    def mix(counts: tf.Tensor) -> dict[str, tf.Tensor]:
        found = mixture(counts)  # [B, K]
        return {
            "mixture": found,
            "topic": tf.argmax(found, axis=-1, output_type=tf.int32),
            "probability": tf.reduce_max(found, axis=-1),
        }

    counts = {"counts": tf.TensorSpec([None, num_words], tf.float32)}
    if vocabulary is None or count is None:
        rows = np.random.default_rng(0).integers(0, 3, [_EXAMPLES, num_words]).astype(np.float32)
        return {"serving_default": Signature(counts, mix, {"counts": rows})}
    names = tf.constant(np.asarray(vocabulary, object)[np.asarray(top_words)])  # [K, n]

    def before(texts: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"counts": count(texts)}

    def after(**answer: tf.Tensor) -> dict[str, tf.Tensor]:
        return {**answer, "words": tf.gather(names, answer["topic"])}

    texts = [" ".join(names[k % len(names)].numpy().astype(str)) for k in range(_EXAMPLES)]
    return {
        "serving_default": Signature(
            {"texts": tf.TensorSpec([None], tf.string)},
            mix,
            {"texts": texts},
            before=before,
            after=after,
            body_inputs=counts,
        )
    }
