"""A model of texts, judged on held-out sentences."""

import math
import os
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tfp_dgm import evaluation, inference, objectives
from tfp_dgm.data import DataError
from tfp_dgm.distributions import has_density
from tfp_dgm.evaluation import mean_with_standard_error
from tfp_dgm.evaluation.report import (
    divergence_by_dimension,
    summarised_information,
    summarised_weights,
)
from tfp_dgm.models import LanguageModel, TextVAE
from tfp_dgm.sentence_modelling.building import TextModel
from tfp_dgm.sentence_modelling.loading import vocabulary_of
from tfp_dgm.sentence_modelling.log_likelihoods import evenly_spaced, weighted_log_likelihoods
from tfp_dgm.sentence_modelling.sentences import Texts
from tfp_dgm.sentence_modelling.token_rows import padded
from tfp_dgm.text import BucketedBatches
from tfp_dgm.token_ids import END
from tfp_dgm.training import Progress

Rows = list[NDArray[np.integer]]

_AT_ONCE = 32
_BOUND_SAMPLES = 10
_INFORMATION_SENTENCES = 2000
CONVENTION = (
    "Tokens are counted with the end of each sentence and with unknown words; perplexity is "
    "exp(-log-likelihood / tokens)."
)


def evaluate_text_model(
    model: TextModel,
    texts: Texts,
    *,
    num_samples: int = 500,
    num_sentences: int | None = None,
    beside: TextModel | None = None,
    gaps: int = 0,
    refinement_steps: int | None = None,
    keep: str | os.PathLike[str] | None = None,
    seed: int = 0,
    progress: Progress = lambda step, done, total: None,
) -> dict[str, Any]:
    """Judges a model on held-out sentences, with weight 1 on every term.

    Args:
      model: a text VAE or a language model.
      texts: at least two sentences, none longer than the model's texts.
      num_samples: K of the importance-weighted log-likelihood.
      num_sentences: of how many sentences, evenly spaced in the order of their lengths, it is
        found, since it is what takes long; None for all. What all would have given is estimated
        from it, as `log_likelihood_of_all`: the bound of all, and what the weighting adds to it on
        these. Everything else is of all sentences.
      beside: a language model of the same vocabulary and `max_length`, judged on the same texts.
      gaps: on so many sentences the inference gaps are found.
      refinement_steps: of Adam, by which each posterior is refined; None for the steps of training,
        if the model's is semi-amortised.
      keep: see `weighted_log_likelihoods`.
      seed: of all draws.
      progress: told of every step.
    Returns:
      Numbers in nats per sentence unless the name ends otherwise: `log_likelihood`, of
      `log_likelihood_num_examples`, `log_likelihood_of_all` and `perplexity`; of a text VAE also
      what `evaluation.latent_variable_report` names, and `discrepancy`, how far all latents are
      from the prior (`evaluation.prior_discrepancy`); those of `beside` as `language_model`. Of a
      text VAE whose posterior or prior has no density, `reconstruction`, `discrepancy` and what the
      posterior's means tell: there is no log-likelihood to report.
    Raises:
      DataError: if `beside` cannot be compared with the model; if `gaps` or `refinement_steps` are
        asked of one without densities.
    """
    language_model = None if beside is None else _comparable(beside, model)
    rows = sorted(texts.rows, key=len)  # Stable: as batches of one length have them.
    chosen = evenly_spaced(len(rows), num_sentences)
    report: dict[str, Any] = {
        "convention": CONVENTION,
        "warnings": texts.warnings,
        "num_sentences": len(rows),
        "tokens_per_sentence": sum(map(len, rows)) / len(rows),
    }
    if isinstance(model, TextVAE) and _without_density(model):
        if gaps or refinement_steps:
            raise DataError(
                "`gaps`, `refinement_steps`: need a posterior and a prior with densities; this "
                f"model has {type(model.posterior_layer).__name__} and "
                f"{type(model.prior_layer).__name__}"
            )
        report |= _of_draws(model, rows, seed)
    elif isinstance(model, TextVAE):
        judged, refinement = _refined(model, refinement_steps, seed)
        sampling = {"num_samples": num_samples, "samples_per_step": min(num_samples, 10)}
        report |= refinement | sampling
        found = _of_latent(judged, rows, chosen, seed, progress, keep=keep, **sampling)
        report |= found
        report["elbo_perplexity"] = math.exp(-found["elbo"] / report["tokens_per_sentence"])
        if gaps:
            report["gaps"] = _gaps(model, texts.rows[:gaps], seed, **sampling)
    else:
        report |= _of_language_model(model, rows, chosen)
    if language_model is not None:
        report["language_model"] = _of_language_model(language_model, rows, chosen)
    return report


def _refined(model: TextVAE, refinement_steps: int | None, seed: int) -> tuple[Any, dict[str, Any]]:
    semi_amortized = isinstance(model.objective, objectives.SemiAmortized)
    if not (refinement_steps or (refinement_steps is None and semi_amortized)):
        return model, {"refinement_steps": 0}
    judged = inference.RefinedPosteriors(model, num_steps=refinement_steps, seed=seed)
    by = "Adam" if refinement_steps else "training"
    return judged, {"refinement_by": by, "refinement_steps": judged.num_steps}


