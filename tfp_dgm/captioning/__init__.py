"""The captioning job: images or texts and captions in; a mixture of experts and a page out.

Nothing is imported until a name is used: settings are checked before TensorFlow is there.
"""

from typing import TYPE_CHECKING

from tfp_dgm.lazy_names import lazy_names

if TYPE_CHECKING:
    from tfp_dgm.captioning.batches import CaptionBatches
    from tfp_dgm.captioning.building import (
        build_captioner,
        make_encoder,
        make_objective,
        make_text_encoder,
        make_vocabulary,
    )
    from tfp_dgm.captioning.caption_page import render_caption_page
    from tfp_dgm.captioning.descriptions import Decoding, Description, describe
    from tfp_dgm.captioning.earlier_settings import from_version_0_1
    from tfp_dgm.captioning.evaluation import (
        caption_responsibilities,
        evaluate_captioner,
        score_captions,
    )
    from tfp_dgm.captioning.images import encode_images, load_images
    from tfp_dgm.captioning.pair_training import PairFiles, train_on_pairs
    from tfp_dgm.captioning.run import claim_run, settings_of
    from tfp_dgm.captioning.settings import CaptionSettings
    from tfp_dgm.captioning.sources import (
        CaptionedSources,
        SourceKind,
        kind_of_sources,
        load_sources,
    )
    from tfp_dgm.captioning.training import TrainedCaptioner, load_captioner, train_captioner

__all__ = [
    "CaptionBatches",
    "CaptionSettings",
    "CaptionedSources",
    "Decoding",
    "Description",
    "PairFiles",
    "SourceKind",
    "TrainedCaptioner",
    "build_captioner",
    "caption_responsibilities",
    "claim_run",
    "describe",
    "encode_images",
    "evaluate_captioner",
    "from_version_0_1",
    "kind_of_sources",
    "load_captioner",
    "load_images",
    "load_sources",
    "make_encoder",
    "make_objective",
    "make_text_encoder",
    "make_vocabulary",
    "render_caption_page",
    "score_captions",
    "settings_of",
    "train_captioner",
    "train_on_pairs",
]

__getattr__ = lazy_names(
    __name__,
    {
        "batches": ("CaptionBatches",),
        "building": (
            "build_captioner",
            "make_encoder",
            "make_objective",
            "make_text_encoder",
            "make_vocabulary",
        ),
        "caption_page": ("render_caption_page",),
        "descriptions": ("Decoding", "Description", "describe"),
        "evaluation": ("caption_responsibilities", "evaluate_captioner", "score_captions"),
        "earlier_settings": ("from_version_0_1",),
        "images": ("encode_images", "load_images"),
        "pair_training": ("PairFiles", "train_on_pairs"),
        "run": ("claim_run", "settings_of"),
        "settings": ("CaptionSettings",),
        "sources": ("CaptionedSources", "SourceKind", "kind_of_sources", "load_sources"),
        "training": ("TrainedCaptioner", "load_captioner", "train_captioner"),
    },
)
