"""What an evaluation reports, against sums over sentences that are done one by one."""

import math

import numpy as np
import pytest

from tests.sentence_modelling.untrained_models import sentences, untrained
from tfp_dgm.data import DataError
from tfp_dgm.sentence_modelling import (
    evaluate_text_model,
    load_text_model,
    log_likelihoods,
    read_texts,
)

# Of few sentences and draws each.
pytestmark = pytest.mark.usefixtures("eager")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    file = tmp_path_factory.mktemp("evaluation") / "valid.txt"
    # One length is the commonest by far, so that batches are not in the order of the lengths.
    file.write_text("a dog sits here.\n" * 40 + "a dog\n" * 40 + sentences(10, 1))
    return file


@pytest.fixture(scope="module")
def language_model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "language_model"
    return load_text_model(untrained(folder, {"model": "language_model"}))


@pytest.fixture(scope="module")
def vae(tmp_path_factory):
    return load_text_model(untrained(tmp_path_factory.mktemp("models") / "vae"))


@pytest.mark.slow
def test_of_a_language_model_each_sentence_counts(language_model, file):
    texts = read_texts(file, language_model.vocabulary, 8)
    report = evaluate_text_model(language_model, texts, num_sentences=9)
    rows = sorted(texts.rows, key=len)
    exact = np.array([float(language_model(row[np.newaxis])[0]) for row in rows])
    chosen = [5, 15, 25, 35, 45, 55, 65, 75, 85]  # The middles of nine tenths of ninety.
    assert len(rows) == 90
    few = exact[chosen]
    assert report["log_likelihood"] == pytest.approx(few.mean(), rel=1e-5)
    error = few.std(ddof=1) / 3
    assert report["log_likelihood_standard_error"] == pytest.approx(error, rel=1e-4)
    assert report["log_likelihood_of_all"] == pytest.approx(exact.mean(), rel=1e-5)
    tokens = sum(len(rows[place]) for place in chosen)
    assert report["perplexity"] == pytest.approx(math.exp(-few.sum() / tokens), rel=1e-5)
    assert report["log_likelihood_num_examples"] == 9


def test_of_a_text_vae_what_the_weighting_adds_is_estimated_on_some(vae, file):
    texts = read_texts(file, vae.vocabulary, 8)
    report = evaluate_text_model(vae, texts, num_samples=2, num_sentences=9)
    assert (report["num_sentences"], report["log_likelihood_num_examples"]) == (90, 9)
    gain = report["log_likelihood_of_all"] - report["elbo"]
    assert -0.5 < gain < 1  # An untrained posterior is near the prior.
    assert report["elbo"] == pytest.approx(report["reconstruction"] - report["kl"])


def test_what_was_found_is_taken_as_it_is(vae, file, tmp_path):
    rows = read_texts(file, vae.vocabulary, 8).rows[:3]
    for start in (0, 1):  # As an interrupted evaluation left it.
        moved = {name: np.full(1, start + 0.5) for name in ("log_likelihood", "pareto_k")}
        np.savez(tmp_path / f"log_likelihood_{start}.npz", **moved)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_likelihoods, "_PART", 1)
        options = {"num_samples": 2, "batch_size": 1, "samples_per_step": 2, "seed": 0}
        found = log_likelihoods.weighted_log_likelihoods(vae, rows, keep=tmp_path, **options)
    assert found["log_likelihood"][:2].tolist() == [0.5, 1.5]
    assert found["log_likelihood"][2] < -1
    with np.load(tmp_path / "log_likelihood_2.npz") as saved:
        np.testing.assert_array_equal(saved["log_likelihood"], found["log_likelihood"][2:])


def test_places_are_the_middles_of_equal_parts():
    assert log_likelihoods.evenly_spaced(10, 5).tolist() == [1, 3, 5, 7, 9]
    for wanted in (5, None):
        assert log_likelihoods.evenly_spaced(3, wanted).tolist() == [0, 1, 2]


def test_a_text_vae_is_no_model_to_stand_beside(vae, language_model, file):
    texts = read_texts(file, vae.vocabulary, 8)
    with pytest.raises(DataError, match="`beside`: expected a language model; received a text VAE"):
        evaluate_text_model(language_model, texts, beside=vae)


@pytest.mark.slow
def test_without_a_density_no_likelihood_is_claimed(file, tmp_path):
    """The reconstruction by one pass a sentence; the means' variances by NumPy."""
    chosen = {"posterior.kind": "point_mass", "objective.kind": "aae", "prior.kind": "implicit"}
    model = load_text_model(untrained(tmp_path / "arae", chosen))
    texts = read_texts(file, model.vocabulary, 8)
    report = evaluate_text_model(model, texts, num_samples=2)
    claimed = {"log_likelihood", "elbo", "kl", "perplexity", "elbo_perplexity"} & set(report)
    assert not claimed
    assert not any("mutual_information" in name for name in report)
    rows = [row[np.newaxis] for row in texts.rows]
    means = np.concatenate([model(row).numpy() for row in rows])
    exact = [
        float(model.decode(mean[np.newaxis]).log_prob(row)[0])
        for row, mean in zip(rows, means, strict=True)
    ]
    assert report["reconstruction"] == pytest.approx(np.mean(exact), rel=1e-5)
    variances = means.var(axis=0, ddof=1)
    np.testing.assert_allclose(report["variances_of_means"], variances, rtol=1e-3, atol=1e-7)
    assert report["discrepancy"] > 0
    assert report["units"] == 3
    for asked in ({"gaps": 2}, {"refinement_steps": 3}):
        with pytest.raises(
            DataError, match=r"need .* densities; .* has PointMass and ImplicitPrior"
        ):
            evaluate_text_model(model, texts, **asked)
