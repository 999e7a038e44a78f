"""Models of texts and of captions, with every encoder, decoder and vocabulary."""

import keras
import numpy as np

from tests.golden.latent_variable_models import compiled, randomized
from tfp_dgm import layers, networks, objectives
from tfp_dgm.models import (
    LanguageModel,
    LanguageModelMixture,
    MixtureOfExpertsCaptioner,
    QuantizedTextVAE,
    RationaleClassifier,
    SentenceCompressor,
    StochasticRecurrentTextModel,
    StructuredLanguageModel,
    TextVAE,
    VariationalAttentionCaptioner,
)
from tfp_dgm.text import SubwordVocabulary, WordVocabulary

EXPERTS = 3  # K
CONTEXT, FEATURES, LENGTH = 4, 3, 5
TOKEN_IDS = np.array([[4, 5, 6, 2, 0], [7, 2, 0, 0, 0], [8, 8, 4, 5, 2]], np.int32)
TEXTS = np.array([b"the cat sat", b"Sat", b"cat the unknown cat"])
WORDS = ["the", "cat", "sat", "on", "mat"]
PIECES = ["the", "cat", "s", "##at", "##s", "a"]


def decoder(kind, vocabulary_size=9, units=4, **kwargs):
    arguments = {"embedding_units": 4, "dropout": 0.1, "word_dropout": 0.2, "seed": 3, **kwargs}
    return getattr(networks, kind)(vocabulary_size, units, **arguments)


def encoder(kind, vocabulary_size=9, units=4, **kwargs):
    arguments = {"embedding_units": 3, "seed": 4, **kwargs}
    return getattr(networks, kind)(vocabulary_size, units, **arguments)


def text_vae(encoder, decoder, inputs=TOKEN_IDS, **kwargs):
    model = TextVAE(encoder, decoder, latent_units=2, max_length=6, seed=2, **kwargs)
    randomized(model, TOKEN_IDS)
    return compiled(model, inputs, objectives.ELBO(kl_weight=0.5))


def language_model(decoder, **kwargs):
    model = LanguageModel(decoder, max_length=6, seed=2, **kwargs)
    return compiled(model, TOKEN_IDS, None)


def language_model_mixture(conditioning_units, objective, inputs=TOKEN_IDS, **kwargs):
    cells = decoder("LSTMDecoder", conditioning_units=conditioning_units)
    model = LanguageModelMixture(layers.ClusterTexts(cells, 2, max_length=6), seed=2, **kwargs)
    return compiled(model, inputs, objective)


def quantized(objective, prior=None, **kwargs):
    posterior = layers.VectorQuantizer((2, 3), 2, **kwargs)
    model = QuantizedTextVAE(
        encoder("LSTMEncoder"),
        decoder("LSTMDecoder", conditioning_units=4),
        posterior=posterior,
        prior=prior,
        vocabulary=WordVocabulary(WORDS, lower=True, max_length=5),
        max_length=6,
        seed=2,
    )
    randomized(model, TOKEN_IDS)
    posterior.codebook.assign(np.random.default_rng(6).normal(size=(3, 2)))
    return compiled(model, TEXTS, objective)


def head(conditioning_units, **kwargs):
    cells = decoder("LSTMDecoder", conditioning_units=conditioning_units, **kwargs)
    return layers.TokenSequence(cells, LENGTH)


def captioner(experts, objective, *, grid=False, kind=MixtureOfExpertsCaptioner, **kwargs):
    model = kind(experts, seed=1, **kwargs)
    shape = (3, 8, 8, 3) if "encoder" in kwargs else (3, 2, 2, FEATURES) if grid else (3, FEATURES)
    source = np.random.default_rng(5).normal(size=shape).astype(np.float32)
    return compiled(model, {"source": source, "token_ids": TOKEN_IDS}, objective)


def shared(**kwargs):
    return layers.SharedExperts(head(CONTEXT + 2, **kwargs), EXPERTS, embedding_units=2)


def aligned(**kwargs):
    cells = decoder("LSTMDecoder", conditioning_units=CONTEXT + 2, memory_units=FEATURES)
    of_texts = layers.AlignedTokenSequence(cells, LENGTH, **kwargs)
    return layers.SharedExperts(of_texts, EXPERTS, embedding_units=2)


