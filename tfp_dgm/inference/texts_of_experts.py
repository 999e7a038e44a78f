"""What the experts of a mixture write: one text each, the best of all, or one expert's."""

from typing import NamedTuple

import tensorflow as tf

from tfp_dgm.distributions import TokenSequence
from tfp_dgm.inference.beams import beam_search, diverse_beam_search
from tfp_dgm.inference.counter_based import random_bits
from tfp_dgm.inference.decoding import greedy, sample_texts
from tfp_dgm.models.mixture_of_experts_captioner import EncodedSource, MixtureOfExpertsCaptioner

# Counters below are those of the tokens of a text.
_EXPERT_COUNTER = 1 << 20


class Texts(NamedTuple):
    """N texts for each of B sources.

    Attributes:
      token_ids: int32 [B, N, T].
      log_joint: float32 [B, N, K], log p(x, k | c) of each text and expert, in nats; -inf for a row
        of PAD alone, which is none.
    """

    token_ids: tf.Tensor
    log_joint: tf.Tensor

    @property
    def log_marginal(self) -> tf.Tensor:
        """log p(x | c), summed over the experts: [B, N]."""
        return tf.reduce_logsumexp(self.log_joint, axis=-1)

    @property
    def responsibilities(self) -> tf.Tensor:
        """p(k | x, c): [B, N, K]; zeros for a row that is no text."""
        missing = tf.math.is_inf(self.log_joint)
        return tf.where(missing, 0.0, tf.nn.softmax(tf.where(missing, 0.0, self.log_joint)))

    @property
    def best(self) -> tf.Tensor:
        """The place of the text with the highest log p(x | c): int32 [B]."""
        return tf.argmax(self.log_marginal, axis=-1, output_type=tf.int32)


def expert_texts(
    model: MixtureOfExpertsCaptioner,
    encoded: EncodedSource,
    *,
    beam_size: int = 1,
    length_penalty: float = 0.0,
    seeds: tf.Tensor | None = None,
    temperature: float | tf.Tensor | None = None,
    top_p: float | tf.Tensor | None = None,
) -> Texts:
    """One text of each expert, in the experts' order, scored by all of them.

    The likeliest words step by step (`beam_size` 1), the best of a beam, or, with seeds, a draw.
    The mixture's own best is the text at `best`.

    Args:
      model: the mixture.
      encoded: what `model.encode` made of the sources.
      beam_size: of a beam search; see `beam_search`.
      length_penalty: see `beam_search`.
      seeds: int32 [B, 2]; each expert draws by a seed of its own that follows from a row's.
      temperature: see `sample_texts`; one for all, or [B].
      top_p: see `sample_texts`; one for all, or [B].
    Returns:
      `Texts` with N = K.
    """
    every = model.experts.every(encoded.context, encoded.memory, encoded.mask)
    experts = model.num_experts
    rows, first = [], 0
    for texts in every:
        here = experts if len(every) == 1 else 1
        if seeds is None:
            rows.append(_likeliest(texts, beam_size, length_penalty))
        else:
            own = [expert_seeds(seeds, first + k) for k in range(here)]
            rows.append(
                sample_texts(
                    texts,
                    tf.concat(own, axis=0),
                    temperature=_per_expert(temperature, here),
                    top_p=_per_expert(top_p, here),
                )
            )
        first += here
    flat = tf.concat(rows, axis=0)  # [K B, T]
    token_ids = tf.reshape(flat, [experts, -1, flat.shape[-1]])  # [K, B, T]
    return score_texts(model, encoded, tf.transpose(token_ids, [1, 0, 2]))


def texts_of_expert(
    model: MixtureOfExpertsCaptioner,
    encoded: EncodedSource,
    expert: int,
    num_texts: int,
    *,
    beam_size: int | None = None,
    diversity: float = 0.0,
    length_penalty: float = 0.0,
    seeds: tf.Tensor | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
) -> Texts:
    """Several texts of one expert: the best of its beam, the best first, or, with seeds, draws.

    Where there are fewer texts than the beam has places, rows of PAD alone fill the rest.

    Args:
      model: the mixture.
      encoded: what `model.encode` made of the sources.
      expert: in [0, K).
      num_texts: N.
      beam_size: of the search, at least N; N where None.
      diversity: above 0, the beam is of N groups that avoid each other's words, and gives the best
        of each; see `diverse_beam_search`.
      length_penalty: see `beam_search`.
      seeds: int32 [B, 2]; the n-th draw is by a seed that follows from a row's.
      temperature: see `sample_texts`.
      top_p: see `sample_texts`.
    Raises:
      ValueError: if there is no such expert, or the beam is less wide than N or, where it is
        diverse, no multiple of N.
    """
    if not 0 <= expert < model.num_experts:
        raise ValueError(
            f"expert: expected a number in [0, {model.num_experts}); received {expert}"
        )
    texts = model.experts.expert(expert, encoded.context, encoded.memory, encoded.mask)
    if seeds is None:
        size = num_texts if beam_size is None else beam_size
        if size < num_texts:
            raise ValueError(f"beam_size: expected at least {num_texts}; received {size}")
        if diversity:
            token_ids, scores = diverse_beam_search(
                texts, num_texts, size, diversity=diversity, length_penalty=length_penalty
            )
        else:
            token_ids, scores = (
                part[:, :num_texts]
                for part in beam_search(texts, size, length_penalty=length_penalty)
            )
        found = score_texts(model, encoded, token_ids)
        missing = tf.math.is_inf(scores)[..., tf.newaxis]  # [B, N, 1]
        return found._replace(log_joint=tf.where(missing, -float("inf"), found.log_joint))
    drawn = [
        sample_texts(texts, expert_seeds(seeds, n), temperature=temperature, top_p=top_p)
        for n in range(num_texts)
    ]
    return score_texts(model, encoded, tf.stack(drawn, axis=1))  # Of token ids [B, N, T].


def score_texts(
    model: MixtureOfExpertsCaptioner, encoded: EncodedSource, token_ids: tf.Tensor
) -> Texts:
    """Scores N texts of each source, token_ids [B, N, T], with all experts."""
    shape = tf.shape(token_ids)
    repeated = EncodedSource(
        *(None if part is None else tf.repeat(part, shape[1], axis=0) for part in encoded)
    )
    flat = tf.reshape(token_ids, [-1, token_ids.shape[-1]])  # [B N, T]
    log_joint = tf.reshape(model.log_joint(flat, repeated), [shape[0], shape[1], model.num_experts])
    return Texts(token_ids, log_joint)


def expert_seeds(seeds: tf.Tensor, expert: int) -> tf.Tensor:
    """The seeds [B, 2] of one expert, which follow from the rows' seeds [B, 2]."""
    return tf.bitcast(random_bits(seeds, _EXPERT_COUNTER + expert, [2]), tf.int32)


def _likeliest(texts: TokenSequence, beam_size: int, length_penalty: float) -> tf.Tensor:
    if beam_size == 1:
        return greedy(texts)
    return beam_search(texts, beam_size, length_penalty=length_penalty)[0][:, 0]


def _per_expert(setting: float | tf.Tensor | None, experts: int) -> float | tf.Tensor | None:
    """A setting that is one for all, or [B], for the rows [K B]."""
    if setting is None or isinstance(setting, int | float):
        return setting
    return tf.tile(tf.reshape(setting, [-1]), [experts])
