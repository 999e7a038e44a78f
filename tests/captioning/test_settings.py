"""What no training can use is refused by name, before any work."""

import json

import pytest

from tfp_dgm.captioning import (
    CaptionSettings,
    build_captioner,
    from_version_0_1,
    make_encoder,
    make_objective,
)
from tfp_dgm.data import DataError
from tfp_dgm.objectives import ReweightedWakeSleep
from tfp_dgm.settings import read_settings
from tfp_dgm.text import WordVocabulary


def made(**chosen):
    return read_settings(CaptionSettings, None, [f"{name}={chosen[name]}" for name in chosen])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"experts.embedding_units": 0},
            "experts.embedding_units must be .* equal to 1; received 0",
        ),
        ({"context_units": -2}, "context_units must be .* equal to 1; received -2"),
        ({"embedding_units": 0}, "embedding_units must be .* equal to 1; received 0"),
        ({"image_size": 0}, "image_size must be .* equal to 1; received 0"),
        (
            {"vocabulary.min_count": 0},
            "vocabulary.min_count must be .* equal to 1; received 0",
        ),
        ({"patience": 0}, "patience must be .* equal to 1; received 0"),
        ({"clip_norm": -1.0}, "clip_norm must be greater than 0; received -1.0"),
        ({"objective.balance": ".nan"}, "objective.balance must be a finite number; received nan"),
        ({"learning_rate": -1.0}, "learning_rate must be greater than 0; received -1.0"),
        (
            {"objective.temperature": 0.0},
            "objective.temperature must be greater than 0; received 0.0",
        ),
        ({"dropout": 1.0}, "dropout must be less than 1; received 1.0"),
        ({"seed": -1}, "seed must be .* equal to 0; received -1"),
        ({"seed": 2**31}, "seed must be less than or equal to 2147483647; received 2147483648"),
        (
            {"image_encoder.filters": 0},
            "image_encoder.filters must be .* equal to 8; received 0",
        ),
        (
            {"image_encoder.filters": 12},
            "image_encoder.filters must be a multiple of 8; received 12",
        ),
        (
            {"decoder": "transformer", "units": 6},
            "units must be a multiple of 4 for a transformer's heads; received 6",
        ),
        (
            {"image_encoder.kind": "application", "image_encoder.name": "NoSuchNet"},
            "`application` must be one of .* received 'NoSuchNet'",
        ),
        ({"image_encoder.kind": "application"}, "image_encoder.name is missing"),
        (
            {"experts.kind": "separate", "objective.kind": "gumbel"},
            "gumbel mixes experts, .* received experts.kind=separate",
        ),
        (
            {"attention": "exact", "decoder": "transformer"},
            "attention=exact needs a decoder .* lstm; received decoder=transformer",
        ),
        (
            {"attention": "sampled", "experts.kind": "separate"},
            "attention=sampled needs experts that share .* received experts.kind=separate",
        ),
        (
            {"attention": "false"},
            "attention must be 'soft', 'exact', 'enumerated' or 'sampled'; received False",
        ),
    ],
    ids=str,
)
def test_settings_out_of_range_are_named(changed, message):
    with pytest.raises(DataError, match=message):
        made(**changed)


def test_an_application_says_which_images_are_too_small():
    chosen = {"image_encoder.kind": "application", "image_encoder.name": "MobileNet"}
    with pytest.raises(DataError, match=r"settings: .*MobileNet.* at least 32x32"):
        make_encoder(made(**chosen, image_size=8))


def test_the_ends_of_the_ranges_are_in_them():
    ends = {"seed": 2**31 - 1, "clip_norm": "null", "dropout": 0.0}
    ends |= {"objective.balance": 0.0, "image_encoder.filters": 8, "vocabulary.min_count": 1}
    assert made(**ends).seed == 2**31 - 1


FLAT = {
    "num_experts": 2,
    "objective": "em",
    "separate": False,
    "expert_units": 7,
    "decoder": "transformer",
    "source_encoder": "gru",
    "image_size": 32,
    "filters": 16,
    "blocks": 3,
    "application": "",
    "weights": "",
    "fine_tune": False,
    "vocabulary": "words",
    "vocabulary_size": 99,
    "min_count": 2,
    "lower": False,
    "clip_norm": 0.0,
    "temperature": 3.0,
    "anneal_epochs": 1,
    "balance": 0.25,
    "data": {"captions": "x"},
}
NOW = """
num_experts: 2
objective: {kind: em, temperature: 3, anneal_epochs: 1, balance: 0.25}
experts: {kind: shared, embedding_units: 7}
decoder: transformer
source_encoder: gru
image_size: 32
image_encoder: {kind: convolutional, filters: 16, blocks: 3}
vocabulary: {kind: words, size: 99, min_count: 2, lower: false}
clip_norm: null
"""


@pytest.mark.parametrize(
    ("changed", "now"),
    [
        ({}, []),
        ({"separate": True}, ["experts.kind=separate"]),
        ({"attention": True}, ["attention=soft"]),
        ({"attention": False}, ["attention=null"]),
        ({"objective": "gumbel"}, ["objective.kind=gumbel"]),
        (
            {"application": "MobileNet", "weights": "w.h5", "fine_tune": True},
            ["image_encoder={kind: application, name: MobileNet, weights: w.h5, fine_tune: true}"],
        ),
        ({"vocabulary": "subwords"}, ["vocabulary={kind: subwords, size: 99, lower: false}"]),
    ],
    ids=str,
)
def test_settings_of_version_0_1_are_read(tmp_path, changed, now):
    (tmp_path / "settings.json").write_text(json.dumps(FLAT | changed))
    (tmp_path / "now.yaml").write_text(NOW)
    old = read_settings(CaptionSettings, tmp_path / "settings.json", earlier=from_version_0_1)
    expected = read_settings(CaptionSettings, tmp_path / "now.yaml", now, earlier=from_version_0_1)
    assert old == expected


@pytest.mark.parametrize(("attention", "now"), [(True, "soft"), (False, None)])
def test_attention_that_was_yes_or_no_is_read(tmp_path, attention, now):
    """Of a file whose other settings are those of now."""
    held = {"attention": attention, "objective": {"kind": "em"}}
    (tmp_path / "settings.json").write_text(json.dumps(held))
    read = read_settings(CaptionSettings, tmp_path / "settings.json", earlier=from_version_0_1)
    assert (read.attention, read.objective.kind) == (now, "em")


@pytest.mark.parametrize(("kind", "hard"), [("hard-em", True), ("stochastic-em", False)])
def test_one_expert_of_a_caption_learns_chosen_or_drawn(kind, hard):
    settings = made(**{"objective.kind": kind})
    captioner = build_captioner(settings, WordVocabulary(["a", "b"], max_length=5), 8, None)
    assert captioner.expert_posterior.hard is hard
    objective = make_objective(settings)
    assert isinstance(objective, ReweightedWakeSleep)
    assert (objective.num_samples, objective.sleep) == (1, 0.0)
