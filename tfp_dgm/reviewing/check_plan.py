"""What was decided before the first answer of a spot check, and is held to."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data import DataError, read_json, write_json
from tfp_dgm.reviewing.certificates import Certificate

_PLAN, _CERTIFICATE = "plan", "certificate"


@dataclass(frozen=True)
class CheckPlan:
    """How a sample of accepted rows was drawn.

    Attributes:
      table: the labelled table's name.
      digest: of its accepted rows.
      column: which label column's; None where there is but one.
      accepted: how many rows were accepted.
      promise: the share of them that should be right.
      confidence: of what will be said.
      once: the sample's size where it is fixed, and the answers are looked at once.
      seed: of the random order.
    """

    table: str
    digest: str
    column: str | None
    accepted: int
    promise: float
    confidence: float
    once: int | None
    seed: int

    def order(self) -> NDArray[np.int64]:
        """int64 [accepted]; the order in which rows are judged."""
        return np.random.default_rng(self.seed).permutation(self.accepted)


def record_of(sample: str | os.PathLike[str]) -> Path:
    """The file beside a sample that keeps its plan and what was found."""
    path = Path(sample)
    return path.with_name(path.name.removesuffix(".gz")).with_suffix(".json")


def read_plan(record: Path) -> CheckPlan:
    """Reads the plan of a record.

    Raises:
      DataError: if the file is not there, or no such record.
    """
    plan = plan_of(read_json(record, "how a sample was drawn").get(_PLAN))
    if plan is None:
        raise DataError.at(record, "expected how a sample was drawn; it holds something else")
    return plan


def plan_of(kept: Any) -> CheckPlan | None:
    """A plan, of its fields as JSON has them; None where they are something else."""
    kinds: dict[str, Any] = {
        "table": str,
        "digest": str,
        "column": str | None,
        "accepted": int,
        "promise": float,
        "confidence": float,
        "once": int | None,
        "seed": int,
    }
    if (
        not isinstance(kept, dict)
        or set(kept) != {field.name for field in fields(CheckPlan)}
        or not all(isinstance(kept[name], kind) for name, kind in kinds.items())
    ):
        return None
    return CheckPlan(**kept)


def write_record(record: Path, plan: CheckPlan, certificate: Certificate | None) -> None:
    """Writes the plan, and what was found by now."""
    found = None if certificate is None else certificate.as_dict()
    write_json(record, {_PLAN: asdict(plan), _CERTIFICATE: found})
