"""Which operations a SavedModel uses, and whether a stock TF Serving can run them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.framework import graph_pb2, node_def_pb2
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from tfp_dgm.data import DataError

# What TF Text registers in 2.20 and 2.21; a stock server links all of it.
TEXT_OPERATIONS = frozenset(
    {
        *("CaseFoldUTF8", "ConstrainedSequence", "FastBertNormalize", "FindSourceOffsets"),
        *("FastWordpieceTokenizeWithOffsets", "MaxSpanningTree", "NormalizeUTF8"),
        *("NormalizeUTF8WithOffsetsMap", "PhraseTokenize", "RegexSplitWithOffsets", "RougeL"),
        *("SentenceFragments", "SentenceFragmentsV2", "SentencepieceDetokenizeOp"),
        *("SentencepieceIdToStringOp", "SentencepieceOp", "SentencepieceStringToIdOp"),
        *("SentencepieceTokenizeOp", "SentencepieceTokenizeWithOffsetsOp"),
        *("SentencepieceVocabSizeOp", "SplitMergeTokenizeWithOffsets", "TokenizerFromLogits"),
        *("TFText>BoiseTagsToOffsets", "TFText>ByteSplitByOffsets", "TFText>Utf8Binarize"),
        *("TFText>ByteSplitWithOffsets", "TFText>FastSentencepieceDetokenize"),
        *("TFText>FastSentencepieceTokenize", "TFText>FastWordpieceDetokenize"),
        *("TFText>NgramsStringJoin", "TFText>OffsetsToBoiseTags", "TFText>PhraseDetokenize"),
        *("TFText>RoundRobinGenerateMasks", "TFText>RoundRobinTrim"),
        *("TFText>WhitespaceTokenizeWithOffsetsV2", "UnicodeScriptTokenizeWithOffsets"),
        *("WhitespaceTokenizeWithOffsets", "WordpieceTokenizeWithOffsets"),
    }
)
# Registered by TensorFlow, but run by the Python process that made them.
_PYTHON_OPERATIONS = frozenset({"EagerPyFunc", "PyFunc", "PyFuncStateless"})
# Draw from a state of their own, so that no answer can be had twice.
_STATEFUL_SAMPLERS = frozenset(
    {
        *("Multinomial", "ParameterizedTruncatedNormal", "RandomGamma", "RandomPoisson"),
        *("RandomPoissonV2", "RandomShuffle", "RandomStandardNormal", "RandomUniform"),
        *("RandomUniformInt", "TruncatedNormal", "StatefulRandomBinomial"),
        *("StatefulStandardNormal", "StatefulStandardNormalV2", "StatefulTruncatedNormal"),
        *("StatefulUniform", "StatefulUniformFullInt", "StatefulUniformInt"),
        *("NonDeterministicInts", "RngReadAndSkip", "RngSkip"),
    }
)


@dataclass(frozen=True)
class Use:
    """An operation, where it stands, and the signatures that reach it.

    Attributes:
      operation: its name in the registry.
      node: its name in the graph; the scopes before it are the layers it came from.
      signatures: names of the signatures that run it; none where loading does.
      compiled: whether XLA must compile it.
    """

    operation: str
    node: str
    signatures: tuple[str, ...]
    compiled: bool

    def __str__(self) -> str:
        layer, _, name = self.node.rpartition("/")
        place = f"layer {layer!r}, node {name!r}" if layer else f"node {name!r}"
        return f"{self.operation} ({place}, in {', '.join(self.signatures) or 'no signature'})"


def unlinked(folder: Path) -> list[Use]:
    """The operations that a stock TF Serving does not link."""
    found = [
        use
        for use in uses(folder)
        if use.operation in _PYTHON_OPERATIONS
        or not (use.operation in TEXT_OPERATIONS or hasattr(tf.raw_ops, use.operation))
    ]
    # A layer's function is saved once for each signature and once more by itself.
    served = {(use.operation, use.node) for use in found if use.signatures}
    return [use for use in found if use.signatures or (use.operation, use.node) not in served]


def stateful_samplers(folder: Path) -> list[Use]:
    """The operations of signatures that draw random numbers which no seed among inputs decides."""
    return [use for use in uses(folder) if use.operation in _STATEFUL_SAMPLERS and use.signatures]


def compiled_plain_signatures(folder: Path) -> list[str]:
    """Signatures that need XLA, which a server has off by default, and do not say so."""
    names = {name for use in uses(folder) if use.compiled for name in use.signatures}
    return sorted(name for name in names if not name.endswith("_xla"))


def needs_text_libraries(folder: Path) -> bool:
    """Whether TF Text's libraries must be loaded before the model."""
    return any(use.operation in TEXT_OPERATIONS for use in uses(folder))


