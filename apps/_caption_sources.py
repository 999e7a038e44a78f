"""What `dgm caption` reads: captions, and the images, features or texts that they are of."""

import glob
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tfp_dgm.data import (
    CaptionedImages,
    DataError,
    ImageFeatures,
    ImageFiles,
    atomic_write,
    check_input_file,
    find_shards,
    read_captions,
    read_image_features,
    read_image_list,
    read_sentences,
)

from ._warnings import warn

_VALIDATION_SHARE = 0.1
_FEATURES = (".npy", ".npz")
_IMAGES = (".zip", ".jpg", ".jpeg", ".png", ".bmp", ".gif")
_TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")


def is_of_shards(captions: Path) -> bool:
    """Whether pairs of texts are in the files of a folder, or of a pattern."""
    return captions.is_dir() or (not captions.exists() and glob.has_magic(str(captions)))


def check_shards(captions: Path, train_list: Path | None, validation_list: Path | None) -> None:
    """Raises a DataError where there are none, or which are learnt from is told by lists."""
    find_shards(captions)
    for name, given in (("train-list", train_list), ("validation-list", validation_list)):
        if given is not None:
            raise DataError(f"--{name}: expected with one table; of shards a tenth is held out")


def kind_of_path(path: Path) -> str:
    """What lies there: "images", "features" or "texts".

    Raises:
      DataError: if nothing does.
    """
    check_input_file(path, folder=True)
    suffix = path.suffix.lower()
    if suffix in _FEATURES:
        return "features"
    return "images" if path.is_dir() or suffix in _IMAGES else "texts"


def kind_of(where: ImageFiles | ImageFeatures | None) -> str:
    """The same, of what `read_captioned` found."""
    if where is None:
        return "texts"
    return "features" if isinstance(where, ImageFeatures) else "images"


def check_kind(wanted: str, received: str) -> None:
    """Raises a DataError where a captioner gets what it was not trained on."""
    if wanted != received:
        raise DataError(f"the captioner describes {wanted}; received {received}")


def read_captioned(
    captions: Path,
    images: Path | None,
    source_column: str | None,
    caption_column: str | None,
    *,
    quoting: bool,
    strict: bool,
) -> tuple[CaptionedImages, ImageFiles | ImageFeatures | None]:
    """Captions, and where the images are that they are of; None where a table holds the sources."""
    if images is None and not set(_TABLES) & {suffix.lower() for suffix in captions.suffixes}:
        raise DataError.at(
            captions,
            f"without --images, expected a table ({', '.join(_TABLES)}) of source and target",
        )
    first, second = ("source", "target") if images is None else ("image", "caption")
    known = read_captions(
        captions,
        image_column=source_column or first,
        caption_column=caption_column or second,
        quoting=quoting,
        texts=images is None,
    )
    if images is None:
        return known, None
    if images.suffix.lower() in _FEATURES:
        where: ImageFiles | ImageFeatures = read_image_features(images)
    else:
        where = ImageFiles(images)
    return known.matched(where, strict=strict), where


@contextmanager
def opened(path: Path, wanted: str) -> Iterator[ImageFiles | ImageFeatures | list[str]]:
    """What a captioner is to describe: images (or one), features, or a text file's lines."""
    check_kind(wanted, kind_of_path(path))
    if wanted == "texts":
        sentences = read_sentences(path)
        warn(sentences.warnings())
        yield list(dict.fromkeys(sentences.texts))
    elif wanted == "features":
        yield read_image_features(path)
    elif path.is_file() and path.suffix.lower() != ".zip":
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(path, folder)
            yield ImageFiles(folder)
    else:
        yield ImageFiles(path)


def names_of(
    where: ImageFiles | ImageFeatures | list[str], listed: Path | None, pick: int | None, seed: int
) -> list[str]:
    """The names of what is there, or those of a list; with `pick`, so many of them by `seed`."""
    import numpy as np

    names = where if isinstance(where, list) else where.others([])
    if listed is not None:
        names = read_image_list(listed)
        if missing := [name for name in names if name not in where]:
            raise DataError.at(listed, f"{len(missing)} not there, such as {missing[0]!r}")
    if pick is not None:
        chosen = np.random.default_rng(seed).permutation(len(names))[:pick]
        names = [names[place] for place in chosen]
    return names


def split(
    known: CaptionedImages, train_list: Path | None, validation_list: Path | None, seed: int
) -> tuple[CaptionedImages, CaptionedImages]:
    """What is learnt from, and what decides when to stop: by lists, or a tenth by `seed`."""
    import numpy as np

    if validation_list is not None:
        validation = known.within(read_image_list(validation_list), validation_list.name)
    else:
        pool = known.names
        if train_list is not None:
            pool = known.within(read_image_list(train_list), train_list.name).names
        if len(pool) < 2:
            raise DataError(f"expected at least two sources to learn from; found {len(pool)}")
        count = max(1, round(_VALIDATION_SHARE * len(pool)))
        chosen = np.random.default_rng(seed).permutation(len(pool))[:count]
        validation = known.within([pool[i] for i in sorted(chosen)], "the validation images")
    held_out = set(validation.names)
    names = known.names
    if train_list is not None:
        names = [known.spelled(name) for name in read_image_list(train_list)]
        if validation_list is not None and (both := held_out & set(names)):
            raise DataError(
                f"{train_list} and {validation_list} share {len(both)} images, such as "
                f"{min(both)!r}"
            )
    train = known.within([name for name in names if name not in held_out], "the training images")
    return train, validation


def named_files(**files: Path | None) -> dict[str, str]:
    """The files that are read, as they were given, by the command's names for them."""
    return {name: str(file) for name, file in files.items() if file is not None}


def pictures(where: Any, names: list[str]) -> list[bytes | None]:
    """The encoded images; None where there are none to look at."""
    return [where.read(name) if isinstance(where, ImageFiles) else None for name in names]


def write_text(path: Path, text: str) -> None:
    """Writes a file, whole or not at all."""
    with atomic_write(path) as file:
        file.write(text.encode())
