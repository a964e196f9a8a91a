"""The graph of any tensors as a picture: `trace` and what it returns. `autograd.graph` loads this when it is asked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ._drawing_fold import simplified, unwrapped
from ._drawing_model import GraphEdge as GraphEdge, GraphModule as GraphModule, GraphNode as GraphNode, Structure
from ._drawing_modules import run_watched, watch as watch
from ._drawing_read import read
from ._drawing_svg import svg
from ._drawing_text import dot, mermaid

MAX_NODES = 200


@dataclass(frozen=True)
class ComputationGraph(Structure):
    """A graph to look at: `trace` makes them.

    Attributes:
        nodes: tuple of `GraphNode`, inputs before what is computed from them, with `id`, `kind` ("op", "parameter",
            "input", "leaf", "output", "module", "more"), `name`, `shapes` and `dtypes` of the results.
        edges: tuple of `GraphEdge` from `source` to `target`, which are numbers of nodes, with `shape` and `dtype` of
            what flows there.
        modules: tuple of `GraphModule`, the calls of modules that were watched.

    The three formats take the same options: ``fold=1`` draws each module of the model as one box (``fold=0`` the
    model as a whole), and at most ``max_nodes`` boxes are drawn, with "… 997 more" for the others; None draws all.

    >>> import tapeless as tl
    >>> from tapeless.autograd import graph
    >>> w = tl.ones(3, requires_grad=True)
    >>> picture = graph.trace((w * 2).sum(), params={"w": w})
    >>> picture
    ComputationGraph(2 operations, 1 parameter, 1 output)
    >>> [node.name for node in picture.nodes]
    ['w', 'MulBackward0', 'SumBackward0', 'output']
    >>> print(picture.dot())  # doctest: +ELLIPSIS
    digraph {
    ...
        n0 [label="w\\n[3] float32", shape=box, style=rounded, color=blue];
    ...
        n1 -> n2 [label="[3] float32"];
    ...
    """

    def simplified(self, fold: int | None = None, max_nodes: int | None = MAX_NODES) -> ComputationGraph:
        """Return the graph that is drawn: see the class for the options. Raises ``ValueError`` for others."""
        found = simplified(self, fold, max_nodes)
        return ComputationGraph(found.nodes, found.edges, found.modules)

    def mermaid(self, *, fold: int | None = None, max_nodes: int | None = MAX_NODES) -> str:
        """Return a Mermaid flowchart, which GitHub and many editors draw in a block marked ``mermaid``.

        Mermaid itself draws no more than 500 edges unless it is configured to.
        """
        return mermaid(unwrapped(simplified(self, fold, max_nodes)))

    def dot(self, *, fold: int | None = None, max_nodes: int | None = MAX_NODES) -> str:
        """Return DOT, for Graphviz."""
        return dot(unwrapped(simplified(self, fold, max_nodes)))

    def svg(self, *, fold: int | None = None, max_nodes: int | None = MAX_NODES) -> str:
        """Return an SVG picture, which needs nothing else to be looked at. It follows light and dark mode."""
        return svg(unwrapped(simplified(self, fold, max_nodes)))

    def save(self, path: str | Path, *, fold: int | None = None, max_nodes: int | None = MAX_NODES) -> Path:
        """Write the graph to a file, in the format that its name ends with: .svg, .dot, .gv, .mmd or .mermaid.

        Raises ``ValueError`` for another ending.
        """
        path = Path(path)
        formats = {".svg": self.svg, ".dot": self.dot, ".gv": self.dot, ".mmd": self.mermaid, ".mermaid": self.mermaid}
        if path.suffix.lower() not in formats:
            raise ValueError(f"save(): the name must end with one of {', '.join(formats)}, got {path.name!r}")
        path.write_text(formats[path.suffix.lower()](fold=fold, max_nodes=max_nodes), encoding="utf-8")
        return path

    def _repr_svg_(self) -> str:
        """Return what notebooks show."""
        return self.svg()

    def __repr__(self) -> str:
        counts = Counter({node.kind: 0 for node in self.nodes})
        for node in self.nodes:
            counts["op"] += node.operations
            if node.kind != "op":
                counts[node.kind] += 1
        words = {
            "op": "operation",
            "parameter": "parameter",
            "input": "input",
            "leaf": "other leaf" if counts["parameter"] or counts["input"] else "leaf",
            "output": "output",
            "module": "folded module",
            "more": "folded part",
        }
        parts = [_count(counts[kind], word) for kind, word in words.items() if counts[kind] or kind == "op"]
        calls = f"; {_count(len(self.modules), 'call')} of modules" if self.modules else ""
        return f"ComputationGraph({', '.join(parts)}{calls})"


def _count(n: int, word: str) -> str:
    plural = f"{word.removesuffix('leaf')}leaves" if word.endswith("leaf") else f"{word}s"
    return f"{n:,} {word if n == 1 else plural}"


def trace(outputs: Any, *, params: Any = None, inputs: Any = None) -> ComputationGraph:
    """Return the graph of operations that led to tensors, to be looked at.

    Args:
        outputs: a Tensor, or nested lists, tuples and dicts of some, of any shape; those that do not require grad are
            left out. `GradientEdge` as well.
        params: what leaves (or results in between) are called: a Module, a dict of names and Tensors, pairs of both, or
            what `watch` noted, which also tells which module recorded which operation.
        inputs: the same for those to be drawn as inputs.

    The graph is that of ``grad_fn`` and ``next_functions``, so what does not require grad is not in it; see
    `trace_module`. It holds no arrays, and may be read after `backward` as well. Nothing here recurses over nodes, so
    a chain may be as long as memory allows.

    Raises ``RuntimeError`` when nothing requires grad, ``TypeError`` for outputs or names of another kind.

    >>> import tapeless as tl
    >>> from tapeless.autograd import graph
    >>> model = tl.nn.Linear(2, 1)
    >>> picture = graph.trace(model(tl.ones(3, 2)), params=model)
    >>> [(node.kind, node.name, node.shapes) for node in picture.nodes if node.kind != "op"]
    [('parameter', 'weight', ((1, 2),)), ('parameter', 'bias', ((1,),)), ('output', 'output', ())]
    >>> graph.trace(tl.ones(3))
    Traceback (most recent call last):
        ...
    RuntimeError: trace(): expected a Tensor that requires grad, got one that does not: ...
    """
    found = read(outputs, params, inputs)
    return ComputationGraph(found.nodes, found.edges, found.modules)


def trace_module(module: Any, *args: Any, **kwargs: Any) -> ComputationGraph:
    """Run ``module(*args, **kwargs)`` and return the graph of that, with inputs and a frame for each module.

    Tensors of floating point numbers among the arguments are replaced by twins that require grad, so that the graph
    shows them. Running the module has its usual effects (batch statistics, random numbers). To see the graph as a
    training step has it, loss included, use `watch` and `trace`.

    Raises ``TypeError`` for what is not a Module, and whatever running it raises.

    >>> import tapeless as tl
    >>> from tapeless.autograd import graph
    >>> model = tl.nn.Sequential(tl.nn.Linear(2, 3), tl.nn.Tanh(), tl.nn.Linear(3, 1))
    >>> picture = graph.trace_module(model, tl.ones(5, 2))
    >>> [node.name for node in picture.simplified(fold=1).nodes]
    ['input', '0', '1', '2', 'output']
    """
    outputs, watched, inputs = run_watched(module, args, kwargs)
    return trace(outputs, params=watched, inputs=inputs)
