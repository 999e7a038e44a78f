"""A pretrained encoder's layers and a head on them, trained on labelled texts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.generated_data import generated_dataset
from tfp_dgm.labelling.self_training import fit_logistic_regressions
from tfp_dgm.networks import SentenceEncoder
from tfp_dgm.networks.packed_transformer import PackedTransformer
from tfp_dgm.networks.pretrained_tokens import encoder_layers
from tfp_dgm.networks.sentence_encoder import mean_direction
from tfp_dgm.text import BucketedBatches

# Chosen on SST, emotions and sentence polarity, one draw of labels each; one for all data sets.
_LEARNING_RATE, _BATCH = 5e-5, 16
# How often texts are read in a training: each so often, but in all at least and at most.
_PASSES, _FEWEST_READ, _MOST_READ = 6, 400, 2400
# Of a head that knows the labels by heart already, nothing is left to learn for the layers.
_HEAD_STEPS, _HEAD_RIDGE = 30, 1.0


class TunedTexts(keras.Model):
    """Tokens of texts -> logits float32 [B, K], by the mean direction of a tuned encoder's states.

        logits = W mean(states) / |mean(states)| + b

    All layers are trained by cross-entropy, from the pretrained weights on; W and b begin as the
    logistic regression on the vectors of the encoder as it was. Without dropout, and in the
    precision that is faster here, it is deterministic.

    Args:
      encoder: makes tokens of texts; its backbone gives the embeddings, which stay, and the weights
        that each training begins with.
      layers: that are trained; as many as the backbone has.
      texts: n texts.
      vectors: float32 [n, E]; the encoder's last layer's of these.
      labels: bool [n, K]; the class of each.
      counts: float [n]; what each counts.
    Raises:
      ValueError: if the encoder is not made of layers that can be trained so.
    """

    def __init__(
        self,
        encoder: SentenceEncoder,
        layers: Sequence[keras.layers.Layer],
        texts: Sequence[str],
        vectors: np.ndarray,
        labels: np.ndarray,
        counts: np.ndarray,
    ) -> None:
        super().__init__(dtype="float32")
        packed = PackedTransformer.of(encoder.backbone, layers)
        if packed is None:
            raise ValueError(f"encoder: expected one made of layers; received {encoder.name}")
        self._states = packed
        self._token_batches = encoder.token_batches
        # A function: of layers Keras would take theirs for weights of this model.
        self._pretrained = lambda: [
            layer.get_weights() for layer in encoder_layers(encoder.backbone)
        ]
        self.tuned_layers = list(layers)
        self.head = keras.layers.Dense(labels.shape[1], dtype="float32")
        self.head.build((None, vectors.shape[1]))
        self.built = True
        self._tokens: list[dict[str, np.ndarray]] = [{} for _ in texts]
        for rows, tokens in self._token_batches(texts):
            lengths = tokens["padding_mask"].numpy().sum(axis=1)
            for name, part in tokens.items():
                for row, values, length in zip(rows, part.numpy(), lengths, strict=True):
                    self._tokens[row][name] = values[:length]
        self._vectors = np.hstack([vectors, np.ones((len(vectors), 1), np.float32)])
        self._labels, self._counts = labels.astype(np.float32), counts.astype(np.float32)
        self.compile(
            keras.optimizers.Adam(_LEARNING_RATE),
            keras.losses.CategoricalCrossentropy(from_logits=True),
            jit_compile=False,
        )
        self.optimizer.build(self.trainable_variables)
        self._answer = tf.function(
            lambda tokens: tf.nn.softmax(self(tokens)),
            input_signature=[self._token_specs()],
            autograph=False,
        )

    def call(self, tokens: Mapping[str, tf.Tensor]) -> tf.Tensor:
        return self.head(mean_direction([self._states(tokens)], tokens["padding_mask"]))

    def fit_to(
        self, seen: np.ndarray, *, seed: int, progress: Callable[[int, int], None]
    ) -> list[np.ndarray]:
        """Trains from the pretrained weights on, and returns what `set_weights` takes.

        Args:
          seen: numbers of the texts that are learned from.
          seed: of the batches.
          progress: called with the steps done and their number.
        """
        self._begin(seen)
        steps = -(-int(np.clip(_PASSES * len(seen), _FEWEST_READ, _MOST_READ)) // _BATCH)
        report = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: progress(batch + 1, steps)
        )
        labels = tf.TensorSpec([None, self._labels.shape[1]], tf.float32)
        counts = tf.TensorSpec([None], tf.float32)
        batches = generated_dataset(
            lambda: self._batches(seen, seed), (self._token_specs(), labels, counts)
        )
        self.fit(batches, steps_per_epoch=steps, shuffle=False, callbacks=[report], verbose=0)
        return self.get_weights()

    def answers(
        self, texts: Sequence[str], progress: Callable[[int], None] = lambda done: None
    ) -> np.ndarray:
        """Class probabilities of texts: float32 [N, K].

        Args:
          texts: N texts.
          progress: called with the number of texts that are done.
        """
        found = np.zeros((len(texts), self.head.units), np.float32)
        done = 0
        for rows, tokens in self._token_batches(texts):
            found[rows] = self._answer(tokens).numpy()
            done += len(rows)
            progress(done)
        return found

    def kernel_and_bias(self) -> tuple[np.ndarray, np.ndarray]:
        """Of the head: [E, K] and [K]."""
        kernel, bias = self.head.get_weights()
        return kernel, bias

    def _begin(self, seen: np.ndarray) -> None:
        for layer, pretrained in zip(self.tuned_layers, self._pretrained(), strict=True):
            layer.set_weights(pretrained)
        for variable in self.optimizer.variables:
            variable.assign(np.zeros(variable.shape))
        self.optimizer.learning_rate = _LEARNING_RATE
        head = fit_logistic_regressions(
            self._vectors[seen],
            self._labels[seen][:, :, np.newaxis],
            self._counts[seen][:, np.newaxis],
            steps=_HEAD_STEPS,
            ridge=_HEAD_RIDGE,
        )[..., 0]
        self.head.set_weights([head[:-1], head[-1]])

    def _batches(
        self, seen: np.ndarray, seed: int
    ) -> Iterator[tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]]:
        """Without end: tokens, labels, and what these count."""
        ids = [self._tokens[row]["token_ids"] for row in seen]
        bucketed = BucketedBatches(ids, _BATCH, seed=seed)
        for bucketed.epoch in count():
            for number in range(len(bucketed)):
                rows = seen[bucketed.index(number)]
                yield self._padded(rows), self._labels[rows], self._counts[rows]

    def _token_specs(self) -> dict[str, tf.TensorSpec]:
        """Of batches of any number of texts, and of tokens."""
        return {
            name: tf.TensorSpec([None, None], part.dtype) for name, part in self._tokens[0].items()
        }

    def _padded(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Tokens [B, T]; what the mask hides is 0."""
        return {
            name: keras.utils.pad_sequences(
                [self._tokens[row][name] for row in rows], dtype=part.dtype, padding="post"
            )
            for name, part in self._tokens[0].items()
        }
