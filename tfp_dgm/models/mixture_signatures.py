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
    context_units: int = 0,
) -> dict[str, Signature]:
    """`serving_default`: texts -> mixture [K], the largest part's topic and probability, and words.

    Without a vocabulary, the inputs are `counts` [V], and there are no `words` in the answer. Where
    there is a context, it is an input beside them.

    Args:
      mixture: counts [B, V], or {"counts": these, "context": [B, H]}, -> mixtures [B, K].
      num_words: V.
      vocabulary: V words.
      count: texts [B] -> counts [B, V], where there is a vocabulary.
      top_words: int [K, n]; places in the vocabulary of the words that tell each topic, best first.
      context_units: H; 0 where there is no context.
    """

    def mix(counts: tf.Tensor, **context: tf.Tensor) -> dict[str, tf.Tensor]:
        found = mixture({"counts": counts, **context} if context else counts)  # [B, K]
        return {
            "mixture": found,
            "topic": tf.argmax(found, axis=-1, output_type=tf.int32),
            "probability": tf.reduce_max(found, axis=-1),
        }

    context, of_examples = {}, {}
    random = np.random.default_rng(0)
    if context_units:
        context = {"context": tf.TensorSpec([None, context_units], tf.float32)}
        drawn = random.normal(size=[_EXAMPLES, context_units]).astype(np.float32)
        of_examples = {"context": drawn}
    counts = {"counts": tf.TensorSpec([None, num_words], tf.float32), **context}
    if vocabulary is None or count is None:
        rows = random.integers(0, 3, [_EXAMPLES, num_words]).astype(np.float32)
        return {"serving_default": Signature(counts, mix, {"counts": rows, **of_examples})}
    names = tf.constant(np.asarray(vocabulary, object)[np.asarray(top_words)])  # [K, n]

    def before(texts: tf.Tensor, **context: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"counts": count(texts), **context}

    def after(**answer: tf.Tensor) -> dict[str, tf.Tensor]:
        return {**answer, "words": tf.gather(names, answer["topic"])}

    texts = [" ".join(names[k % len(names)].numpy().astype(str)) for k in range(_EXAMPLES)]
    return {
        "serving_default": Signature(
            {"texts": tf.TensorSpec([None], tf.string), **context},
            mix,
            {"texts": texts, **of_examples},
            before=before,
            after=after,
            body_inputs=counts,
        )
    }
