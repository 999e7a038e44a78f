"""The cache of pieces' vectors: distilled once, never stale, made anew where it is damaged."""

import numpy as np
import pytest

from tests.labelling.tiny_encoder import write_tiny_encoder
from tfp_dgm.labelling.vectors_of_tokens import token_vectors
from tfp_dgm.networks import SentenceEncoder

TEXTS = ["apple pear", "iron", "pear"]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TFP_DGM_CACHE", str(tmp_path))
    return tmp_path / "token_vectors"


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoder") / "tiny"
    return SentenceEncoder.from_preset(write_tiny_encoder(folder, ["apple", "pear", "iron"]))


def _refuses(self, piece_ids):
    raise AssertionError("the vectors are in the cache")


@pytest.mark.slow
def test_pieces_are_encoded_once(encoder, cache, monkeypatch):
    steps = []
    first = token_vectors(encoder, TEXTS, lambda step, done, total: steps.append((done, total)))
    assert steps == [(0, 8), (8, 8)]
    monkeypatch.setattr(SentenceEncoder, "encode_pieces", _refuses)
    again = token_vectors(encoder, TEXTS)
    np.testing.assert_array_equal(first.table.numpy(), again.table.numpy())
    # Each piece is a text of its own: the word alone, before it is weighed.
    (path,) = cache.iterdir()
    np.testing.assert_allclose(
        np.load(path)[5:], encoder.encode(["apple", "pear", "iron"]), atol=1e-3
    )


def test_pieces_are_those_of_the_last_layer_whatever_is_read_of_texts(tmp_path, cache):
    folder = write_tiny_encoder(tmp_path / "tiny", ["apple", "pear"], layers=3)
    last, two = (SentenceEncoder.from_preset(folder, depths=d) for d in ([1.0], [1.0, 0.5]))
    assert two.units == 2 * last.units
    light = token_vectors(two, TEXTS)
    np.testing.assert_array_equal(light.table.numpy(), token_vectors(last, TEXTS).table.numpy())
    (path,) = cache.iterdir()
    np.testing.assert_allclose(np.load(path)[5:], last.encode(["apple", "pear"]), atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("damage", [b"", b"no array", b"\x93NUMPY\x01\x00"])
def test_a_damaged_file_is_made_anew(encoder, cache, damage):
    first = token_vectors(encoder, TEXTS)
    (path,) = cache.iterdir()
    path.write_bytes(damage)
    again = token_vectors(encoder, TEXTS)
    np.testing.assert_array_equal(first.table.numpy(), again.table.numpy())
    assert np.load(path).shape == (8, 8)
