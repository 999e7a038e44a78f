"""The training of a captioner on pairs of texts in shards, which are gone through, never loaded."""

from __future__ import annotations

import hashlib
import json
import os
from array import array
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import keras
import numpy as np

from tfp_dgm.captioning.batches import CaptionBatches
from tfp_dgm.captioning.building import make_text_encoder, make_vocabulary
from tfp_dgm.captioning.settings import CaptionSettings
from tfp_dgm.captioning.training import PreparedCaptions, TrainedCaptioner, train_prepared
from tfp_dgm.data import DataError, RunFolder, find_shards, iter_table_pairs, shard_kind
from tfp_dgm.data.sentence_shards import TABLES
from tfp_dgm.installed_versions import installed_versions
from tfp_dgm.text import StoredRows, Vocabulary
from tfp_dgm.training import Progress, Workers

# Beside the state, with which it goes; hidden, since no run resumes from it.
_STORE = ".token_ids"
_VALIDATION_SHARE = 0.1


@dataclass(frozen=True)
class PairFiles:
    """Pairs of a source text and a target in the files of a folder or a pattern, in one order.

    A tenth of the sources, told by their letters and the seed, decides when to stop; all targets
    of one source are on one side.

    Args:
      path: see `data.find_shards`; tables.
      source_column, target_column: the columns; a cell of the latter may be a list of targets.
      quoting: of CSV and TSV, whether cells may be quoted.
      seed: decides which sources are held out.
    Raises:
      DataError: where there are no such files; when they are gone through, if one is damaged, lacks
        a column, or has no pair.
    """

    path: str | os.PathLike[str]
    source_column: str = "source"
    target_column: str = "target"
    quoting: bool = True
    seed: int = 0
    files: tuple[Path, ...] = field(init=False)

    def __post_init__(self) -> None:
        files = tuple(find_shards(self.path))
        if shard_kind(files[0]) not in TABLES:
            raise DataError.at(
                files[0],
                f"expected tables of pairs ({', '.join(TABLES)}, each also .gz but Parquet)",
            )
        object.__setattr__(self, "files", files)

    def pairs(
        self, *, held_out: bool, blank: Callable[[], None] = lambda: None
    ) -> Iterator[tuple[str, str]]:
        """Sources and targets, of which few are in memory.

        Args:
          held_out: which side.
          blank: called for each target that is left out because it is blank.
        """
        for file in self.files:
            for source, target in iter_table_pairs(
                file,
                source_column=self.source_column,
                caption_column=self.target_column,
                quoting=self.quoting,
            ):
                if self._is_held_out(source) != held_out:
                    continue
                if target:
                    yield source, target
                else:
                    blank()

    def _is_held_out(self, source: str) -> bool:
        spelled = f"{self.seed}\n{source}".encode("utf-8", "surrogatepass")
        number = int.from_bytes(hashlib.sha256(spelled).digest()[:8], "big")
        return number < _VALIDATION_SHARE * 2**64


@dataclass(frozen=True)
class StoredPairs:
    """Pairs on the disk, as token ids.

    Attributes:
      sources, targets: N rows each.
      num_sources: how many different ones.
      num_blank: targets that were left out, since they are blank.
      digest: of the texts.
    """

    sources: StoredRows
    targets: StoredRows
    num_sources: int
    num_blank: int
    digest: str

    def batches(self, batch_size: int, seed: int | None) -> CaptionBatches:
        """Batches for `fit`."""
        places = np.arange(len(self.sources))
        return CaptionBatches(self.sources, places, self.targets, batch_size, seed=seed)


