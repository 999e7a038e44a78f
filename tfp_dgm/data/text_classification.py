"""The registered text classification sets, read into texts and labels."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tfp_dgm.data.data_error import DataError
from tfp_dgm.data.dataset_cache import fetch
from tfp_dgm.data.registry import find_dataset

_HEADER_ROWS = 3


@dataclass(frozen=True)
class TextClassificationSplit:
    """A text classification set in its standard split.

    Attributes:
      train_texts: [N].
      train_labels: [N], class names.
      test_texts: [M].
      test_labels: [M], class names.
    """

    train_texts: list[str]
    train_labels: list[str]
    test_texts: list[str]
    test_labels: list[str]


def load_text_classification(
    name: str,
    *,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> TextClassificationSplit:
    """Returns the texts and labels of a registered data set, fetched if it is not cached.

    Args:
      name: a set of `DATASETS` whose task is text classification.
      cache_dir: see `fetch`.
      progress: see `fetch`.
    Returns:
      The split, in the order of the files.
    Raises:
      DataError: as `fetch`, and if the set is for another task.
    """
    dataset = find_dataset(name)
    if dataset.task != "text classification":
        raise DataError(f"expected a text classification set, but {name!r} is a {dataset.task} set")
    folder = fetch(name, cache_dir=cache_dir, progress=progress)
    (train_labels, train_texts), (test_labels, test_texts) = (
        _read_tab(folder / path) for path in dataset.files
    )
    return TextClassificationSplit(train_texts, train_labels, test_texts, test_labels)


def _read_tab(path: Path) -> tuple[list[str], list[str]]:
    """Returns labels [N] and texts [N] of an Orange file, `Category<TAB>Text` a line."""
    lines = path.read_text(encoding="utf-8").split("\n")[_HEADER_ROWS:]
    # One of the files has a blank row after its header; all end in a line break.
    rows = [line.split("\t") for line in lines if line.strip()]
    return [label for label, _ in rows], [text for _, text in rows]
