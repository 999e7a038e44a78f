"""What is known of a draw's learning signal before it is drawn, and can be taken off."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tfp_dgm.objectives.configuration import Configured
from tfp_dgm.objectives.impossible_draws import zero_where_infinite
from tfp_dgm.objectives.joint import Joint


class Signal(NamedTuple):
    """The learning signal by which each draw's score is multiplied, and what may predict it.

    Attributes:
      total: [S, B]; nats; -inf where the draw is impossible.
      predicted: [S, B]; what the control variates before this one have predicted of it.
      from_others: gives the total as the other draws alone would have it, [S, B].
      greedy: gives the total of the posterior's mode instead of a draw, [B]; of several layers, of
        each one's mode given those before it.
      at_mean: gives the total at the posterior's mean instead of a draw, [B]; of binary or one-hot
        latents; of several layers, at each one's mean given the means before it.
      joint: of the batch.
    """

    total: tf.Tensor
    predicted: tf.Tensor
    from_others: Callable[[], tf.Tensor]
    greedy: Callable[[], tf.Tensor]
    at_mean: Callable[[], tf.Tensor]
    joint: Joint

    @property
    def rest(self) -> tf.Tensor:
        """What the control variates before this one have left of the total, [S, B]."""
        return self.total - self.predicted


class ControlVariate(Configured):
    """Predicts what is left of the signal, from anything but the draw itself.

    Several in a list combine: each predicts what the ones before it have left. The gradient stays
    unbiased whatever is predicted.
    """

    # Draws without which there is nothing to predict from.
    least_samples = 1

    def predict(self, signal: Signal) -> tf.Tensor:
        """The prediction of `signal.rest`: [S, B], [B] or []; no gradient.

        Where it is infinite, it counts as none.
        """
        raise NotImplementedError

    def loss(self, signal: Signal) -> tf.Tensor | float:
        """What training minimises besides the bound, [B], where the control variate learns."""
        return 0.0


class LeaveOneOut(ControlVariate):
    """The other draws' signal: RLOO [1] for the ELBO, VIMCO [2] for the importance-weighted bound.

    References:
      [1] Kool, van Hoof and Welling. Buy 4 REINFORCE Samples, Get a Baseline for Free! ICLR 2019
        workshop.
      [2] Mnih and Rezende. Variational Inference for Monte Carlo Objectives. ICML 2016.
        arXiv:1602.06725
    """

    least_samples = 2

    def predict(self, signal: Signal) -> tf.Tensor:
        return signal.from_others() - signal.predicted


class RunningAverage(ControlVariate):
    """The mean signal of the training steps so far [1], one number for all examples.

    Impossible draws are left out of the mean, which they would leave at -inf for ever.

        average <- decay average + (1 - decay) mean_sb rest_sb

    Args:
      decay: from 0 to 1.
      average: where it starts.
    References:
      [1] Mnih and Gregor. Neural Variational Inference and Learning in Belief Networks. ICML 2014.
        arXiv:1402.0030
    """

    def __init__(self, *, decay: float = 0.9, average: float = 0.0) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"RunningAverage: `decay` must lie in [0, 1); received {decay}")
        self.decay = decay
        self.average = tf.Variable(
            average,
            trainable=False,
            dtype=tf.float32,
            aggregation=tf.VariableAggregation.MEAN,  # Replicas see different parts of a batch.
            name="average",
        )

    def predict(self, signal: Signal) -> tf.Tensor:
        average = tf.convert_to_tensor(self.average)
        if signal.joint.training:
            possible = tf.cast(~tf.math.is_inf(signal.rest), tf.float32)
            left = tf.reduce_sum(zero_where_infinite(signal.rest) - possible * average)
            step = tf.math.divide_no_nan(left, tf.reduce_sum(possible))
            self.average.assign_add((1 - self.decay) * step)
        return average


class LearnedBaseline(ControlVariate):
    """A network's prediction from the input, trained by its squared error (NVIL [1]).

    The joint provides it, its `baseline` [B]. ([1] also divides the signal by its running
    standard deviation, which is left to the optimizer here: it would bias the gradient.)

    Args:
      loss_weight: of the squared error, beside the bound.
    References:
      [1] Mnih and Gregor. Neural Variational Inference and Learning in Belief Networks. ICML 2014.
        arXiv:1402.0030
    """

    def __init__(self, *, loss_weight: float = 1.0) -> None:
        self.loss_weight = loss_weight

    def predict(self, signal: Signal) -> tf.Tensor:
        return tf.stop_gradient(signal.joint.baseline)

    def loss(self, signal: Signal) -> tf.Tensor:
        errors = tf.square(zero_where_infinite(signal.rest - signal.joint.baseline))  # [S, B]
        return self.loss_weight * tf.reduce_mean(errors, axis=0)


class SelfCritical(ControlVariate):
    """The signal of the posterior's mode [1]; one more evaluation of the likelihood.

    References:
      [1] Rennie et al. Self-critical Sequence Training for Image Captioning. CVPR 2017.
        arXiv:1612.00563
    """

    def predict(self, signal: Signal) -> tf.Tensor:
        return tf.stop_gradient(signal.greedy() - signal.predicted)


class AtMean(ControlVariate):
    """The signal at the posterior's mean; one more evaluation of the likelihood.

    Of binary or one-hot latents, whose likelihood must take values between 0 and 1. Of a latent
    alignment it is soft attention, the baseline of [1] (which takes the prior's mean; any that does
    not look at the draw will do). MuProp without its linear term.

    References:
      [1] Deng, Kim, Chiu, Guo and Rush. Latent Alignment and Variational Attention. NeurIPS 2018.
        arXiv:1807.03756
    """

    def predict(self, signal: Signal) -> tf.Tensor:
        return tf.stop_gradient(signal.at_mean() - signal.predicted)
