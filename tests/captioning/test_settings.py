"""What no training can use is refused by name, before any work."""

import pytest

from tfp_dgm.captioning import CaptionSettings, make_encoder
from tfp_dgm.data import DataError
from tfp_dgm.settings import read_settings


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"expert_units": 0}, "expert_units must be greater than or equal to 1; received 0"),
        ({"context_units": -2}, "context_units must be greater than or equal to 1; received -2"),
        ({"embedding_units": 0}, "embedding_units must be greater than or equal to 1; received 0"),
        ({"image_size": 0}, "image_size must be greater than or equal to 1; received 0"),
        ({"min_count": 0}, "min_count must be greater than or equal to 1; received 0"),
        ({"patience": 0}, "patience must be greater than or equal to 1; received 0"),
        ({"clip_norm": -1.0}, "clip_norm must be greater than or equal to 0; received -1.0"),
        ({"balance": ".nan"}, "balance must be a finite number; received nan"),
        ({"learning_rate": -1.0}, "learning_rate must be greater than 0; received -1.0"),
        ({"temperature": 0.0}, "temperature must be greater than 0; received 0.0"),
        ({"dropout": 1.0}, "dropout must be less than 1; received 1.0"),
        ({"seed": -1}, "seed must be greater than or equal to 0; received -1"),
        ({"seed": 2**31}, "seed must be less than or equal to 2147483647; received 2147483648"),
        ({"filters": 0}, "filters must be greater than or equal to 8; received 0"),
        ({"filters": 12}, "filters must be a multiple of 8; received 12"),
        (
            {"decoder": "transformer", "units": 6},
            "units must be a multiple of 4 for a transformer's heads; received 6",
        ),
        ({"application": "NoSuchNet"}, "`application` must be one of .* received 'NoSuchNet'"),
    ],
    ids=str,
)
def test_settings_out_of_range_are_named(changed, message):
    with pytest.raises(DataError, match=message):
        read_settings(CaptionSettings, None, [f"{name}={value}" for name, value in changed.items()])


def test_an_application_says_which_images_are_too_small():
    settings = CaptionSettings(application="MobileNet", image_size=8)
    with pytest.raises(DataError, match=r"settings: .*MobileNet.* at least 32x32"):
        make_encoder(settings)


def test_the_ends_of_the_ranges_are_in_them():
    CaptionSettings(seed=2**31 - 1, clip_norm=0.0, balance=0.0, dropout=0.0, filters=8, min_count=1)
