"""Sequential latents as objectives see them: those of tests/references, Kalman's, hidden chains."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tests.references import particle_systems
from tfp_dgm.distributions import MultivariateNormalDiag
from tfp_dgm.objectives import Joint, Steps

tfd = tfp.distributions


class Sequence(NamedTuple):
    """What has `joint`, as `toys.Problem` has."""

    steps: Steps
    posterior: object = None
    prior: object = None

    def joint(self, **parts):
        return Joint(None, steps=lambda: self.steps, **parts)


def binary_sequence(theta, phi):
    """For theta [N, 5] and phi [N, 3]."""

    def bernoulli(logits):
        return tfd.Bernoulli(logits=logits, dtype=tf.float32)

    def chosen(parameters, z):  # One of two columns.
        return tf.where(z > 0, parameters[:, 1], parameters[:, 0])

    def latent(time, before):  # [S, N]
        is_first = time == 0

        def logits(parameters):
            return tf.where(is_first, parameters[:, 0], chosen(parameters[:, 1:3], before))

        return bernoulli(logits(theta)), bernoulli(logits(phi))

    def advance(time, before, z):
        x = tf.cast(tf.constant(particle_systems.X)[time], tf.float32)
        return bernoulli(chosen(theta[:, 3:5], z)).log_prob(x), z

    rows = tf.shape(theta)[0]
    return Sequence(
        Steps(tf.fill([rows], 2), 2, lambda count: tf.zeros([count, rows]), latent, advance)
    )


def gaussian_sequence(theta, phi):
    """For theta [N, 5] and phi [N, 5]."""
    scales = particle_systems.GaussianSequence.scales

    def normal(loc, scale):  # [S, N] -> events [1]
        loc = loc[..., tf.newaxis]
        return MultivariateNormalDiag(loc, tf.broadcast_to(scale, tf.shape(loc)[1:]))

    def latent(time, before):
        is_first = time == 0
        z = before[..., 0]  # [S, N]
        prior = tf.where(is_first, theta[:, 0], theta[:, 1] * z + theta[:, 2])
        proposal = tf.where(is_first, phi[:, 0], phi[:, 2] * z + phi[:, 3])
        log_scale = tf.where(is_first, phi[:, 1], phi[:, 4])
        return (
            normal(prior, tf.where(is_first, *scales[:2])),
            normal(proposal, tf.exp(log_scale)[:, tf.newaxis]),
        )

    def advance(time, before, z):
        loc = theta[:, 3] * tf.sin(z[..., 0]) + theta[:, 4]
        return tfd.Normal(loc, scales[2]).log_prob(tf.constant(particle_systems.VECTORS)[time]), z

    rows = tf.shape(theta)[0]
    return Sequence(
        Steps(tf.fill([rows], 2), 2, lambda count: tf.zeros([count, rows, 1]), latent, advance)
    )


class Kalman(NamedTuple):
    """z_1 ~ N(0, 1), z_t+1 ~ N(a z_t, r^2), x_t ~ N(z_t, s^2); q leans on x_t by `gain`."""

    a: float = 0.9
    r: float = 0.5
    s: float = 0.7
    gain: float = 0.4
    width: float = 0.6

    def steps(self, x, lengths):
        """Of x [B, T]."""
        x, lengths = tf.constant(x, tf.float32), tf.constant(lengths, tf.int32)

        def latent(time, before):
            mean = self.a * before
            prior = tfd.Normal(mean, tf.where(time == 0, 1.0, self.r))
            return prior, tfd.Normal(mean + self.gain * (x[:, time] - mean), self.width)

        def advance(time, before, z):
            return tfd.Normal(z, self.s).log_prob(x[:, time]), z

        rows = lengths.shape[0]
        return Steps(lengths, x.shape[1], lambda count: tf.zeros([count, rows]), latent, advance)

    def log_prob(self, x):
        """Of one sequence [T], by TFP's Kalman filter."""
        model = tfd.LinearGaussianStateSpaceModel(
            num_timesteps=len(x),
            transition_matrix=[[np.float64(self.a)]],
            transition_noise=tfd.MultivariateNormalDiag([0.0], [np.float64(self.r)]),
            observation_matrix=[[np.float64(1.0)]],
            observation_noise=tfd.MultivariateNormalDiag([0.0], [np.float64(self.s)]),
            initial_state_prior=tfd.MultivariateNormalDiag([np.float64(0.0)], [np.float64(1.0)]),
        )
        return float(model.log_prob(np.asarray(x, np.float64)[:, np.newaxis]))


class HiddenChain(NamedTuple):
    """States that write tokens, by logits; proposals of logits [V, K] of the token alone."""

    initial: np.ndarray  # [K]
    transitions: np.ndarray  # [K, K]
    emissions: np.ndarray  # [K, V]
    proposals: np.ndarray  # [V, K]

    def steps(self, tokens, lengths):
        """Of token ids [B, T]."""
        tokens, lengths = tf.constant(tokens, tf.int32), tf.constant(lengths, tf.int32)
        emissions = tf.nn.log_softmax(tf.constant(self.emissions, tf.float32))

        def latent(time, before):
            moved = tf.gather(tf.constant(self.transitions, tf.float32), before)  # [S, B, K]
            prior = tf.where(time == 0, tf.constant(self.initial, tf.float32), moved)
            proposal = tf.gather(tf.constant(self.proposals, tf.float32), tokens[:, time])
            logits = tf.broadcast_to(proposal, tf.shape(prior))
            return tfd.Categorical(logits=prior), tfd.Categorical(logits=logits)

        def advance(time, before, z):
            token = tf.broadcast_to(tokens[:, time], tf.shape(z))
            return tf.gather_nd(emissions, tf.stack([z, token], axis=-1)), z

        rows = lengths.shape[0]

        def start(count):
            return tf.zeros([count, rows], tf.int32)

        return Steps(lengths, tokens.shape[1], start, latent, advance)


def joint_of(steps):
    return Joint(None, steps=lambda: steps)
