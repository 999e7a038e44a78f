"""What induces dependencies, and how it is trained."""

from typing import Annotated, Literal

from annotated_types import Ge, Le
from pydantic import Field

from tfp_dgm.induction.settings import Positive, Size, Smoothing
from tfp_dgm.settings import settings_class


@settings_class
class Valence:
    """A dependency model with valence, each of whose rules is free.

    Attributes:
      iterations: of expectation maximisation, at most.
      smoothing: what is added to every count.
      hard: the best tree of a sentence stands for all of them (Viterbi training).
    """

    kind: Literal["valence"] = "valence"
    iterations: Size = 50
    smoothing: Smoothing = 0.1
    hard: bool = False


@settings_class
class NeuralValence:
    """A dependency model with valence, whose rules networks write from vectors of the symbols.

    Attributes:
      units: of these vectors.
      starts: first weights that are tried, of which the likeliest end is kept.
      iterations: of expectation maximisation, at most.
      gradient_steps: in each of them; too few, and networks lag behind free rules.
      learning_rate: of these steps.
      smoothing: what is added to every count.
      hard: the best tree of a sentence stands for all of them (Viterbi training).
    """

    kind: Literal["neural_valence"] = "neural_valence"
    units: Size = 20
    starts: Size = 1
    iterations: Size = 25
    gradient_steps: Size = 100
    learning_rate: Positive = 0.05
    smoothing: Smoothing = 0.1
    hard: bool = False


@settings_class
class DependencySettings:
    """Everything that decides an induction of dependencies besides the text.

    Attributes:
      model: what writes the sentences.
      reads: what it writes, a column of a treebank or the words; null for the tags of a treebank
        (xpos) and for the words of plain text.
      max_length: sentences of so many words are learned from, marks not counted; all are parsed.
      vocabulary_size: V at most, the reserved tokens included; the most frequent, for cost and
        memory grow with its square.
      lower: upper and lower case are one.
      seed: of first weights.
    """

    model: Annotated[Valence | NeuralValence, Field(discriminator="kind")] = Valence()
    reads: Literal["xpos", "upos", "words"] | None = None
    max_length: Annotated[int, Ge(2)] = 10
    vocabulary_size: Annotated[int, Ge(5), Le(5000)] = 1000
    lower: bool = False
    seed: Annotated[int, Ge(0), Le(2**31 - 1)] = 0
