"""Sentences whose ends are found."""

from typing import Any

import numpy as np

from tfp_dgm import evaluation, inference
from tfp_dgm.data import DataError
from tfp_dgm.models import LanguageModel
from tfp_dgm.sentence_modelling.building import TextModel
from tfp_dgm.sentence_modelling.decoding import AT_ONCE
from tfp_dgm.sentence_modelling.loading import vocabulary_of
from tfp_dgm.sentence_modelling.sentences import Texts
from tfp_dgm.sentence_modelling.token_rows import padded, strings
from tfp_dgm.text import Vocabulary
from tfp_dgm.token_ids import PAD


def impute(
    model: TextModel,
    texts: Texts,
    *,
    keep: float = 1.0,
    mode_steps: int = 0,
    beam_size: int = 10,
    adversarial: bool = False,
    seed: int = 0,
) -> dict[str, Any]:
    """Sentences whose ends were found, and how well they are told from the true ones.

    Each text is the given beginning, as it was given, and what the model writes after it. Sentences
    longer than the model's texts are cut, and told from nothing: their true end is not known.

    Args:
      model: a text VAE or a language model.
      texts: the sentences, those too long for the model with them.
      keep: share of each sentence's tokens that is given.
      mode_steps: of iterated conditional modes over latent and end; see `inference.impute`.
      beam_size: of the search.
      adversarial: whether a classifier is to tell true ends from found ones.
      seed: of that classifier.
    Returns:
      `texts`, of each its `line`, `sentence` and `text`; with `adversarial`, what
      `evaluation.adversarial_evaluation` found, and `num_left_out`.
    Raises:
      DataError: if an argument needs another; names both.
    """
    if adversarial and keep >= 1:
        raise DataError("`adversarial` needs `keep` below 1, so that true ends are known")
    if mode_steps and isinstance(model, LanguageModel):
        raise DataError("`mode_steps` needs a text VAE: a language model has no latent")
    rows = [row[: model.max_length] for row in texts.rows]
    beginnings = [row[: round(keep * (len(row) - 1))] for row in rows]
    found: list[np.ndarray] = []
    for start in range(0, len(rows), AT_ONCE):
        prefix = padded(beginnings[start : start + AT_ONCE])
        ids = inference.impute(model, prefix, beam_size=beam_size, mode_steps=mode_steps)
        found += list(ids.numpy())
    written = imputed_strings(vocabulary_of(model), texts, beginnings, np.stack(found))
    answer: dict[str, Any] = {
        "texts": [
            {"line": line, "sentence": sentence, "text": text}
            for line, sentence, text in zip(texts.lines, texts.sentences, written, strict=True)
        ]
    }
    if adversarial:
        whole = [i for i, row in enumerate(texts.rows) if len(row) <= model.max_length]
        try:
            answer["adversarial"] = evaluation.adversarial_evaluation(
                [rows[i] for i in whole], [found[i] for i in whole], seed=seed
            )
        except ValueError as error:
            raise DataError(str(error)) from error
        answer["adversarial"]["num_left_out"] = len(rows) - len(whole)
    return answer


def imputed_strings(
    vocabulary: Vocabulary, texts: Texts, beginnings: list[np.ndarray], found: np.ndarray
) -> list[str]:
    """The given beginnings, each with the end that was found, token ids [N, T]."""
    given = np.arange(found.shape[1]) < np.array([[len(ids)] for ids in beginnings])  # [N, T]
    whole = strings(vocabulary, found)
    heads = strings(vocabulary, np.where(given, found, PAD))
    return [
        _beginning(vocabulary, sentence, row, ids) + text[len(head) :]
        for sentence, row, ids, text, head in zip(
            texts.sentences, texts.rows, beginnings, whole, heads, strict=True
        )
    ]


def _beginning(vocabulary: Vocabulary, sentence: str, row: np.ndarray, ids: np.ndarray) -> str:
    """The part of a sentence, as it was given, that its first token ids stand for."""
    if len(ids) == len(row) - 1:
        return sentence
    return sentence[: vocabulary.token_ends(sentence)[len(ids) - 1]] if len(ids) else ""
