"""Images decoded once, features of them read and computed, encoders that come back."""

import io

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.saving import assert_same_weights
from tfp_dgm.captioning import (
    CaptionedSources,
    CaptionSettings,
    claim_run,
    encode_images,
    load_captioner,
    load_images,
    load_sources,
    train_captioner,
)
from tfp_dgm.data import CaptionedImages, DataError, ImageFiles, read_image_features
from tfp_dgm.networks import ConvolutionalEncoder, PretrainedBackbone, decode_image
from tfp_dgm.settings import read_settings


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for n in range(5):
        pixels = np.full((6 + n, 9, 3), 40 * n, np.uint8)
        (folder / f"{n}.png").write_bytes(png(pixels))
    (folder / "3.png").write_bytes(b"no image")
    return ImageFiles(folder)


def test_images_keep_their_rows_and_broken_ones_are_named(files):
    names = ["4.png", "3.png", "0.png", "1.png"]
    pixels, broken = load_images(files, names, 8)
    assert broken == ["3.png"]
    assert pixels.shape == (4, 8, 8, 3)
    np.testing.assert_array_equal(pixels[:, 4, 4, 0], [160, 0, 0, 40])


@pytest.mark.slow
def test_cache_is_read_until_an_image_changes(files, tmp_path):
    names = ["0.png", "1.png"]
    cache = tmp_path / "cache"
    load_images(files, names, 8, cache=cache)
    written = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    pixels, _ = load_images(files, names, 8, cache=cache)
    assert {path: path.stat().st_mtime_ns for path in cache.iterdir()} == written
    np.testing.assert_array_equal(pixels[:, 0, 0, 0], [0, 40])
    (files.path / "0.png").write_bytes(png(np.full((7, 7, 3), 255, np.uint8)))
    pixels, _ = load_images(files, names, 8, cache=cache)
    np.testing.assert_array_equal(pixels[:, 0, 0, 0], [255, 40])


def test_broken_images_are_left_out_with_their_captions(files):
    captions = CaptionedImages({"0.png": ["a"], "3.png": ["b", "c"], "4.png": ["d", "e"]})
    captioned = load_sources(captions, files, image_size=8)
    assert captioned.texts == ["a", "d", "e"]
    assert captioned.source_of == [0, 1, 1]
    np.testing.assert_array_equal(captioned.sources[:, 4, 4, 0], [0, 160])
    assert captioned.captions.warnings == ["1 image that cannot be decoded: 3.png"]
    with pytest.raises(DataError, match=r"1 images that cannot be decoded: 3.png"):
        load_sources(captions, files, image_size=8, strict=True)


def test_shrinking_averages():
    """A chessboard of pixels becomes grey, where picking some would keep them black or white."""
    board = np.indices((32, 32)).sum(axis=0) % 2 * 255
    small = decode_image(tf.constant(png(np.stack([board] * 3, -1).astype(np.uint8))), 8, 8)
    assert np.abs(small.numpy()[2:-2, 2:-2].astype(int) - 127).max() < 8


@pytest.mark.parametrize("ending", [".npz", ".npy"])
def test_features_of_others(tmp_path, ending):
    features = np.arange(12, dtype=np.float32).reshape(3, 4)
    path = tmp_path / f"features{ending}"
    if ending == ".npz":
        np.savez(path, names=np.array(["a.jpg", "b.jpg", "c.jpg"]), features=features)
    else:
        np.save(path, features)
        path.with_suffix(".txt").write_text("a.jpg\nb.jpg\nc.jpg\n")
    found = read_image_features(path)
    captions = CaptionedImages({"c.jpg": ["x"], "gone.jpg": ["y"], "a.jpg": ["z", "w"]})
    captioned = load_sources(captions.matched(found), found, image_size=8)
    np.testing.assert_array_equal(captioned.sources, features[[2, 0]])
    assert captioned.source_of == [0, 1, 1]
    assert captioned.captions.warnings == [
        "1 image with captions missing: gone.jpg",
        "1 image without a caption: b.jpg",
    ]


@pytest.mark.parametrize("names", [[7, 12], [b"7", b"12"], ["7.0", "12.0"]], ids=repr)
def test_names_of_features_meet_those_of_captions(tmp_path, names):
    np.savez(tmp_path / "f.npz", names=np.array(names), features=np.eye(2))
    found = read_image_features(tmp_path / "f.npz")
    captions = CaptionedImages({"12": ["x"], "7": ["y"]})
    assert captions.matched(found).warnings == []
    np.testing.assert_array_equal(found.of(captions.names), np.eye(2)[::-1])


@pytest.mark.parametrize(
    ("names", "features", "message"),
    [
        (
            [True, False],
            np.zeros((2, 3)),
            r"`names` \[I\], strings or whole .* bool \[2\]: True, F",
        ),
        (["12", "12.0"], np.zeros((2, 3)), "more than one 12"),
        (["\u00e9", "e\u0301"], np.zeros((2, 3)), "more than one \u00e9"),
        (["a", "a"], np.zeros((2, 3)), "more than one a"),
        (["a"], np.zeros((2, 3)), "2 rows of features, but 1 names"),
        (["a", "b"], np.zeros((2, 3), int), r"of a float type; received int64 \[2, 3\]"),
        (["a", "b"], np.array([[1.0], [np.nan]]), "row 1: a feature is NaN or infinite"),
    ],
)
def test_bad_features_are_named(tmp_path, names, features, message):
    np.savez(tmp_path / "f.npz", names=np.array(names), features=features)
    with pytest.raises(DataError, match=message):
        read_image_features(tmp_path / "f.npz")


