"""What every induction leaves in its folder."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from tfp_dgm.data import RunFolder, write_json
from tfp_dgm.induction.run import MODEL
from tfp_dgm.serving import export

_SERVED_BATCHES = (1, 16)


def write_results(
    run: RunFolder,
    model: keras.Model,
    numbers: Mapping[str, Any],
    curves: Mapping[int, Sequence[float]],
    page: str,
    write_sentences: Callable[[Path], None],
) -> None:
    """Finishes a run: model.keras, saved_model/, metrics.json, history.json, report.html.

    Args:
      run: the folder, entered.
      model: with the weights of the end.
      numbers: what metrics.json holds.
      curves: start -> log-likelihood after each iteration.
      page: HTML.
      write_sentences: writes its file into a folder.
    """
    with run.results() as folder:
        model.save(folder / MODEL)
        export(model, folder / "saved_model", batch_sizes=_SERVED_BATCHES)
        write_sentences(folder)
        write_json(folder / "metrics.json", dict(numbers))
        write_json(
            folder / "history.json",
            [{"seed": seed, "log_likelihood": list(curve)} for seed, curve in curves.items()],
        )
        (folder / "report.html").write_text(page, encoding="utf-8")
