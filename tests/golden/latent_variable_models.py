"""A model for each posterior, prior, likelihood and objective, each with arguments of its own."""

import keras
import numpy as np

from tfp_dgm import layers, objectives
from tfp_dgm.models import (
    M1M2,
    M2,
    VAE,
    AmortizedTopicModel,
    CategoricalVAE,
    ChainVAE,
    CompoundGrammar,
    DocumentMixture,
    ExactLikelihoodModel,
    HierarchicalVAE,
    LatentDirichletAllocation,
    MeanFieldModel,
    SigmoidBeliefNetwork,
)
from tfp_dgm.networks import MLP
from tfp_dgm.training import FusedAdam

CLASSES = 3  # K
WORDS = 6  # V
PIXELS = (2, 2)
COUNTS = np.random.default_rng(9).poisson(1.0, (5, WORDS)).astype(np.float32)
IMAGES = np.random.default_rng(8).integers(0, 2, (5, *PIXELS)).astype(np.float32)
# A row is one class, all of them or two of them.
ANNOTATIONS = np.array([[0, 0, 1], [0, 0, 0], [1, 0, 1], [1, 0, 0], [0, 1, 1]], np.float32)


def randomized(model, inputs, scale=0.7):
    """Weights drawn in every place: at their start, biases and log-scales are zeros."""
    if not model.built:
        model.build(keras.tree.map_structure(np.shape, inputs))
    random = np.random.default_rng(12)
    for weight in model.trainable_weights:
        weight.assign(random.normal(scale=scale, size=weight.shape))
    return model


def compiled(model, inputs, objective, targets=None, optimizer=None):
    randomized(model, inputs).compile(optimizer or keras.optimizers.SGD(0.05), objective)
    return model, inputs, targets


def topic_model(likelihood, posterior, prior, **kwargs):
    model = AmortizedTopicModel(
        likelihood, posterior, prior=prior, units=(4,), dropout=0.1, seed=3, **kwargs
    )
    contexts = np.random.default_rng(7).normal(size=(len(COUNTS), 2)).astype(np.float32)
    inputs = {"counts": COUNTS, "context": contexts} if kwargs else COUNTS
    model.build()
    return compiled(model, inputs, objectives.ELBO(num_samples=2))


def beside_context():
    model = DocumentMixture(3, WORDS, context_units=2, seed=5)
    contexts = np.random.default_rng(7).normal(size=(len(COUNTS), 2)).astype(np.float32)
    model.build()
    model.context_weights.assign(np.random.default_rng(8).normal(size=(3, 2)))
    return compiled(model, {"counts": COUNTS, "context": contexts}, None)


def normal(units=2, **kwargs):
    return layers.MultivariateNormalDiag(units, min_scale=0.02, **kwargs)


def with_critic(objective, **kwargs):
    model = VAE(
        MLP([4], activation="tanh"),
        None,
        layers.BagOfWords(WORDS),
        critic=MLP([5], activation="relu"),
        seed=3,
        **{"posterior": normal(), **kwargs},
    )
    return compiled(model, COUNTS, objective, optimizer=keras.optimizers.Adam(0.02))


def vae(objective, *, prior=None, posterior=None, likelihood=None, inputs=COUNTS, optimizer=None):
    model = VAE(
        MLP([4], activation="tanh"),
        MLP([3], activation="elu"),
        likelihood or layers.BagOfWords(WORDS),
        posterior=posterior or normal(),
        prior=prior,
        seed=3,
    )
    return compiled(model, inputs, objective, optimizer=optimizer)


def belief_network(objective, units=(2,), **kwargs):
    mean = [0.2, 0.7, 0.5, 0.4]
    model = SigmoidBeliefNetwork(PIXELS, units=units, mean=mean, seed=5, **kwargs)
    return compiled(model, IMAGES, objective)


def categorical_vae(objective, **kwargs):
    model = CategoricalVAE(
        MLP([4], activation="tanh"),
        None,
        layers.IndependentBernoulli(PIXELS),
        num_variables=2,
        num_values=3,
        seed=6,
        **kwargs,
    )
    return compiled(model, IMAGES, objective)


