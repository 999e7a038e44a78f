"""A labelling's folder and table, made without a model."""

import json
import time

import numpy as np
import pandas as pd

CLASSES = ["billing", "login", "other"]


def made_frame(count=60, seed=0, **changes):
    rng = np.random.default_rng(seed)
    labels = [CLASSES[k] if n < 12 else "" for n, k in enumerate(rng.integers(0, 3, count))]
    blank = [not label for label in labels]
    sure = np.round(rng.uniform(0.4, 1, count), 6)
    return pd.DataFrame(
        {
            "id": [f"{n:05}" for n in range(count)],
            "text": [
                f"Row {n} asks for a {'Refund' if n % 5 == 0 else 'key'}" for n in range(count)
            ],
            "label": labels,
            "predicted_label": [CLASSES[k] for k in rng.integers(0, 3, count)],
            "probability": sure,
            "accept": [
                str(p > 0.9).lower() if open_ else "" for p, open_ in zip(sure, blank, strict=True)
            ],
            "second_label": [CLASSES[k] for k in rng.integers(0, 3, count)],
            "second_probability": np.round(1 - sure, 6),
            "none_probability": [0.0] * count,
            "suspect_label": [
                "" if open_ else str(n % 4 == 0).lower() for n, open_ in enumerate(blank)
            ],
            "given_label_probability": [
                "" if open_ else round(0.01 * (n + 1), 6) for n, open_ in enumerate(blank)
            ],
        }
    ).assign(**changes)


def made_model(folder, frame=None, ending=".csv", **settings):
    """Writes out{ending} and out.model; returns the latter."""
    frame = made_frame() if frame is None else frame
    table = folder / f"out{ending}"
    if ending == ".csv":
        frame.to_csv(table, index=False)
    elif ending == ".parquet":
        frame.replace({"": None}).to_parquet(table)
    else:
        frame.to_json(table, orient="records", lines=True)
    model = folder / "out.model"
    model.mkdir()
    text = {
        "text_columns": ["text"],
        "encoder": "none",
        "label_column": "label",
        "classes": CLASSES,
        "output": table.name,
        "source": f"in{ending}",
        "min_precision": 0.95,
        "separator": "|",
        **settings,
    }
    (model / "settings.json").write_text(json.dumps(text))
    return model


def wait_for(retrainer):
    end = time.monotonic() + 300
    while retrainer.running:
        assert time.monotonic() < end
        time.sleep(0.02)
