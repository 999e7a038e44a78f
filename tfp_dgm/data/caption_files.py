"""Files of captions: COCO's JSON, Flickr8k's token files, tables of path and caption."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from os import PathLike
from pathlib import Path

from tfp_dgm.data.caption_cells import captions_of
from tfp_dgm.data.captioned_images import CaptionedImages, gather_captions
from tfp_dgm.data.coco_captions import read_coco
from tfp_dgm.data.column_names import check_columns
from tfp_dgm.data.data_error import DataError, shorten
from tfp_dgm.data.frame_chunk import FrameChunk, is_null
from tfp_dgm.data.image_names import name_of
from tfp_dgm.data.limits import MAX_CELL_CHARACTERS
from tfp_dgm.data.table_reader import open_table
from tfp_dgm.data.text_file import open_text

_TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
_ROWS_PER_CHUNK = 65_536


def read_captions(
    path: str | PathLike[str],
    *,
    image_column: str = "image",
    caption_column: str = "caption",
    texts: bool = False,
    quoting: bool = True,
) -> CaptionedImages:
    """Reads a file of captions; the format by its extension.

    .json is COCO's ({"images": [{"id", "file_name"}], "annotations": [{"image_id", "caption"}]}),
    .csv, .tsv, .jsonl, .ndjson and .parquet are tables, and any other text is Flickr8k's
    (`name.jpg#0<TAB>caption`, one a line). All but .parquet may be gzipped.

    A caption may be a list of captions, in CSV and TSV as JSON, Python or NumPy write it. Rows of
    one image need not stand together, and its name may be spelled in composed or decomposed
    characters, or as 12 and 12.0; the first spelling is kept.

    Where a text is captioned (translated, paraphrased) instead of an image, it is its own name.

    Args:
      path: the file.
      image_column: of a table, the column of image names.
      caption_column: of a table, the column of captions.
      texts: whether a table's names are texts, each taken as it stands.
      quoting: of CSV and TSV, whether cells may be quoted; where not, a quote is a letter.
    Raises:
      DataError: if the file is not of its format; names the line and what was expected.
    """
    path = Path(path)
    suffixes = [suffix.lower() for suffix in path.suffixes]
    suffix = suffixes[-2] if suffixes[-1:] == [".gz"] and len(suffixes) > 1 else path.suffix.lower()
    if suffix == ".json":
        return read_coco(path)
    if suffix in _TABLES:
        chunks = list(open_table(path, quoting=quoting).chunks(_ROWS_PER_CHUNK))
        rows = _table_rows(path, chunks, image_column, caption_column, texts=texts)
        gathered = gather_captions(path, rows, texts=texts)
        return replace(gathered, warnings=[*gathered.warnings, *chunks[-1].warnings])
    return gather_captions(path, _token_rows(path))


def iter_table_pairs(
    path: Path, *, source_column: str, caption_column: str, quoting: bool = True
) -> Iterator[tuple[str, str]]:
    """The texts of a table and what they are captioned with, in order; a part of it in memory.

    Args:
      path: a table, as of `read_captions`.
      source_column, caption_column: the columns; a cell of the latter may be a list.
      quoting: of CSV and TSV, whether cells may be quoted.
    Raises:
      DataError: as `read_captions`; if every caption is blank. Those that are come as "".
    """
    found = False
    chunks = open_table(path, quoting=quoting).chunks(_ROWS_PER_CHUNK)
    for source, caption in _table_rows(path, chunks, source_column, caption_column, texts=True):
        words = " ".join(caption.split())
        found = found or bool(words)
        yield source, words
    if not found:
        raise DataError.at(path, "there is no caption")


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
                    f"expected `image.jpg#0<TAB>caption`; received {shorten(line)}",
                    place=f"line {number}",
                )
            yield name, caption


def _table_rows(
    path: Path,
    chunks: Iterable[FrameChunk],
    image_column: str,
    caption_column: str,
    *,
    texts: bool,
) -> Iterator[tuple[str, str]]:
    for number, chunk in enumerate(chunks):
        if number == 0:  # Later rows of JSON Lines may lack a key.
            check_columns(path, list(chunk.frame.columns), [image_column, caption_column])
        names, cells = (
            chunk.frame[column].tolist() if column in chunk.frame else [None] * len(chunk.frame)
            for column in (image_column, caption_column)
        )
        for row, (value, cell) in enumerate(zip(names, cells, strict=True)):
            name = _text_of(value) if texts else name_of(value)
            if name is None:
                wanted = "a source text" if texts else "an image's name"
                received = "none" if is_null(value) or value == "" else shorten(value)
                raise DataError.at(
                    path,
                    f"expected {wanted}; received {received}",
                    place=chunk.place(row),
                    column=image_column,
                )
            try:
                captions = captions_of(None if is_null(cell) else cell)
            except ValueError as error:
                place = chunk.place(row)
                raise DataError.at(path, str(error), place=place, column=caption_column) from error
            yield from ((name, caption) for caption in captions)


def _text_of(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None
