"""The job of modelling sentences: files of them in; text VAEs and language models, judged, out.

Nothing is imported until a name is used: settings are checked before TensorFlow is there.
"""

from typing import TYPE_CHECKING

from tfp_dgm.lazy_names import lazy_names

if TYPE_CHECKING:
    from tfp_dgm.sentence_modelling.building import TextModel, build_model, compiled_model
    from tfp_dgm.sentence_modelling.earlier_settings import from_version_0_1
    from tfp_dgm.sentence_modelling.encoding import encode
    from tfp_dgm.sentence_modelling.evaluation import evaluate_text_model
    from tfp_dgm.sentence_modelling.figures import draw_units
    from tfp_dgm.sentence_modelling.generation import generate
    from tfp_dgm.sentence_modelling.imputation import impute
    from tfp_dgm.sentence_modelling.interpolation import draw_pairs, interpolate
    from tfp_dgm.sentence_modelling.language_judges import (
        draw_rows,
        fit_language_model,
        perplexity,
    )
    from tfp_dgm.sentence_modelling.loading import load_text_model
    from tfp_dgm.sentence_modelling.optimisation import (
        build_objective,
        build_optimizer,
        build_schedule,
    )
    from tfp_dgm.sentence_modelling.reconstruction import reconstruct
    from tfp_dgm.sentence_modelling.run import claim_run, model_file
    from tfp_dgm.sentence_modelling.samples import Samples
    from tfp_dgm.sentence_modelling.sentences import Texts, read_texts
    from tfp_dgm.sentence_modelling.settings import TextModelSettings
    from tfp_dgm.sentence_modelling.training import fit_vocabulary, train_text_model

__all__ = [
    "Samples",
    "TextModel",
    "TextModelSettings",
    "Texts",
    "build_model",
    "build_objective",
    "build_optimizer",
    "build_schedule",
    "claim_run",
    "compiled_model",
    "draw_pairs",
    "draw_rows",
    "draw_units",
    "encode",
    "evaluate_text_model",
    "fit_language_model",
    "fit_vocabulary",
    "from_version_0_1",
    "generate",
    "impute",
    "interpolate",
    "load_text_model",
    "model_file",
    "perplexity",
    "read_texts",
    "reconstruct",
    "train_text_model",
]

__getattr__ = lazy_names(
    __name__,
    {
        "building": (
            "TextModel",
            "build_model",
            "compiled_model",
        ),
        "earlier_settings": ("from_version_0_1",),
        "encoding": ("encode",),
        "evaluation": ("evaluate_text_model",),
        "figures": ("draw_units",),
        "generation": ("generate",),
        "imputation": ("impute",),
        "interpolation": (
            "draw_pairs",
            "interpolate",
        ),
        "language_judges": ("draw_rows", "fit_language_model", "perplexity"),
        "loading": ("load_text_model",),
        "optimisation": (
            "build_objective",
            "build_optimizer",
            "build_schedule",
        ),
        "reconstruction": ("reconstruct",),
        "run": ("claim_run", "model_file"),
        "samples": ("Samples",),
        "sentences": (
            "Texts",
            "read_texts",
        ),
        "settings": ("TextModelSettings",),
        "training": ("fit_vocabulary", "train_text_model"),
    },
)
