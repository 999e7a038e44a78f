"""Compiles StableHLO for a device that is not there; needs JAX and the device's compiler alone.

    python -P compile_ahead_of_time.py tpu v5e:2x2 FILE...
    python -P compile_ahead_of_time.py gpu h100.txtpb FILE...

Prints one JSON line a file: bytes of code and of temporary memory, or what went wrong.
"""

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Reads the command line."""
    kind, target, *files = sys.argv[1:]
    os.environ["JAX_PLATFORMS"] = "cpu"
    device = _tpu(target) if kind == "tpu" else _gpu(Path(target).read_text(encoding="utf-8"))
    for file in files:
        try:
            report: dict[str, Any] = _compile(device, Path(file).read_bytes())
        except Exception as error:  # The compilers raise whatever they raise.
            message = str(error).strip().splitlines() or [""]
            report = {"problem": f"{type(error).__name__}: {message[0][:300]}"}
        print(json.dumps({"file": file, **report}), flush=True)


def _tpu(topology: str) -> Any:
    # Without these, libtpu asks the network which machine it is on.
    os.environ.update(TPU_SKIP_MDS_QUERY="1", TPU_WORKER_HOSTNAMES="localhost", TPU_WORKER_ID="0")
    from jax.experimental import topologies

    return topologies.get_topology_desc(topology, platform="tpu").devices[0]


def _gpu(description: str) -> Any:
    nvcc = importlib.util.find_spec("nvidia.cuda_nvcc")
    assert nvcc is not None
    folder = next(iter(nvcc.submodule_search_locations or ()))
    flags = f"--xla_gpu_cuda_data_dir={folder} --xla_gpu_autotune_level=0"
    os.environ["XLA_FLAGS"] = f"{flags} {os.environ.get('XLA_FLAGS', '')}"
    import jax  # noqa: F401 - Registers the plugin.
    from jax._src import xla_bridge

    topology = xla_bridge.make_pjrt_topology(
        "cuda", "", target_config=description, topology="1x1x1"
    )
    return topology._make_compile_only_devices()[0]


def _compile(device: Any, module_bytes: bytes) -> dict[str, int]:
    import numpy as np
    from jax._src import compiler
    from jax._src.interpreters import mlir
    from jax._src.lib import _jax
    from jax._src.lib.mlir import ir

    with mlir.make_ir_context():
        module = ir.Module.parse(module_bytes)
        copies = []

        def collect(operation: Any) -> Any:
            if operation.name == "mhlo.copy":
                copies.append(operation)
            return ir.WalkResult.ADVANCE

        # TensorFlow leaves copies of a dialect that the other compilers do not read.
        module.operation.walk(collect)
        for copy in copies:
            copy.results[0].replace_all_uses_with(copy.operands[0])
            copy.erase()
        options = compiler.get_compile_options(
            num_replicas=1, num_partitions=1, device_assignment=np.array([[0]])
        )
        program = device.client.compile(
            module, executable_devices=_jax.DeviceList((device,)), compile_options=options
        )
        memory = program.get_compiled_memory_stats()
        return {
            "code": memory.generated_code_size_in_bytes,
            "temporary": memory.temp_size_in_bytes,
        }


if __name__ == "__main__":
    main()
