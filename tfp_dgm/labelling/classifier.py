"""The predictor as one Keras model: strings in, calibrated probabilities out."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.labelling.classifier_signatures import classifier_signatures
from tfp_dgm.labelling.head_layers import BagOfHeads, ClassGroups, TemperedMixture
from tfp_dgm.labelling.text_views import TextViews
from tfp_dgm.models import BagOfWordsVAE, Signature
from tfp_dgm.networks import TextEncoder
from tfp_dgm.saved_arguments import SavesArguments
from tfp_dgm.text import TfIdf, WordCounts


@keras.saving.register_keras_serializable(package="tfp_dgm")
class TextClassifier(SavesArguments, TextViews, keras.Model):
    """A trained text classifier: string [B] -> calibrated class probabilities float32 [B, K].

        ensemble = mixture(bags of heads on the views, naive Bayes on words)    (`TextViews`)
        answer = calibration(mixture(ensemble, student on words))

    `labelling.fit_classifier` makes one; `fit` of its own it has none.

    Args:
      classes: K names.
      threshold: the least probability that is accepted; None accepts nothing.
      vae_words: the columns of the counts that the VAE sees.
      vae_scale: Z standard deviations of the VAE's means.
      word_counts, tf_idf, lsa, vae, encoder, heads, naive_bayes, student, ensemble, combination,
        calibration: the layers of the equations above; `encoder` may be None.
      levels: groups of classes at which an answer may stop, from the deepest to the top.
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
        heads: Sequence[BagOfHeads],
        naive_bayes: Sequence[keras.layers.Dense],
        student: keras.layers.Dense,
        ensemble: TemperedMixture,
        combination: TemperedMixture,
        calibration: TemperedMixture,
        levels: Sequence[ClassGroups] = (),
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
        self.heads = list(heads)
        self.naive_bayes = list(naive_bayes)
        self.student = student
        self.ensemble = ensemble
        self.combination = combination
        self.calibration = calibration
        self.levels = list(levels)

    def build(self, input_shape: Any = None) -> None:
        of_words = ((layer, None) for layer in (self.student, *self.naive_bayes))
        self.build_views([*of_words, *((bag, view) for view, bag in enumerate(self.heads))])
        self.built = True

    def call(self, texts: tf.Tensor, sentence_vectors: tf.Tensor | None = None) -> tf.Tensor:
        return self.probabilities(*self.views(tf.reshape(texts, [-1]), sentence_vectors))

    def probabilities(self, words: tf.Tensor, views: Sequence[tf.Tensor]) -> tf.Tensor:
        """Calibrated class probabilities [B, K] of what `views` gives."""
        members = [heads(view) for heads, view in zip(self.heads, views, strict=True)]
        members += [naive_bayes(words) for naive_bayes in self.naive_bayes]
        answer = self.ensemble(members)
        answer = self.combination([answer, self.student(words)])
        return self.calibration([answer] * len(self.calibration.temperatures))

    def serving_signatures(self) -> Mapping[str, Signature]:
        """`serving_default`, `classify`, `encode` and `score`; see `classifier_signatures`."""
        return classifier_signatures(self)
