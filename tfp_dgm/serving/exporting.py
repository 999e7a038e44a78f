"""Models out as SavedModels that a stock TF Serving loads."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tfp_dgm.data import atomic_directory
from tfp_dgm.models import Signature
from tfp_dgm.serving.embedded.limits import Limits
from tfp_dgm.serving.folders import next_version
from tfp_dgm.serving.model_card import write_model_card
from tfp_dgm.serving.operations import compiled_plain_signatures, stateful_samplers, unlinked
from tfp_dgm.serving.predictions import prediction_log, write_example, write_records
from tfp_dgm.serving.replay import RECORDED, WARM_UP, Arrays
from tfp_dgm.serving.signatures.signatures_of import signatures_of

BATCH_SIZES = (1, 4, 16, 64)
EXAMPLES = "examples"
_BATCH_TIMEOUT_MICROS = 2000


def export(
    model: Any,
    directory: str | os.PathLike[str],
    *,
    version: int | None = None,
    signatures: Mapping[str, Signature] | None = None,
    batch_sizes: Sequence[int] = BATCH_SIZES,
    card: Mapping[str, Any] | None = None,
    warm_up_xla: bool = False,
) -> Path:
    """Writes `<directory>/<version>/` as TF Serving reads it, whole or not at all.

    Beside the SavedModel lie the warm-up requests that a server replays when it loads the model,
    the same with the answers of the live model (`replay.RECORDED`, which `serve-check` asks for),
    `batching_params.pbtxt`, `MODEL_CARD.md` and `.json`, and `examples/<signature>/` with requests
    as REST and gRPC take them.

    Args:
      model: a built Keras model with `serving_signatures`, or of a class that `signatures_of`
        knows.
      directory: the model's folder, made where it is missing; its name is the model's.
      version: a positive integer; None takes the one after the largest there.
      signatures: what to serve; those of `signatures_of` where None.
      batch_sizes: the sizes that batches are filled up to, ascending. Each is warmed up; XLA
        compiles a program for each.
      card: what only the caller knows of the model, for its card: `data`, `metrics`, `limits`.
      warm_up_xla: whether the warm-up holds the compiled twins too. Only for servers with XLA
        switched on; any other refuses to load the model then.
    Returns:
      The version's folder.
    Raises:
      ValueError: if the version is not positive, or there already (a served version never changes
        under its number); if a signature uses an operation that a stock server cannot run (names
        it and the layer it came from), draws unseeded random numbers, or needs XLA to be on; if
        the batch sizes do not ascend from 1 or more. A DataError, if another export wrote the
        version meanwhile, which stays.
    """
    directory = Path(directory)
    sizes = list(batch_sizes)
    if not sizes or sizes[0] < 1 or sizes != sorted(set(sizes)):
        raise ValueError(f"batch_sizes: expected ascending positive integers; received {sizes}")
    version = next_version(directory, version)
    directory.mkdir(parents=True, exist_ok=True)
    declared = dict(signatures_of(model) if signatures is None else signatures)
    endpoints = _endpoints(declared)
    with atomic_directory(directory / str(version), replace=False) as folder:
        _write_graphs(folder, model, endpoints)
        _set_methods(folder, declared)
        _refuse_what_cannot_be_served(folder)
        records = _record(declared, endpoints, sizes)
        _write_predictions(folder, directory.name, declared, records, warm_up_xla)
        (folder / "batching_params.pbtxt").write_text(_batching(sizes), encoding="utf-8")
        write_model_card(folder, directory.name, version, model, sizes, card or {})
    return directory / str(version)


def _endpoints(
    declared: Mapping[str, Signature],
) -> dict[str, tf.types.experimental.GenericFunction]:
    if "serving_default" not in declared:
        raise ValueError(
            f"serving_signatures: expected one named serving_default; received {sorted(declared)}"
        )
    endpoints = {}
    for name, signature in declared.items():
        endpoints[name] = signature.plain()
        if signature.xla:
            endpoints[f"{name}_xla"] = signature.twin()
        for ending, function in (("prepare", signature.prepare()), ("finish", signature.finish())):
            if function is not None:
                endpoints[f"{name}_{ending}"] = function
    return endpoints


def _write_graphs(
    folder: Path, model: Any, endpoints: Mapping[str, tf.types.experimental.GenericFunction]
) -> None:
    """The SavedModel: signatures, and the variables and tables that they read.

    `keras.export.ExportArchive` would keep each function as an attribute, too, for which
    TensorFlow traces it once more.
    """
    parts = tf.train.TrackableView(model).descendants()
    module = tf.Module()
    module.weights = [variable.value for variable in model.variables]
    module.tables = [
        part for part in parts if isinstance(part, tf.saved_model.experimental.TrackableResource)
    ]
    tf.saved_model.save(
        module,
        str(folder),
        signatures={name: function.get_concrete_function() for name, function in endpoints.items()},
    )


def _set_methods(folder: Path, declared: Mapping[str, Signature]) -> None:
    """Marks the signatures of TF Serving's Classify convention; TensorFlow 2 marks all Predict."""
    path = folder / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    for name, signature in declared.items():
        if signature.method == "classify":
            for graph in saved.meta_graphs:
                graph.signature_def[name].method_name = "tensorflow/serving/classify"
    path.write_bytes(saved.SerializeToString(deterministic=True))


