"""Where tagged sentences go: what may be replaced, and the settings in the folder of a tagger."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tfp_dgm.data.atomic_file import check_not_input, check_output_file
from tfp_dgm.data.data_error import DataError
from tfp_dgm.data.input_file import check_input_file
from tfp_dgm.data.model_directories import check_model_directory, read_model_settings
from tfp_dgm.data.text_file import open_text

StrPath = str | os.PathLike[str]

_COMMAND = "dgm tag"
_LOOKED_AT = 1_000_000
# What is written of a word: an attribute of CoNLL-U, two columns, or keys of an object.
_RESULT = re.compile(
    r"\bTagProb=[01]\.|[\t ][01]\.\d{4}[\t ](?:Yes|No|_)\b|\"(?:tag_accept|predicted_words)\": "
)


def check_tag_output(output: StrPath, inputs: Iterable[StrPath]) -> None:
    """Checks that tagged sentences may be written to `output`, before any work is done.

    Raises:
      DataError: if it cannot be written, is one of `inputs`, or something else is there than
        tagged sentences that `dgm tag` wrote; if one of `inputs` is missing.
    """
    inputs = list(inputs)
    for source in inputs:
        check_input_file(source)
    check_output_file(output)
    check_not_input(output, inputs)
    if Path(output).exists() and not is_tagged(output):
        raise DataError.at(
            output,
            "expected nothing or an earlier result there; found a file without probabilities of "
            "tags, which would be replaced",
        )


def check_tag_results(
    source: StrPath, output: StrPath, model_directory: StrPath | None = None
) -> Path:
    """Checks where tagged sentences and the model's folder are to go, before any work is done.

    Args:
      source: the file to tag.
      output: the tagged one.
      model_directory: the folder; None puts it beside the output, with the ending `.model`.
    Returns:
      The folder.
    Raises:
      DataError: as `check_tag_output` and `check_model_directory`.
    """
    check_tag_output(output, [source])
    return check_model_directory(source, output, model_directory, command=_COMMAND)


def read_tag_settings(model_directory: StrPath) -> dict[str, Any]:
    """The settings of the tagging that wrote a folder, `scheme` and `token_column` among them.

    Raises:
      DataError: if no tagging wrote it.
    """
    return read_model_settings(model_directory, ("token_column", "scheme"), command=_COMMAND)


def is_tagged(path: StrPath) -> bool:
    """Whether a file's first lines hold probabilities of tags; no where it cannot be read."""
    try:
        with open_text(Path(path), None, longest=_LOOKED_AT) as lines:
            seen = 0
            for line in lines:
                if _RESULT.search(line):
                    return True
                seen += len(line)
                if seen > _LOOKED_AT:
                    return False
    except DataError:
        return False
    return False
