"""A model of texts, judged on held-out sentences."""

import math
from typing import Any

import numpy as np

from tfp_dgm import evaluation, inference, objectives
from tfp_dgm.data import DataError
from tfp_dgm.models import LanguageModel, TextVAE
from tfp_dgm.sentence_modelling.building import TextModel
from tfp_dgm.sentence_modelling.loading import vocabulary_of
from tfp_dgm.sentence_modelling.sentences import Texts
from tfp_dgm.sentence_modelling.token_rows import padded
from tfp_dgm.text import BucketedBatches
from tfp_dgm.training import Progress

_SENTENCES_AT_ONCE = 32
CONVENTION = (
    "Tokens are counted with the end of each sentence and with unknown words; perplexity is "
    "exp(-log-likelihood / tokens)."
)


def evaluate_text_model(
    model: TextModel,
    texts: Texts,
    *,
    num_samples: int = 500,
    beside: TextModel | None = None,
    gaps: int = 0,
    refinement_steps: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Judges a model on held-out sentences, with weight 1 on every term.

    Args:
      model: a text VAE or a language model.
      texts: at least two sentences, none longer than the model's texts.
      num_samples: K of the importance-weighted log-likelihood.
      beside: a language model of the same vocabulary and `max_length`, judged on the same texts.
      gaps: on so many sentences the inference gaps are found.
      refinement_steps: of Adam, by which each posterior is refined; None for the steps of training,
        if the model's is semi-amortised.
      seed: of all draws.
      progress: told of every step.
    Returns:
      Numbers in nats per sentence unless the name ends otherwise: those of
      `evaluation.latent_variable_report` and perplexities, of a language model the log-likelihood
      and the perplexity; those of `beside` as `language_model`.
    Raises:
      DataError: if `beside` cannot be compared with the model.
    """
    language_model = None if beside is None else _comparable(beside, model)
    batches = BucketedBatches(texts.rows, _SENTENCES_AT_ONCE)
    tokens = batches.num_tokens / len(texts.rows)
    report: dict[str, Any] = {
        "convention": CONVENTION,
        "warnings": texts.warnings,
        "num_sentences": len(texts.rows),
        "tokens_per_sentence": tokens,
    }
    if isinstance(model, TextVAE):
        judged: Any = model
        semi_amortized = isinstance(model.objective, objectives.SemiAmortized)
        if refinement_steps or (refinement_steps is None and semi_amortized):
            judged = inference.RefinedPosteriors(model, num_steps=refinement_steps, seed=seed)
            report["refinement_by"] = "Adam" if refinement_steps else "training"
        report["refinement_steps"] = 0 if judged is model else judged.num_steps
        at_a_time: dict[str, Any] = {
            "batch_size": _SENTENCES_AT_ONCE,
            "samples_per_step": min(num_samples, 10),
            "seed": seed,
        }
        found = evaluation.latent_variable_report(
            judged, batches.dataset(), num_samples=num_samples, progress=progress, **at_a_time
        )
        report |= found
        report["perplexity"] = math.exp(-found["log_likelihood"] / tokens)
        report["elbo_perplexity"] = math.exp(-found["elbo"] / tokens)
        if gaps:
            few = padded(texts.rows[:gaps])
            weighted = evaluation.importance_weighted_log_likelihood(
                model, few, num_samples=num_samples, **at_a_time
            )
            report["gaps"] = evaluation.inference_gaps(
                model, few, log_likelihood=weighted["log_likelihood"], num_steps=100, **at_a_time
            )
    else:
        report |= _of_language_model(model, texts.rows, tokens)
    if language_model is not None:
        report["language_model"] = _of_language_model(language_model, texts.rows, tokens)
    return report


def _comparable(beside: TextModel, model: TextModel) -> LanguageModel:
    """The model to stand beside, if both count the same sentences and the same tokens."""
    if not isinstance(beside, LanguageModel):
        raise DataError("`beside`: expected a language model; received a text VAE")
    of_model, of_beside = (
        {
            "vocabulary": type(vocabulary_of(m)).__name__,
            **vocabulary_of(m).get_config(),
            "max_length": m.max_length,
            "name": None,  # Keras's, of no account.
        }
        for m in (model, beside)
    )
    differing = [name for name, value in of_model.items() if of_beside.get(name) != value]
    if differing:
        raise DataError(
            "`beside`: expected a language model of the same vocabulary and `max_length`; the two "
            f"differ in {', '.join(differing)}"
        )
    return beside


def _of_language_model(
    model: LanguageModel, rows: list[np.ndarray], tokens: float
) -> dict[str, float]:
    batches = BucketedBatches(rows, 32)
    scores = np.concatenate([model(batches[i][0]).numpy() for i in range(len(batches))])
    mean = float(scores.mean())
    return {
        "log_likelihood": mean,
        "log_likelihood_standard_error": float(scores.std() / math.sqrt(len(scores))),
        "perplexity": math.exp(-mean / tokens),
    }
