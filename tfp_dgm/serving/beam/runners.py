"""Runners of Apache Beam: their options, and what a pipeline of shards says when it fails."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_provision_api_pb2
from apache_beam.runners.portability.fn_api_runner import fn_runner
from apache_beam.runners.portability.portable_runner import JobServiceHandle
from apache_beam.runners.runner import create_runner

from tfp_dgm.data import DataError
from tfp_dgm.serving.beam.shard_job import ShardJob
from tfp_dgm.serving.beam.shard_step import ShardStep
from tfp_dgm.serving.beam.shards import Shard
from tfp_dgm.serving.opening import Opening

DIRECT = "DirectRunner"
# Of an error of a worker, which is the traceback there as text, and says with it in which step.
_DATA_ERROR = re.compile(r"^[\w.]*(?:DataError|NoRoomError): (.*)$", re.M)
_STEP = re.compile(r" \[while running .*", re.S)


def runner_of(name: str, options: PipelineOptions) -> Any:
    """A runner of Beam by its name.

    Beam's own DirectRunner first fetches and starts a program that is not Python; ours is the one
    that it falls back to.

    Raises:
      ValueError: if there is none.
    """
    if name == DIRECT:
        known = JobServiceHandle.encode_pipeline_options(options.get_all_options())
        provision = beam_provision_api_pb2.ProvisionInfo(pipeline_options=known)
        return fn_runner.FnApiRunner(provision_info=fn_runner.ExtendedProvisionInfo(provision))
    try:
        return create_runner(name)
    except (ValueError, ImportError, AttributeError) as error:
        raise ValueError(f"runner: expected one of Beam's; received {name!r}: {error}") from error


def options_of(name: str, given: Mapping[str, str]) -> PipelineOptions:
    """The options of a pipeline; of the direct runner as many processes as cores, unless given.

    Raises:
      ValueError: if a value is none of its option's; of the direct runner, if there is no such
        option (other runners have options that Python does not know).
    """
    if name == DIRECT:
        workers = str(os.cpu_count() or 1)
        defaults = {
            "direct_running_mode": "multi_processing",
            "direct_num_workers": workers,
            "default_sdk_harness_log_level": "WARNING",
        }
        given = {**defaults, **given}
    flags = [f"--{key}={value}" if value else f"--{key}" for key, value in given.items()]
    options = PipelineOptions(flags)
    try:
        known = set(options.get_all_options())
    except SystemExit as error:  # argparse has said on standard error what was wrong.
        raise ValueError(f"runner_options: expected options of Beam; received {flags}") from error
    unknown = sorted(key for key in given if key not in known and not key.startswith("no_"))
    if unknown and name == DIRECT:
        raise ValueError(f"runner_options: expected options of Beam; received {unknown}")
    return options


def run_pipeline(
    name: str, given: Mapping[str, str], shards: Sequence[Shard], opening: Opening, job: ShardJob
) -> None:
    """Answers shards on a runner, and waits for the end.

    Raises:
      DataError: if something cannot be written.
      ValueError: if the runner or one of its options is not known.
    """
    options = options_of(name, given)
    pipeline = beam.Pipeline(runner=runner_of(name, options), options=options)
    add_steps(pipeline, shards, opening, job)
    try:
        pipeline.run().wait_until_finish()
    except Exception as error:
        said = [str(error)] if isinstance(error, DataError) else _DATA_ERROR.findall(str(error))
        if not said:
            raise
        raise DataError(_STEP.sub("", said[-1])) from error


def add_steps(pipeline: Any, shards: Sequence[Shard], opening: Opening, job: ShardJob) -> Any:
    """The steps of a pipeline: shards, dealt to the workers, answered. Gives the names of those."""
    return (
        pipeline
        | "Shards" >> beam.Create(list(shards))
        | "Deal" >> beam.Reshuffle()
        | "Answer" >> beam.ParDo(ShardStep(opening, job))
    )
