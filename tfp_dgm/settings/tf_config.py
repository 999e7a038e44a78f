"""The workers of a training, as TF_CONFIG names them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tfp_dgm.data import DataError

VARIABLE = "TF_CONFIG"
_FORM = (
    '{"cluster": {"worker": ["HOST:PORT", "HOST:PORT"]}, "task": {"type": "worker", "index": 0}}'
)


@dataclass(frozen=True)
class Cluster:
    """The processes that train one model together, and which of them this one is.

    Attributes:
      addresses: host:port of each, the chief's first.
      index: this one's place among them; that of the chief, who writes the results, is 0.
    """

    addresses: tuple[str, ...]
    index: int

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the results."""
        return self.index == 0

    @property
    def own_address(self) -> str:
        """Where this process listens."""
        return self.addresses[self.index]


def read_cluster(environment: Mapping[str, str] = os.environ) -> Cluster:
    """The cluster that TF_CONFIG tells, in TensorFlow's form.

        {"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 0}}

    Where the cluster has a "chief", that comes first; else the first worker is it.

    Raises:
      DataError: if the variable is not set, is no JSON of this form, names other jobs or an
        address twice, or a task that is none of the cluster's.
    """
    text = environment.get(VARIABLE)
    if text is None:
        raise DataError(f"{VARIABLE}: expected {_FORM}; the variable is not set")
    try:
        told = json.loads(text)
    except ValueError as error:
        raise DataError(f"{VARIABLE}: expected JSON, {_FORM}; received {text!r}") from error
    jobs = _mapping(told, "cluster", told)
    for job in jobs:
        if job not in ("chief", "worker"):
            raise DataError(
                f"{VARIABLE}: expected the jobs 'worker' and 'chief' in `cluster`; received {job!r}"
            )
    listed = {job: _addresses(job, jobs[job]) for job in ("chief", "worker") if job in jobs}
    if len(listed.get("chief", [""])) != 1:
        raise DataError(f"{VARIABLE}: expected one address of 'chief'; received {jobs['chief']}")
    addresses = [address for job in listed.values() for address in job]
    double = next((a for n, a in enumerate(addresses) if a in addresses[:n]), None)
    if double is not None:
        raise DataError(f"{VARIABLE}: expected each address once; received {double!r} twice")
    task = _mapping(told, "task", told)
    kind, index = task.get("type"), task.get("index")
    if not isinstance(kind, str) or kind not in listed:
        raise DataError(
            f"{VARIABLE}: expected `task.type` to be one of {', '.join(map(repr, listed))}; "
            f"received {kind!r}"
        )
    count = len(listed[kind])
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < count:
        raise DataError(
            f"{VARIABLE}: expected `task.index` to be from 0 to {count - 1}, since `cluster` has "
            f"{count} of {kind!r}; received {index!r}"
        )
    return Cluster(tuple(addresses), index + (len(addresses) - count if kind == "worker" else 0))


def _mapping(told: Any, name: str, whole: Any) -> Mapping[str, Any]:
    value = told.get(name) if isinstance(told, dict) else None
    if not isinstance(value, dict) or not value:
        raise DataError(f"{VARIABLE}: expected `{name}`, as in {_FORM}; received {whole}")
    return value


def _addresses(job: str, value: Any) -> list[str]:
    if not isinstance(value, list) or not value:
        raise DataError(f"{VARIABLE}: expected a list of addresses of {job!r}; received {value!r}")
    for address in value:
        host, _, port = str(address).rpartition(":")
        if (
            not host
            or "/" in host
            or not port.isascii()
            or not port.isdigit()
            or not 0 < int(port) < 65536
        ):
            raise DataError(
                f"{VARIABLE}: expected HOST:PORT as an address of {job!r}; received {address!r}"
            )
    return value