def store_pairs(
    files: PairFiles,
    vocabularies: tuple[Vocabulary, Vocabulary],
    folder: Path,
    *,
    held_out: bool,
) -> StoredPairs:
    """Writes the token ids of a side's pairs into a folder.

    Args:
      vocabularies: of sources and of targets.
      held_out: which side.
    Raises:
      DataError: see `PairFiles`; if no pair is on that side, or it cannot be written.
    """
    made, again = hashlib.sha256(), hashlib.sha256()
    different = array("Q")
    blank = 0

    def left_out() -> None:
        nonlocal blank
        blank += 1

    def sources() -> Iterator[str]:
        for pair in files.pairs(held_out=held_out, blank=left_out):
            made.update(json.dumps(pair).encode())
            spelled = hashlib.sha256(json.dumps(pair[0]).encode()).digest()
            different.append(int.from_bytes(spelled[:8], "big"))
            yield pair[0]

    def targets() -> Iterator[str]:
        for pair in files.pairs(held_out=held_out):
            again.update(json.dumps(pair).encode())
            yield pair[1]

    try:
        for name, vocabulary, texts in zip(
            ("sources", "targets"), vocabularies, (sources, targets), strict=True
        ):
            (folder / name).mkdir(parents=True, exist_ok=True)
            StoredRows.write(folder / name, vocabulary.iter_encoded(texts()))
    except OSError as error:
        raise DataError.at(folder, f"cannot be written: {error.strerror}") from error
    if made.digest() != again.digest():
        raise DataError.at(files.path, "the files changed while they were read; begin again")
    if not different:
        raise DataError.at(
            files.path,
            "expected pairs to learn from and some to decide when to stop, a tenth of the sources; "
            f"there are none {'of the latter' if held_out else 'of the former'}",
        )
    return StoredPairs(
        StoredRows(folder / "sources"),
        StoredRows(folder / "targets"),
        len(np.unique(np.array(different, np.uint64))),
        blank,
        made.hexdigest()[:16],
    )


def train_on_pairs(
    files: PairFiles,
    run: RunFolder,
    settings: CaptionSettings,
    *,
    workers: Workers | None = None,
    progress: Progress = lambda step, done, total: None,
) -> TrainedCaptioner:
    """Trains a captioner of texts on shards; else as `train_captioner`.

    The files are gone through for each vocabulary and to write the token ids of each side to
    `state/` of the run, from where an epoch is shuffled over all of them, by the seed and the
    epoch's number alone.

    Args:
      files: the pairs.
      run, settings, workers, progress: see `train_captioner`.
    Raises:
      DataError: as `train_captioner`, and for whatever is wrong with a file.
      LostWorkerError, NonFiniteLossError: as `train_captioner`.
    """
    workers = Workers() if workers is None else workers
    keras.utils.set_random_seed(settings.seed)
    targets = (target for _, target in files.pairs(held_out=False))
    vocabulary = make_vocabulary(settings, targets, settings.max_length, "vocabulary")
    sources = (source for source, _ in files.pairs(held_out=False))
    source_vocabulary = make_vocabulary(
        settings, sources, settings.source_max_length, "source_vocabulary"
    )
    train, validation = (
        store_pairs(
            files, (source_vocabulary, vocabulary), run.state / _STORE / side, held_out=held_out
        )
        for side, held_out in (("train", False), ("validation", True))
    )
    digests = {"train": train.digest, "validation": validation.digest}
    run.require_data(digests)
    workers.require_same(settings=asdict(settings), data=digests, versions=installed_versions())
    encoder = make_text_encoder(settings, source_vocabulary)
    blank = train.num_blank + validation.num_blank
    prepared = PreparedCaptions(
        train=train.batches(settings.batch_size, settings.seed),
        validation=validation.batches(settings.batch_size, None),
        vocabulary=vocabulary,
        source_vocabulary=source_vocabulary,
        encoder=encoder,
        units=encoder.compute_output_shape((None, None))[-1],
        sources={"train": train.num_sources, "validation": validation.num_sources},
        warnings=[f"{blank} blank captions left out"] if blank else [],
    )
    return train_prepared(prepared, run, settings, workers=workers, progress=progress)
