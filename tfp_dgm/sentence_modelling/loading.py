"""Trained models of texts, from the folders that a training wrote."""

import os

from tfp_dgm import models
from tfp_dgm.data import DataError
from tfp_dgm.models import TextVAE
from tfp_dgm.sentence_modelling.building import TextModel
from tfp_dgm.sentence_modelling.run import model_file
from tfp_dgm.text import Vocabulary


def load_text_model(path: str | os.PathLike[str]) -> TextModel:
    """The trained model of a folder, or of a .keras file.

    Raises:
      DataError: if there is none or an unfinished one, it cannot be loaded, or it is no text VAE or
        language model with a vocabulary.
    """
    file = model_file(path)
    model = models.load_model(file)
    if not isinstance(model, TextModel) or model.vocabulary is None:
        raise DataError.at(file, f"{type(model).__name__} is no text VAE with a vocabulary")
    return model


def vocabulary_of(model: TextModel) -> Vocabulary:
    """The vocabulary of a model that `load_text_model` gave."""
    assert model.vocabulary is not None
    return model.vocabulary


def require_vae(model: TextModel, task: str) -> TextVAE:
    """The model, where it has the latent that a task needs.

    Raises:
      DataError: if it is a language model.
    """
    if not isinstance(model, TextVAE):
        raise DataError(f"{task}: a language model has no latent; give a text VAE")
    return model