def test_files_that_are_no_features(tmp_path):
    np.savez(tmp_path / "f.npz", features=np.zeros((2, 3)))
    with pytest.raises(
        DataError, match=r"expected the arrays `names` and `features`; received \['feat"
    ):
        read_image_features(tmp_path / "f.npz")
    (tmp_path / "g.npz").write_text("text")
    with pytest.raises(DataError, match=r"g.npz: expected a .npy or .npz file of numbers"):
        read_image_features(tmp_path / "g.npz")


def encoded_copy(encoder, tmp_path):
    model = keras.Sequential([keras.Input((40, 40, 3)), encoder])
    for weight in encoder.weights:
        weight.assign(np.random.default_rng(1).uniform(0.1, 0.5, size=weight.shape))
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras").layers[-1]
    assert_same_weights(encoder, copy)
    return copy


def test_convolutional_encoder(tmp_path):
    encoder = ConvolutionalEncoder((8, 16), dropout=0.5, seed=1)
    copy = encoded_copy(encoder, tmp_path)
    images = np.random.default_rng(2).integers(256, size=(3, 40, 40, 3), dtype=np.uint8)
    features = encoder(images)
    assert features.shape == (3, 10, 10, 16)
    assert encoder.compute_output_shape((None, 40, 40, 3)) == (None, 10, 10, 16)
    np.testing.assert_allclose(copy(images[1:2]), features[1:2], rtol=1e-5, atol=1e-6)
    assert np.abs(encoder(images, training=True) - features).max() > 0.1
    with pytest.raises(ValueError, match=r"multiples of 8; received \(12,\)"):
        ConvolutionalEncoder((12,))


@pytest.mark.slow
def test_frozen_backbone_is_computed_once(tmp_path):
    arguments = {"alpha": 0.25}
    backbone = PretrainedBackbone("MobileNet", (40, 40), arguments=arguments)
    copy = encoded_copy(backbone, tmp_path)
    assert backbone.trainable_weights == []
    images = np.random.default_rng(2).integers(256, size=(3, 40, 40, 3), dtype=np.uint8)
    features = encode_images(backbone, images, cache=tmp_path / "f.npy")
    assert features.shape == (3, *backbone.compute_output_shape((None, 40, 40, 3))[1:])
    np.testing.assert_allclose(features, copy(images), rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(encode_images(None, images, cache=tmp_path / "f.npy"), features)


def small_application(include_top, weights, input_shape):
    network = keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Conv2D(4, 8, strides=8),
            keras.layers.BatchNormalization(),
        ]
    )
    if weights is not None:
        network.load_weights(weights)
    return network


@pytest.mark.slow
def test_training_on_a_backbone_with_weights_from_a_file(tmp_path, monkeypatch, eager):
    small_application.__module__ = keras.applications.MobileNet.__module__  # Its preprocessing.
    monkeypatch.setattr(keras.applications, "MobileNet", small_application)
    file = tmp_path / "mobilenet.weights.h5"
    backbone = PretrainedBackbone("MobileNet", (32, 32))
    backbone.network.save_weights(file)
    images = np.random.default_rng(2).integers(256, size=(6, 32, 32, 3), dtype=np.uint8)
    captions = CaptionedImages({f"{n}.png": ["a dog", "dog"] for n in range(6)})
    captioned = CaptionedSources(captions, images, "images")
    sizes = ("units", "embedding_units", "experts.embedding_units", "context_units")
    chosen = dict.fromkeys(sizes, 8) | {
        "image_encoder": f"{{kind: application, name: MobileNet, weights: {file}}}",
        "image_size": 32,
        "vocabulary.min_count": 1,
        "epochs": 1,
    }
    assignments = [f"{name}={value}" for name, value in chosen.items()]
    settings = read_settings(CaptionSettings, None, assignments)
    with claim_run(tmp_path / "model", settings) as run:
        train_captioner(captioned, captioned, run, settings)
    assert len(list((tmp_path / "model" / "cache").iterdir())) == 1  # Features, computed once.
    file.unlink()  # The saved model brings them along.
    model, _ = load_captioner(tmp_path / "model")
    for weight, loaded in zip(backbone.weights, model.encoder.weights, strict=True):
        np.testing.assert_array_equal(loaded.numpy(), weight.numpy(), err_msg=weight.path)


def test_backbones_that_cannot_be_had(tmp_path):
    with pytest.raises(ValueError, match=r"`application` must be one of .* received 'MobileNetV9'"):
        PretrainedBackbone("MobileNetV9", (40, 40))
    with pytest.raises(ValueError, match="MobileNetV3Small with the weights"):  # It is known.
        PretrainedBackbone("MobileNetV3Small", (40, 40), weights="none.h5")
    with pytest.raises(ValueError, match=r"MobileNetV2 with the weights 'none.h5'"):
        PretrainedBackbone("MobileNetV2", (40, 40), weights="none.h5")
