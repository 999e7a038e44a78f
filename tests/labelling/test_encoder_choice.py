"""What `--encoder auto` tries, takes and says."""

import numpy as np
import pytest
import scipy.sparse

from tests.labelling.tiny_encoder import write_tiny_encoder
from tfp_dgm.confidence import asked_encoder
from tfp_dgm.labelling.encoder_choice import choose_encoder
from tfp_dgm.labelling.encoder_gains import Gain
from tfp_dgm.networks import SentenceEncoder, TextEncoder, TokenVectors

MODULE = "tfp_dgm.labelling.encoder_choice"
TRIALS = "tfp_dgm.confidence.encoder_trials"
TEXTS = ["apple pear", "iron", "pear", "iron iron"]
ALLOWED = np.array([[True, False], [False, True], [True, True], [True, True]])


def _choose(annotations=(ALLOWED,), seed=0):
    words = scipy.sparse.csr_matrix(np.float32([[0.6, 0.8, 0], [0, 0, 1], [0, 1, 0], [0, 0, 1]]))
    return choose_encoder(
        TEXTS,
        words,
        words.toarray(),
        annotations,
        seed=seed,
        progress=lambda step, done, total: None,
    )


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return write_tiny_encoder(
        tmp_path_factory.mktemp("encoder") / "tiny", ["apple", "pear", "iron"]
    )


@pytest.fixture(scope="module")
def loaded(tiny):
    return SentenceEncoder.from_preset(tiny)


@pytest.fixture
def fetched(tiny, monkeypatch, tmp_path):
    """The registry's encoder is in the cache."""
    monkeypatch.setenv("TFP_DGM_CACHE", str(tmp_path))
    monkeypatch.setattr(f"{TRIALS}.is_cached", lambda name: name == "minilm")
    monkeypatch.setattr(f"{MODULE}.fetch", lambda name: tiny)


def _asked(encoder):
    return asked_encoder(encoder, TextEncoder, SentenceEncoder.from_preset)


@pytest.mark.parametrize("asked", [None, "none"])
def test_none_is_none(asked):
    encoder, choice = _asked(asked)
    assert encoder is None
    assert (choice.asked, choice.taken, choice.gains) == ("none", "none", {})


def test_a_named_one_is_taken_in_full(tiny):
    encoder, choice = _asked(tiny)
    assert isinstance(encoder, SentenceEncoder)
    assert (choice.asked, choice.taken) == (tiny, "full")
    assert _asked(encoder)[0] is encoder
    assert _asked("auto") is None


def test_nothing_is_fetched_unasked(monkeypatch):
    monkeypatch.setattr(f"{MODULE}.fetch", lambda name: pytest.fail("a download unasked"))
    encoder, choice = _choose()
    assert encoder is None
    assert choice.taken == "none"
    assert "`dgm datasets path minilm` fetches" in choice.why


def test_without_the_extra_it_says_so(monkeypatch):
    monkeypatch.setattr(f"{TRIALS}.find_spec", lambda name: None)
    encoder, choice = _choose()
    assert encoder is None
    assert "The extra `encoder` of tfp-dgm is not installed." in choice.why


def test_without_labels_it_says_so():
    assert "labels of which one class is right" in _choose(annotations=())[1].why


@pytest.mark.parametrize(
    ("light", "full", "taken"),
    [
        (Gain(0.3, 0.02), Gain(0.5, 0.02), "full"),
        (Gain(0.3, 0.02), Gain(0.31, 0.02), "light"),
        (Gain(-0.2, 0.02), Gain(0.2, 0.02), "full"),
        (Gain(-0.2, 0.02), Gain(-0.2, 0.02), "none"),
        (Gain(-0.2, 0.02), Gain(0.005, 0.005), "none"),
        # Little is known of either: what is believed of them beforehand.
        (Gain(-0.5, 3.0), Gain(-0.5, 3.0), "full"),
    ],
)
def test_what_gains_is_taken(fetched, loaded, eager, monkeypatch, light, full, taken):
    gains = {"light": light, "full": full}
    monkeypatch.setattr(SentenceEncoder, "from_preset", lambda preset, depths: loaded)
    monkeypatch.setattr(f"{MODULE}.encoder_gains", lambda *args, **options: gains)
    encoder, choice = _choose()
    assert choice.taken == taken
    kind = {"full": SentenceEncoder, "light": TokenVectors, "none": type(None)}[taken]
    assert isinstance(encoder, kind)
    assert set(choice.gains) == set(choice.seconds) == {"light", "full"}
    assert f"full {choice.gains['full']:+.2f}." in choice.why


def test_the_question_that_gains_most_decides(fetched, loaded, eager, monkeypatch):
    monkeypatch.setattr(SentenceEncoder, "from_preset", lambda preset, depths: loaded)
    little = {"light": Gain(-0.2, 0.02), "full": Gain(-0.2, 0.02)}
    much = {"light": Gain(-0.2, 0.02), "full": Gain(0.4, 0.02)}
    found = iter([little, much])
    monkeypatch.setattr(f"{MODULE}.encoder_gains", lambda *args, **options: next(found))
    assert _choose(annotations=[ALLOWED, ALLOWED])[1].taken == "full"


@pytest.mark.slow
def test_the_same_seed_chooses_the_same(fetched):
    first, again = _choose(seed=4)[1], _choose(seed=4)[1]
    assert first.gains == again.gains
    assert first.taken == again.taken
