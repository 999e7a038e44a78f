"""Language models that judge texts: counts by hand, and who is told from whom."""

import math

import numpy as np
import pytest

from tests.models.texts import make_language_model, rule_texts
from tests.sentence_modelling.untrained_models import sentences, settings_of, untrained
from tfp_dgm.sentence_modelling import (
    draw_rows,
    fit_language_model,
    fit_vocabulary,
    load_text_model,
    perplexity,
)
from tfp_dgm.token_ids import END, PAD


@pytest.mark.usefixtures("eager")
def test_perplexity_counts_every_token_once():
    model = make_language_model()
    model.build()
    rows = [row[-n:] for row, n in zip(rule_texts(70), [4, 2, 3, 1, 4] * 14, strict=True)]
    total = sum(float(model(row[np.newaxis])[0]) for row in rows)
    expected = math.exp(-total / sum(map(len, rows)))
    assert perplexity(model, rows) == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
def test_a_model_of_texts_is_less_perplexed_by_their_like():
    chosen = {
        "model": "language_model",
        "decoder.kind": "gru",
        "decoder.units": 12,
        "epochs": 4,
        "batch_size": 20,
        "learning_rate.value": 0.03,
    }
    settings = settings_of(chosen)
    lines = sentences(200, 0).splitlines()
    vocabulary = fit_vocabulary(settings, lines)
    rows = vocabulary.encode_all(lines)
    model = fit_language_model(settings, vocabulary, rows[:150], rows[150:])
    backwards = [np.append(row[-2::-1], END) for row in rows[150:]]
    own = perplexity(model, rows[150:])
    assert own < 4 < perplexity(model, backwards)
    with pytest.raises(ValueError, match=r"`settings.model` must be language_model; received vae"):
        fit_language_model(settings_of({}), vocabulary, rows, rows)


@pytest.mark.usefixtures("eager")
def test_drawn_rows_are_whole_and_their_own(tmp_path):
    model = load_text_model(untrained(tmp_path / "vae"))
    rows = draw_rows(model, 70, seed=5)
    assert len(rows) == 70
    for row in rows:
        assert (row != PAD).all()
        assert len(row) == 8 or row[-1] == END
    again = draw_rows(model, 66, seed=5)
    assert all((one == other).all() for one, other in zip(rows, again, strict=False))
    assert len({row.tobytes() for row in rows}) > 30
