"""Topics whose mixtures an inference network tells."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.distributions import point_estimate
from tfp_dgm.layers import (
    DistributionLayer,
    MixtureOfTopics,
    ProductOfTopics,
    ProjectedDistributionLayer,
    require_prior,
    require_projected_layer,
    standard_prior,
)
from tfp_dgm.layers.constraints import MIXTURES
from tfp_dgm.models.latent_variable_model import LatentVariableModel
from tfp_dgm.models.over_words import OverWords
from tfp_dgm.networks import MLP
from tfp_dgm.objectives import Joint

# Of words ranked on M10 and R8, whose diversity a higher one costs, and coherence a lower one.
_PROBABILITY_WEIGHT_OF_PRODUCTS = 0.7


@keras.saving.register_keras_serializable(package="tfp_dgm")
class AmortizedTopicModel(OverWords, LatentVariableModel):
    """Topics that texts mix, the mixtures told by a network that is learned with the topics.

        z ~ p(z);    theta = softmax(z);    words ~ p(words | theta);    q(z | x) of a network

    What is chosen is how topics make words and what prior mixtures have:

        ProdLDA [1]     ProductOfTopics(V)     normal posterior, DirichletLaplacePrior(K)
        ETM [2]         EmbeddedTopics(V, E)   normal posterior, StandardNormalPrior(K)
        CTM [3]         ProductOfTopics(V)     likewise; `context_units`
        correlated [4]  any                    MultivariateNormalTriL(K), LearnedNormalTriLPrior(K)

    A flow is a `prior` like others. Of a posterior `Dirichlet(K)`, theta is z itself.

    The inputs are counts [B, V], or strings [B] where there is a vocabulary; with `context_units`
    {"counts": these, "context": [B, H]}, vectors of the texts by a pretrained encoder. The network
    sees log(1 + count), as a vector of one length for all texts, beside the context. `predict` and
    calling the model give the mixtures of the posteriors' means, [B, K].

    Args:
      likelihood: `ProductOfTopics`, `MixtureOfTopics` or `EmbeddedTopics` of V words.
      posterior: distribution layer over R^K, or over mixtures.
      prior: `layers.standard_prior(posterior)`, where it is not given.
      units: widths of the network's hidden layers.
      dropout: share of each hidden layer that training leaves out.
      context_units: H; 0 where there is no context.
      reads_counts: whether the network sees the counts; where not, the context alone.
      vocabulary: V words; with them the model reads strings, and names topics.
      seed: see `LatentVariableModel`.
    Raises:
      TypeError: if a layer is of another kind.
      ValueError: if the network would see nothing, or the vocabulary has not V words.
    References:
      [1] Srivastava and Sutton. Autoencoding Variational Inference for Topic Models. ICLR 2017.
        arXiv:1703.01488
      [2] Dieng, Ruiz and Blei. Topic Modeling in Embedding Spaces. TACL 2020. arXiv:1907.04907
      [3] Bianchi, Terragni and Hovy. Pre-training is a Hot Topic: Contextualized Document
        Embeddings Improve Topic Coherence. ACL 2021. arXiv:2004.03974
      [4] Blei and Lafferty. A Correlated Topic Model of Science. AOAS 2007.
    """

    def __init__(
        self,
        likelihood: ProductOfTopics | MixtureOfTopics,
        posterior: ProjectedDistributionLayer,
        *,
        prior: DistributionLayer | None = None,
        units: Sequence[int] = (256,),
        dropout: float = 0.2,
        context_units: int = 0,
        reads_counts: bool = True,
        vocabulary: Sequence[str] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        if not isinstance(likelihood, ProductOfTopics | MixtureOfTopics):
            raise TypeError(
                "AmortizedTopicModel: `likelihood` must be a ProductOfTopics, MixtureOfTopics or "
                f"EmbeddedTopics; received {likelihood!r}"
            )
        require_projected_layer(self, "posterior", posterior)
        prior = standard_prior(posterior) if prior is None else prior
        require_prior(self, "prior", prior)
        if not reads_counts and not context_units:
            raise ValueError(
                "AmortizedTopicModel: with `reads_counts=False` the network sees the context "
                "alone; `context_units` must be > 0, received 0"
            )
        self.likelihood = likelihood
        self.posterior_layer, self.prior_layer = posterior, prior
        self.save_as(posterior=posterior, prior=prior)
        self.units, self.dropout = tuple(units), dropout
        self.reads_counts = reads_counts
        self.encoder = MLP(
            self.units, activation="softplus", dropout=dropout, seed=seed, name="encoder"
        )
        if isinstance(likelihood, ProductOfTopics):
            # Normalised, rare words' logits are as large as others': their lift says less.
            self.probability_weight = _PROBABILITY_WEIGHT_OF_PRODUCTS
        self._read_words(likelihood.units, vocabulary, context_units)

    @property
    def num_topics(self) -> int:
        """K."""
        return self.posterior_layer.event_size

    def build(self, input_shape: Any = None) -> None:
        del input_shape  # All sizes are known.
        if not self.built:
            self.topic_shares = self.add_weight(
                shape=(self.num_topics,),
                initializer=keras.initializers.Constant(1 / self.num_topics),
                trainable=False,
                name="topic_shares",
            )
        seen = self.context_units + self.num_words * self.reads_counts
        if not self.encoder.built:
            self.encoder.build((None, seen))
        self.posterior_layer.build((None, self.units[-1]))
        self.prior_layer.build(None)
        self.likelihood.build((None, self.num_topics))
        self.built = True

    @property
    def topics(self) -> tf.Tensor:
        """p(word | topic), [K, V]."""
        self._ensure_built()
        return self.likelihood.topics

    @property
    def shares(self) -> tf.Tensor:
        """How much of all text each topic has, [K], as who fitted the model has set it."""
        self._ensure_built()
        return tf.convert_to_tensor(self.topic_shares)

    def joint(self, inputs: Any, *, training: bool = False) -> Joint:
        self._ensure_built()
        counts, context = self.counts_and_context(inputs)

        def log_likelihood(z: tf.Tensor) -> tf.Tensor:
            return self.decode(z, training=training).log_prob(counts)  # [S, B]

        def parameters() -> tf.Tensor:
            features = self.encoder(self._seen(counts, context), training=training)
            return self.posterior_layer.parameters(features, training)  # [B, P]

        return Joint(
            self,
            log_likelihood=log_likelihood,
            prior=lambda: self.prior_layer(training=training),
            parameters=parameters,
            family=self.posterior_layer.distribution,
            training=training,
        )

    def mixture(self, z: tf.Tensor) -> tf.Tensor:
        """theta [..., K] of latents [..., K]."""
        return z if self.posterior_layer.support is MIXTURES else tf.nn.softmax(z)

    def decode(self, z: tf.Tensor, training: bool = False) -> Any:
        """p(words | z) for latents [..., K]; batch shape [...]."""
        return self.likelihood(self.mixture(z), training=training)

    def word_probabilities(self, inputs: Any) -> tf.Tensor:
        """p(a further word | the text), of the posterior's mean: [B, V]."""
        mean = point_estimate(self.posterior(inputs))
        return tf.nn.softmax(self.decode(mean).logits)

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        return self.mixture(point_estimate(self.posterior(inputs, training=training)))

    def _ensure_built(self) -> None:
        if not self.built:
            self.build()

    def _seen(self, counts: tf.Tensor, context: tf.Tensor | None) -> tf.Tensor:
        """What the network sees: [B, D]."""
        seen = []
        if self.reads_counts:
            damped = tf.math.log1p(counts)
            seen.append(tf.math.l2_normalize(damped, axis=-1) * (self.num_words / 2) ** 0.5)
        if context is not None:
            seen.append(tf.math.l2_normalize(context, axis=-1) * (self.context_units / 2) ** 0.5)
        return tf.concat(seen, axis=-1)
