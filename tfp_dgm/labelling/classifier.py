"""The predictor as one Keras model: strings in, calibrated probabilities out."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.labelling.classifier_signatures import classifier_signatures
from tfp_dgm.labelling.head_layers import BagOfHeads, ClassGroups
from tfp_dgm.labelling.novelty_layers import NoClassProbability, TextNovelty
from tfp_dgm.labelling.text_views import ENCODER, Counts, TextViews, meaning
from tfp_dgm.labelling.word_order import WordOrder
from tfp_dgm.models import BagOfWordsVAE, RationaleClassifier, Signature
from tfp_dgm.networks import TemperedMixture, TextEncoder, dense_of
from tfp_dgm.saved_arguments import SavesArguments
from tfp_dgm.text import TfIdf, WordCounts


@keras.saving.register_keras_serializable(package="tfp_dgm")
class TextClassifier(SavesArguments, TextViews, keras.Model):
    """A trained text classifier: string [B] -> calibrated class probabilities float32 [B, K].

        ensemble = mixture(bags of heads on the views, naive Bayes on words)    (`TextViews`)
        answer = calibration(mixture(ensemble, student on words))
        none = no_class(latent, encoder, mixture(ensemble, student on words))

    Its probabilities are those of a text that is of one of the classes; that it is of none has
    probability `none`.

    `labelling.fit_classifier` makes one; `fit` of its own it has none.

    Args:
      classes: K names.
      threshold: the least probability that is accepted; None accepts nothing.
      vae_words: the columns of the counts that the VAE sees.
      vae_scale: Z standard deviations of the VAE's means.
      word_order: what neighbouring words and beginnings say; None where nothing is learned of them.
      word_counts, tf_idf, lsa, vae, encoder, heads, naive_bayes, student, ensemble, combination,
        calibration, no_class: the layers of the equations above; `encoder` may be None, and so may
        `no_class`, where nothing speaks for texts of no class.
      novelty: distance from the training texts -> the share of these that are at most as far; None
        where that is not known. Of what is too far nothing is accepted.
      levels: groups of classes at which an answer may stop, from the deepest to the top.
      rationales: tells the words from which alone its labels can be read, and changes no answer;
        its vocabulary is that of `word_counts`. None where it is not to be told.
    """

    def __init__(
        self,
        classes: Sequence[str],
        threshold: float | None,
        *,
        vae_words: Sequence[int] | np.ndarray,
        vae_scale: Sequence[float] | np.ndarray,
        word_counts: WordCounts,
        tf_idf: TfIdf,
        lsa: keras.layers.Dense,
        vae: BagOfWordsVAE,
        encoder: TextEncoder | None,
        word_order: WordOrder | None = None,
        heads: Sequence[BagOfHeads],
        naive_bayes: Sequence[keras.layers.Dense],
        student: keras.layers.Dense,
        ensemble: TemperedMixture,
        combination: TemperedMixture,
        calibration: TemperedMixture,
        levels: Sequence[ClassGroups] = (),
        no_class: NoClassProbability | None = None,
        novelty: TextNovelty | None = None,
        rationales: RationaleClassifier | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.classes = tuple(classes)
        self.threshold = threshold
        self.vae_words = np.asarray(vae_words, np.int32)
        self.vae_scale = np.asarray(vae_scale, np.float32)
        self.word_counts = word_counts
        self.tf_idf = tf_idf
        self.lsa = lsa
        self.vae = vae
        self.encoder = encoder
        self.word_order = word_order
        self.heads = list(heads)
        self.naive_bayes = list(naive_bayes)
        self.student = student
        self.ensemble = ensemble
        self.combination = combination
        self.calibration = calibration
        self.levels = list(levels)
        self.no_class = no_class
        self.novelty = novelty
        self.rationales = rationales

    def build(self, input_shape: Any = None) -> None:
        of_words = ((layer, None) for layer in (self.student, *self.naive_bayes))
        self.build_views([*of_words, *((bag, view) for view, bag in enumerate(self.heads))])
        if self.rationales is not None and not self.rationales.built:
            self.rationales.build()
        self.built = True

    def call(self, texts: tf.Tensor, sentence_vectors: tf.Tensor | None = None) -> tf.Tensor:
        return self.probabilities(*self.views(tf.reshape(texts, [-1]), sentence_vectors))

    def probabilities(self, words: Counts, views: Sequence[tf.Tensor]) -> tf.Tensor:
        """Calibrated class probabilities [B, K] of what `views` gives."""
        return self.calibrated(self.answer(words, views))

    def answer(self, words: Counts, views: Sequence[tf.Tensor]) -> tf.Tensor:
        """The same before calibration."""
        members = [heads(view) for heads, view in zip(self.heads, views, strict=True)]
        members += [dense_of(naive_bayes, words) for naive_bayes in self.naive_bayes]
        return self.combination([self.ensemble(members), dense_of(self.student, words)])

    def calibrated(self, answer: tf.Tensor) -> tf.Tensor:
        """Answers [B, K], calibrated."""
        return self.calibration([answer] * len(self.calibration.temperatures))

    def none_probability(self, views: Sequence[tf.Tensor], answer: tf.Tensor) -> tf.Tensor:
        """The probability [B] that texts are of no class."""
        if self.no_class is None:
            return tf.zeros(tf.shape(answer)[:1])
        return self.no_class(distance_views(views, self.encoder), answer)

    def unexplained(self, projected: tf.Tensor, known: tf.Tensor, unknown: tf.Tensor) -> tf.Tensor:
        """The part [B] of texts that words and LSA leave unexplained; see `TextDistance`.

        Args:
          projected: float32 [B, L]; LSA of TF-IDF.
          known, unknown: float32 [B]; the numbers of words that the vocabulary has, and lacks.
        """
        share = known / tf.maximum(known + unknown, 1.0)
        return 1 - share * tf.norm(projected, axis=-1)

    def serving_signatures(self) -> Mapping[str, Signature]:
        """`serving_default`, `classify`, `encode` and `score`; see `classifier_signatures`."""
        return classifier_signatures(self)


def distance_views(views: Sequence[Any], encoder: TextEncoder | None) -> list[Any]:
    """The views that distances from classes are measured in: LSA and VAE, and the encoder's."""
    return [views[0]] if encoder is None else [views[0], meaning(encoder, views[ENCODER])]
