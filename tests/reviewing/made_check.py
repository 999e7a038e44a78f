"""A labelling of which every row was accepted, and its report."""

import json

import numpy as np

from tests.reviewing.made_review import made_frame, made_model


def made_checked(folder, count=400, **settings):
    """Returns the model's folder; of its rows the less sure half is wrong, see `right_of`."""
    frame = made_frame(count)
    rng = np.random.default_rng(7)
    frame = frame.assign(
        label="",
        accept="true",
        suspect_label="",
        given_label_probability="",
        probability=np.round(rng.uniform(0.6, 1, count), 6),
    )
    model = made_model(folder, frame, **settings)
    (model / "metrics.json").write_text(json.dumps({"accuracy": 0.5}))
    place = "<!-- certificate --><!-- /certificate -->"
    (model / "report.html").write_text(f"<html><body>{place}</body></html>")
    return model


def right_of(review, row):
    """Whether a row's guess is right, as this labelling is made."""
    probability = review.rows.guesses.probability
    return "right" if probability[row] >= np.median(probability) else "wrong"