def structured(likelihood, embedding=None):
    words = WordVocabulary(WORDS, split_punctuation=False, lower=True)
    model = StructuredLanguageModel(likelihood, words, embedding=embedding, seed=2)
    return compiled(model, TEXTS, None)


def rationale_classifier(selector, classifier, objective, **kwargs):
    words = WordVocabulary(WORDS, lower=True)
    model = RationaleClassifier(
        ["no", "yes"],
        words,
        encoder(selector, return_sequences=True, name="selector"),
        encoder(classifier, dropout=0.1, name="classifier"),
        max_length=7,
        seed=2,
        **kwargs,
    )
    randomized(model, TEXTS)
    model, texts, _ = compiled(model, TEXTS, objective)
    return model, texts, np.array([1, 0, -1])


def stochastic_recurrent(objective):
    cells = decoder("GRUDecoder", conditioning_units=2, dropout=0.0, word_dropout=0.0)
    model = StochasticRecurrentTextModel(
        encoder("LSTMEncoder", return_sequences=True),
        cells,
        posterior=layers.MultivariateNormalDiag(2, min_scale=0.02),
        prior=layers.MultivariateNormalDiag(2, min_scale=0.03),
        posterior_network=networks.MLP([3]),
        prior_network=networks.MLP([4], activation="tanh"),
        vocabulary=WordVocabulary(WORDS, lower=True, max_length=5),
        max_length=6,
        seed=2,
    )
    randomized(model, TOKEN_IDS)
    return compiled(model, TEXTS, objective)


def sentence_compressor(objective, **kwargs):
    words = WordVocabulary(WORDS, lower=True)
    prior = LanguageModel(decoder("LSTMDecoder"), vocabulary=words, max_length=4, name="prior")
    randomized(prior, TOKEN_IDS)
    model = SentenceCompressor(
        prior,
        encoder("LSTMEncoder", return_sequences=True, bidirectional=True, dropout=0.1),
        decoder("GRUDecoder", conditioning_units=8, tie_embeddings=True),
        encoder("BagOfWordsEncoder", units=3, return_sequences=True),
        decoder("LSTMDecoder", memory_units=3),
        seed=2,
        **kwargs,
    )
    model, texts, _ = compiled(model, TEXTS, objective)
    return model, texts, np.array([b"the sat", b"", b""])


def vectors():
    embedding = keras.layers.Embedding(9, 3, trainable=False)
    embedding.build((None, None))
    embedding.embeddings.assign(np.random.default_rng(3).normal(size=(9, 3)))
    return embedding


