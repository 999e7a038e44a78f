"""What induces dependencies, and how it is trained."""

from typing import Annotated, Literal

from annotated_types import Ge
from pydantic import Field

from tfp_dgm.induction.settings import Flow, Positive, Size, Smoothing
from tfp_dgm.settings import Seed, settings_class


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
class GaussianValence:
    """A dependency model with valence that writes tags, and each tag a word's vector.

    The vectors are learned from the same text, and so are the tags: first those of a hidden Markov
    model, then rules over them, then both together.

    Attributes:
      num_tags: K, how many there are to find; cost and memory grow with its square.
      units: D, the size of the vectors.
      contexts: so many of the commonest words count as neighbours.
      spelling: vectors tell endings, capitals, digits and hyphens, too.
      min_scale: lower limit of the standard deviations; those of all vectors are about 1.
      tag_iterations: of expectation maximisation, of the hidden Markov model.
      rule_iterations: of the rules over its tags, at most.
      iterations: of tags and rules together, at most.
      smoothing: what is added to every count.
      flow: between the vectors and the model; null for none.
    """

    kind: Literal["gaussian_valence"] = "gaussian_valence"
    num_tags: Annotated[int, Ge(2)] = 45
    units: Annotated[int, Ge(2)] = 60
    contexts: Size = 300
    spelling: bool = True
    min_scale: Positive = 0.9
    tag_iterations: Size = 10
    rule_iterations: Size = 50
    iterations: Size = 2
    smoothing: Smoothing = 0.1
    flow: Flow | None = None


@settings_class
class DependencySettings:
    """Everything that decides an induction of dependencies besides the text.

    Attributes:
      model: what writes the sentences.
      reads: what it writes, a column of a treebank or the words; null for the tags of a treebank
        (xpos) and for the words of plain text, and of gaussian_valence.
      max_length: sentences of so many words are learned from, marks not counted; all are parsed.
      vocabulary_size: V at most, the reserved tokens included; the most frequent. Null for 1,000,
        of 5,000 at most, for cost and memory grow with its square; of gaussian_valence, which has
        vectors of words, for 50,000.
      lower: upper and lower case are one.
      seed: of first weights.
    """

    model: Annotated[Valence | NeuralValence | GaussianValence, Field(discriminator="kind")] = (
        Valence()
    )
    reads: Literal["xpos", "upos", "words"] | None = None
    max_length: Annotated[int, Ge(2)] = 10
    vocabulary_size: Annotated[int, Ge(5)] | None = None
    lower: bool = False
    seed: Seed = 0

    def __post_init__(self) -> None:
        of_vectors = self.model.kind == "gaussian_valence"
        if of_vectors and self.reads not in (None, "words"):
            raise ValueError(
                "reads must be words or null with model.kind=gaussian_valence, which finds tags by "
                f"itself; received {self.reads}"
            )
        if not of_vectors and self.vocabulary_size is not None and self.vocabulary_size > 5000:
            raise ValueError(
                f"vocabulary_size must be at most 5000 with model.kind={self.model.kind}; received "
                f"{self.vocabulary_size}"
            )
