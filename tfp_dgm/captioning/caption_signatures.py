"""How a captioner of images is served."""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfp_dgm.captioning.describe import vocabulary_of
from tfp_dgm.inference import Texts, expert_texts
from tfp_dgm.models import EncodedSource, MixtureOfExpertsCaptioner, Signature
from tfp_dgm.networks import decode_image


def caption_signatures(
    model: MixtureOfExpertsCaptioner,
    examples: Sequence[bytes],
    *,
    image_size: int,
    beam_size: int = 1,
) -> Mapping[str, Signature]:
    """The tasks of a captioner of images, for `serving.export`.

    serving_default  image -> captions [K], one of each expert, their log_prob and
                     expert_probability [K], and caption, the most probable of them
    sample           image, seed [2], temperature, top_p -> the same, drawn
    score            image, caption -> log_prob, responsibilities [K]

    Images are encoded (JPEG, PNG, BMP, GIF); what cannot be decoded is an error.

    Args:
      model: a built captioner with an encoder of images of one size and a vocabulary.
      examples: some encoded images.
      image_size: height and width of the images that the encoder takes.
      beam_size: of `serving_default`.
    Raises:
      ValueError: if the model takes features, or gives no strings.
    """
    if model.encoder is None:
        raise ValueError("caption_signatures: expected a captioner of images; it takes features")
    vocabulary = vocabulary_of(model)
    shape = [image_size, image_size, 3]
    images = {"image": tf.TensorSpec([None], tf.string)}
    pixels = {"pixels": tf.TensorSpec([None, *shape], tf.uint8)}
    noise = {
        "seed": tf.TensorSpec([None, 2], tf.int32),
        "temperature": tf.TensorSpec([None], tf.float32),
        "top_p": tf.TensorSpec([None], tf.float32),
    }
    length = model.experts.heads[0].max_length
    rows = len(examples)

    def decode(image: tf.Tensor, **others: tf.Tensor) -> dict[str, tf.Tensor]:
        decoded = tf.map_fn(
            lambda content: decode_image(content, image_size, image_size),
            image,
            fn_output_signature=tf.TensorSpec(shape, tf.uint8),
        )
        return {"pixels": decoded, **others}

    def answer(texts: Texts, encoded: EncodedSource) -> dict[str, tf.Tensor]:
        return {
            "token_ids": texts.token_ids,  # [B, K, T]
            "log_prob": texts.log_marginal,
            "expert_probability": tf.exp(model.log_gate(encoded)),
            "best": texts.best,
        }

    def likeliest(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        encoded = model.encode(pixels)
        return answer(expert_texts(model, encoded, beam_size=beam_size), encoded)

    def drawn(
        pixels: tf.Tensor, seed: tf.Tensor, temperature: tf.Tensor, top_p: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        encoded = model.encode(pixels)
        texts = expert_texts(model, encoded, seeds=seed, temperature=temperature, top_p=top_p)
        return answer(texts, encoded)

    def as_strings(
        token_ids: tf.Tensor, log_prob: tf.Tensor, expert_probability: tf.Tensor, best: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        captions = vocabulary.detokenize(token_ids)  # [B, K]
        captions = tf.ensure_shape(captions, [None, model.num_experts])
        return {
            "caption": tf.gather(captions, best, batch_dims=1),
            "captions": captions,
            "log_prob": log_prob,
            "expert_probability": expert_probability,
        }

    def decode_both(image: tf.Tensor, caption: tf.Tensor) -> dict[str, tf.Tensor]:
        token_ids = vocabulary.token_ids(caption).to_tensor(0)
        return {**decode(image), "token_ids": token_ids}

    def score(pixels: tf.Tensor, token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        log_joint = model.log_joint(token_ids, model.encode(pixels))  # [B, K]
        return {
            "log_prob": tf.reduce_logsumexp(log_joint, axis=-1),
            "responsibilities": tf.nn.softmax(log_joint),
        }

    texts = [" ".join(vocabulary.tokens[n : n + 3]) for n in range(rows)]
    return {
        "serving_default": Signature(
            images,
            likeliest,
            {"image": list(examples)},
            before=decode,
            after=as_strings,
            body_inputs=pixels,
        ),
        "sample": Signature(
            {**images, **noise},
            drawn,
            {
                "image": list(examples),
                "seed": np.stack([np.arange(rows), np.arange(rows) + 7], axis=1).astype(np.int32),
                "temperature": np.full(rows, 0.9, np.float32),
                "top_p": np.full(rows, 0.9, np.float32),
            },
            before=decode,
            after=as_strings,
            body_inputs={**pixels, **noise},
        ),
        "score": Signature(
            {**images, "caption": tf.TensorSpec([None], tf.string)},
            score,
            {"image": list(examples), "caption": texts},
            before=decode_both,
            body_inputs={**pixels, "token_ids": tf.TensorSpec([None, length], tf.int32)},
        ),
    }
