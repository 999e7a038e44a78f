"""A training with features of an earlier one answers as one that learns them anew."""

import numpy as np
import pandas as pd
import pytest

from tfp_dgm.labelling import KeptFeatures, fit_features, label_file
from tfp_dgm.labelling.text_distance import TextDistance

WORDS = {"fruit": ["apple", "pear", "plum"], "metal": ["iron", "zinc", "rust"]}


def _frame(labels, seed=0):
    rng = np.random.default_rng(seed)
    truth = [list(WORDS)[k] for k in rng.integers(0, 2, 60)]
    texts = [" ".join(rng.choice([*WORDS[name], "the", "and", "of"], 6)) for name in truth]
    given = [name if n < labels else "" for n, name in enumerate(truth)]
    return pd.DataFrame({"text": texts, "label": given})


@pytest.fixture
def trained(tmp_path, monkeypatch, eager):
    """Labels a table; returns the labelled one, and the tables of which features were learned."""
    monkeypatch.setattr("tfp_dgm.labelling.features._VAE_STEPS", 3)
    monkeypatch.setattr("tfp_dgm.labelling.labelled_file._write_models", lambda *_: None)
    learned = []

    def train(frame, name, kept=None, **options):
        from tfp_dgm.labelling import kept_features

        found = kept_features.fit_features
        with monkeypatch.context() as patched:
            patched.setattr(
                "tfp_dgm.labelling.kept_features.fit_features",
                lambda texts, **more: learned.append(name) or found(texts, **more),
            )
            frame.to_csv(tmp_path / f"{name}.csv", index=False)
            label_file(
                tmp_path / f"{name}.csv",
                tmp_path / f"{name}.out.csv",
                text_columns=["text"],
                label_column="label",
                encoder="none",
                kept=kept,
                **options,
            )
        return pd.read_csv(tmp_path / f"{name}.out.csv", keep_default_na=False)

    return train, learned


@pytest.mark.slow
def test_other_labels_of_the_same_texts_find_the_features_of_before(trained, monkeypatch):
    train, learned = trained
    kept, distances, fit = KeptFeatures(), [], TextDistance.fit
    monkeypatch.setattr(
        TextDistance, "fit", lambda *given, **more: distances.append(0) or fit(*given, **more)
    )
    train(_frame(10), "first", kept)
    warm = train(_frame(20), "second", kept)
    assert learned == ["first"]
    assert len(distances) == 1
    cold = train(_frame(20), "cold")
    assert warm["predicted_label"].tolist() == cold["predicted_label"].tolist()
    np.testing.assert_allclose(warm["probability"], cold["probability"], atol=1e-6)
    assert warm["accept"].tolist() == cold["accept"].tolist()


@pytest.mark.slow
def test_other_texts_and_another_seed_learn_features_of_their_own(trained):
    train, learned = trained
    kept = KeptFeatures()
    train(_frame(10), "first", kept)
    train(_frame(10, seed=1), "texts", kept)
    train(_frame(10, seed=1), "seed", kept, seed=1)
    train(_frame(12, seed=1), "labels", kept, seed=1)
    assert learned == ["first", "texts", "seed"]


def test_what_is_kept_of_texts_is_not_that_of_other_texts(monkeypatch, eager):
    monkeypatch.setattr("tfp_dgm.labelling.features._VAE_STEPS", 3)
    features = fit_features(_frame(10)["text"].tolist())
    assert features.kept("rows", lambda: features.words.shape[0]) == 60
    assert features.kept("rows", lambda: 0) == 60
    more = features.followed_by(["iron and zinc"])
    assert more.kept("rows", lambda: more.words.shape[0]) == 61
