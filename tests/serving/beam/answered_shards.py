"""A shard answered as a worker answers it, in this process."""

import pytest

from tfp_dgm.serving.beam import shards_of
from tfp_dgm.serving.beam.shard_answers import answer_shard
from tfp_dgm.serving.beam.shard_job import ShardJob


def answered(answers, source, folder, *, inputs=(), text_columns=("text",)):
    """The file of answers, and the record.

    Args:
      answers: of the model, as a worker has it.
      source: the shard.
      folder: of the run; made where it is not there.
    """
    folder.mkdir(exist_ok=True)
    job = ShardJob(str(folder), list(text_columns), None, inputs=inputs)
    (shard,) = shards_of(source)
    record = answer_shard(answers, job, shard)
    return job.answers_path(shard), record


def asked(export, signature, source, folder, *, inputs=()):
    """The file of answers of an exported model's signature, none of whose rows is dead."""
    pytest.importorskip("apache_beam")
    from tfp_dgm.serving.beam.signature_answers import open_signature

    answers = open_signature(str(export), signature)
    path, record = answered(answers, source, folder, inputs=inputs)
    assert record.failure is None
    assert record.dead == 0
    return path
