"""The tagger as it is saved and served: a chain, what its probabilities are worth, what is safe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.data import TagScheme
from tfp_dgm.models import Signature
from tfp_dgm.networks import TemperedMixture
from tfp_dgm.saved_arguments import SavesArguments
from tfp_dgm.tagging.chain_readings import Readings, TagSpace
from tfp_dgm.tagging.scheme_space import space_of_scheme
from tfp_dgm.tagging.sentence_readings import read_tokens
from tfp_dgm.tagging.sequence_tagger import SequenceTagger
from tfp_dgm.tagging.tag_judgement import TagCalibrations
from tfp_dgm.tagging.words_in_graph import split_words


@keras.saving.register_keras_serializable(package="tfp_dgm")
class JudgedTagger(SavesArguments, keras.Model):
    """Strings [B, T], filled with "" -> calibrated probabilities of tags [B, T, G].

    Args:
      tagger: the chain.
      kind, names, lower: of the scheme of tags; see `data.TagScheme`.
      words: calibrates the probabilities of words' tags [..., G].
      word_threshold: the least probability of an accepted word; None accepts none.
      spans: calibrates the probabilities [..., 2] that spans are wrong, and right; None where tags
        are plain.
      span_threshold: the least probability of an accepted span; None accepts none.
      most_new: how many words of a sentence of 1 to N words may be in none of the tagged ones; of
        longer sentences the same share. Of others nothing is accepted; None: as many as there are.
    """

    def __init__(
        self,
        tagger: SequenceTagger,
        kind: str,
        names: Sequence[str],
        lower: bool,
        words: TemperedMixture,
        word_threshold: float | None,
        spans: TemperedMixture | None = None,
        span_threshold: float | None = None,
        most_new: Sequence[int] | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.tagger = tagger
        self.kind, self.names, self.lower = kind, tuple(names), lower
        self.words, self.spans = words, spans
        self.word_threshold, self.span_threshold = word_threshold, span_threshold
        self.most_new = None if most_new is None else tuple(most_new)

    @classmethod
    def of(
        cls, tagger: SequenceTagger, scheme: TagScheme, calibrations: TagCalibrations
    ) -> JudgedTagger:
        """Of what was learned."""
        spans = calibrations.spans
        model = cls(
            tagger,
            scheme.kind,
            scheme.names,
            scheme.lower,
            TemperedMixture(*calibrations.words.components()),
            calibrations.word_threshold,
            None if spans is None else TemperedMixture(*spans.components()),
            calibrations.span_threshold,
            calibrations.most_new,
        )
        model.build()
        return model

    def build(self, input_shape: Any = None) -> None:
        if not self.tagger.built:
            self.tagger.build()
        self.built = True

    @property
    def scheme(self) -> TagScheme:
        """Of the tags."""
        return TagScheme(self.kind, self.names, self.lower)

    @cached_property
    def space(self) -> TagSpace:
        """The labels of the chain, and the tags that they are written as."""
        return space_of_scheme(self.scheme)

    def call(self, tokens: tf.Tensor) -> tf.Tensor:
        return self._calibrated(self.words, read_tokens(self.tagger, tokens, self.space).tags)

    def answers(self, tokens: tf.Tensor) -> dict[str, tf.Tensor]:
        """What is served of strings [B, T], filled with "".

        Returns:
          unlike: bool [B]; sentences of words that the tagged ones lack: nothing is accepted.
          tags, second_tags: strings [B, T], "" in the padding; probabilities,
          second_probabilities: float32 [B, T]; accept: bool [B, T]. Where tags are spans, of the
          span that a word is in: span_first, span_last: int32 [B, T], its words from 0, -1 outside;
          span_types: strings; span_probabilities: float32; span_accept: bool; and of the best other
          reading of these words other_first, other_last, other_types ("O" is no span) and
          other_probabilities.
        """
        steps = tf.shape(tokens)[1]
        # Rows may all be empty, and a chain has a word.
        tokens = tf.pad(tokens, [[0, 0], [0, tf.maximum(1 - steps, 0)]], constant_values="")
        read = tokens != ""
        readings = read_tokens(self.tagger, tokens, self.space)
        answer = self._of_words(readings, read)
        if self.spans is not None:
            of_spans = self._of_spans(readings, read)
            inside = of_spans["span_first"] >= 0
            answer["accept"] = tf.where(inside, of_spans["span_accept"], answer["accept"])
            answer |= of_spans
        unlike = self._unlike(tokens, read)
        for name in {"accept", "span_accept"} & answer.keys():
            answer[name] &= ~unlike[:, tf.newaxis]
        return {"unlike": unlike} | {name: values[:, :steps] for name, values in answer.items()}

    def serving_signatures(self) -> Mapping[str, Signature]:
        """The tasks of a tagger.

        serving_default  text -> tokens [T] as `data.words_of` finds them, filled with "", their
                         characters `starts` and `ends` [T], and what `answers` says
        tokens           tokens [T], filled with "" -> what `answers` says
        """
        examples = self._examples()

        def of_text(text: tf.Tensor) -> dict[str, tf.Tensor]:
            words = split_words(text)
            return {**words._asdict(), **self.answers(words.tokens)}

        return {
            "serving_default": Signature(
                {"text": tf.TensorSpec([None], tf.string)},
                of_text,
                {"text": [" ".join(words) for words in examples]},
                xla=False,
            ),
            "tokens": Signature(
                {"tokens": tf.TensorSpec([None, None], tf.string)},
                self.answers,
                {"tokens": examples},
                xla=False,
            ),
        }

    def _examples(self) -> list[list[str]]:
        """Four sentences of five words that the tagger knows."""
        words = [name[2:] for name in self.tagger.forms.features if name.startswith("w ")] or ["a"]
        return [[words[(3 * row + i) % len(words)] for i in range(5)] for row in range(4)]

    def _calibrated(self, mixture: TemperedMixture, probabilities: tf.Tensor) -> tf.Tensor:
        return mixture([probabilities] * len(mixture.temperatures))

    def _unlike(self, tokens: tf.Tensor, read: tf.Tensor) -> tf.Tensor:
        """bool [B]; see `UnlikeSentences`."""
        if self.most_new is None:
            return tf.zeros(tf.shape(tokens)[:1], tf.bool)
        sizes = tf.reduce_sum(tf.cast(read, tf.int32), axis=1)
        longest = len(self.most_new)
        most = tf.gather(tf.constant([0, *self.most_new], tf.float32), tf.minimum(sizes, longest))
        longer = tf.cast(tf.maximum(sizes, longest), tf.float32) / longest
        return tf.cast(self.tagger.new_words(tokens), tf.float32) > most * longer

    def _of_words(self, readings: Readings, read: tf.Tensor) -> dict[str, tf.Tensor]:
        probabilities = self._calibrated(self.words, readings.tags)  # [B, T, G]
        groups = tf.constant(self.space.groups)
        tag = tf.gather(groups, readings.labels)  # [B, T]
        probability = tf.gather(probabilities, tag, batch_dims=2)
        taken = tf.one_hot(tag, len(self.space.tags), on_value=True, off_value=False, dtype=tf.bool)
        others = tf.where(taken, -1.0, probabilities)
        second = tf.argmax(others, axis=-1, output_type=tf.int32)
        names = tf.constant(self.space.tags)
        best = tf.argmax(probabilities, axis=-1, output_type=tf.int32)
        least = 2.0 if self.word_threshold is None else self.word_threshold
        return {
            "tags": tf.where(read, self._written(readings.labels), ""),
            "probabilities": tf.where(read, probability, 0.0),
            "accept": read & (best == tag) & (probability >= least),
            "second_tags": tf.where(read, tf.gather(names, second), ""),
            "second_probabilities": tf.where(
                read, tf.maximum(tf.reduce_max(others, axis=-1), 0.0), 0.0
            ),
        }

    def _written(self, labels: tf.Tensor) -> tf.Tensor:
        """Tags [B, T] as the scheme writes labels, of which the one before may matter."""
        scheme, space = self.scheme, self.space
        alone = tf.gather(
            tf.constant([scheme.written([label])[0] for label in space.labels]), labels
        )
        if not space.types:
            return alone
        begins = np.array([label[0] in "BS" for label in space.labels])
        behind = [
            scheme.written([f"S-{scheme.type_of(label)}", label])[1] if first else ""
            for label, first in zip(space.labels, begins, strict=True)
        ]
        types = (labels + 3) // 4  # 0 outside.
        before = tf.pad(types[:, :-1], [[0, 0], [1, 0]])
        same = tf.gather(tf.constant(begins), labels) & (before == types)
        return tf.where(same, tf.gather(tf.constant(behind), labels), alone)

    def _of_spans(self, readings: Readings, read: tf.Tensor) -> dict[str, tf.Tensor]:
        assert self.spans is not None
        inside = read & (readings.labels > 0)
        raw = tf.convert_to_tensor(readings.probability)
        both = self._calibrated(self.spans, tf.stack([1 - raw, raw], axis=-1))
        probability = both[..., 1]
        share = tf.minimum(readings.other_probability / tf.maximum(1 - raw, 1e-6), 1)
        least = 2.0 if self.span_threshold is None else self.span_threshold
        names = tf.constant([*self.names, "O"])
        own = tf.gather(names, tf.maximum(readings.labels - 1, 0) // 4)

        def there(values: tf.Tensor, nothing: Any) -> tf.Tensor:
            return tf.where(inside, values, nothing)

        return {
            "span_first": there(readings.first, -1),
            "span_last": there(readings.last, -1),
            "span_types": there(own, ""),
            "span_probabilities": there(probability, 0.0),
            "span_accept": inside & (probability >= least),
            "other_first": there(readings.other_first, -1),
            "other_last": there(readings.other_last, -1),
            "other_types": there(tf.gather(names, readings.other), ""),
            "other_probabilities": there((1 - probability) * share, 0.0),
        }