def _of_latent(
    model: Any,
    rows: Rows,
    chosen: NDArray[np.intp],
    seed: int,
    progress: Progress,
    **weighting: Any,
) -> dict[str, Any]:
    batches = BucketedBatches(rows, _AT_ONCE)
    terms = evaluation.elbo_terms(
        model,
        batches.dataset(),
        num_samples=_BOUND_SAMPLES,
        seed=seed,
        progress=progress,
    )
    bound = _by_row(batches, terms["bound"])
    weighted = weighted_log_likelihoods(
        model,
        [rows[i] for i in chosen],
        batch_size=_AT_ONCE,
        seed=seed,
        progress=progress,
        **weighting,
    )
    order = np.random.default_rng(seed).permutation(len(rows))[:_INFORMATION_SENTENCES]
    information = evaluation.mutual_information(
        model,
        padded([rows[i] for i in order]),
        seed=seed,
        progress=progress,
    )
    return {
        **_log_likelihood(weighted["log_likelihood"], bound, rows, chosen),
        **mean_with_standard_error("elbo", bound),
        **mean_with_standard_error("reconstruction", terms["reconstruction"]),
        **mean_with_standard_error("kl", terms["kl"]),
        **_units_and_discrepancy(model, rows, seed),
        "kl_per_dimension": divergence_by_dimension(model, batches.dataset(), _AT_ONCE),
        **summarised_information(information),
        **summarised_weights(weighted),
    }


def _without_density(model: TextVAE) -> bool:
    parts = (model.posterior(tf.constant([[END]])), model.prior(None))
    return not all(map(has_density, parts))


def _of_draws(model: TextVAE, rows: Rows, seed: int) -> dict[str, Any]:
    """What can be said without a density."""
    batches = BucketedBatches(rows, _AT_ONCE)
    found = []
    for index in range(len(batches)):
        joint = model.joint(tf.constant(batches[index][0]))
        z = joint.posterior.sample(_BOUND_SAMPLES, seed=tf.constant((seed, index)))
        found.append(tf.reduce_mean(joint.log_likelihood(z), axis=0).numpy())
    reconstruction = np.concatenate(found).astype(np.float64)
    return {
        **mean_with_standard_error("reconstruction", reconstruction),
        **_units_and_discrepancy(model, rows, seed),
        "without_density": True,
    }


def _units_and_discrepancy(model: Any, rows: Rows, seed: int) -> dict[str, Any]:
    batches = BucketedBatches(rows, _AT_ONCE)
    used = evaluation.active_units(model, batches.dataset(), seed=seed)
    return {
        "active_units": used["active_units"],
        "units": used["units"],
        "variances_of_means": used["variances"],
        **evaluation.prior_discrepancy(model, batches.dataset(), seed=seed),
    }


def _log_likelihood(
    log_likelihood: NDArray[np.float64],
    bound: NDArray[np.float64],
    rows: Rows,
    chosen: NDArray[np.intp],
) -> dict[str, Any]:
    """Of some rows, and from a bound of all what it would be of all."""
    gained = mean_with_standard_error("gained", log_likelihood - bound[chosen])
    assert gained["gained"] is not None
    tokens = sum(len(rows[i]) for i in chosen)
    return {
        **mean_with_standard_error("log_likelihood", log_likelihood),
        "log_likelihood_num_examples": len(chosen),
        "log_likelihood_of_all": float(bound.mean()) + gained["gained"],
        "log_likelihood_of_all_standard_error": gained["gained_standard_error"],
        "perplexity": math.exp(-log_likelihood.sum() / tokens),
    }


def _of_language_model(
    model: LanguageModel, rows: Rows, chosen: NDArray[np.intp]
) -> dict[str, Any]:
    batches = BucketedBatches(rows, _AT_ONCE)
    scores = [model(batches[i][0]).numpy() for i in range(len(batches))]
    exact = _by_row(batches, np.concatenate(scores).astype(np.float64))
    return _log_likelihood(exact[chosen], exact, rows, chosen)


def _by_row(batches: BucketedBatches, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values in the order of batches, in that of the rows."""
    order = np.concatenate([batches.index(i) for i in range(len(batches))])
    found = np.empty_like(values)
    found[order] = values
    return found


def _gaps(model: TextVAE, rows: Rows, seed: int, **sampling: Any) -> dict[str, Any]:
    few = padded(rows)
    at_a_time: dict[str, Any] = {
        "batch_size": _AT_ONCE,
        "samples_per_step": sampling["samples_per_step"],
        "seed": seed,
    }
    weighted = evaluation.importance_weighted_log_likelihood(
        model, few, num_samples=sampling["num_samples"], **at_a_time
    )
    return evaluation.inference_gaps(
        model, few, log_likelihood=weighted["log_likelihood"], num_steps=100, **at_a_time
    )


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
