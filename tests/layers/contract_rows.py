"""One row for each distribution layer and each prior: its arguments, its events and its oracle."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import scipy.integrate
import scipy.special
import scipy.stats
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tests.references import (
    densities,
    dependency_models,
    flows,
    grammars,
    hard_kumaraswamy,
    hidden_markov,
    latent_alignments,
    tagged_trees,
    vector_quantization,
)
from tests.references.chains import chain as all_chains
from tests.references.pointed_subsequences import pointed_log_prob
from tests.references.recurrent_text import lstm_log_prob, weights_of
from tfp_dgm import layers, networks

DIMENSIONS = 5  # D, of the features


@dataclass(frozen=True)
class Row:
    """One layer with arguments that are not its defaults.

    Attributes:
      layer: its class.
      arguments: of the constructor.
      events: three events.
      log_prob: oracle of one event, from the parameters of one row (a prior's weights).
      support: every event, where they can be enumerated.
      more: whether there are further events, which are never drawn: draws are of the support alone.
        Without a support, draws are compared in tests of the distribution's own.
      moments: oracle of mean and covariance, where they cannot.
      parameters: of one row of features, from the layer; the flat projection where None.
      num_fixed: weights that training does not change by gradients.
      call: how the layer makes a distribution of features [..., D].
      build: how it makes its weights for features of a shape.
      leading_axes: whether there may be more of them than one.
      whole_support: whether nothing else has a probability.
    """

    layer: type[keras.layers.Layer]
    arguments: dict[str, Any]
    events: np.ndarray
    log_prob: Callable[[np.ndarray, np.ndarray], float]
    support: list[np.ndarray] = field(default_factory=list)
    more: bool = False
    moments: Callable[[Any], tuple[np.ndarray, np.ndarray]] | None = None
    parameters: Callable[[keras.layers.Layer, np.ndarray], Any] | None = None
    num_fixed: int = 0
    call: Callable[[keras.layers.Layer, tf.Tensor], tfd.Distribution] = lambda layer, x: layer(x)
    build: Callable[[keras.layers.Layer, Any], None] = lambda layer, shape: layer.build(shape)
    leading_axes: bool = True
    whole_support: bool = True

    def make(self, **kwargs):
        """A new layer; parts that are layers are new too."""
        arguments = {name: renewed(value) for name, value in self.arguments.items()}
        return self.layer(**arguments, **kwargs)

    @property
    def is_prior(self) -> bool:
        return issubclass(self.layer, layers.Prior)


def renewed(value):
    if isinstance(value, list):
        return [renewed(item) for item in value]
    if isinstance(value, keras.layers.Layer):
        return type(value).from_config(value.get_config())
    return value


def normal_diag(parameters):
    scale = [0.1 + densities.softplus(rho) for rho in parameters[3:]]
    return parameters[:3], np.diag(np.square(scale))


def normal_tril(parameters):
    factor = densities.tril_of_3(parameters[3:], 0.2)
    return parameters[:3], factor @ factor.T


def normal_learned(parameters):
    return parameters[:3], np.diag(np.exp(2 * parameters[3:]))


def normal_standard(parameters):
    return np.zeros(3), np.eye(3)


def dirichlet_moments(concentration):
    mean = np.asarray(concentration) / np.sum(concentration)
    covariance = (np.diag(mean) - np.outer(mean, mean)) / (np.sum(concentration) + 1)
    return mean, covariance


def components_and_words(layer, features):
    return [float64(weight) for weight in layer.weights]


def kinds_of_bags_log_prob(parameters, event):
    components, words = (
        part - scipy.special.logsumexp(part, -1, keepdims=True) for part in parameters
    )
    return np.log(
        sum(np.exp(c) * np.exp(event @ w) for c, w in zip(components, words, strict=True))
    )


def float64(weight):
    return np.asarray(weight, np.float64)


def projected(layer, features):
    kernel, bias = map(float64, layer.weights)
    return np.asarray(features, np.float64) @ kernel + bias


def normal_batch_normalized(layer, features):
    """Parameters as of the plain Normal, from the moving averages."""
    parameters = projected(layer.projection, features)
    mean, variance = map(float64, layer.normalization.weights)
    spread = (parameters[:3] - mean) / np.sqrt(variance + 1e-5)
    return np.concatenate([0.7 * spread + float64(layer.beta), parameters[3:]])


def logits_of_mixed_topics(layer, features):
    """log of the topics' probabilities, mixed by the softmax of the features."""
    kernel, bias = map(float64, layer.weights)
    topics = scipy.special.softmax(kernel + bias, axis=1)
    return np.log(scipy.special.softmax(float64(features)) @ topics)


def logits_of_embedded_topics(layer, features):
    alpha, shift = map(float64, layer.projection.weights)
    scores = (alpha + shift) @ float64(layer.word_vectors).T + float64(layer.background)
    return np.log(scipy.special.softmax(float64(features)) @ scipy.special.softmax(scores, axis=1))


def logits_of_multiplied_topics(layer, features):
    """Normalised by the moving averages."""
    kernel, bias = map(float64, layer.projection.weights)
    mean, variance = map(float64, layer.normalization.weights)
    return (float64(features) @ kernel - mean) / np.sqrt(variance + 1e-3) + bias


def of_mixtures(layer, x):
    return layer(tf.nn.softmax(tf.cast(x, tf.float32)))


def normal_learned_tril(parameters):
    factor = np.diag(np.exp(parameters[3:6]))
    factor[1, 0], factor[2, 0], factor[2, 1] = parameters[6:]
    return parameters[:3], factor @ factor.T


def planar_parameters(layer, features):
    base, flow = projected(layer.base.projection, features), projected(layer.projection, features)
    return base, [(part[:3], part[3:6], part[6]) for part in np.split(flow, 2)]


def planar_log_prob(parameters, event):
    base, parts = parameters
    total, y = 0.0, np.asarray(event, np.float64)
    for u, w, b in reversed(parts):
        y = flows.planar_inverse(u, w, b, y)
        total -= flows.log_det_jacobian(flows.planar(u, w, b), y)
    return total + log_prob_from(normal_diag)(base, y)


def autoregressive_parameters(layer, features):
    context = projected(layer.projection, features)
    base = projected(layer.base.projection, features)
    return base, context, [[float64(w) for w in network.weights] for network in layer.networks]


def inverse_autoregressive_log_prob(parameters, event):
    base, context, networks = parameters
    total, y = 0.0, np.asarray(event, np.float64)
    for index in reversed(range(len(networks))):
        reverse = index % 2 == 1
        forward = flows.autoregressive(networks[index], context, reverse, [4])
        y = flows.autoregressive_inverse(forward, y, reverse)
        total -= flows.log_det_jacobian(forward, y)
    return total + log_prob_from(normal_tril)(base, y)


def householder_moments(parameters):
    """Reflections of a Normal."""
    mean, covariance = normal_diag(parameters[0])
    for v in np.split(parameters[1], 2):
        matrix = flows.householder(v)
        mean, covariance = matrix @ mean, matrix @ covariance @ matrix.T
    return mean, covariance


def householder_parameters(layer, features):
    return projected(layer.base.projection, features), projected(layer.projection, features)


def spline_coupling_log_prob(bound):
    """From the event to the base, through the last coupling first."""

    def log_prob(parameters, event):
        base, context, networks = parameters
        total, y = 0.0, np.asarray(event, np.float64)
        for index in reversed(range(len(networks))):
            forward = flows.spline_coupling(networks[index], context, index % 2 == 1, bound)
            y = forward(y, inverse=True)
            total -= flows.log_det_jacobian(forward, y)
        return total + log_prob_from(normal_diag)(base, y)

    return log_prob


def spline_prior_log_prob(networks, event):
    total, y = 0.0, np.asarray(event, np.float64)
    for index, weights in enumerate(networks):
        forward = flows.spline_coupling(weights, None, index % 2 == 1, 2.0)
        y = forward(y, inverse=True)
        total -= flows.log_det_jacobian(forward, y)
    return total + scipy.stats.norm.logpdf(y).sum()


def motion_weights(network):
    """Weights of the motion by name, as they follow one another, and what shifts them."""
    weights = {weight.name: float64(weight) for weight in network.weights}
    names = ["kernel_0", "kernel_1", "bias_1", "kernel_2", "bias_2", "time_kernel"]
    return [weights[name] for name in names if name in weights], weights


def continuous_parameters(layer, features):
    context, parts = projected(layer.projection, features), []
    for network in layer.networks:
        motion, weights = motion_weights(network)
        parts.append((motion, weights["bias_0"] + context @ weights["context_kernel"]))
    return projected(layer.base.projection, features), parts


def continuous_log_prob(parameters, event):
    base, networks = parameters
    total, y = 0.0, np.asarray(event, np.float64)
    for weights, shift in reversed(networks):
        backward = flows.continuous(weights, shift, 1.0, 0.0)
        total += flows.log_det_jacobian(backward, y)
        y = backward(y)
    return total + log_prob_from(normal_tril)(base, y)


def motions_of_prior(layer, features):
    return [(motion_weights(network)[0], float64(network.bias)) for network in layer.networks]


def continuous_prior_log_prob(networks, event):
    total, y = 0.0, np.asarray(event, np.float64)
    for weights, shift in networks:
        backward = flows.continuous(weights, shift, 1.0, 0.0)
        total += flows.log_det_jacobian(backward, y)
        y = backward(y)
    return total + scipy.stats.norm.logpdf(y).sum()


def network_weights(layer, features):
    return [[float64(w) for w in network.weights] for network in layer.networks]


def masked_autoregressive_log_prob(networks, event):
    """From the event to the noise, through the first network last."""
    total, x = 0.0, np.asarray(event, np.float64)
    for index, weights in enumerate(networks):
        to_noise = flows.autoregressive(weights, None, index % 2 == 1, [4, 5])
        total += flows.log_det_jacobian(to_noise, x)
        x = to_noise(x)
    return total + scipy.stats.norm.logpdf(x).sum()


def spherical(parameters):
    """Direction, concentration and the density of the cosine, normalised by quadrature."""
    direction = parameters[:3] / np.linalg.norm(parameters[:3])
    concentration = 4.5 if len(parameters) == 3 else 0.3 + 3 * densities.softplus(parameters[3])
    total, _ = scipy.integrate.quad(lambda t: (1 + t) ** concentration, -1, 1)  # On S^2.
    return direction, concentration, total


def power_spherical_log_prob(parameters, event):
    direction, concentration, total = spherical(parameters)
    cosine = np.dot(direction, np.asarray(event, np.float64))
    return concentration * np.log1p(cosine) - np.log(2 * np.pi * total)


def power_spherical_moments(parameters):
    direction, concentration, total = spherical(parameters)
    first, second = (
        scipy.integrate.quad(lambda t, n=n: t**n * (1 + t) ** concentration / total, -1, 1)[0]
        for n in (1, 2)
    )
    along = np.outer(direction, direction)
    return first * direction, (second - first**2) * along + (1 - second) / 2 * (np.eye(3) - along)


def mixture(parameters):
    """Weights, means and standard deviations of K Normals."""
    logits, numbers = parameters[:4], parameters[4:].reshape(2, 4, 3)
    return densities.softmax(logits), numbers[0], np.exp(numbers[1])


def mixture_of_pseudo_posteriors(parameters):
    loc, rho = np.split(np.tanh(parameters.reshape(5, 6)), 2, axis=1)
    return np.full(5, 0.2), loc, 0.1 + np.vectorize(densities.softplus)(rho)


def mixture_log_prob(components):
    def log_prob(parameters, event):
        weights, loc, scale = components(parameters)
        terms = [
            densities.normal_diag_log_prob(m, s, event) for m, s in zip(loc, scale, strict=True)
        ]
        return scipy.special.logsumexp(terms, b=weights)

    return log_prob


def mixture_moments(components):
    def moments(parameters):
        weights, loc, scale = components(parameters)
        mean = weights @ loc
        second = np.einsum("k,ki,kj->ij", weights, loc, loc) + np.diag(weights @ scale**2)
        return mean, second - np.outer(mean, mean)

    return moments


def pseudo_posterior(pseudo_inputs):
    loc, rho = tf.split(pseudo_inputs, 2, axis=-1)
    return tfd.MultivariateNormalDiag(loc, 0.1 + tf.nn.softplus(rho))


def gates_log_prob(concentrations, event):
    pairs = np.split(np.asarray(concentrations), 2)
    return sum(hard_kumaraswamy.log_prob(a, b, x) for a, b, x in zip(*pairs, event, strict=True))


def log_prob_from(moments):
    return lambda parameters, event: scipy.stats.multivariate_normal.logpdf(
        event, *moments(parameters)
    )


def one_hot_pair_log_prob(parameters, event):
    return sum(
        np.log(densities.softmax(logits))[np.argmax(one_hot)]
        for logits, one_hot in zip(np.reshape(parameters, (2, 3)), event, strict=True)
    )


def soft_codes_log_prob(parameters, event):
    vectors, codebook = parameters
    posteriors = [
        vector_quantization.mixture_posterior(y, codebook, 0.7) for y in np.reshape(vectors, (2, 2))
    ]
    return np.log([q[np.argmax(code)] for q, code in zip(posteriors, event, strict=True)]).sum()


def categorical_log_prob(parameters, event):
    return np.log(densities.softmax(parameters))[int(event)]


def text_decoder(name):
    return networks.LSTMDecoder(
        6, 3, conditioning_units=DIMENSIONS, embedding_units=2, name=f"decoder_{name}"
    )


def text_log_prob(parameters, event):
    decoder, conditioning = parameters
    return lstm_log_prob(weights_of(decoder), conditioning, [token for token in event if token])


SOURCES = np.random.default_rng(6).normal(size=(2, 3)).astype(np.float32)  # [M, D]


def aligning_decoder():
    return networks.LSTMDecoder(
        6,
        3,
        conditioning_units=DIMENSIONS,
        embedding_units=2,
        memory_units=SOURCES.shape[1],
        name="decoder_aligned",
    )


def with_sources(layer, features):
    return layer(features, SOURCES)


def aligned_text_log_prob(parameters, event):
    decoder, conditioning = parameters
    tokens = [token for token in event if token]
    tables = latent_alignments.tables(weights_of(decoder), conditioning, tokens, SOURCES)
    return latent_alignments.log_marginal(*tables)


def number_of_expert(features):
    """The experts' own input: which of two writes the text of these features."""
    return tf.cast(tf.convert_to_tensor(features)[..., 0] > 0, tf.int32)


def of_shared_expert(layer, features):
    """The decoder, and the context with the expert's embedding behind it."""
    embedding = float64(layer.embedding)[int(features[0] > 0)]
    return layer.head.decoder, np.concatenate([features[:4], embedding])


SOURCE = [4, 5, 4]  # What a pointer takes a word of, or none.


def pointed(layer, x):
    """Of vectors of the words that are the features, turned and changed in sign."""
    vectors = tf.stack([x, tf.reverse(x, [-1]), -x], axis=-2)
    return layer(vectors, tf.tile([SOURCE], [tf.shape(x)[0], 1]), x)


def pointed_text_log_prob(parameters, event):
    layer, x = parameters
    x = np.asarray(x, np.float64)
    keys = np.stack([x, x[::-1], -x]) @ float64(layer.key_map.kernel)
    words = [token for token in event if token > 2]
    return pointed_log_prob(weights_of(layer.decoder), x, SOURCE, keys, words, 1)


def of_mixed_clusters(layer, features):
    """The decoder's weights, the clusters' biases with them, and its conditioning."""
    weights, mixed = weights_of(layer.decoder), np.asarray(features[:2], np.float64)
    weights["output_bias"] = weights["output_bias"] + mixed @ float64(layer.cluster_bias)
    return weights, mixed @ float64(layer.embedding)


def weighted_text_log_prob(parameters, event):
    return lstm_log_prob(*parameters, [token for token in event if token])


def recognised_expert(layer, features):
    """Logits, for the one text that every row has: mean embedding, a hidden layer, the context."""
    embedding, kernel, bias = map(float64, layer.encoder.weights)
    hidden = np.maximum(embedding[TEXT].mean(axis=0) @ kernel + bias, 0)
    kernel, bias = map(float64, layer.categorical.weights)
    return np.concatenate([hidden, features]) @ kernel + bias


def with_one_text(layer, features):
    return layer(tf.tile([TEXT], [tf.shape(features)[0], 1]), features)


def with_one_token(layer, features):
    """Of one word, and four sources: as many numbers of the features, and the place of each."""
    features = tf.cast(features, tf.float32)
    place = tf.broadcast_to(tf.eye(4), [tf.shape(features)[0], 4, 4])
    sources = tf.concat([place, features[:, :4, tf.newaxis]], axis=-1)  # [B, 4, 5]
    found = layer(tf.fill([tf.shape(features)[0], 1], TEXT[0]), sources)
    logits = tf.ensure_shape(found.logits_parameter()[:, 0], [None, 4])
    return tfd.OneHotCategorical(logits=logits, dtype=tf.float32)


def recognised_alignment(layer, features):
    embedding, kernel, bias = map(float64, layer.encoder.weights)
    hidden = np.maximum(embedding[TEXT[0]] @ kernel + bias, 0)
    query = hidden @ float64(layer.query.kernel) + float64(layer.query.bias)
    keys = np.column_stack([np.eye(4), features[:4]]) @ float64(layer.key.kernel)
    return keys @ query / np.sqrt(2)


def logits_and_normals(layer, features):
    return [float64(weight) for weight in layer.weights]


def of_tree_rules(layer, features):
    return dependency_models.DependencyModel(*map(float64, layer.weights))


def of_tree_networks(layer, features):
    """One token, side and valence after the other."""
    weights = {weight.name: float64(weight) for weight in layer.weights}
    tokens, valences = weights["token_embeddings"], weights["valence_embeddings"]

    def hidden(name, token, side, some):
        vector = np.concatenate([tokens[token], valences[some]])
        kernel, bias = weights[f"{name}_kernel"][side], weights[f"{name}_bias"][side]
        return np.maximum(vector @ kernel + bias, 0)

    attachments, decisions = np.zeros((6, 2, 2, 6)), np.zeros((6, 2, 2, 2))
    for place in np.ndindex(6, 2, 2):
        attachments[place] = tokens @ hidden("attachment", *place) + weights["token_bias"]
        decisions[place] = weights["decision_embeddings"] @ hidden("decision", *place)
    root = tokens @ weights["root_embedding"] + weights["token_bias"]
    return dependency_models.DependencyModel(root, attachments, decisions)


def tree_text_log_prob(model, event):
    return model.log_prob(dependency_models.words_of(event))


def hidden_text_log_prob(parameters, event):
    initial, moves, writes = parameters
    tokens = hidden_markov.tokens_of(event)
    scores = hidden_markov.path_scores(initial, moves, hidden_markov.text_densities(writes, tokens))
    return hidden_markov.total(scores)


def neural_tables(layer, features):
    """The logits of the chain, word by word and state by state."""
    weights = {weight.name: float64(weight) for weight in layer.weights}
    states, number = weights["state_embeddings"], layer.num_states

    def hidden(kind, state):
        return np.maximum(state @ weights[f"{kind}_kernel"] + weights[f"{kind}_bias"], 0)

    words = weights["word_embeddings"].copy()
    ending, capital = weights["feature_embeddings"][1:]
    words[4:] += ending + capital  # "As" and "Is"
    moves = [weights["next_state_embeddings"] @ hidden("transition", s) for s in states]
    writes = [words @ hidden("emission", s) + weights["word_bias"] for s in states[:number]]
    return np.array(moves[number]), np.array(moves[:number]), np.array(writes)


def projected_observations(layer, features):
    """The base's parameters, and the couplings as maps."""

    def coupling(index, network):
        *hidden, kernel, bias = [float64(weight) for weight in network.weights]

        def forward(x):
            kept, moved = (x[:1], x[1:]) if index % 2 == 0 else (x[2:], x[:2])
            h = kept
            for weights, biases in zip(hidden[::2], hidden[1::2], strict=True):
                h = np.maximum(h @ weights + biases, 0)
            moved = moved + h @ kernel + bias
            return np.concatenate([kept, moved] if index % 2 == 0 else [moved, kept])

        return forward

    base = projected(layer.base.projection, features)
    return base, [coupling(*pair) for pair in enumerate(layer.networks)]


def projected_observations_log_prob(parameters, event):
    base, couplings = parameters
    total, x = 0.0, np.asarray(event, np.float64)
    for coupling in couplings:
        total += flows.log_det_jacobian(coupling, x)
        x = coupling(x)
    return total + log_prob_from(normal_diag)(base, x)


def tagged_vectors_log_prob(parameters, event):
    *rules, loc, log_scale = parameters
    covariances = hidden_markov.covariances(0.1 + np.exp(log_scale), False)
    vectors = float64(event)[~np.isnan(event).any(axis=1)]  # In `FRAMES`, the first ones.
    trees = tagged_trees.vector_scores(*rules, loc, covariances, vectors)
    return scipy.special.logsumexp([score for score, *_ in trees])


def hidden_vectors_log_prob(parameters, event):
    initial, moves, loc, log_scale = parameters
    covariances = hidden_markov.covariances(0.1 + np.exp(log_scale), False)
    densities_of_states = hidden_markov.normal_densities(loc, covariances, float64(event))
    return hidden_markov.total(hidden_markov.path_scores(initial, moves, densities_of_states))


def hidden_chains_log_prob(parameters, event):
    """The numbers of a Cholesky factor as TFP fills it: row of the diagonal element last, first."""
    initial, moves, loc, (corner, below, top) = parameters
    factor = np.array([[0.2 + np.exp(top), 0], [below, 0.2 + np.exp(corner)]])
    scores = hidden_markov.factorial_scores(initial, moves, loc, factor @ factor.T, float64(event))
    return hidden_markov.total(scores)


def parsed_log_prob(logits, event):
    return grammars.log_prob(grammars.log_probabilities(*logits), event)


def logits_of_grammar(layer, features):
    """Logits of root, rules and emissions, from the vectors of symbols and the features' own."""
    weights = {
        weight.path.removeprefix(f"{layer.name}/"): float64(weight) for weight in layer.weights
    }
    latent = np.asarray(features, np.float64) if layer.conditioning_units else np.zeros(0)

    def through(name, symbols):
        def dense(part, x):
            return x @ weights[f"{name}_{part}/kernel"] + weights[f"{name}_{part}/bias"]

        x = np.concatenate([symbols, np.tile(latent, (len(symbols), 1))], axis=1)
        x = dense("input", x)
        for block in "12":
            inner = np.maximum(dense(f"{block}a", x), 0)
            x = x + np.maximum(dense(f"{block}b", inner), 0)
        return dense("output", x)

    rules = weights["nonterminals"] @ weights["rules/kernel"] + weights["rules/bias"]
    if layer.conditioning_units:
        rules = rules + latent @ weights["rules_of_latent/kernel"]
    size = layer.num_symbols
    return (
        through("root", weights["root"])[0],
        rules.reshape(-1, size, size),
        through("emission", weights["preterminals"]),
    )


def chain_of_states(layer, features):
    """Features [T] as T vectors of size 1: potentials of states, transitions, the first state."""
    transitions, initial, kernel, bias = map(float64, layer.weights)
    unary = np.asarray(features, np.float64)[:, np.newaxis] @ kernel + bias
    return all_chains(unary, np.broadcast_to(transitions, (DIMENSIONS - 1, 3, 3)), initial)


POINTS = np.array([[0.3, -1.2, 2.0], [-0.7, 0.1, 0.4], [1.5, 1.0, -2.2]], np.float32)
CLASSES = np.array([2, 0, 3])
ONE_HOT = np.eye(4, dtype=np.float32)
MIXTURES = np.array([[0.2, 0.7, 0.1], [0.5, 0.3, 0.2], [0.05, 0.15, 0.8]], np.float32)
COUNTS = np.array([[2, 0, 1, 2], [5, 0, 0, 0], [1, 1, 2, 1]], np.float32)
PIXELS = np.array([[[1, 0, 1], [1, 1, 0]], [[0, 0, 1], [0, 1, 0]], [[1, 1, 1], [0, 0, 1]]], "f4")
ALL_PIXELS = [np.reshape(bits, (2, 3)).astype("f4") for bits in np.ndindex(*[2] * 6)]

TEXT = [3, 5, 2]
TEXTS = np.array([[4, 2], [2, 0], [3, 5]], np.int32)
POINTED = np.array([[4, 2], [2, 0], [5, 2]], np.int32)
# END alone, or one of three words before any of four tokens; PAD and START are never written.
ALL_TEXTS = [
    np.array(text) for text in [(2, 0), *((a, b) for a in (3, 4, 5) for b in (2, 3, 4, 5))]
]
# A word or two, closed where there is room.
PARSED = np.array([[4, 2], [5, 4], [3, 5]], np.int32)
ALL_PARSED = [np.array((a, b)) for a in (3, 4, 5) for b in (2, 3, 4, 5)]
# Of two vectors, or of one.
GRAMMAR = {"vocabulary_size": 6, "num_nonterminals": 2, "num_preterminals": 3, "max_length": 3}
SENTENCES = np.array([[3, 4, 2], [5, 3, 2], [4, 4, 2]], np.int32)
# The words of longer ones are summed over in the tests of the distribution.
ALL_SENTENCES = [np.int32([*pair, 2]) for pair in itertools.product([3, 4, 5], repeat=2)]
FRAMES = np.array(
    [[[0.3, -1.2], [2.0, 0.5]], [[-0.7, 0.1], [np.nan, np.nan]], [[1.5, 1.0], [0.2, -0.4]]], "f4"
)
DIRECTIONS = POINTS / np.linalg.norm(POINTS, axis=1, keepdims=True)
WITHOUT_WEIGHTS = {
    layers.StandardNormalPrior,
    layers.SphericalUniformPrior,
    layers.DirichletLaplacePrior,
}
# Closed, open and in between.
GATES = np.array([[0, 0.3, 1], [1, 0, 0.9], [0.5, 0.2, 0]], np.float32)
# Two variables of three values each.
ONE_HOT_PAIRS = np.stack([np.eye(3, dtype="f4")[list(pair)] for pair in np.ndindex(3, 3)])

ROWS = [
    Row(
        layers.MultivariateNormalDiag,
        {"units": 3, "min_scale": 0.1},
        POINTS,
        log_prob_from(normal_diag),
        moments=normal_diag,
    ),
    Row(
        layers.MultivariateNormalTriL,
        {"units": 3, "min_scale": 0.2},
        POINTS,
        log_prob_from(normal_tril),
        moments=normal_tril,
    ),
    Row(
        layers.IndependentBernoulli,
        {"event_shape": (2, 3)},
        PIXELS,
        densities.bernoulli_log_prob,
        support=ALL_PIXELS,
    ),
    Row(
        layers.HardKumaraswamy,
        {"units": 3, "min_concentration": 0.2},
        GATES,
        lambda parameters, event: gates_log_prob(
            [0.2 + densities.softplus(rho) for rho in parameters], event
        ),
        more=True,
    ),
    Row(
        layers.HardKumaraswamyPrior,
        {"units": 3, "concentration1": 0.6, "concentration0": 1.5},
        GATES,
        lambda parameters, event: gates_log_prob(np.exp(parameters), event),
        more=True,
    ),
    Row(
        layers.Categorical,
        {"units": 4},
        CLASSES,
        categorical_log_prob,
        support=list(range(4)),
    ),
    Row(
        layers.OneHotCategorical,
        {"units": 4},
        ONE_HOT[CLASSES],
        lambda parameters, event: categorical_log_prob(parameters, np.argmax(event)),
        support=list(ONE_HOT),
    ),
    # Draws of the layer have one token each; tests/distributions has longer texts.
    Row(layers.BagOfWords, {"units": 4}, COUNTS, densities.tokens_log_prob, support=list(ONE_HOT)),
    Row(
        layers.ProductOfTopics,
        {"units": 4, "momentum": 0.8},
        COUNTS,
        densities.tokens_log_prob,
        support=list(ONE_HOT),
        parameters=logits_of_multiplied_topics,
        num_fixed=2,
    ),
    Row(
        layers.MixtureOfTopics,
        {"units": 4},
        COUNTS,
        densities.tokens_log_prob,
        support=list(ONE_HOT),
        parameters=logits_of_mixed_topics,
        call=of_mixtures,
    ),
    Row(
        layers.EmbeddedTopics,
        {"units": 4, "vector_units": 2, "train_vectors": True},
        COUNTS,
        densities.tokens_log_prob,
        support=list(ONE_HOT),
        parameters=logits_of_embedded_topics,
        call=of_mixtures,
    ),
    Row(
        layers.Multinomial,
        {"units": 4, "total_count": 5.0},
        COUNTS,
        densities.multinomial_log_prob,
        support=densities.count_vectors(4, 5),
    ),
    Row(
        layers.LinearChain,
        {"units": 3},
        np.array([[0, 1, 2, 2, 1], [1, 1, 1, 1, 1], [2, 0, 2, 0, 0]]),
        lambda chains, event: chains.log_prob(event),
        support=list(np.ndindex(*[3] * DIMENSIONS)),
        parameters=chain_of_states,
        call=lambda layer, x: layer(tf.expand_dims(x, -1)),
        build=lambda layer, shape: layer.build((*shape, 1)),
        leading_axes=False,
    ),
    Row(
        layers.StandardNormalPrior,
        {"units": 3},
        POINTS,
        log_prob_from(normal_standard),
        moments=normal_standard,
    ),
    Row(
        layers.LearnedNormalPrior,
        {"units": 3},
        POINTS,
        log_prob_from(normal_learned),
        moments=normal_learned,
    ),
    Row(
        layers.LearnedNormalTriLPrior,
        {"units": 3},
        POINTS,
        log_prob_from(normal_learned_tril),
        moments=normal_learned_tril,
    ),
    Row(
        layers.BatchNormalizedNormalDiag,
        {"units": 3, "gamma": 0.7, "momentum": 0.9, "min_scale": 0.1},
        POINTS,
        log_prob_from(normal_diag),
        moments=normal_diag,
        parameters=normal_batch_normalized,
        num_fixed=2,
    ),
    Row(
        layers.PlanarFlow,
        {"base": layers.MultivariateNormalDiag(3, min_scale=0.1), "num_flows": 2},
        POINTS,
        planar_log_prob,
        parameters=planar_parameters,
    ),
    Row(
        layers.InverseAutoregressiveFlow,
        {
            "base": layers.MultivariateNormalTriL(3, min_scale=0.2),
            "num_flows": 2,
            "hidden_units": (4,),
            "context_units": 2,
        },
        POINTS,
        inverse_autoregressive_log_prob,
        parameters=autoregressive_parameters,
    ),
    Row(
        layers.HouseholderFlow,
        {"base": layers.MultivariateNormalDiag(3, min_scale=0.1), "num_flows": 2},
        POINTS,
        log_prob_from(householder_moments),
        moments=householder_moments,
        parameters=householder_parameters,
    ),
    Row(
        layers.SplineCouplingFlow,
        {
            "base": layers.MultivariateNormalDiag(3, min_scale=0.1),
            "num_flows": 2,
            "hidden_units": (4,),
            "context_units": 2,
            "num_bins": 2,
            "bound": 2.0,
        },
        POINTS,
        spline_coupling_log_prob(2.0),
        parameters=autoregressive_parameters,
    ),
    Row(
        layers.ContinuousFlow,
        {
            "base": layers.MultivariateNormalTriL(3, min_scale=0.2),
            "num_flows": 2,
            "hidden_units": (4, 5),
            "context_units": 2,
        },
        POINTS,
        continuous_log_prob,
        parameters=continuous_parameters,
    ),
    Row(
        layers.PowerSpherical,
        {"units": 3, "min_concentration": 0.3},
        DIRECTIONS,
        power_spherical_log_prob,
        moments=power_spherical_moments,
    ),
    Row(
        layers.PowerSpherical,
        {"units": 3, "concentration": 4.5},
        DIRECTIONS,
        power_spherical_log_prob,
        moments=power_spherical_moments,
    ),
    Row(
        layers.SphericalUniformPrior,
        {"units": 3},
        DIRECTIONS,
        lambda parameters, event: -np.log(4 * np.pi),
        moments=lambda parameters: (np.zeros(3), np.eye(3) / 3),
    ),
    Row(
        layers.MixtureOfNormalsPrior,
        {"units": 3, "num_components": 4},
        POINTS,
        mixture_log_prob(mixture),
        moments=mixture_moments(mixture),
    ),
    Row(
        layers.VampPrior,
        {
            "units": 3,
            "num_components": 5,
            "pseudo_input_shape": (6,),
            "activation": keras.activations.tanh,
        },
        POINTS,
        mixture_log_prob(mixture_of_pseudo_posteriors),
        moments=mixture_moments(mixture_of_pseudo_posteriors),
        call=lambda layer, x: layer.as_prior(x, posterior_of_features=pseudo_posterior),
    ),
    Row(
        layers.AutoregressiveFlowPrior,
        {"units": 3, "num_flows": 2, "hidden_units": (4, 5)},
        POINTS,
        masked_autoregressive_log_prob,
        parameters=network_weights,
    ),
    Row(
        layers.SplineCouplingFlowPrior,
        {"units": 3, "num_flows": 2, "hidden_units": (4, 5), "num_bins": 2, "bound": 2.0},
        POINTS,
        spline_prior_log_prob,
        parameters=network_weights,
    ),
    Row(
        layers.ContinuousFlowPrior,
        {"units": 3, "num_flows": 2, "hidden_units": (4,)},
        POINTS,
        continuous_prior_log_prob,
        parameters=motions_of_prior,
    ),
    Row(
        layers.CategoricalPrior,
        {"units": 4},
        CLASSES,
        categorical_log_prob,
        support=list(range(4)),
    ),
    Row(
        layers.IndependentOneHotCategorical,
        {"event_shape": (2, 3)},
        ONE_HOT_PAIRS[[1, 5, 6]],
        one_hot_pair_log_prob,
        support=list(ONE_HOT_PAIRS),
    ),
    Row(
        layers.BernoulliPrior,
        {"units": 3},
        PIXELS[:, 0],
        densities.bernoulli_log_prob,
        support=[np.array(bits, "f4") for bits in np.ndindex(2, 2, 2)],
    ),
    Row(
        layers.OneHotCategoricalPrior,
        {"units": 2, "num_values": 3},
        ONE_HOT_PAIRS[[1, 5, 6]],
        one_hot_pair_log_prob,
        support=list(ONE_HOT_PAIRS),
    ),
    Row(
        layers.NeuralAutoregressivePrior,
        {"units": 2, "num_values": 3, "hidden_units": 4},
        ONE_HOT_PAIRS[[1, 5, 6]],
        lambda weights, event: vector_quantization.neural_autoregressive_log_prob(
            weights, np.argmax(event, axis=-1)
        ),
        support=list(ONE_HOT_PAIRS),
        parameters=lambda layer, features: [float64(weight) for weight in layer.weights],
    ),
    Row(
        layers.VectorQuantizer,
        {"event_shape": (2, 3), "code_units": 2, "temperature": 0.7, "decay": 0.9},
        ONE_HOT_PAIRS[[1, 5, 6]],
        soft_codes_log_prob,
        support=list(ONE_HOT_PAIRS),
        parameters=lambda layer, features: (
            projected(layer.projection, features),
            float64(layer.codebook),
        ),
        num_fixed=3,
    ),
    Row(
        layers.TokenSequence,
        {"decoder": text_decoder("of_texts"), "max_length": 2},
        TEXTS,
        text_log_prob,
        support=ALL_TEXTS,
        parameters=lambda layer, features: (layer.decoder, features),
    ),
    Row(
        layers.AlignedTokenSequence,
        {"decoder": aligning_decoder(), "max_length": 2, "positions_at_once": 4},
        TEXTS,
        aligned_text_log_prob,
        support=ALL_TEXTS,
        parameters=lambda layer, features: (layer.decoder, features),
        call=with_sources,
    ),
    Row(
        layers.PointerSequence,
        {"decoder": text_decoder("of_pointer"), "max_length": 2},
        POINTED,
        pointed_text_log_prob,
        support=list(POINTED),
        parameters=lambda layer, features: (layer, features),
        call=pointed,
        build=lambda layer, shape: layer.build((None, None, shape[-1])),
        leading_axes=False,
    ),
    Row(
        layers.SharedExperts,
        {
            "head": layers.TokenSequence(text_decoder("of_all"), 2, name="head"),
            "num_experts": 2,
            "embedding_units": 1,
        },
        TEXTS,
        text_log_prob,
        support=ALL_TEXTS,
        parameters=of_shared_expert,
        call=lambda layer, x: layer(x[..., :4], number_of_expert(x)),
    ),
    Row(
        layers.SeparateExperts,
        {"heads": [layers.TokenSequence(text_decoder(n), 2, name=f"head_{n}") for n in range(2)]},
        TEXTS,
        text_log_prob,
        support=ALL_TEXTS,
        parameters=lambda layer, features: (layer.heads[int(features[0] > 0)].decoder, features),
        call=lambda layer, x: layer(x, number_of_expert(x)),
    ),
    Row(
        layers.ClusterTexts,
        {"decoder": text_decoder("of_clusters"), "num_clusters": 2, "max_length": 2},
        TEXTS,
        weighted_text_log_prob,
        support=ALL_TEXTS,
        parameters=of_mixed_clusters,
        call=lambda layer, x: layer(x[..., :2]),
    ),
    Row(
        layers.NaiveBayesMixture,
        {"units": 4, "num_components": 3, "seed": 5},
        COUNTS,
        kinds_of_bags_log_prob,
        support=list(ONE_HOT),
        parameters=components_and_words,
    ),
    Row(
        layers.Dirichlet,
        {"units": 3, "min_concentration": 0.4},
        MIXTURES,
        lambda parameters, event: scipy.stats.dirichlet.logpdf(
            event, [0.4 + densities.softplus(rho) for rho in parameters]
        ),
        moments=lambda parameters: dirichlet_moments(
            [0.4 + densities.softplus(rho) for rho in parameters]
        ),
    ),
    Row(
        layers.DirichletLaplacePrior,
        {"units": 3, "concentration": 0.25},
        POINTS,
        # 1/a (1 - 2/K) + 1/K^2 sum_k 1/a, with a = 1/4 and K = 3.
        lambda _, event: scipy.stats.norm(0, np.sqrt(4 / 3 + 4 / 3)).logpdf(event).sum(),
        moments=lambda _: (np.zeros(3), np.eye(3) * 8 / 3),
    ),
    Row(
        layers.DirichletPrior,
        {"units": 3, "concentration": 0.7},
        MIXTURES,
        lambda parameters, event: scipy.stats.dirichlet.logpdf(event, np.exp(parameters)),
        moments=lambda parameters: dirichlet_moments(np.exp(parameters)),
    ),
    Row(
        layers.HiddenMarkovText,
        {"vocabulary_size": 6, "num_states": 3, "max_length": 2, "seed": 5},
        TEXTS,
        hidden_text_log_prob,
        support=ALL_TEXTS,
        parameters=logits_and_normals,
    ),
    Row(
        layers.DependencyModelWithValence,
        {"vocabulary_size": 6, "max_length": 2, "attachment_valences": 2, "seed": 5},
        PARSED,
        tree_text_log_prob,
        support=ALL_PARSED,
        more=True,
        parameters=of_tree_rules,
    ),
    Row(
        layers.NeuralDependencyModelWithValence,
        {"vocabulary_size": 6, "max_length": 2, "embedding_units": 3, "valence_units": 2},
        PARSED,
        tree_text_log_prob,
        support=ALL_PARSED,
        more=True,
        parameters=of_tree_networks,
    ),
    Row(
        layers.NeuralHiddenMarkovText,
        {
            "vocabulary_size": 6,
            "num_states": 2,
            "max_length": 2,
            "embedding_units": 3,
            "spellings": ("As", "Is"),
            "seed": 5,
        },
        TEXTS,
        hidden_text_log_prob,
        support=ALL_TEXTS,
        parameters=neural_tables,
    ),
    Row(
        layers.ProjectedObservations,
        {
            "base": layers.MultivariateNormalDiag(3, min_scale=0.1),
            "num_couplings": 3,
            "hidden_units": (4,),
        },
        POINTS,
        projected_observations_log_prob,
        parameters=projected_observations,
    ),
    Row(
        layers.ProbabilisticContextFreeGrammar,
        {**GRAMMAR, "seed": 5},
        SENTENCES,
        parsed_log_prob,
        support=ALL_SENTENCES,
        parameters=logits_and_normals,
        whole_support=False,
    ),
    Row(
        layers.NeuralContextFreeGrammar,
        {**GRAMMAR, "symbol_units": 6},
        SENTENCES,
        parsed_log_prob,
        support=ALL_SENTENCES,
        parameters=logits_of_grammar,
        whole_support=False,
    ),
    Row(
        layers.CompoundContextFreeGrammar,
        {**GRAMMAR, "symbol_units": 6},
        SENTENCES,
        parsed_log_prob,
        support=ALL_SENTENCES,
        parameters=logits_of_grammar,
        leading_axes=False,
        whole_support=False,
    ),
    Row(
        layers.GaussianHiddenMarkov,
        {"units": 2, "num_states": 2, "num_steps": 2, "min_scale": 0.1, "seed": 5},
        FRAMES,
        hidden_vectors_log_prob,
        parameters=logits_and_normals,
    ),
    Row(
        layers.GaussianDependencyModelWithValence,
        {
            "units": 2,
            "num_states": 2,
            "num_steps": 2,
            "attachment_valences": 2,
            "min_scale": 0.1,
            "seed": 5,
        },
        FRAMES,
        tagged_vectors_log_prob,
        more=True,
        parameters=logits_and_normals,
    ),
    Row(
        layers.FactorialHiddenMarkov,
        {
            "units": 2,
            "num_chains": 2,
            "num_states": 2,
            "num_steps": 2,
            "full_covariance": True,
            "min_scale": 0.2,
            "seed": 5,
        },
        FRAMES,
        hidden_chains_log_prob,
        parameters=logits_and_normals,
    ),
    Row(
        layers.Responsibilities,
        {"num_experts": DIMENSIONS, "hard": True, "balance": 0.5, "usage_decay": 0.8},
        CLASSES,
        categorical_log_prob,
        support=list(range(DIMENSIONS)),
        parameters=lambda layer, features: float64(features),
        num_fixed=2,
    ),
    Row(
        layers.ExpertRecognition,
        {
            "encoder": networks.BagOfWordsEncoder(6, 3, embedding_units=2, name="encoder"),
            "num_experts": 4,
            "one_hot": True,
        },
        ONE_HOT[CLASSES],
        lambda logits, event: categorical_log_prob(logits, np.argmax(event)),
        support=list(ONE_HOT),
        parameters=recognised_expert,
        call=with_one_text,
        build=lambda layer, shape: layer.build(None, shape),
        leading_axes=False,
    ),
    Row(
        layers.AlignmentRecognition,
        {
            "encoder": networks.BagOfWordsEncoder(
                6, 3, embedding_units=2, return_sequences=True, name="encoder"
            ),
            "units": 2,
        },
        ONE_HOT[CLASSES],
        lambda logits, event: categorical_log_prob(logits, np.argmax(event)),
        support=list(ONE_HOT),
        parameters=recognised_alignment,
        call=with_one_token,
        build=lambda layer, shape: layer.build(None, shape),
        leading_axes=False,
    ),
]
