"""The continuous variables of which discrete latents are the rounding."""

import tensorflow as tf
import tensorflow_probability as tfp


class PerturbedLatents:
    """Logits [S, B, ...] with noise, and the latents that they round to.

    Attributes:
      b: [S, B, ...]; the discrete latents.
      mean: [S, B, ...]; their probabilities.
    """

    b: tf.Tensor
    mean: tf.Tensor

    def perturbed(self, logits: tf.Tensor) -> tf.Tensor:
        """The logits with the noise that gave b."""
        raise NotImplementedError

    def conditional(self, logits: tf.Tensor) -> tf.Tensor:
        """The logits with noise drawn again given b."""
        raise NotImplementedError

    def relaxed(self, z: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
        """Perturbed logits -> values between 0 and 1 that round to the same latents."""
        raise NotImplementedError

    def score(self) -> tf.Tensor:
        """d log q(b) / d logits."""
        return self.b - self.mean


class PerturbedBinary(PerturbedLatents):
    """z = l + logistic noise, b = 1[z > 0] (Tucker et al., appendix C)."""

    def __init__(self, logits: tf.Tensor, seed: tf.Tensor) -> None:
        first, second = tf.unstack(tf.random.split(seed, 2))
        self.mean = tf.nn.sigmoid(logits)
        self.noise = _logit(_uniform(tf.shape(logits), first))
        self.noise_again = _logit(_uniform(tf.shape(logits), second))
        self.b = tf.cast(logits + self.noise > 0, tf.float32)

    def perturbed(self, logits: tf.Tensor) -> tf.Tensor:
        return logits + self.noise

    def conditional(self, logits: tf.Tensor) -> tf.Tensor:
        above = tf.nn.softplus(self.noise_again + tf.nn.softplus(logits))
        below = -tf.nn.softplus(self.noise_again + tf.nn.softplus(-logits))
        return tf.where(self.b > 0, above, below)

    def relaxed(self, z: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
        return tf.nn.sigmoid(z / temperature)


class PerturbedOneHot(PerturbedLatents):
    """z = l + Gumbel noise, b = the largest (Tucker et al., appendix C)."""

    def __init__(self, logits: tf.Tensor, seed: tf.Tensor) -> None:
        first, second = tf.unstack(tf.random.split(seed, 2))
        self.mean = tf.nn.softmax(logits)
        self.noise = -tf.math.log(-tf.math.log(_uniform(tf.shape(logits), first)))
        self.noise_again = -tf.math.log(-tf.math.log(_uniform(tf.shape(logits), second)))
        self.b = tf.one_hot(tf.argmax(logits + self.noise, axis=-1), tf.shape(logits)[-1])

    def perturbed(self, logits: tf.Tensor) -> tf.Tensor:
        return logits + self.noise

    def conditional(self, logits: tf.Tensor) -> tf.Tensor:
        # With normalised logits the largest is Gumbel(0), and the others are cut off below it.
        top = tf.reduce_sum(self.b * self.noise_again, axis=-1, keepdims=True)
        others = -tfp.math.log_add_exp(-self.noise_again - logits, -top)
        return tf.where(self.b > 0, top, others)

    def relaxed(self, z: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
        return tf.nn.softmax(z / temperature)


def perturbed_latents(logits: tf.Tensor, one_hot: bool, seed: tf.Tensor) -> PerturbedLatents:
    """Draws of binary or one-hot latents.

    Args:
      logits: [S, B, ...]; normalised, where one-hot.
      one_hot: which of the two.
      seed: int32 [2].
    """
    return PerturbedOneHot(logits, seed) if one_hot else PerturbedBinary(logits, seed)


def _uniform(shape: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Uniform draws that stay away from 0 and 1, whose logarithms are infinite."""
    return tf.clip_by_value(tf.random.stateless_uniform(shape, seed), 1e-6, 1 - 1e-6)


def _logit(value: tf.Tensor) -> tf.Tensor:
    return tf.math.log(value) - tf.math.log1p(-value)
