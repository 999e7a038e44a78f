"""What induces structures from plain text, and how it is trained."""

from typing import Annotated, Literal

from annotated_types import Ge, Gt
from pydantic import Field

from tfp_dgm.settings import Seed, settings_class

Size = Annotated[int, Ge(1)]
Positive = Annotated[float, Gt(0)]
Smoothing = Annotated[float, Gt(0)]


@settings_class
class HiddenMarkov:
    """A hidden Markov model of words, by expectation maximisation.

    Attributes:
      iterations: of expectation maximisation.
      smoothing: what is added to every count; words that the text lacks get their share of it.
    """

    kind: Literal["hidden_markov"] = "hidden_markov"
    iterations: Size = 50
    smoothing: Smoothing = 0.1


@settings_class
class NeuralHiddenMarkov:
    """A hidden Markov model whose tables networks write, from embeddings of states and words.

    Attributes:
      units: E, the size of the embeddings.
      spelling: words share what is learned of their endings, capitals, digits and hyphens.
      characters: filters of a convolution over the characters of words; 0 for none.
      epochs: of gradient steps.
      batch_size: sentences of a step.
      learning_rate: of Adam.
    """

    kind: Literal["neural_hidden_markov"] = "neural_hidden_markov"
    units: Size = 64
    spelling: bool = True
    characters: Annotated[int, Ge(0)] = 0
    epochs: Size = 8
    batch_size: Size = 64
    learning_rate: Positive = 0.01


@settings_class
class Flow:
    """An invertible projection of the vectors, trained with the model behind it.

    Attributes:
      couplings: layers, each of which moves one half of a vector.
      units: of the hidden layer of each.
      volume_preserving: additive couplings; else affine ones.
      epochs: of gradient steps, after expectation maximisation without the flow.
      batch_size: sentences of a step.
      learning_rate: of Adam.
    """

    couplings: Annotated[int, Ge(2)] = 2
    units: Size = 16
    volume_preserving: bool = True
    epochs: Size = 3
    batch_size: Size = 32
    learning_rate: Positive = 0.0005


@settings_class
class GaussianHiddenMarkov:
    """A hidden Markov model of word vectors, which are learned from the same text.

    Attributes:
      units: D, the size of the vectors.
      contexts: so many of the commonest words count as neighbours.
      spelling: vectors tell endings, capitals, digits and hyphens, too.
      encoder: a folder or preset of a pretrained text encoder, whose vectors of single words join
        those of the text; null for none.
      iterations: of expectation maximisation.
      smoothing: what is added to every count of states.
      min_scale: lower limit of the standard deviations; those of all vectors are about 1.
      flow: between the vectors and the model; null for none.
    """

    kind: Literal["gaussian_hidden_markov"] = "gaussian_hidden_markov"
    units: Annotated[int, Ge(2)] = 60
    contexts: Size = 300
    spelling: bool = True
    encoder: str | None = None
    iterations: Size = 10
    smoothing: Smoothing = 0.1
    min_scale: Positive = 0.9
    flow: Flow | None = None


@settings_class
class TagSettings:
    """Everything that decides an induction of tags besides the text.

    Attributes:
      model: what writes the sentences.
      num_tags: K, how many there are to find.
      starts: first weights that are tried, of which the likeliest end is kept.
      vocabulary_size: V at most, the reserved tokens included; the most frequent words.
      lower: upper and lower case are one.
      gold: the column of a CoNLL-U file that tags are compared with.
      seed: of everything.
    """

    model: Annotated[
        HiddenMarkov | NeuralHiddenMarkov | GaussianHiddenMarkov, Field(discriminator="kind")
    ] = GaussianHiddenMarkov()
    num_tags: Annotated[int, Ge(2)] = 45
    starts: Size = 1
    vocabulary_size: Annotated[int, Ge(5)] = 50_000
    lower: bool = False
    gold: Literal["xpos", "upos"] = "xpos"
    seed: Seed = 0
