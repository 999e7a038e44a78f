"""The cache of sentence vectors: nothing is encoded twice, nothing stale is read."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tfp_dgm.data import DataError
from tfp_dgm.labelling import sentence_vectors


class Lengths:
    """An encoder of which one can see what it was asked: vectors [length, weight]."""

    units = 2

    def __init__(self, weight: float = 1.0, fails_on: str | None = None) -> None:
        self.weight, self.fails_on = weight, fails_on
        self.asked: list[str] = []

    def fingerprint(self) -> str:
        return f"lengths-{self.weight}"

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        if self.fails_on in texts:
            raise KeyboardInterrupt
        self.asked += texts
        return np.array([[len(text), self.weight] for text in texts], np.float32)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TFP_DGM_CACHE", str(tmp_path))
    return tmp_path / "sentence_vectors"


def test_each_text_is_encoded_once_wherever_it_stands() -> None:
    first, second = Lengths(), Lengths()
    sentence_vectors(first, ["a", "bb", "a", ""])
    assert sorted(first.asked) == ["", "a", "bb"]
    vectors = sentence_vectors(second, ["new", "bb", "", "a"])
    assert second.asked == ["new"]
    assert vectors.dtype == np.float32
    assert vectors.tolist() == [[3, 1], [2, 1], [0, 1], [1, 1]]


def test_another_encoder_has_another_cache() -> None:
    sentence_vectors(Lengths(1.0), ["a"])
    assert sentence_vectors(Lengths(2.0), ["a"]).tolist() == [[1, 2]]


def test_what_was_encoded_before_an_interruption_is_kept() -> None:
    texts = [f"text {number}" for number in range(4200)]
    with pytest.raises(KeyboardInterrupt):
        sentence_vectors(Lengths(fails_on="text 4100"), texts)
    rest = Lengths()
    vectors = sentence_vectors(rest, texts)
    assert rest.asked == texts[4096:]  # Two whole blocks of 2,048 were done.
    assert vectors[:, 0].tolist() == [len(text) for text in texts]


def test_no_texts_and_lone_surrogates() -> None:
    assert sentence_vectors(Lengths(), []).shape == (0, 2)
    assert sentence_vectors(Lengths(), ["\ud800"]).tolist() == [[1, 1]]


def test_a_broken_file_is_named(cache: Path) -> None:
    cache.mkdir()
    (cache / "lengths-1.0.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(DataError, match=r"lengths-1\.0\.sqlite.*delete the file"):
        sentence_vectors(Lengths(), ["a"])
