"""The captioning job: images and captions in; a mixture of experts, its captions and a page out."""

from tfp_dgm.captioning.batches import CaptionBatches
from tfp_dgm.captioning.build_captioner import build_captioner, make_encoder, make_objective
from tfp_dgm.captioning.caption_page import render_caption_page
from tfp_dgm.captioning.describe import Decoding, Description, describe
from tfp_dgm.captioning.evaluate_captioner import evaluate_captioner, score_captions
from tfp_dgm.captioning.images import encode_images, load_images
from tfp_dgm.captioning.settings import CaptionSettings
from tfp_dgm.captioning.sources import CaptionedSources, load_sources
from tfp_dgm.captioning.train_captioner import (
    TrainedCaptioner,
    load_captioner,
    train_captioner,
)

__all__ = [
    "CaptionBatches",
    "CaptionSettings",
    "CaptionedSources",
    "Decoding",
    "Description",
    "TrainedCaptioner",
    "build_captioner",
    "describe",
    "encode_images",
    "evaluate_captioner",
    "load_captioner",
    "load_images",
    "load_sources",
    "make_encoder",
    "make_objective",
    "render_caption_page",
    "score_captions",
    "train_captioner",
]
