"""Captions of images: COCO's JSON, Flickr8k's token files, tables of path and caption."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

from tfp_dgm.data.column_names import check_columns
from tfp_dgm.data.data_error import DataError, listing, shorten
from tfp_dgm.data.frame_chunk import FrameChunk, is_null
from tfp_dgm.data.limits import MAX_CELL_CHARACTERS
from tfp_dgm.data.table_reader import open_table
from tfp_dgm.data.text_file import open_text

_TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
_ROWS_PER_CHUNK = 65_536


class ImagesByName(Protocol):
    """Where images, or features of them, are found by name."""

    @property
    def path(self) -> Path:
        """The folder or file."""

    def __contains__(self, name: str) -> bool: ...

    def others(self, names: Iterable[str]) -> list[str]:
        """The images that are not among `names`."""


@dataclass(frozen=True)
class CaptionedImages:
    """Images by name, each with its captions, in the order of the file.

    Attributes:
      captions: image name -> its captions, at least one each, none blank.
      warnings: what was left out and why, a sentence each.
    """

    captions: dict[str, list[str]]
    warnings: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The names of the I images."""
        return list(self.captions)

    @property
    def num_captions(self) -> int:
        """N, over all images."""
        return sum(map(len, self.captions.values()))

    def pairs(self) -> Iterator[tuple[int, str]]:
        """Yields each caption with the place of its image in `names`."""
        for place, captions in enumerate(self.captions.values()):
            for caption in captions:
                yield place, caption

    def within(self, names: Iterable[str], where: str) -> CaptionedImages:
        """The images of a list, in its order; `warnings` names those without captions.

        Args:
          names: such as `read_image_list` gives.
          where: the list's name for warnings.
        Raises:
          DataError: if none of them has a caption.
        """
        names = list(dict.fromkeys(names))
        missing = [name for name in names if name not in self.captions]
        kept = {name: self.captions[name] for name in names if name in self.captions}
        if not kept:
            raise DataError(
                f"{where}: none of the {len(names)} images has a caption, such as {names[0]!r}; "
                f"the captions are of images such as {self.names[0]!r}"
            )
        return CaptionedImages(kept, _report(missing, f"of {where} without a caption"))

    def without(self, names: Iterable[str], why: str) -> CaptionedImages:
        """All but the images of the given names; how many and which they are is a warning.

        Raises:
          DataError: if none is left.
        """
        dropped = set(names)
        found = [name for name in self.captions if name in dropped]
        kept = {name: c for name, c in self.captions.items() if name not in dropped}
        if not kept:
            raise DataError(f"no image is left: {len(found)} {why}, such as {found[0]!r}")
        return CaptionedImages(kept, self.warnings + _report(found, why))

    def matched(self, images: ImagesByName, *, strict: bool = False) -> CaptionedImages:
        """The images that are there; captions without image, and images without caption, reported.

        Args:
          images: where they should be: `ImageFiles` or `ImageFeatures`.
          strict: a caption whose image is missing is an error.
        Raises:
          DataError: if `strict` and an image is missing, or if none is there.
        """
        missing = [name for name in self.captions if name not in images]
        if missing and strict:
            raise DataError.at(
                images.path, f"{len(missing)} images with captions missing: {listing(missing)}"
            )
        matched = self.without(missing, "with captions missing") if missing else self
        alone = images.others(self.captions)
        return CaptionedImages(
            matched.captions, matched.warnings + _report(alone, "without a caption")
        )


def _report(names: list[str], what: str) -> list[str]:
    if not names:
        return []
    return [f"{len(names)} image{'s' * (len(names) > 1)} {what}: {listing(names)}"]


def read_captions(
    path: str | PathLike[str],
    *,
    image_column: str = "image",
    caption_column: str = "caption",
    quoting: bool = True,
) -> CaptionedImages:
    """Reads a file of captions; the format by its extension.

    .json is COCO's ({"images": [{"id", "file_name"}], "annotations": [{"image_id", "caption"}]}),
    .csv, .tsv, .jsonl, .ndjson and .parquet are tables, and any other text is Flickr8k's
    (`name.jpg#0<TAB>caption`, one a line). All but .parquet may be gzipped.

    Where a text is captioned (translated, paraphrased) instead of an image, it is its own name.

    Args:
      path: the file.
      image_column: of a table, the column of image names.
      caption_column: of a table, the column of captions.
      quoting: of CSV and TSV, whether cells may be quoted; where not, a quote is a letter.
    Raises:
      DataError: if the file is not of its format; names the line and what was expected.
    """
    path = Path(path)
    suffixes = [suffix.lower() for suffix in path.suffixes]
    suffix = suffixes[-2] if suffixes[-1:] == [".gz"] and len(suffixes) > 1 else path.suffix.lower()
    if suffix == ".json":
        return _read_coco(path)
    if suffix in _TABLES:
        chunks = list(open_table(path, quoting=quoting).chunks(_ROWS_PER_CHUNK))
        collected = _collect(path, _table_rows(path, chunks, image_column, caption_column))
        warnings = [*collected.warnings, *chunks[-1].warnings]
        return CaptionedImages(collected.captions, warnings)
    return _collect(path, _token_rows(path))