def two_layers(objective):
    model = HierarchicalVAE(
        [MLP([4], activation="tanh"), None],
        [normal(3), normal(2)],
        [MLP([4], activation="tanh"), None],
        layers.IndependentBernoulli(PIXELS),
        conditionals=[layers.MultivariateNormalTriL(3, min_scale=0.1)],
        prior=layers.LearnedNormalPrior(2),
        seed=7,
    )
    return compiled(model, IMAGES, objective)


def discrete_layer(posterior, prior):
    model = HierarchicalVAE(
        [None], [posterior], [None], layers.IndependentBernoulli(PIXELS), prior=prior, seed=4
    )
    return compiled(model, IMAGES, objectives.ScoreFunctionELBO(num_samples=3))


def m2(**kwargs):
    return M2(
        CLASSES,
        MLP([4], activation="tanh"),
        MLP([3], activation="tanh"),
        kwargs.pop("likelihood", layers.BagOfWords(WORDS)),
        classifier=MLP([4], activation="tanh"),
        posterior_network=MLP([3], activation="tanh"),
        posterior=normal(),
        class_prior=layers.CategoricalPrior(CLASSES),
        classification_weight=1.7,
        seed=8,
        **kwargs,
    )


def m1_m2():
    lower = VAE(MLP([4]), None, layers.BagOfWords(WORDS), latent_units=2, seed=1)
    upper = m2(likelihood=normal())
    return compiled(
        M1M2(lower, upper, seed=2),
        COUNTS,
        objectives.ELBO(kl_weight=0.7),
        np.array([2, -1, 0, -1, 1]),
    )


def class_by_draws():
    critics = [objectives.SelfCritical(), objectives.RunningAverage(decay=0.8, average=-2.0)]
    by_draws = objectives.ScoreFunctionELBO(num_samples=2, control_variates=critics)
    return compiled(
        m2(class_objective=by_draws),
        COUNTS,
        objectives.ImportanceWeighted(num_samples=3),
        ANNOTATIONS,
    )


def exact_likelihood():
    likelihood = layers.IndependentBernoulli(PIXELS)
    model = ExactLikelihoodModel(likelihood, encoder=MLP([3], activation="tanh"), seed=4)
    # Its own log-probability is what trains it; the objective is here to be saved.
    nested = objectives.Nested(objectives.EnumeratedELBO(), objectives.ELBO(kl_weight=0.4))
    return compiled(model, {"condition": COUNTS, "event": IMAGES}, nested)


def chain_vae():
    encoder = keras.layers.Embedding(WORDS, 3)
    model = randomized(ChainVAE(WORDS, 3, encoder, annotation_weight=2.0, seed=1), TEXTS)
    model.compile(keras.optimizers.SGD(0.05), objectives.EnumeratedELBO())
    return (
        model,
        TEXTS,
        np.array([[0, -1, 2, -1], [-1, 1, 0, 0], [2, 0, 0, 0]])[:, : TEXTS.shape[1]],
    )


def compound_grammar():
    encoder = keras.Sequential([keras.layers.Embedding(WORDS, 3), keras.layers.LSTM(4)])
    likelihood = layers.CompoundContextFreeGrammar(WORDS, 2, 3, max_length=4, symbol_units=5)
    model = CompoundGrammar(encoder, likelihood, latent_units=2, seed=2)
    return compiled(model, SENTENCES, objectives.ELBO(kl_weight=0.8))


def hidden_structure(likelihood, inputs):
    return compiled(ExactLikelihoodModel(likelihood, seed=3), inputs, None)


TEXTS = np.int32([[3, 4, 2, 0], [5, 2, 0, 0], [4, 4, 3, 5]])
SENTENCES = np.int32([[3, 4, 5, 2], [5, 4, 2, 0], [4, 4, 2, 0]])
FRAMES = np.random.default_rng(2).normal(size=(3, 4, 2)).astype(np.float32)
FRAMES[1, 2:] = np.nan
PLANAR = layers.PlanarFlow
INVERSE = layers.InverseAutoregressiveFlow
ONE_HOT = np.eye(4, dtype=np.float32)[[0, 2, 3, 1, 0]]
NVIL = [objectives.LearnedBaseline(loss_weight=0.6), objectives.RunningAverage(decay=0.8)]

