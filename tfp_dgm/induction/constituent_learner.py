"""Grammars over the words of sentences, or their tags, and how they are trained."""

from collections.abc import Sequence

import keras

from tfp_dgm import layers, models, objectives, training
from tfp_dgm.induction.constituent_settings import CompoundGrammar, ConstituentSettings
from tfp_dgm.induction.gradient_steps import train_by_gradients
from tfp_dgm.induction.sentences import Sentences
from tfp_dgm.induction.symbols import read_symbols
from tfp_dgm.text import BucketedBatches

_SHORTEST = 2  # Words of a tree.
_WIDTHS = 3  # XLA compiles a step for each width of a batch.
_STEPS_WORTH_XLA = 1000  # Compilation costs a minute or two; a step gains a half.

Grammar = models.ExactLikelihoodModel | models.CompoundGrammar
Parser = models.StructuredLanguageModel | models.CompoundGrammar


class ConstituentLearner:
    """What a grammar reads, and how one is made and trained.

    Args:
      settings: of the induction.
      sentences: the text.
      kept: of each word, whether it is more than a mark.
    Attributes:
      read: the symbols of each sentence, and which are learned from.
      vocabulary: of the grammar.
      rows: token ids of these symbols, closed by END.
    Raises:
      DataError: if the settings do not fit the text.
    """

    def __init__(
        self, settings: ConstituentSettings, sentences: Sentences, kept: Sequence[Sequence[bool]]
    ) -> None:
        self._settings = settings
        self.read = read_symbols(
            settings.reads, sentences, kept, shortest=_SHORTEST, longest=settings.max_length
        )
        self.vocabulary = self.read.vocabulary(settings.vocabulary_size, lower=settings.lower)
        self.rows = self.vocabulary.encode_all(self.read.lines)

    def train(self, seed: int, progress: training.Progress) -> tuple[Grammar, list[float]]:
        """A grammar trained from weights of a seed, and nats of all sentences after each epoch.

        Raises:
          NonFiniteLossError: if the loss is no number any more.
        """
        model, longest = self._settings.model, self._settings.max_length
        keras.utils.set_random_seed(seed)
        grammar = self._grammar(seed)
        # Those of Kim, Dyer and Rush (2019).
        optimizer = keras.optimizers.Adam(
            model.learning_rate, beta_1=0.75, beta_2=0.999, global_clipnorm=3.0
        )
        width = -(-(longest + 1) // _WIDTHS)
        learned = [self.rows[i] for i in self.read.learned]
        batches = BucketedBatches(learned, model.batch_size, seed=seed, multiple_of=width)
        grammar.compile(
            optimizer,
            objectives.ELBO(),
            jit_compile=len(batches) * model.epochs >= _STEPS_WORTH_XLA,
        )
        curve = train_by_gradients(
            grammar, batches, epochs=model.epochs, step=f"Epochs, seed {seed}", progress=progress
        )
        return grammar, curve

    def untrained(self) -> Grammar:
        """A grammar that is to be given its weights."""
        grammar = self._grammar(self._settings.seed)
        grammar.build((None, None))
        return grammar

    def parser(self, grammar: Grammar) -> Parser:
        """The same grammar, of strings: XLA would compile no model that holds a vocabulary."""
        parser: Parser
        seed = self._settings.seed
        if isinstance(grammar, models.CompoundGrammar):
            parser = models.CompoundGrammar(
                grammar.encoder,
                grammar.likelihood,
                posterior=grammar.posterior_layer,
                prior=grammar.prior_layer,
                vocabulary=self.vocabulary,
                seed=seed,
            )
        else:
            parser = models.StructuredLanguageModel(grammar.likelihood, self.vocabulary, seed=seed)
        parser.build((None, None))
        return parser

    def _grammar(self, seed: int) -> Grammar:
        """Over token ids."""
        model, size = self._settings.model, self.vocabulary.size
        sizes = (size, model.nonterminals, model.preterminals, self._settings.max_length + 1)
        if isinstance(model, CompoundGrammar):
            return models.CompoundGrammar(
                _encoder(size, model.units),
                layers.CompoundContextFreeGrammar(*sizes, symbol_units=model.units),
                latent_units=model.latent_units,
                seed=seed,
            )
        likelihood = layers.NeuralContextFreeGrammar(*sizes, symbol_units=model.units)
        return models.ExactLikelihoodModel(likelihood, seed=seed)


def _encoder(vocabulary_size: int, units: int) -> keras.Model:
    words = keras.Input([None], dtype="int32")
    vectors = keras.layers.Embedding(vocabulary_size, units)(words)
    states = keras.layers.Bidirectional(keras.layers.LSTM(units, return_sequences=True))(vectors)
    return keras.Model(words, keras.layers.GlobalMaxPooling1D()(states))
