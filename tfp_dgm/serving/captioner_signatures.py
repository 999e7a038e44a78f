"""How a mixture-of-experts captioner is served."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfp_dgm.inference import Texts, expert_texts
from tfp_dgm.models import MixtureOfExpertsCaptioner, Signature

_BEAM_SIZE = 3
_EXAMPLES = 3


def captioner_signatures(model: MixtureOfExpertsCaptioner) -> Mapping[str, Signature]:
    """The tasks of a captioner, each giving one text of every expert.

        describe  source -> captions [K], by a beam search of size 3, in the experts' order
        sample    source, seed [2], temperature -> captions [K], drawn

    Both also give `gate` p(k | c) [K], `log_probability` log p(x | c) [K] of each caption under
    the whole mixture, and `best`, the place of the likeliest. `serving_default` is `describe`. The
    source is what the model was built for: an image, its features, or (int32) token ids.

    Raises:
      ValueError: if the model has no vocabulary, or was built for sources of unknown length.
    """
    vocabulary = model.vocabulary
    if vocabulary is None:
        raise ValueError("model: expected a captioner with a vocabulary; received one without")

    def answer(texts: Texts, gate: tf.Tensor) -> dict[str, tf.Tensor]:
        return {
            "token_ids": texts.token_ids,  # [B, K, T]
            "log_probability": texts.log_marginal,  # [B, K]
            "best": texts.best,  # [B]
            "gate": tf.exp(gate),  # [B, K]
        }

    def describe(source: tf.Tensor) -> dict[str, tf.Tensor]:
        encoded = model.encode(source)
        texts = expert_texts(model, encoded, beam_size=_BEAM_SIZE)
        return answer(texts, model.log_gate(encoded))

    def sample(source: tf.Tensor, seed: tf.Tensor, temperature: tf.Tensor) -> dict[str, tf.Tensor]:
        encoded = model.encode(source)
        texts = expert_texts(model, encoded, seeds=seed, temperature=temperature)
        return answer(texts, model.log_gate(encoded))

    def written(token_ids: tf.Tensor, **others: tf.Tensor) -> dict[str, tf.Tensor]:
        captions = vocabulary.detokenize(token_ids)
        return {"captions": tf.ensure_shape(captions, [None, model.num_experts]), **others}

    source, sources = _source(model)
    seeds = [[7, number] for number in range(_EXAMPLES)]
    described: dict[str, Any] = {
        "inputs": source,
        "body": describe,
        "after": written,
        "examples": sources,
    }
    return {
        "serving_default": Signature(**described, xla=False),
        "describe": Signature(**described),
        "sample": Signature(
            inputs={
                **source,
                "seed": tf.TensorSpec([None, 2], tf.int32),
                "temperature": tf.TensorSpec([None], tf.float32),
            },
            body=sample,
            after=written,
            examples={**sources, "seed": seeds, "temperature": [1.0, 0.7, 0.5]},
        ),
    }


def _source(
    model: MixtureOfExpertsCaptioner,
) -> tuple[dict[str, tf.TensorSpec], dict[str, np.ndarray]]:
    shape = list(model.get_build_config()["input_shape"]["source"][1:])
    if None in shape:
        raise ValueError(
            f"model: expected a source of known shape; it was built for {[None, *shape]}"
        )
    values = np.random.default_rng(0).random([_EXAMPLES, *shape])
    return {"source": tf.TensorSpec([None, *shape], tf.float32)}, {
        "source": values.astype(np.float32)
    }
