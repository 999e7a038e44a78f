"""A training of each job, of two epochs on made data: what a killed one is resumed by."""

import json

import numpy as np

from tests.as_python import as_python
from tests.image_modelling.small_images import images
from tests.image_modelling.small_images import settings as image_settings
from tests.sentence_modelling.untrained_models import sentences, settings_of
from tfp_dgm import captioning, image_modelling, sentence_modelling
from tfp_dgm.data import CaptionedImages
from tfp_dgm.settings import read_settings

MODELS = {
    "image_modelling": "model.keras",
    "sentence_modelling": "model.keras",
    "captioning": "captioner.keras",
}


def train(job, folder, resume=False):
    """Trains in folder/run, on data that lie beside it where they are read from files."""
    with as_python():  # Of few steps each; `test_resume_training.py` resumes compiled ones.
        {
            "image_modelling": _train_images,
            "sentence_modelling": _train_sentences,
            "captioning": _train_captions,
        }[job](folder, resume)


def _train_images(folder, resume):
    sizes = ("epochs=2", "objective.num_samples=1", "latents.units=[4]", "batch_size=30")
    settings = image_settings("rebar", "bernoulli", 1, *sizes)
    with image_modelling.claim_run(folder / "run", settings, resume=resume) as run:
        image_modelling.train_image_model(images(), run, settings)


def _train_sentences(folder, resume):
    files = [folder.with_name(f"{name}.txt") for name in ("train", "valid")]
    for seed, file in enumerate(files):
        file.write_text(sentences(40 - 20 * seed, seed))
    chosen = {"decoder.dropout": 0.3, "decoder.word_dropout": 0.1, "epochs": 2, "batch_size": 20}
    chosen |= {"kl.rate.kind": "free_bits", "kl.rate.nats": 0.25, "kl.schedule.steps": 3}
    settings = settings_of(chosen | {"seed": 3})
    with sentence_modelling.claim_run(folder / "run", settings, resume=resume) as run:
        sentence_modelling.train_text_model(*files, run, settings, say=lambda sentence: None)


def _train_captions(folder, resume):
    captions = {f"{n}.png": ["a dog runs", f"the {n % 3} sits"] for n in range(12)}
    features = np.random.default_rng(2).normal(size=(12, 5)).astype(np.float32)
    captioned = captioning.CaptionedSources(CaptionedImages(captions), features, "features")
    sizes = ("units", "embedding_units", "context_units", "experts.embedding_units")
    rest = ("vocabulary.min_count=1", "epochs=2", "batch_size=12", "attention=null")
    assignments = [*(f"{name}=8" for name in sizes), *rest]
    settings = read_settings(captioning.CaptionSettings, None, assignments)
    with captioning.claim_run(folder / "run", settings, resume=resume) as run:
        captioning.train_captioner(captioned, captioned, run, settings)


def results(job, folder):
    """The weights and the figures of a finished training."""
    from tfp_dgm.models import load_model

    weights = [weight.numpy() for weight in load_model(folder / "run" / MODELS[job]).weights]
    return weights, json.loads((folder / "run" / "history.json").read_text())
