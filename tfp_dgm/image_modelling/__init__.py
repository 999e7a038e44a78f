"""The job of modelling images: sets of them in; latent variable models, judged, out.

Nothing is imported until a name is used: settings are checked before TensorFlow is there.
"""

from typing import TYPE_CHECKING

from tfp_dgm.lazy_names import lazy_names

if TYPE_CHECKING:
    from tfp_dgm.image_modelling.building import build_model
    from tfp_dgm.image_modelling.evaluation import evaluate_image_model
    from tfp_dgm.image_modelling.figures import (
        reconstruction_figure,
        sample_figure,
        write_figure,
    )
    from tfp_dgm.image_modelling.images import check_shape, held_out_images
    from tfp_dgm.image_modelling.run import claim_run, settings_of
    from tfp_dgm.image_modelling.settings import ImageModelSettings
    from tfp_dgm.image_modelling.training import load_image_model, train_image_model

__all__ = [
    "ImageModelSettings",
    "build_model",
    "check_shape",
    "claim_run",
    "evaluate_image_model",
    "held_out_images",
    "load_image_model",
    "reconstruction_figure",
    "sample_figure",
    "settings_of",
    "train_image_model",
    "write_figure",
]

__getattr__ = lazy_names(
    __name__,
    {
        "building": ("build_model",),
        "evaluation": ("evaluate_image_model",),
        "figures": ("reconstruction_figure", "sample_figure", "write_figure"),
        "images": ("check_shape", "held_out_images"),
        "run": ("claim_run", "settings_of"),
        "settings": ("ImageModelSettings",),
        "training": ("load_image_model", "train_image_model"),
    },
)