def text_libraries() -> list[str]:
    """Paths of TF Text's operation libraries."""
    spec = find_spec("tensorflow_text")
    if spec is None or spec.origin is None:
        return []
    return sorted(str(path) for path in Path(spec.origin).parent.glob("python/**/_*.so"))


def meta_graph(folder: Path) -> meta_graph_pb2.MetaGraphDef:
    """The graph with the tag `serve`.

    Raises:
      DataError: if `saved_model.pb` is damaged or holds no such graph.
    """
    path = folder / "saved_model.pb"
    try:
        model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    except DecodeError as error:
        raise DataError.at(path, f"expected a SavedModel; the file is damaged: {error}") from error
    served = (graph for graph in model.meta_graphs if "serve" in graph.meta_info_def.tags)
    if (graph := next(served, None)) is None:
        raise DataError.at(path, "expected a graph with the tag 'serve'; found none")
    return graph


def serving_signatures(folder: Path) -> dict[str, Any]:
    """The `SignatureDef`s that a server offers."""
    definitions = meta_graph(folder).signature_def
    return {name: definitions[name] for name in definitions if not name.startswith("__")}


def uses(folder: Path) -> Iterator[Use]:
    """Every operation of a SavedModel."""
    return iter(_uses(folder.resolve(), (folder / "saved_model.pb").stat().st_mtime_ns))


@cache
def _uses(folder: Path, modified: int) -> tuple[Use, ...]:
    del modified  # A part of the cache's key.
    meta = meta_graph(folder)
    functions = {function.signature.name: function for function in meta.graph_def.library.function}
    reached: dict[str, list[str]] = {name: [] for name in functions}
    compiled: set[str] = set()
    for signature, definition in sorted(meta.signature_def.items()):
        outputs = {info.name.split(":")[0] for info in definition.outputs.values()}
        called = _calls(_feeding(meta.graph_def, outputs))
        while called:
            name = called.pop()
            if name in functions and signature not in reached[name]:
                reached[name].append(signature)
                if functions[name].attr["_XlaMustCompile"].b:
                    compiled.add(name)
                called |= _calls(functions[name].node_def)
    found = [Use(node.op, node.name, (), False) for node in meta.graph_def.node]
    for name, function in functions.items():
        for node in function.node_def:
            must = name in compiled or node.attr["_XlaMustCompile"].b
            found.append(Use(node.op, node.name, tuple(reached[name]), must))
    return tuple(use for use in found if use.operation not in functions)


def _calls(nodes: Iterable[node_def_pb2.NodeDef]) -> set[str]:
    """The functions that nodes name in their attributes, or by being of their type."""
    names = set()
    for node in nodes:
        names.add(node.op)
        for value in node.attr.values():
            names.update(function.name for function in [value.func, *value.list.func])
    return names


def _feeding(graph: graph_pb2.GraphDef, outputs: set[str]) -> list[node_def_pb2.NodeDef]:
    """The nodes that outputs depend on."""
    nodes = {node.name: node for node in graph.node}
    wanted, found = list(outputs), {}
    while wanted:
        name = wanted.pop()
        if name in nodes and name not in found:
            found[name] = nodes[name]
            wanted += [edge.lstrip("^").split(":")[0] for edge in nodes[name].input]
    return list(found.values())