def _refuse_what_cannot_be_served(folder: Path) -> None:
    if refused := unlinked(folder):
        raise ValueError(f"operations that a stock TF Serving does not link: {_listed(refused)}")
    if refused := stateful_samplers(folder):
        raise ValueError(
            "random numbers must come of a seed among the inputs (see inference.uniform); "
            f"received {_listed(refused)}"
        )
    if names := compiled_plain_signatures(folder):
        raise ValueError(
            "only the twins may need XLA, which a server has off by default; "
            f"received compiled functions in {', '.join(names)}"
        )


def _listed(uses: Sequence[Any]) -> str:
    return "; ".join(sorted({str(use) for use in uses}))


def _record(
    declared: Mapping[str, Signature],
    endpoints: Mapping[str, tf.types.experimental.GenericFunction],
    sizes: Sequence[int],
) -> list[tuple[str, Arrays, Arrays]]:
    """The live model's answers at every size; a twin's are those of its body, not compiled."""
    records = []
    for name, signature in declared.items():
        body = signature.uncompiled_twin if signature.xla else None
        for size in sizes:
            inputs = signature.batch(size)
            records.append((name, inputs, _run(endpoints[name], inputs)))
            if body is None:
                continue
            if f"{name}_prepare" in endpoints:
                prepared = _run(endpoints[f"{name}_prepare"], inputs)
                records.append((f"{name}_prepare", inputs, prepared))
                inputs = prepared
            answer = _run(body, inputs)
            records.append((f"{name}_xla", inputs, answer))
            if f"{name}_finish" in endpoints:
                finished = _run(endpoints[f"{name}_finish"], answer)
                records.append((f"{name}_finish", answer, finished))
    return records


def _run(function: tf.types.experimental.GenericFunction, inputs: Arrays) -> Arrays:
    answer = function(*(tf.constant(value) for value in inputs.values()))
    return {name: value.numpy() for name, value in answer.items()}


def _write_predictions(
    folder: Path,
    model: str,
    declared: Mapping[str, Signature],
    records: Sequence[tuple[str, Arrays, Arrays]],
    warm_up_xla: bool,
) -> None:
    recorded, warm_up = [], []
    for name, inputs, outputs in records:
        method = declared[name].method if name in declared else "predict"
        recorded.append(prediction_log(model, name, method, inputs, outputs))
        if warm_up_xla or not name.endswith("_xla"):
            warm_up.append(prediction_log(model, name, method, inputs))
    write_records(folder / RECORDED, recorded)
    write_records(folder / WARM_UP, warm_up)
    (folder / EXAMPLES).mkdir()
    written = set()
    for name, inputs, outputs in records:
        if name in written or (name.endswith("_xla") and name not in declared):
            continue
        written.add(name)
        method = declared[name].method if name in declared else "predict"
        log = prediction_log(model, name, method, inputs, outputs)
        write_example(folder / EXAMPLES / name, log)


def _batching(sizes: Sequence[int]) -> str:
    """What `tensorflow_model_server --batching_parameters_file` takes.

    One request may have as many rows as the embedded server takes; it is run in batches of the
    largest size at most. The server wants the rows of a request as the last allowed size, though
    no batch is ever so large.
    """
    request_rows = max(Limits().rows, sizes[-1])
    lines = [
        f"max_batch_size {{ value: {request_rows} }}",
        "enable_large_batch_splitting { value: true }",
        f"max_execution_batch_size {{ value: {sizes[-1]} }}",
        f"batch_timeout_micros {{ value: {_BATCH_TIMEOUT_MICROS} }}",
        "max_enqueued_batches { value: 1000 }",
        *(f"allowed_batch_sizes: {size}" for size in sorted({*sizes, request_rows})),
    ]
    return "\n".join(lines) + "\n"