LATENT_VARIABLE_MODELS = {
    "vae_free_bits": lambda: vae(
        objectives.ELBO(num_samples=2, kl_weight=0.6, rate=objectives.FreeBits(0.3, group_size=2)),
        optimizer=keras.optimizers.Adam(0.02, beta_1=0.8),
    ),
    "vae_desired_rate": lambda: vae(
        objectives.ELBO(rate=objectives.MinimumDesiredRate(2.0, learning_rate=0.1, multiplier=0.4)),
        posterior=layers.MultivariateNormalTriL(2, min_scale=0.1),
        prior=layers.LearnedNormalPrior(2),
        optimizer=FusedAdam(0.02, clipnorm=1.0),
    ),
    "vae_mixture": lambda: vae(
        objectives.ImportanceWeighted(num_samples=3, gradient=objectives.DoublyReparameterized()),
        prior=layers.MixtureOfNormalsPrior(2, 3),
        likelihood=layers.Multinomial(WORDS, total_count=4.0),
        inputs=np.float32([[4, 0, 0, 0, 0, 0], [1, 1, 1, 1, 0, 0], [0, 0, 2, 0, 0, 2]]),
    ),
    "vae_vamp_prior": lambda: vae(
        objectives.ELBO(analytic_kl=False, gradient=objectives.StickingTheLanding()),
        prior=layers.VampPrior(2, 3, (WORDS,), activation="softplus"),
    ),
    "vae_autoregressive_flows": lambda: vae(
        objectives.Renyi(num_samples=3, alpha=0.3),
        posterior=INVERSE(normal(), num_flows=2, hidden_units=(4,), context_units=3),
        prior=layers.AutoregressiveFlowPrior(2, num_flows=2, hidden_units=(4, 5)),
    ),
    "vae_spherical": lambda: vae(
        objectives.PartiallyImportanceWeighted(num_bounds=2, num_samples=2),
        posterior=layers.PowerSpherical(3, min_concentration=0.3),
        likelihood=layers.OneHotCategorical(4),
        inputs=ONE_HOT,
    ),
    "vae_batch_normalized": lambda: vae(
        objectives.CombinationImportanceWeighted(num_samples=3, beta=0.3),
        posterior=layers.BatchNormalizedNormalDiag(2, gamma=0.7, momentum=0.9),
        likelihood=normal(4),
        inputs=2 * ONE_HOT - 0.3,
    ),
    "vae_planar_flow": lambda: vae(
        objectives.MultiplyImportanceWeighted(
            num_bounds=2, num_samples=3, gradient=objectives.Pathwise()
        ),
        posterior=PLANAR(normal(), num_flows=3),
    ),
    "vae_householder_spline": lambda: vae(
        objectives.ELBO(num_samples=2),
        posterior=layers.HouseholderFlow(normal(), num_flows=2),
        prior=layers.SplineCouplingFlowPrior(
            2, num_flows=2, hidden_units=(4, 3), num_bins=4, bound=3.0
        ),
    ),
    "vae_spline_continuous": lambda: vae(
        objectives.ImportanceWeighted(num_samples=2),
        posterior=layers.SplineCouplingFlow(
            normal(), num_flows=2, hidden_units=(4,), context_units=3, num_bins=3, bound=4.0
        ),
        prior=layers.ContinuousFlowPrior(2, num_flows=2, hidden_units=(4, 3)),
    ),
    "vae_continuous_flow": lambda: vae(
        objectives.ELBO(num_samples=2, gradient=objectives.StickingTheLanding()),
        posterior=layers.ContinuousFlow(normal(), hidden_units=(4,), context_units=3),
    ),
    "vae_semi_amortized": lambda: vae(
        objectives.SemiAmortized(
            objectives.ELBO(kl_weight=0.8), num_steps=2, learning_rate=0.3, momentum=0.2
        ),
    ),
    "hierarchical_vae": lambda: two_layers(objectives.ImportanceWeighted(num_samples=2)),
    "binary_layer": lambda: discrete_layer(
        layers.IndependentBernoulli(3), layers.BernoulliPrior(3)
    ),
    "one_hot_layer": lambda: discrete_layer(
        layers.IndependentOneHotCategorical((2, 3)), layers.OneHotCategoricalPrior(2, 3)
    ),
    "m1_m2": m1_m2,
    "m2": lambda: compiled(m2(), COUNTS, objectives.ELBO(kl_weight=0.9), ANNOTATIONS),
    "m2_class_by_draws": class_by_draws,
    "exact_likelihood": exact_likelihood,
    "hidden_markov_text": lambda: hidden_structure(
        layers.HiddenMarkovText(WORDS, num_states=3, max_length=4, seed=1), TEXTS
    ),
    "latent_dirichlet_allocation": lambda: compiled(
        LatentDirichletAllocation(3, WORDS, vocabulary=list("abcdef"), steps=4, seed=5),
        COUNTS,
        objectives.ELBO(num_samples=2),
    ),
    "prod_lda": lambda: compiled(
        VAE(
            MLP([4], activation="tanh"),
            keras.layers.Softmax(),
            layers.BagOfWords(WORDS),
            latent_units=3,
            prior=layers.DirichletLaplacePrior(3, concentration=0.6),
            seed=3,
        ),
        COUNTS,
        objectives.ELBO(num_samples=2),
    ),
    "product_of_topics": lambda: topic_model(
        layers.ProductOfTopics(WORDS, momentum=0.8),
        layers.BatchNormalizedNormalDiag(3, gamma=0.9, momentum=0.8),
        layers.DirichletLaplacePrior(3, concentration=0.4),
    ),
    "mixture_of_topics": lambda: topic_model(
        layers.MixtureOfTopics(WORDS),
        layers.Dirichlet(3, min_concentration=0.3),
        layers.DirichletPrior(3, concentration=0.8),
    ),
    "embedded_topics": lambda: topic_model(
        layers.EmbeddedTopics(WORDS, 2, train_vectors=True),
        layers.MultivariateNormalTriL(3, min_scale=0.1),
        layers.LearnedNormalTriLPrior(3),
        context_units=2,
        reads_counts=False,
    ),
    "naive_bayes_mixture": lambda: hidden_structure(
        layers.NaiveBayesMixture(WORDS, num_components=3, seed=1), COUNTS
    ),
    "document_mixture": lambda: compiled(
        DocumentMixture(3, WORDS, vocabulary=list("abcdef"), damped=False, seed=5), COUNTS, None
    ),
    "document_mixture_beside_context": beside_context,
    "dirichlet_posterior": lambda: compiled(
        VAE(
            MLP([4], activation="tanh"),
            None,
            layers.BagOfWords(WORDS),
            posterior=layers.Dirichlet(3, min_concentration=0.3),
            prior=layers.DirichletPrior(3, concentration=0.8),
            seed=3,
        ),
        COUNTS,
        objectives.ELBO(num_samples=2),
    ),
    "hard_kumaraswamy": lambda: compiled(
        VAE(
            MLP([4], activation="tanh"),
            None,
            layers.BagOfWords(WORDS),
            posterior=layers.HardKumaraswamy(3, min_concentration=0.2),
            prior=layers.HardKumaraswamyPrior(3, concentration1=0.6, concentration0=1.5),
            seed=3,
        ),
        COUNTS,
        objectives.ELBO(num_samples=2),
    ),
    "wasserstein_autoencoder": lambda: vae(
        objectives.WassersteinMMD(
            weight=2.0, num_samples=2, kernel=objectives.RadialBasisFunction(scales=[0.5, 2.0])
        ),
        posterior=layers.PointMass(2),
        prior=layers.LearnedNormalPrior(2),
    ),
    "wasserstein_autoencoder_scaled": lambda: vae(
        objectives.WassersteinMMD(
            kernel=objectives.InverseMultiquadratic(scales=[0.3, 1.0]), kernel_scale=3.0
        )
    ),
    "adversarial_autoencoder": lambda: with_critic(
        objectives.AdversarialAutoencoder(
            weight=0.6, critic_loss=objectives.LogisticCritic(gradient_penalty=0.1)
        )
    ),
    "adversarially_regularized_autoencoder": lambda: with_critic(
        objectives.AdversarialAutoencoder(
            num_samples=2, critic_loss=objectives.WassersteinCritic(gradient_penalty=2.0)
        ),
        posterior=layers.PointMass(2),
        prior=layers.ImplicitPrior(2, MLP([3], activation="tanh"), noise_units=4),
    ),
    "dependency_model": lambda: hidden_structure(
        layers.DependencyModelWithValence(WORDS, max_length=4, attachment_valences=2, seed=1), TEXTS
    ),
    "dependency_model_neural": lambda: hidden_structure(
        layers.NeuralDependencyModelWithValence(WORDS, 4, embedding_units=3, valence_units=2),
        TEXTS,
    ),
    "grammar": lambda: hidden_structure(
        layers.ProbabilisticContextFreeGrammar(WORDS, 2, 3, max_length=4, seed=1), SENTENCES
    ),
    "neural_grammar": lambda: hidden_structure(
        layers.NeuralContextFreeGrammar(WORDS, 2, 3, max_length=4, symbol_units=5), SENTENCES
    ),
    "compound_grammar": compound_grammar,
    "dependency_model_vectors": lambda: hidden_structure(
        layers.GaussianDependencyModelWithValence(2, num_states=3, num_steps=4, seed=1), FRAMES
    ),
    "hidden_markov_vectors": lambda: hidden_structure(
        layers.GaussianHiddenMarkov(2, num_states=3, num_steps=4, full_covariance=True), FRAMES
    ),
    "hidden_markov_chains": lambda: hidden_structure(
        layers.FactorialHiddenMarkov(2, num_chains=2, num_states=3, num_steps=4, min_scale=0.1),
        FRAMES,
    ),
    "mean_field": lambda: compiled(
        MeanFieldModel(layers.FactorialHiddenMarkov(2, 3, 2, num_steps=4), steps=3, seed=5),
        FRAMES,
        None,
    ),
    "chain_vae": chain_vae,
    "categorical_vae": lambda: categorical_vae(
        objectives.GumbelSoftmaxELBO(num_samples=2, temperature=0.7)
    ),
    "categorical_vae_rebar": lambda: categorical_vae(
        objectives.REBAR(num_samples=2, temperature=0.4, scale=0.8, decay=0.9)
    ),
    "categorical_vae_enumerated": lambda: categorical_vae(objectives.EnumeratedELBO()),
    "belief_network_nvil": lambda: belief_network(
        objectives.ScoreFunctionELBO(num_samples=2, control_variates=NVIL),
        units=(3, 2),
        baseline_units=3,
    ),
    "belief_network_vimco": lambda: belief_network(
        objectives.ScoreFunctionImportanceWeighted(
            num_samples=3, control_variates=[objectives.LeaveOneOut()]
        )
    ),
    "belief_network_relax": lambda: belief_network(
        objectives.RELAX(num_samples=2, temperature=0.6), surrogate_units=3
    ),
    **{
        f"belief_network_{name}": lambda objective=objective: belief_network(objective())
        for name, objective in {
            "arm": lambda: objectives.ARM(num_samples=2),
            "disarm": lambda: objectives.DisARM(num_samples=2),
            "muprop": lambda: objectives.MuProp(num_samples=2),
            "straight_through": lambda: objectives.StraightThroughELBO(num_samples=2),
            "wake_sleep": lambda: objectives.WakeSleep(num_samples=2),
            "reweighted": lambda: objectives.ReweightedWakeSleep(num_samples=3, sleep=0.4),
        }.items()
    },
}
