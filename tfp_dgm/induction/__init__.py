"""The job of inducing structures from plain text: tags and trees that nobody has given.

Nothing is imported until a name is used: settings are checked before TensorFlow is there.
"""

from typing import TYPE_CHECKING

from tfp_dgm.lazy_names import lazy_names

if TYPE_CHECKING:
    from tfp_dgm.induction.constituent_settings import (
        CompoundGrammar,
        ConstituentSettings,
        NeuralGrammar,
    )
    from tfp_dgm.induction.constituent_training import induce_constituents
    from tfp_dgm.induction.dependency_settings import (
        DependencySettings,
        GaussianValence,
        NeuralValence,
        Valence,
    )
    from tfp_dgm.induction.dependency_training import induce_dependencies
    from tfp_dgm.induction.run import claim_constituents, claim_dependencies, claim_tags
    from tfp_dgm.induction.sentences import Sentences, read_words
    from tfp_dgm.induction.settings import (
        Flow,
        GaussianHiddenMarkov,
        HiddenMarkov,
        NeuralHiddenMarkov,
        TagSettings,
    )
    from tfp_dgm.induction.training import induce_tags
    from tfp_dgm.induction.word_vectors import distributional_vectors

__all__ = [
    "CompoundGrammar",
    "ConstituentSettings",
    "DependencySettings",
    "Flow",
    "GaussianHiddenMarkov",
    "GaussianValence",
    "HiddenMarkov",
    "NeuralGrammar",
    "NeuralHiddenMarkov",
    "NeuralValence",
    "Sentences",
    "TagSettings",
    "Valence",
    "claim_constituents",
    "claim_dependencies",
    "claim_tags",
    "distributional_vectors",
    "induce_constituents",
    "induce_dependencies",
    "induce_tags",
    "read_words",
]

__getattr__ = lazy_names(
    __name__,
    {
        "constituent_settings": ("CompoundGrammar", "ConstituentSettings", "NeuralGrammar"),
        "constituent_training": ("induce_constituents",),
        "dependency_settings": (
            "DependencySettings",
            "GaussianValence",
            "NeuralValence",
            "Valence",
        ),
        "dependency_training": ("induce_dependencies",),
        "run": ("claim_constituents", "claim_dependencies", "claim_tags"),
        "sentences": ("Sentences", "read_words"),
        "settings": (
            "Flow",
            "GaussianHiddenMarkov",
            "HiddenMarkov",
            "NeuralHiddenMarkov",
            "TagSettings",
        ),
        "training": ("induce_tags",),
        "word_vectors": ("distributional_vectors",),
    },
)
