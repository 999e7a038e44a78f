"""q(k | x, c): which expert wrote a text, by Bayes' rule or by a network."""

from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.layers.categorical import Categorical, OneHotCategorical
from tfp_dgm.layers.constraints import Constraint, whole_numbers_below
from tfp_dgm.layers.distribution_layer import DistributionLayer
from tfp_dgm.networks import SequenceEncoder


@keras.saving.register_keras_serializable(package="tfp_dgm")
class Responsibilities(DistributionLayer):
    """The E-step: the experts' posterior from their joint scores, without a gradient.

        log q_k = (log p(k | c) + log p_k(x | c)) / temperature - balance log(K usage_k) + constant

    Temperature and balance act in training only and keep experts alive: a temperature above 1 lets
    all of them learn from all texts at first (lower it step by step [1]), and the balance takes
    from those who write most. Any q gives a bound, so that neither changes what the bound means.
    With `hard`, q is the best expert alone [2].

    Args:
      num_experts: K.
      hard: whether all of q lies on one expert.
      temperature: the variable `temperature` at the start.
      balance: strength of the correction of usage; 0 is none.
      usage_decay: of the running mean of q, the variable `usage`.
      **kwargs: see `DistributionLayer`.
    References:
      [1] Ueda and Nakano. Deterministic Annealing EM Algorithm. Neural Networks 11, 1998.
      [2] Shen, Ott, Auli and Ranzato. Mixture Models for Diverse Machine Translation: Tricks of
        the Trade. ICML 2019. arXiv:1902.07816
    """

    def __init__(
        self,
        num_experts: int,
        *,
        hard: bool = False,
        temperature: float = 1.0,
        balance: float = 0.0,
        usage_decay: float = 0.95,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if num_experts < 1 or temperature <= 0 or balance < 0 or not 0 <= usage_decay < 1:
            raise ValueError(
                "Responsibilities: expected num_experts >= 1, temperature > 0, balance >= 0 and "
                f"usage_decay in [0, 1); received {num_experts}, {temperature}, {balance} and "
                f"{usage_decay}"
            )
        self.num_experts = num_experts
        self.hard = hard
        self.initial_temperature = temperature
        self.balance = balance
        self.usage_decay = usage_decay
        self.build()  # A schedule of the temperature may start before the first call.

    @property
    def value_shape(self) -> tuple[int, ...]:
        return ()

    @property
    def support(self) -> Constraint:
        return whole_numbers_below(self.num_experts)

    def build(self, token_shape: Any = None, context_shape: Any = None) -> None:
        del token_shape, context_shape  # The number of experts is all that counts.
        if self.built:
            return
        self.temperature = self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(self.initial_temperature),
            trainable=False,
            name="temperature",
        )
        self.usage = self.add_weight(
            shape=(self.num_experts,),
            initializer=keras.initializers.Constant(1 / self.num_experts),
            trainable=False,
            aggregation="mean",
            name="usage",
        )
        self.built = True

    def call(self, log_joint: tf.Tensor, training: bool = False) -> tfd.Categorical:
        """q(k | x, c), batch shape [B].

        Args:
          log_joint: [B, K], log p(x, k | c).
          training: whether temperature, balance and `hard` apply, and the usage is followed.
        """
        logits = tf.stop_gradient(tf.cast(log_joint, tf.float32))
        if not training:
            return tfd.Categorical(logits=logits)
        usage = tf.convert_to_tensor(self.usage)
        correction = self.balance * tf.math.log(self.num_experts * usage + 1e-6)
        logits = logits / tf.convert_to_tensor(self.temperature) - correction
        if self.hard:
            best = tf.argmax(logits, axis=-1)
            logits = tf.where(tf.one_hot(best, self.num_experts) > 0, 0.0, -float("inf"))
        mean = tf.reduce_mean(tf.nn.softmax(logits), axis=0)  # [K]
        self.usage.assign(self.usage_decay * usage + (1 - self.usage_decay) * mean)
        return tfd.Categorical(logits=logits)


@keras.saving.register_keras_serializable(package="tfp_dgm")
class ExpertRecognition(DistributionLayer):
    """A network that guesses the expert from text and context: for K too large to try them all.

        q(k | x, c) = Categorical(W [encoder(x); c] + b)

    Args:
      encoder: reads the text, token_ids [B, T] -> [B, D].
      num_experts: K.
      one_hot: the expert is a one-hot vector, as relaxed objectives want it, and not an int.
      **kwargs: see `DistributionLayer`.
    """

    def __init__(
        self, encoder: SequenceEncoder, num_experts: int, *, one_hot: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.encoder = encoder
        self.num_experts = num_experts
        self.one_hot = one_hot
        self._hand_on_trainable(encoder)
        layer = OneHotCategorical if one_hot else Categorical
        self.categorical = layer(num_experts, trainable=self.trainable, name="categorical")

    @property
    def value_shape(self) -> tuple[int | None, ...]:
        return self.categorical.value_shape

    @property
    def support(self) -> Constraint:
        return self.categorical.support

    def build(self, token_shape: Any = None, context_shape: Any = None) -> None:
        if not self.encoder.built:
            self.encoder.build()
        if not self.categorical.built:
            self.categorical.build((None, self.encoder.output_units + context_shape[-1]))
        self.built = True

    def call(
        self, token_ids: tf.Tensor, context: tf.Tensor, training: bool = False
    ) -> tfd.Distribution:
        """q(k | x, c), batch shape [B], for token_ids [B, T] and context [B, C]."""
        text = tf.cast(self.encoder(token_ids, training=training), tf.float32)
        return self.categorical(tf.concat([text, tf.cast(context, tf.float32)], axis=-1))
