"""What a served model is, on one page: for people, and as JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.installed_versions import installed_versions
from tfp_dgm.serving.operations import serving_signatures

_NOT_SAID = "Not said by who exported it."


def write_model_card(
    folder: Path,
    name: str,
    version: int,
    model: Any,
    batch_sizes: Sequence[int],
    card: Mapping[str, Any],
) -> None:
    """Writes `MODEL_CARD.md` and `model_card.json` into a version's folder.

    Args:
      folder: holds `saved_model.pb` already.
      name: of the model.
      version: of the export.
      model: the Keras model.
      batch_sizes: the allowed ones.
      card: `data`, `metrics` and `limits`, each text or a mapping to text and numbers.
    Raises:
      ValueError: if the card holds another key.
    """
    unknown = set(card) - {"data", "metrics", "limits"}
    if unknown:
        raise ValueError(f"card: expected data, metrics and limits; received {sorted(unknown)}")
    facts = {
        "name": name,
        "version": version,
        "model": type(model).__name__,
        "parameters": sum(int(keras.ops.size(weight)) for weight in model.weights),
        "batch_sizes": list(batch_sizes),
        "data": card.get("data", _NOT_SAID),
        "metrics": card.get("metrics", _NOT_SAID),
        "limits": card.get("limits", _NOT_SAID),
        "signatures": _signatures(folder),
        "versions": installed_versions(),
    }
    text = json.dumps(facts, indent=2, ensure_ascii=False, default=float)
    (folder / "model_card.json").write_text(text + "\n", encoding="utf-8")
    (folder / "MODEL_CARD.md").write_text(_markdown(facts), encoding="utf-8")


def _signatures(folder: Path) -> dict[str, Any]:
    found = {}
    for name, definition in sorted(serving_signatures(folder).items()):
        found[name] = {
            "method": definition.method_name.rpartition("/")[2],
            "inputs": {key: _kind(info) for key, info in sorted(definition.inputs.items())},
            "outputs": {key: _kind(info) for key, info in sorted(definition.outputs.items())},
        }
    return found


def _kind(info: Any) -> str:
    sizes = ["B", *("?" if dim.size < 0 else str(dim.size) for dim in info.tensor_shape.dim[1:])]
    return f"{tf.as_dtype(info.dtype).name} [{', '.join(sizes)}]"


def _markdown(facts: Mapping[str, Any]) -> str:
    lines = [
        f"# {facts['name']}, version {facts['version']}",
        "",
        f"{facts['model']} with {facts['parameters']:,} parameters. Batches are filled up to "
        f"{', '.join(map(str, facts['batch_sizes']))} rows.",
    ]
    for title in ("data", "metrics", "limits", "versions"):
        lines += ["", f"## {title.capitalize()}", "", *_lines(facts[title])]
    lines += ["", "## Signatures", "", "| name | inputs | outputs |", "|---|---|---|"]
    for name, signature in facts["signatures"].items():
        sides = (
            "<br>".join(f"{key}: {kind}" for key, kind in signature[side].items())
            for side in ("inputs", "outputs")
        )
        lines.append(f"| `{name}` | {' | '.join(sides)} |")
    return "\n".join(lines) + "\n"


def _lines(content: Any, indent: str = "") -> list[str]:
    if not isinstance(content, Mapping):
        return [f"{indent}{content}"]
    lines = []
    for key, value in content.items():
        if isinstance(value, Mapping):
            lines += [f"{indent}- {key}:", *_lines(value, indent + "  ")]
        else:
            lines.append(f"{indent}- {key}: {value}")
    return lines
