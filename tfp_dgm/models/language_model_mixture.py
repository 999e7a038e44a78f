"""Texts of K clusters, each with a language model of its own."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike
from tensorflow_probability import distributions as tfd

from tfp_dgm import distributions, objectives
from tfp_dgm.layers import CategoricalPrior, ClusterTexts, ExpertRecognition, Responsibilities
from tfp_dgm.models.latent_variable_model import LatentVariableModel, Parts, parts_of
from tfp_dgm.models.takes_texts import TakesTexts
from tfp_dgm.models.text_inputs import check_vocabulary
from tfp_dgm.models.usage_entropy import UsageEntropy
from tfp_dgm.text import Vocabulary
from tfp_dgm.token_ids import PAD, START


@keras.saving.register_keras_serializable(package="tfp_dgm")
class LanguageModelMixture(TakesTexts, LatentVariableModel):
    """A mixture of language models that share their network (a deep mixture [1]).

        c ~ Categorical(mu);    x ~ p(x | c) = prod_t softmax(W h_t + b + b_c)[x_t]
        p(x) = sum_c mu_c p(x | c);    p(c | x) by Bayes' rule

    h_t is of the words before, and, where the decoder takes a conditioning, of an embedding of the
    cluster; see `layers.ClusterTexts`. How it learns is the objective:
      `ExactMarginal()`: the log-likelihood itself, all clusters in one batch (the default);
      `EnumeratedELBO()`: EM, with the posterior of Bayes' rule as q (no gradient goes through it;
        its temperature and balance guard against clusters that die), or with a network's;
      `ScoreFunctionELBO()` and its kin, relaxations, wake-sleep: with `ExpertRecognition`.
    Clusters that start alike stay alike: `start_clusters` starts them from others' clusters.
    Training and evaluation report the entropy of the clusters' shares, `usage_entropy`: log K where
    they are even, 0 where one has all texts.

    Inputs are token ids [B, T] or strings [B]. `predict` and calling the model give p(c | x),
    [B, K].

    Args:
      likelihood: p(x | c), of K clusters.
      cluster_posterior: q(c | x): `Responsibilities(K)`, or `ExpertRecognition`.
      vocabulary: takes strings to token ids and back.
      seed: see `LatentVariableModel`.
    References:
      [1] Kim, Wiseman and Rush. A Tutorial on Deep Latent Variable Models of Natural Language.
        2018. arXiv:1812.06834, sections 3.1 and 5.2.
    """

    built: bool

    def __init__(
        self,
        likelihood: ClusterTexts,
        *,
        cluster_posterior: Responsibilities | ExpertRecognition | None = None,
        vocabulary: Vocabulary | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        num_clusters = likelihood.num_clusters
        check_vocabulary(self, vocabulary, likelihood.decoder)
        self.likelihood = likelihood
        self.prior_layer = CategoricalPrior(num_clusters, name="prior")
        self.cluster_posterior = cluster_posterior or Responsibilities(
            num_clusters, name="cluster_posterior"
        )
        if self.cluster_posterior.num_experts != num_clusters:
            raise ValueError(
                "LanguageModelMixture: `cluster_posterior` is over "
                f"{self.cluster_posterior.num_experts} clusters; expected {num_clusters}"
            )
        self.save_as(cluster_posterior=self.cluster_posterior)
        self.vocabulary = vocabulary
        self._trackers["usage_entropy"] = UsageEntropy(num_clusters, name="usage_entropy")

    @property
    def num_clusters(self) -> int:
        """K."""
        return self.likelihood.num_clusters

    @property
    def max_length(self) -> int:
        """Tokens of a draw, END included."""
        return self.likelihood.max_length

    @property
    def shares(self) -> tf.Tensor:
        """p(c), [K]."""
        return tf.nn.softmax(tf.convert_to_tensor(self.prior_layer.logits))

    def default_objective(self) -> objectives.Objective:
        return objectives.ExactMarginal()

    def build(self, input_shape: Any = None) -> None:
        if self.built:
            return
        for part in (self.likelihood, self.prior_layer):
            part.build()
        if not self.cluster_posterior.built:
            self.cluster_posterior.build((None, None), (None, 0))
        self.built = True

    def start_clusters(
        self, inputs: Any, memberships: ArrayLike, *, pseudo_count: float = 0.5
    ) -> None:
        """Sets shares, b and b_c to those of given clusters: naive Bayes, until the network learns.

            b = log p(v);    b_c = log p(v | c) - log p(v);    mu_c = p(c)

        with p(v | c) smoothed towards p(v): V `pseudo_count` words of it beforehand.

        Args:
          inputs: token ids [N, T] or strings [N].
          memberships: [N, K]; how far each text is in each cluster, such as `ClusterFit.mixtures`.
          pseudo_count: words beforehand, of each word.
        Raises:
          ValueError: if the memberships are not [N, K].
        """
        token_ids = self.token_ids(inputs).numpy()
        memberships = np.asarray(memberships, np.float64)
        expected = (len(token_ids), self.num_clusters)
        if memberships.shape != expected:
            raise ValueError(
                f"LanguageModelMixture: `memberships` must be {list(expected)}; received "
                f"{list(memberships.shape)}"
            )
        self.build()
        size = self.likelihood.vocabulary_size
        rows, columns = np.nonzero(token_ids != PAD)
        counts = np.zeros((size, self.num_clusters))
        np.add.at(counts, token_ids[rows, columns], memberships[rows])
        written = np.setdiff1d(np.arange(size), [PAD, START])
        total = counts.sum(axis=1)
        words = (total + pseudo_count) / (total[written] + pseudo_count).sum()  # [V]
        prior = pseudo_count * size * words[:, np.newaxis]
        of_cluster = (counts + prior) / (counts.sum(axis=0) + pseudo_count * size)  # [V, K]
        bias = np.zeros((self.num_clusters, size))
        bias[:, written] = np.log(of_cluster / words[:, np.newaxis]).T[:, written]
        self.likelihood.cluster_bias.assign(bias)
        self.likelihood.decoder.output_bias.assign(np.log(words))
        shares = memberships.sum(axis=0) + 1.0
        self.prior_layer.logits.assign(np.log(shares / shares.sum()))

    def texts(self, clusters: tf.Tensor, training: bool = False) -> distributions.TokenSequence:
        """p(x | c) of clusters int32 [...], with their batch shape."""
        return self.likelihood(tf.convert_to_tensor(clusters), training=training)

    def joint(self, inputs: Any, *, training: bool = False) -> objectives.Joint:
        token_ids = None if inputs is None else self.token_ids(inputs)
        of_each: list[tf.Tensor] = []  # [B, K], made once.

        def log_likelihood(z: tf.Tensor) -> tf.Tensor:
            if z.dtype.is_floating or not self.likelihood.shares_states:
                return self.texts(z, training=training).log_prob(token_ids)  # [S, B]
            if not of_each:
                of_each.append(self.likelihood.log_prob_of_each(token_ids, training=training))
            shape = tf.stack([tf.shape(z)[0], tf.shape(token_ids)[0]])
            chosen = tf.transpose(tf.broadcast_to(z, shape))  # [B, S]
            return tf.transpose(tf.gather(of_each[0], chosen, batch_dims=1))

        return objectives.Joint(
            self,
            log_likelihood=log_likelihood,
            prior=self._prior,
            posterior=lambda: self._posterior(token_ids, training),
            training=training,
        )

    def _prior(self) -> tfd.Distribution:
        if getattr(self.cluster_posterior, "one_hot", False):
            logits = tf.convert_to_tensor(self.prior_layer.logits)
            return tfd.OneHotCategorical(logits=logits, dtype=tf.float32)
        return self.prior_layer()

    def _posterior(self, token_ids: tf.Tensor, training: bool) -> tfd.Distribution:
        if isinstance(self.cluster_posterior, ExpertRecognition):
            nothing = tf.zeros([tf.shape(token_ids)[0], 0])
            return self.cluster_posterior(token_ids, nothing, training=training)
        # Nothing drops out in the E-step.
        return self.cluster_posterior(self.log_joint(token_ids), training=training)

    def log_joint(self, inputs: Any) -> tf.Tensor:
        """log p(x, c), without dropout: float32 [B, K], nats."""
        log_shares = tf.math.log_softmax(tf.convert_to_tensor(self.prior_layer.logits))
        return self.likelihood.log_prob_of_each(self.token_ids(inputs)) + log_shares

    def log_prob(self, inputs: Any) -> tf.Tensor:
        """log p(x), summed over all clusters: float32 [B], nats."""
        return tf.reduce_logsumexp(self.log_joint(inputs), axis=-1)

    def losses_per_example(
        self, inputs: Any, targets: Any, training: bool
    ) -> tuple[tf.Tensor, Parts]:
        del targets
        joint = self.joint(inputs, training=training)
        bound = self.bound_of(joint)
        if joint.was_asked_for("posterior"):
            usage = tf.exp(tf.math.log_softmax(joint.posterior.logits_parameter()))  # [B, K]
        else:  # The clusters were summed out: by Bayes' rule.
            log_shares = tf.math.log_softmax(joint.prior.logits_parameter())
            usage = tf.nn.softmax(tf.transpose(bound.log_weights) + log_shares)
        return bound.loss, {**parts_of(bound), "usage_entropy": (usage, None)}

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        return tf.nn.softmax(self.log_joint(inputs))
