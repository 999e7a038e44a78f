"""Sentences in TFRecord files of `tf.train.Example`."""

from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf
from google.protobuf.message import DecodeError

from tfp_dgm.data import DataError
from tfp_dgm.data.sentence_shards import PlacedText, with_some_sentence
from tfp_dgm.data.visible_text import is_blank

_FRAME = 16  # Bytes of a record's length and checksums.


def iter_records(path: Path, feature: str) -> Iterator[PlacedText]:
    """The texts of a TFRecord file, gzipped (.gz) or not, record by record; see `iter_shard`.

    Args:
      path: of records that are each a `tf.train.Example`.
      feature: its bytes feature, of one value, that holds the text.
    """
    return with_some_sentence(path, _texts(path, feature))


def _texts(path: Path, feature: str) -> Iterator[PlacedText]:
    compression = "GZIP" if path.suffix.lower() == ".gz" else ""
    records = tf.data.TFRecordDataset(str(path), compression_type=compression)
    number = size = 0
    try:
        for record in records.as_numpy_iterator():
            number += 1
            size += len(record) + _FRAME
            text, fault = _text(record, feature, path, f"record {number}")
            yield f"record {number}", text, fault
    except (tf.errors.DataLossError, tf.errors.OutOfRangeError) as error:
        raise DataError.at(
            path, f"the TFRecord file is damaged: {error.message}", place=f"record {number + 1}"
        ) from error
    except tf.errors.OpError as error:
        raise DataError.at(path, f"cannot be read: {error.message}") from error
    if not compression and size != path.stat().st_size:  # Of which TensorFlow says nothing.
        raise DataError.at(
            path,
            "the TFRecord file is damaged: it ends within a record",
            place=f"record {number + 1}",
        )


def _text(record: bytes, feature: str, path: Path, place: str) -> tuple[str, str | None]:
    try:
        features = tf.train.Example.FromString(record).features.feature
    except DecodeError as error:
        raise DataError.at(path, "expected a tf.train.Example", place=place) from error
    if feature not in features:
        known = ", ".join(sorted(features)) or "none"
        raise DataError.at(
            path, f"no such feature {feature!r}; the features are {known}", place=place
        )
    values = features[feature].bytes_list.value
    if len(values) != 1:
        kind = features[feature].WhichOneof("kind")
        raise DataError.at(
            path,
            f"expected one text in the feature {feature!r}; received {len(values)} (of {kind})",
            place=place,
        )
    try:
        text = values[0].decode("utf-8").strip()
    except UnicodeDecodeError:
        return "", "not UTF-8"
    return text, "empty" if is_blank(text) else None