TEXT_MODELS = {
    "text_vae_lstm": lambda: text_vae(
        encoder("LSTMEncoder", bidirectional=True),
        decoder("LSTMDecoder", conditioning_units=2, num_layers=2, skip_connections=True),
        TEXTS,
        vocabulary=WordVocabulary(WORDS, lower=True, max_length=5),
        bag_of_words_weight=0.3,
    ),
    "text_vae_gru": lambda: text_vae(
        encoder("GRUEncoder", vocabulary_size=10),
        decoder("GRUDecoder", vocabulary_size=10, conditioning_units=2),
        TEXTS,
        vocabulary=SubwordVocabulary(PIECES, lower=True),
    ),
    "text_vae_transformer": lambda: text_vae(
        encoder("TransformerEncoder", embedding_units=4, num_layers=1, num_heads=2),
        decoder("TransformerDecoder", conditioning_units=2, num_layers=1, num_heads=2),
    ),
    "text_vae_convolutional": lambda: text_vae(
        encoder("BagOfWordsEncoder"),
        decoder("ConvolutionalDecoder", conditioning_units=2, kernel_size=2, dilations=(1, 2)),
    ),
    "text_vae_inputless": lambda: text_vae(
        encoder("BagOfWordsEncoder"),
        decoder("InputlessDecoder", conditioning_units=2, word_dropout=0.0),
    ),
    "sentence_compressor": lambda: sentence_compressor(
        objectives.Constrained(
            objectives.ScoreFunctionELBO(
                num_samples=2,
                control_variates=[objectives.LearnedBaseline(), objectives.LeaveOneOut()],
                kl_weight=0.4,
            ),
            [objectives.AtMost("kept", 0.3, multiplier=0.5)],
        ),
        max_share=0.7,
        annotation_weight=0.8,
        baseline_units=2,
    ),
    "language_model": lambda: language_model(decoder("LSTMDecoder", tie_embeddings=True)),
    "language_model_mixture": lambda: language_model_mixture(
        0, objectives.ExactMarginal(), TEXTS, vocabulary=WordVocabulary(WORDS, max_length=5)
    ),
    "language_model_mixture_recognition": lambda: language_model_mixture(
        2,
        objectives.ScoreFunctionELBO(num_samples=2),
        cluster_posterior=layers.ExpertRecognition(encoder("BagOfWordsEncoder"), 2),
    ),
    "quantized_text_vae": lambda: quantized(
        objectives.VectorQuantizedELBO(commitment=0.4),
        layers.NeuralAutoregressivePrior(2, 3, hidden_units=4),
        decay=0.8,
        restart_below=0.05,
    ),
    "quantized_text_vae_soft": lambda: quantized(
        objectives.VectorQuantizedELBO(num_samples=2), temperature=0.6, em_samples=3
    ),
    "captioner": lambda: captioner(
        shared(memory_units=FEATURES),
        objectives.EnumeratedELBO(),
        grid=True,
        gate=layers.Categorical(EXPERTS),
        expert_posterior=layers.Responsibilities(
            EXPERTS, temperature=1.5, balance=0.2, usage_decay=0.8
        ),
        vocabulary=WordVocabulary(WORDS),
    ),
    "captioner_separate": lambda: captioner(
        layers.SeparateExperts([head(CONTEXT) for _ in range(EXPERTS)]), objectives.ExactMarginal()
    ),
    "captioner_recognition": lambda: captioner(
        shared(),
        objectives.GumbelSoftmaxELBO(temperature=0.8),
        encoder=networks.ConvolutionalEncoder((8,)),
        gate=layers.OneHotCategorical(EXPERTS),
        expert_posterior=layers.ExpertRecognition(
            encoder("BagOfWordsEncoder"), EXPERTS, one_hot=True
        ),
    ),
    "captioner_aligned": lambda: captioner(
        aligned(positions_at_once=5), objectives.ExactMarginal(), grid=True
    ),
    "variational_attention_captioner": lambda: captioner(
        aligned(),
        objectives.EnumeratedELBO(),
        grid=True,
        kind=VariationalAttentionCaptioner,
        alignment_posterior=layers.AlignmentRecognition(
            encoder("LSTMEncoder", bidirectional=True, return_sequences=True), 3
        ),
        alignment_objective=objectives.ScoreFunctionELBO(
            num_samples=2, control_variates=[objectives.AtMean()], analytic_kl=True
        ),
    ),
    "rationale_classifier": lambda: rationale_classifier(
        "GRUEncoder",
        "LSTMEncoder",
        objectives.Constrained(
            objectives.ELBO(num_samples=2),
            [
                objectives.AtMost("kept", 0.3, learning_rate=0.1, multiplier=0.7),
                objectives.AtMost("changes", 0.1, multiplier=0.2),
            ],
        ),
        masks=layers.HardKumaraswamy(1, min_concentration=0.1),
    ),
    "rationale_classifier_binary": lambda: rationale_classifier(
        "BagOfWordsEncoder",
        "BagOfWordsEncoder",
        objectives.SPIGOTELBO(num_samples=2, step_size=0.5),
        masks=layers.IndependentBernoulli(1),
    ),
    "stochastic_recurrent": lambda: stochastic_recurrent(
        objectives.FIVO(
            num_particles=3,
            resampling="multinomial",
            threshold=0.8,
            resampling_gradient="score_function",
        )
    ),
    "structured_networks": lambda: structured(
        layers.NeuralHiddenMarkovText(9, 3, 6, embedding_units=4, spellings=WORDS, seed=1)
    ),
    "structured_characters": lambda: structured(
        layers.NeuralHiddenMarkovText(
            9, 3, 6, embedding_units=4, spellings=WORDS, character_filters=3, seed=1
        )
    ),
    "structured_flow": lambda: structured(
        layers.ProjectedObservations(
            layers.GaussianHiddenMarkov(3, 2, 6, min_scale=0.2, seed=1),
            num_couplings=3,
            hidden_units=(4,),
            volume_preserving=False,
        ),
        vectors(),
    ),
}
