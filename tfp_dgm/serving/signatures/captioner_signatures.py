"""How a mixture-of-experts captioner is served."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf

from tfp_dgm.inference import Texts, expert_texts
from tfp_dgm.models import EncodedSource, MixtureOfExpertsCaptioner, Signature
from tfp_dgm.networks import decode_image
from tfp_dgm.text import Vocabulary

_EXAMPLES = 3


def captioner_signatures(
    model: MixtureOfExpertsCaptioner,
    examples: Sequence[Any] | np.ndarray = (),
    *,
    beam_size: int = 3,
) -> Mapping[str, Signature]:
    """The tasks of a captioner, each giving one text of every expert.

        describe  source -> captions [K], by beam search, in the experts' order
        sample    source, seed [2], temperature, top_p -> captions [K], drawn
        score     source, caption -> log_probability, responsibilities [K]

    The first two also give `gate` p(k | c) [K], `log_probability` log p(x | c) [K] of each caption
    under the whole mixture, and `caption`, the likeliest, at the place `best`. `serving_default` is
    `describe`. The source is `text`, a string, where the model has a source vocabulary (with a
    `max_length`, to which its twin's tokens are filled up); `image`, encoded as JPEG, PNG, BMP or
    GIF (what cannot be decoded is an error), where it was built for pixels [H, W, 3]; else
    `source`, features or numbers of the shape that it was built for.

    Args:
      model: a built captioner.
      examples: some sources as they come in; made up where there are none.
      beam_size: of `describe`.
    Raises:
      ValueError: if the model has no vocabulary, or sources of no known shape or length.
    """
    vocabulary = model.vocabulary
    if vocabulary is None:
        raise ValueError("model: expected a captioner with a vocabulary; received one without")
    source = _source(model, examples)
    noise = {
        "seed": tf.TensorSpec([None, 2], tf.int32),
        "temperature": tf.TensorSpec([None], tf.float32),
        "top_p": tf.TensorSpec([None], tf.float32),
    }

    def answer(texts: Texts, encoded: EncodedSource) -> dict[str, tf.Tensor]:
        return {
            "token_ids": texts.token_ids,  # [B, K, T]
            "log_probability": texts.log_marginal,  # [B, K]
            "best": texts.best,  # [B]
            "gate": tf.exp(model.log_gate(encoded)),  # [B, K]
        }

    def describe(source: tf.Tensor) -> dict[str, tf.Tensor]:
        encoded = model.encode(source)
        return answer(expert_texts(model, encoded, beam_size=beam_size), encoded)

    def sample(
        source: tf.Tensor, seed: tf.Tensor, temperature: tf.Tensor, top_p: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        encoded = model.encode(source)
        texts = expert_texts(model, encoded, seeds=seed, temperature=temperature, top_p=top_p)
        return answer(texts, encoded)

    def score(source: tf.Tensor, token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        log_joint = model.log_joint(token_ids, model.encode(source))  # [B, K]
        return {
            "log_probability": tf.reduce_logsumexp(log_joint, axis=-1),
            "responsibilities": tf.nn.softmax(log_joint),
        }

    def written(token_ids: tf.Tensor, best: tf.Tensor, **others: tf.Tensor) -> dict[str, tf.Tensor]:
        captions = tf.ensure_shape(vocabulary.detokenize(token_ids), [None, model.num_experts])
        likeliest = tf.gather(captions, best, batch_dims=1)  # [B]
        return {"captions": captions, "caption": likeliest, "best": best, **others}

    def with_tokens(caption: tf.Tensor, **source_inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        decoded = source.decode(**source_inputs) if source.decode else source_inputs
        return {**decoded, "token_ids": vocabulary(caption)}

    rows = len(next(iter(source.examples.values())))
    length = model.experts.heads[0].max_length
    describing = Signature(
        inputs=source.inputs,
        body=describe,
        before=source.decode,
        after=written,
        examples=source.examples,
        body_inputs=source.body_inputs,
    )
    return {
        "serving_default": replace(describing, xla=False),
        "describe": describing,
        "sample": Signature(
            inputs={**source.inputs, **noise},
            body=sample,
            before=source.decode,
            after=written,
            examples={
                **source.examples,
                "seed": [[7, row] for row in range(rows)],
                "temperature": [1.0 / (row + 1) for row in range(rows)],
                "top_p": [0.9] * rows,
            },
            body_inputs={**source.body_inputs, **noise},
        ),
        "score": Signature(
            inputs={**source.inputs, "caption": tf.TensorSpec([None], tf.string)},
            body=score,
            before=with_tokens,
            examples={
                **source.examples,
                "caption": [" ".join(vocabulary.tokens[row : row + 3]) for row in range(rows)],
            },
            body_inputs={
                **source.body_inputs,
                "token_ids": tf.TensorSpec([None, length], tf.int32),
            },
        ),
    }


@dataclass(frozen=True)
class _Source:
    """How the sources come in: the inputs of a signature, and what its body takes."""

    inputs: Mapping[str, tf.TensorSpec]
    body_inputs: Mapping[str, tf.TensorSpec]
    decode: Callable[..., dict[str, tf.Tensor]] | None
    examples: Mapping[str, Sequence[Any] | np.ndarray]


def _source(model: MixtureOfExpertsCaptioner, examples: Sequence[Any] | np.ndarray) -> _Source:
    if model.source_vocabulary is not None:
        return _texts(model.source_vocabulary, examples)
    shape = list(model.get_build_config()["input_shape"]["source"][1:])
    if None in shape:
        raise ValueError(
            f"model: expected a source of known shape; it was built for {[None, *shape]}"
        )
    if model.encoder is not None and len(shape) == 3 and shape[-1] == 3:
        return _images(shape, examples)
    numbers = {"source": tf.TensorSpec([None, *shape], tf.float32)}
    if not len(examples):
        examples = np.random.default_rng(0).random([_EXAMPLES, *shape])
    return _Source(numbers, numbers, None, {"source": np.asarray(examples, np.float32)})


def _texts(vocabulary: Vocabulary, examples: Sequence[str] | np.ndarray) -> _Source:
    length = vocabulary.max_length
    if length is None:
        raise ValueError("model: expected a source vocabulary with a `max_length`; it has none")

    def tokenize(text: tf.Tensor, **others: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"source": vocabulary(text), **others}

    if not len(examples):
        examples = [" ".join(vocabulary.tokens[n : n + 3]) for n in range(_EXAMPLES)]
    return _Source(
        {"text": tf.TensorSpec([None], tf.string)},
        {"source": tf.TensorSpec([None, length], tf.int32)},
        tokenize,
        {"text": list(examples)},
    )


def _images(shape: Sequence[int], examples: Sequence[bytes] | np.ndarray) -> _Source:
    @tf.autograph.experimental.do_not_convert
    def decode(image: tf.Tensor, **others: tf.Tensor) -> dict[str, tf.Tensor]:
        pixels = tf.map_fn(
            lambda content: decode_image(content, *shape[:2]),
            image,
            fn_output_signature=tf.TensorSpec(shape, tf.uint8),
        )
        return {"source": pixels, **others}

    if not len(examples):
        noise = np.random.default_rng(0).integers(256, size=[_EXAMPLES, *shape], dtype=np.uint8)
        examples = [tf.io.encode_png(one).numpy() for one in noise]
    return _Source(
        {"image": tf.TensorSpec([None], tf.string)},
        {"source": tf.TensorSpec([None, *shape], tf.uint8)},
        decode,
        {"image": list(examples)},
    )
