"""COCO's JSON of captions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from tfp_dgm.data.caption_cells import captions_of
from tfp_dgm.data.captioned_images import CaptionedImages, gather_captions, report_images
from tfp_dgm.data.data_error import DataError, shorten
from tfp_dgm.data.image_names import name_key, name_of
from tfp_dgm.data.json_lines_reader import object_of_pairs
from tfp_dgm.data.text_file import open_text


def read_coco(path: Path) -> CaptionedImages:
    """Reads {"images": [{"id", "file_name"}], "annotations": [{"image_id", "caption"}]}.

    Ids meet as `name_key`: 1, 1.0 and "1" are one. Several ids of one file have its captions
    together; one id of several files is an error.

    Raises:
      DataError: if the file is not of the format; names the row and what was expected.
    """
    with open_text(path, newline=None, longest=None) as lines:
        try:
            content = json.loads("".join(lines), object_pairs_hook=object_of_pairs)
        except (ValueError, RecursionError) as error:
            raise DataError.at(path, f"expected COCO's JSON; {error}") from error
    names = _names(path, _rows(path, content, "images"))
    unknown: dict[str, None] = {}

    def captions() -> Iterator[tuple[str, str]]:
        for row, annotation in enumerate(_rows(path, content, "annotations")):
            image = _name(path, annotation, "annotations", row, "image_id")
            texts = _captions(path, annotation, row)
            if name_key(image) in names:
                yield from ((names[name_key(image)], text) for text in texts)
            else:
                unknown[image] = None

    found = gather_captions(path, captions())
    listed = dict.fromkeys(names.values())
    alone = [name for name in listed if found.spelled(name) not in found.captions]
    shared = [f"{name} ({', '.join(ids)})" for name, ids in _ids(names).items() if len(ids) > 1]
    warnings = [
        *found.warnings,
        *report_images(alone, "without a caption"),
        *report_images(list(unknown), "with captions, by their id, not listed under `images`"),
        *report_images(shared, "listed under several ids, whose captions are taken together"),
    ]
    return replace(found, warnings=warnings)


def _names(path: Path, images: list[Any]) -> dict[str, str]:
    """The file names by the keys of their ids."""
    names: dict[str, str] = {}
    for row, image in enumerate(images):
        number = name_key(_name(path, image, "images", row, "id"))
        name = _name(path, image, "images", row, "file_name")
        known = names.setdefault(number, name)
        if name_key(known) != name_key(name):
            raise DataError.at(
                path,
                f"expected one image for an id; received {known!r} and {name!r} for {number}",
                place=f"images[{row}]",
            )
    return names


def _ids(names: dict[str, str]) -> dict[str, list[str]]:
    ids: dict[str, list[str]] = {}
    for number, name in names.items():
        ids.setdefault(name_key(name), []).append(number)
    return ids


def _rows(path: Path, content: Any, key: str) -> list[Any]:
    rows = content.get(key) if isinstance(content, dict) else None
    if not isinstance(rows, list):
        raise DataError.at(path, f"expected COCO's JSON, an object with a list {key!r}")
    return rows


def _name(path: Path, row: Any, where: str, number: int, key: str) -> str:
    name = name_of(row.get(key)) if isinstance(row, dict) else None
    if name is None:
        raise DataError.at(
            path,
            f"expected an object with {key!r}, a name or a number; received {shorten(row)}",
            place=f"{where}[{number}]",
        )
    return name


def _captions(path: Path, row: dict[str, Any], number: int) -> list[str]:
    try:
        if "caption" not in row:
            raise ValueError(f"expected an object with 'caption'; received {shorten(row)}")
        return captions_of(row["caption"])
    except ValueError as error:
        raise DataError.at(path, str(error), place=f"annotations[{number}]") from error