def read_image_list(path: str | PathLike[str]) -> list[str]:
    """The image names of a split list, one a line.

    Raises:
      DataError: if the file is not text, or has no line.
    """
    path = Path(path)
    with open_text(path, newline=None, longest=MAX_CELL_CHARACTERS) as lines:
        names = [line.strip() for line in lines if not line.isspace()]
    if not names:
        raise DataError.at(path, "expected image names, one a line; the file is empty")
    return names


def _collect(path: Path, rows: Iterable[tuple[str, str]]) -> CaptionedImages:
    captions: dict[str, list[str]] = {}
    num_blank = 0
    for name, caption in rows:
        caption = " ".join(caption.split())
        if caption:
            captions.setdefault(name, []).append(caption)
        else:
            num_blank += 1
    if not captions:
        raise DataError.at(path, "there is no caption")
    warnings = [f"{num_blank} blank caption{'s' * (num_blank > 1)} left out"] if num_blank else []
    return CaptionedImages(captions, warnings)


def _token_rows(path: Path) -> Iterator[tuple[str, str]]:
    with open_text(path, newline=None, longest=MAX_CELL_CHARACTERS) as lines:
        for number, line in enumerate(lines, start=1):
            if line.isspace():
                continue
            key, tab, caption = line.rstrip("\n").partition("\t")
            name, mark, index = key.rpartition("#")
            if not (tab and mark and name and index.strip().isdigit()):
                raise DataError.at(
                    path,
                    f"expected `image.jpg#0<TAB>caption`, got {shorten(line)}",
                    place=f"line {number}",
                )
            yield name, caption


def _table_rows(
    path: Path, chunks: Iterable[FrameChunk], image_column: str, caption_column: str
) -> Iterator[tuple[str, str]]:
    for number, chunk in enumerate(chunks):
        if number == 0:
            check_columns(path, list(chunk.frame.columns), [image_column, caption_column])
        columns = (chunk.frame[image_column], chunk.frame[caption_column])
        for row, (name, caption) in enumerate(zip(*columns, strict=True)):
            if is_null(name) or not str(name).strip():
                raise DataError.at(
                    path,
                    "expected an image's name (or a source text), got none",
                    place=chunk.place(row),
                    column=image_column,
                )
            yield str(name).strip(), "" if is_null(caption) else str(caption)


def _read_coco(path: Path) -> CaptionedImages:
    with open_text(path, newline=None, longest=None) as lines:
        try:
            content = json.loads("".join(lines))
        except (ValueError, RecursionError) as error:
            raise DataError.at(path, f"expected COCO's JSON; {error}") from error
    names = {
        _value(path, image, "images", row, "id"): str(
            _value(path, image, "images", row, "file_name")
        )
        for row, image in enumerate(_rows(path, content, "images"))
    }
    rows, unknown = [], set()
    for row, annotation in enumerate(_rows(path, content, "annotations")):
        image = _value(path, annotation, "annotations", row, "image_id")
        caption = _value(path, annotation, "annotations", row, "caption")
        if image in names:
            rows.append((names[image], str(caption)))
        else:
            unknown.add(str(image))
    collected = _collect(path, rows)
    alone = [name for name in names.values() if name not in collected.captions]
    warnings = collected.warnings + _report(alone, "without a caption")
    warnings += _report(sorted(unknown), "with captions, by their id, not listed under `images`")
    return CaptionedImages(collected.captions, warnings)


def _rows(path: Path, content: Any, key: str) -> list[Any]:
    rows = content.get(key) if isinstance(content, dict) else None
    if not isinstance(rows, list):
        raise DataError.at(path, f"expected COCO's JSON, an object with a list {key!r}")
    return rows


def _value(path: Path, row: Any, where: str, number: int, key: str) -> Any:
    if not isinstance(row, dict) or not isinstance(row.get(key), str | int):
        raise DataError.at(
            path,
            f"expected an object with {key!r}, got {shorten(row)}",
            place=f"{where}[{number}]",
        )
    return row[key]
