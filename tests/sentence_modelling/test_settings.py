"""The settings of texts' models: what goes together, and those that version 0.1 wrote."""

import dataclasses
import json

import pytest

from tests.sentence_modelling.untrained_models import settings_of
from tfp_dgm.data import DataError
from tfp_dgm.sentence_modelling import TextModelSettings, from_version_0_1
from tfp_dgm.settings import read_settings

# As version 0.1 wrote it, with nothing at its default.
FLAT = {
    "model": "language_model",
    "vocabulary": "words",
    "vocabulary_size": 900,
    "lower": True,
    "tokenised": True,
    "max_length": 61,
    "encoder": "bidirectional_lstm",
    "decoder": "gru",
    "embedding_units": 6,
    "units": 8,
    "latent_units": 3,
    "num_layers": 2,
    "word_dropout": 0.1,
    "dropout": 0.2,
    "skip_connections": True,
    "tie_embeddings": True,
    "bag_of_words_weight": 0.4,
    "posterior": "iaf",
    "prior": "vamp",
    "flow_base": "full_normal",
    "num_flows": 5,
    "gamma": 0.7,
    "concentration": 9.0,
    "kl_weight": 0.6,
    "kl_schedule": "cyclical",
    "kl_schedule_steps": 77,
    "free_bits": 8.0,
    "free_bits_group": 3,
    "minimum_rate": 0.0,
    "pretraining_epochs": 2,
    "aggressive": True,
    "semi_amortized_steps": 4,
    "semi_amortized_rate": 0.3,
    "epochs": 21,
    "batch_size": 33,
    "learning_rate": 0.002,
    "clipnorm": 4.0,
    "patience": 6,
    "precision": "mixed_bfloat16",
    "seed": 9,
    "data": {"train_file": "train.txt"},
}
NOW = """
model: language_model
vocabulary: {kind: words, size: 900, lower: true, tokenised: true}
max_length: 61
encoder: {kind: lstm, bidirectional: true, units: 8, embedding_units: 6, dropout: 0.2}
decoder:
  {kind: gru, units: 8, embedding_units: 6, num_layers: 2, dropout: 0.2, word_dropout: 0.1,
   tie_embeddings: true, skip_connections: true, seed: null}
latent_units: 3
posterior: {kind: iaf, base: full_normal, num_layers: 5}
prior: {kind: vamp, num_components: 50}
kl:
  weight: 0.6
  schedule: {kind: cyclical, steps: 77}
  rate: {kind: free_bits, nats: 8, group_size: 3}
remedies:
  bag_of_words_weight: 0.4
  pretraining_epochs: 2
  aggressive: true
  semi_amortized: {num_steps: 4, learning_rate: 0.3}
epochs: 21
batch_size: 33
learning_rate: {kind: constant, value: 0.002}
clipnorm: 4
patience: 6
precision: mixed_bfloat16
seed: 9
"""


def read(path, *assignments):
    notes = []
    found = read_settings(
        TextModelSettings,
        path,
        assignments,
        earlier=lambda values: from_version_0_1(values, notes.append),
    )
    return found, notes


def test_settings_of_version_0_1_are_read_with_a_note(tmp_path):
    (tmp_path / "settings.json").write_text(json.dumps(FLAT))
    (tmp_path / "now.yaml").write_text(NOW)
    old, notes = read(tmp_path / "settings.json")
    now, none = read(tmp_path / "now.yaml")
    assert old == now
    assert "version 0.1" in notes[0]
    assert none == []


@pytest.mark.parametrize(
    ("flat", "now"),
    [
        ("units: 8", ["encoder.units=8", "decoder.units=8"]),
        ("minimum_rate: 2", ["kl.rate.kind=minimum", "kl.rate.nats=2"]),
        ("decoder: convolutional", ["decoder.kind=convolutional"]),
        ("kl_schedule: constant", ["kl.schedule.kind=constant"]),
        ("vocabulary: subwords", ["vocabulary.kind=subwords"]),
        (
            "posterior: power_spherical\nprior: spherical_uniform\nconcentration: 3",
            [
                "posterior.kind=power_spherical",
                "posterior.concentration=3",
                "prior.kind=spherical_uniform",
            ],
        ),
        ("posterior: batch_normalized", ["posterior.kind=batch_normalized"]),
        ("posterior: planar", ["posterior.kind=planar"]),
        ("free_bits: 0\nsemi_amortized_steps: 0\nlower: true", ["vocabulary.lower=true"]),
    ],
)
def test_a_few_names_of_version_0_1_are_read_too(tmp_path, flat, now):
    (tmp_path / "old.yaml").write_text(flat)
    assert read(tmp_path / "old.yaml")[0] == read_settings(TextModelSettings, None, now)


def test_what_was_no_setting_then_either_is_refused(tmp_path):
    (tmp_path / "old.yaml").write_text("units: 8\nunts: 3\n")
    with pytest.raises(DataError, match="no such setting 'unts'"):
        read(tmp_path / "old.yaml")


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (
            {"epochs": 3, "remedies.pretraining_epochs": 3},
            "remedies.pretraining_epochs must be below epochs, .* received 3 of 3",
        ),
        ({"posterior.kind": "power_spherical"}, "go together; received power_spherical and normal"),
        ({"kl.schedule.epochs": 2, "kl.schedule.steps": 9}, "expected one of them, received 2.0"),
        ({"decoder.word_dropout": 1.5}, "decoder.word_dropout must be less than or equal to 1"),
        ({"seed": 2**31}, "seed must be less than or equal to 2147483647"),
    ],
    ids=str,
)
def test_what_does_not_go_together_is_named(chosen, message):
    with pytest.raises(DataError, match=message):
        settings_of(chosen)


def test_what_is_written_comes_back(tmp_path):
    settings = settings_of({"posterior.kind": "iaf", "remedies.semi_amortized.num_steps": 2})
    (tmp_path / "settings.json").write_text(json.dumps(dataclasses.asdict(settings)))
    assert read(tmp_path / "settings.json") == (settings, [])


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"posterior.kind": "point_mass"}, "posterior.kind=point_mass: without a density .* elbo"),
        ({"prior.kind": "implicit"}, "prior.kind=implicit: without a density there is no bound"),
        (
            {"objective.kind": "aae", "remedies.aggressive": "true"},
            "remedies.aggressive: for objective.kind=elbo; received objective.kind=aae",
        ),
        (
            {"objective.kind": "wae_mmd", "kl.rate.kind": "free_bits", "kl.rate.nats": 3},
            "kl.rate: for objective.kind=elbo; received objective.kind=wae_mmd",
        ),
        (
            {
                "objective.kind": "aae",
                "kl.weight": 0.5,
                "kl.schedule.kind": "cyclical",
                "remedies.aggressive": "true",
            },
            "remedies.aggressive, kl.weight, kl.schedule: for objective.kind=elbo; received",
        ),
        (
            {"objective.kind": "aae", "prior.kind": "vamp"},
            "prior.kind=vamp: draws of it cannot be reparameterised, as objective.kind=aae needs",
        ),
        (
            {"objective.kind": "wae_mmd", "batch_size": 1},
            "expected a batch_size of 2 or more, received 1",
        ),
        (
            {"objective.kind": "wae_mmd", "prior.kind": "implicit"},
            "objective.kernel_scale must be a number",
        ),
    ],
)
def test_objectives_and_what_they_cannot_have_are_refused(chosen, message):
    with pytest.raises(DataError, match=message):
        settings_of(chosen)
