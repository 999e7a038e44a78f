"""The generator of scenes: what a caption says stands in its picture."""

import numpy as np
import pytest

from tfp_dgm.data import render_scenes

COLOURS = {
    "red": (208, 52, 44),
    "green": (58, 150, 70),
    "blue": (52, 92, 200),
    "yellow": (232, 196, 50),
}


def test_captions_say_what_the_pictures_show():
    scenes = render_scenes(60, captions_per_image=8, size=40, seed=3)
    assert scenes.images.shape == (60, 40, 40, 3)
    for image, captions, styles in zip(scenes.images, scenes.captions, scenes.styles, strict=True):
        drawn = np.abs(image.astype(float) - 200).max(axis=-1) > 60  # [H, W]
        colour = np.median(image[drawn], axis=0)
        name = min(COLOURS, key=lambda key: np.abs(colour - COLOURS[key]).sum())
        assert all(name in caption.split() for caption in captions)
        y, x = (axis.mean() for axis in np.nonzero(drawn))
        place = f"{'bottom' if y > 20 else 'top'} {'right' if x > 20 else 'left'}"
        for caption, style in zip(captions, styles, strict=True):
            starts = ("", "there is", "look at", "what a")
            assert caption.startswith(starts[style] or name)
            assert (place in caption) == (style in (1, 2))


def test_shapes_differ_in_how_much_of_their_square_they_fill():
    """Circle pi/4, square 1, triangle about 1/2, cross about 1/2: rendered, not only named."""
    scenes = render_scenes(80, captions_per_image=1, num_styles=1, size=64, seed=1)
    filled = {}
    for image, captions in zip(scenes.images, scenes.captions, strict=True):
        rows, columns = np.nonzero(np.abs(image.astype(float) - 200).max(axis=-1) > 60)
        box = (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
        filled.setdefault(captions[0].split()[1], []).append(len(rows) / box)
    means = {shape: np.mean(shares) for shape, shares in filled.items()}
    np.testing.assert_allclose(means["circle"], np.pi / 4, atol=0.05)
    np.testing.assert_allclose(means["square"], 1.0, atol=0.03)
    assert 0.4 < means["triangle"] < 0.6
    assert 0.4 < means["cross"] < 0.6


def test_seed_decides_everything():
    one, same, other = (render_scenes(9, seed=seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(one.images, same.images)
    assert one.captions == same.captions != other.captions
    assert render_scenes(9, num_styles=2, seed=1).styles.max() == 1


@pytest.mark.parametrize(
    ("arguments", "message"), [({"size": 8}, "`size`.* 8"), ({"num_styles": 9}, "`num_styles`.* 9")]
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        render_scenes(2, **arguments)
