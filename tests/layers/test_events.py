"""What a check of values costs under XLA, which compiles no assertions."""

import tensorflow as tf

from tfp_dgm.layers.events import assert_valid


def test_xla_compiles_once_for_all_values():
    """XLA compiles anew wherever a slice begins elsewhere, be it in a branch that is not taken."""

    @tf.function(autograph=False)
    def checked(values):
        assert_valid(values >= 0, values, "values: expected none below 0")

    graph = checked.get_concrete_function(tf.TensorSpec([None, 2], tf.int32)).graph
    branches = [graph._get_function(name).graph for name in _functions_of(graph)]
    slices = [op for part in branches for op in part.get_operations() if op.type == "StridedSlice"]
    assert slices
    for op in slices:
        assert all(_is_constant(bound.op) for bound in op.inputs[1:]), op


def _is_constant(op):
    if op.type == "Pack":
        return all(_is_constant(part.op) for part in op.inputs)
    return op.type in ("Const", "Rank")


def _functions_of(graph):
    return [function.signature.name for function in graph.as_graph_def().library.function]
