"""How a mixture of language models is served."""

from collections.abc import Mapping
from dataclasses import replace

import tensorflow as tf

from tfp_dgm.inference import sample_texts
from tfp_dgm.models import LanguageModelMixture, Signature
from tfp_dgm.serving.signatures.sentence_tasks import SentenceTasks
from tfp_dgm.token_ids import PAD


def language_model_mixture_signatures(model: LanguageModelMixture) -> Mapping[str, Signature]:
    """The tasks of a mixture of language models.

        cluster   text -> probabilities [K] of the clusters, cluster, the likeliest, and
                  log_likelihood log p(x), exact, in nats, and perplexity, per token, END included
        generate  seed [2], temperature, cluster -> text, log_probability log p(x given the cluster)

    `serving_default` is `cluster`.

    Raises:
      ValueError: if the model has no vocabulary.
    """
    tasks = SentenceTasks(model)

    def cluster(token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        log_joint = model.log_joint(token_ids)  # [B, K]
        log_px = tf.reduce_logsumexp(log_joint, axis=-1)
        tokens = tf.reduce_sum(tf.cast(token_ids != PAD, tf.float32), axis=-1)
        return {
            "probabilities": tf.nn.softmax(log_joint),
            "cluster": tf.argmax(log_joint, axis=-1, output_type=tf.int32),
            "log_likelihood": log_px,
            "perplexity": tf.exp(-log_px / tf.maximum(tokens, 1.0)),
        }

    def generate(
        seed: tf.Tensor, temperature: tf.Tensor, cluster: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        texts = model.texts(cluster)
        token_ids = sample_texts(texts, seed, temperature=temperature)
        return {"token_ids": token_ids, "log_probability": texts.log_prob(token_ids)}

    @tf.autograph.experimental.do_not_convert
    def checked(cluster: tf.Tensor, **others: tf.Tensor) -> dict[str, tf.Tensor]:
        valid = (cluster >= 0) & (cluster < model.num_clusters)
        message = f"cluster: expected a whole number from 0, below {model.num_clusters}"
        with tf.control_dependencies(
            [tf.debugging.Assert(tf.reduce_all(valid), [message, cluster])]
        ):
            return {"cluster": tf.identity(cluster), **others}

    reading, generating = tasks.reading(cluster), tasks.generating(generate)
    clusters = [row % model.num_clusters for row in range(len(generating.examples["seed"]))]
    inputs = {**generating.inputs, "cluster": tf.TensorSpec([None], tf.int32)}
    return {
        "serving_default": replace(reading, xla=False),
        "cluster": reading,
        "generate": replace(
            generating,
            inputs=inputs,
            before=checked,
            body_inputs=inputs,
            examples={**generating.examples, "cluster": clusters},
        ),
    }
