"""What induces constituents, and how it is trained."""

from typing import Annotated, Literal

from annotated_types import Ge, Le
from pydantic import Field

from tfp_dgm.induction.settings import Positive, Size
from tfp_dgm.settings import Seed, settings_class


@settings_class
class NeuralGrammar:
    """A grammar whose probabilities networks write from vectors of its symbols.

    Attributes:
      nonterminals: A, symbols of phrases.
      preterminals: P, symbols of single words.
      units: of the vectors and of the networks.
      epochs: of gradient steps.
      batch_size: sentences of a step.
      learning_rate: of Adam.
    """

    kind: Literal["neural_grammar"] = "neural_grammar"
    nonterminals: Size = 15
    preterminals: Size = 30
    units: Size = 64
    epochs: Size = 10
    batch_size: Size = 8
    learning_rate: Positive = 0.003


@settings_class
class CompoundGrammar:
    """A grammar for each sentence, from a vector of the sentence.

    Attributes:
      nonterminals: A, symbols of phrases.
      preterminals: P, symbols of single words.
      units: of the vectors of symbols, of the networks and of the encoder.
      latent_units: Z, of the vector of a sentence.
      epochs: of gradient steps.
      batch_size: sentences of a step.
      learning_rate: of Adam.
    """

    kind: Literal["compound_grammar"] = "compound_grammar"
    nonterminals: Size = 15
    preterminals: Size = 30
    units: Size = 64
    latent_units: Size = 16
    epochs: Size = 10
    batch_size: Size = 8
    learning_rate: Positive = 0.003


@settings_class
class ConstituentSettings:
    """Everything that decides an induction of constituents besides the text.

    Attributes:
      model: what writes the sentences.
      starts: first weights that are tried, of which the likeliest end is kept.
      reads: what it writes, the words or a column of a treebank.
      max_length: sentences of two to so many words are learned from, marks not counted; time grows
        with its cube.
      vocabulary_size: V at most, the reserved tokens included; the most frequent words.
      lower: upper and lower case are one.
      seed: of everything.
    """

    model: Annotated[NeuralGrammar | CompoundGrammar, Field(discriminator="kind")] = NeuralGrammar()
    starts: Size = 1
    reads: Literal["words", "xpos", "upos"] = "words"
    max_length: Annotated[int, Ge(2), Le(100)] = 20
    vocabulary_size: Annotated[int, Ge(5)] = 10_000
    lower: bool = True
    seed: Seed = 0
