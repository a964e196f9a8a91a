"""Read the graph that leads to tensors, and give its leaves their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from .._core.function import Alias, Output
from .._core.inplace import CopySlices
from .._core.tensor_base import TensorBase
from .._pytree import flatten, leaf_paths
from ._drawing_model import GraphEdge, GraphNode, Structure, common
from ._drawing_modules import watch
from ._drawing_text import readable_path
from ._graph import GradientEdge, edge_of

NOTHING_RECORDED = (
    "trace(): expected a Tensor that requires grad, got one that does not: no operation on the way to it was "
    "recorded, so there is no graph. Call requires_grad_() on what it is computed from, and compute it outside "
    "of no_grad() and without detach()."
)


def read(outputs: Any, params: Any = None, inputs: Any = None) -> Structure:
    """Return the graph of `outputs`: see `trace`, which has the same parameters."""
    roots = _roots(outputs)
    names = {edge: ("parameter", name) for edge, name in named_edges(params, "params").items()}
    names.update({edge: ("input", name) for edge, name in named_edges(inputs, "inputs").items()})
    calls = params if isinstance(params, watch) else None
    return _Reader(names, calls).structure(roots)


def _roots(outputs: Any) -> list[tuple[str, Any]]:
    """Return names and edges of the tensors in `outputs` that require grad; "" for a tensor by itself."""
    if isinstance(outputs, TensorBase):
        if not outputs.requires_grad:  # type: ignore[attr-defined]
            raise RuntimeError(NOTHING_RECORDED)
        return [("", edge_of(outputs))]
    found = list(_named_tensors(outputs))
    if not found:
        raise TypeError(
            f"trace(): expected a Tensor, or a list, tuple or dict that holds some, got {type(outputs).__name__}"
            + (" without any" if isinstance(outputs, (list, tuple, Mapping)) else "")
        )
    roots = [(name, edge_of(t)) for name, t in found if isinstance(t, GradientEdge) or t.requires_grad]
    if not roots:
        raise RuntimeError(NOTHING_RECORDED.replace("got one that does not", f"got {len(found)} that do not"))
    return roots


def _named_tensors(tree: Any) -> Iterable[tuple[str, Any]]:
    """Return the tensors and edges in nested containers, with how to reach them: ``0``, ``loss``, ``heads.1``."""
    leaves, spec = flatten(dict(tree) if isinstance(tree, Mapping) else tree, lambda x: isinstance(x, GradientEdge))
    for path, leaf in zip(leaf_paths(spec), leaves, strict=True):
        if isinstance(leaf, (TensorBase, GradientEdge)):
            yield readable_path(path), leaf


def named_edges(names: Any, argument: str) -> dict[Any, str]:
    """Return what tensors are called, by the edge (a leaf, or a node) at which their gradient arrives."""
    if names is None:
        return {}
    if isinstance(names, watch):
        names = names.module
    if isinstance(names, TensorBase):
        names = {"": names}
    if hasattr(names, "named_parameters"):
        pairs: Iterable[Any] = names.named_parameters()
    elif isinstance(names, Mapping):
        pairs = [(str(name), tensor) for name, tensor in names.items()]
    else:
        pairs = _pairs(names, argument)
    found: dict[Any, str] = {}
    for name, tensor in pairs:
        if not isinstance(tensor, TensorBase):
            raise TypeError(f"trace(): {argument}[{name!r}] must be a Tensor, got {type(tensor).__name__}")
        if tensor.requires_grad:  # type: ignore[attr-defined]
            edge = edge_of(tensor)
            found.setdefault(edge.source if type(edge) is Output else edge, name)
    return found


def _pairs(names: Any, argument: str) -> list[tuple[str, Any]]:
    """Take pairs of name and tensor, as `Module.named_parameters` returns them, or tensors, which get numbers."""
    if isinstance(names, Iterable):
        items = list(names)
        if all(isinstance(item, TensorBase) for item in items):
            return [(str(i), item) for i, item in enumerate(items)]
        if all(isinstance(item, tuple) and len(item) == 2 for item in items):
            return [(str(name), tensor) for name, tensor in items]
    raise TypeError(
        f"trace(): {argument} must be a Module, a dict of names and Tensors, or pairs of both "
        f"(model.named_parameters()), got {type(names).__name__}"
    )


class _Reader:
    """Walks from the outputs to the leaves, and collects nodes and edges."""

    def __init__(self, names: dict[Any, tuple[str, str]], calls: watch | None) -> None:
        self.names, self.calls = names, calls
        self.modules = calls.modules if calls is not None else ()
        self.ids: dict[Any, int] = {}
        self.nodes: list[GraphNode] = []
        self.edges: list[GraphEdge] = []

    def structure(self, roots: list[tuple[str, Any]]) -> Structure:
        """Return the graph of these outputs."""
        order = sorted(_nodes_below([edge for _, edge in roots]), key=lambda node: node.seq)  # inputs first
        for node in order:
            places = [self.place(edge) for edge in node.edges]  # leaves come before their first use
            self.add_operation(node)
            for slot, place in enumerate(places):
                if place is not None:
                    self.connect(*place, self.ids[node], slot)
        for name, edge in roots:
            place = self.place(edge)
            assert place is not None
            node = GraphNode(len(self.nodes), "output", name or "output")
            self.nodes.append(node)
            self.connect(*place, node.id, 0)
        self.home_leaves()
        return Structure(tuple(self.nodes), tuple(self.edges), tuple(self.modules))

    def place(self, edge: Any) -> tuple[int, int] | None:
        """Return the number of the node that an edge leads to, and which of its results."""
        if edge is None:
            return None
        if isinstance(edge, TensorBase):
            if edge not in self.ids:
                self.add_leaf(edge)
            return self.ids[edge], 0
        return (self.ids[edge.source], edge.index) if type(edge) is Output else (self.ids[edge], 0)

    def add_leaf(self, leaf: Any) -> None:
        kind, name = self.names.get(leaf, ("leaf", ""))
        self.ids[leaf] = len(self.nodes)
        array = leaf._array
        self.nodes.append(
            GraphNode(
                len(self.nodes),
                kind,
                name or kind,
                (tuple(array.shape),),
                (str(array.dtype),),
                leaves=1,
                numbers=int(array.size),
            )
        )

    def add_operation(self, node: Any) -> None:
        several = type(node.shape) is list
        shapes, dtypes = (node.shape, node.dtype) if several else ([node.shape], [node.dtype])
        mark = "in-place" if isinstance(node, CopySlices) else "view" if node.view else ""
        note = self.names[node][1] if node in self.names else ""
        self.ids[node] = len(self.nodes)
        self.nodes.append(
            GraphNode(
                len(self.nodes),
                "op",
                "Alias" if type(node) is Alias else node.name(),
                tuple([tuple(shape) for shape in shapes]),
                tuple([str(dtype) for dtype in dtypes]),
                self.calls.call_at(node.seq) if self.calls is not None else -1,
                mark,
                note,
                operations=1,
            )
        )

    def connect(self, source: int, index: int, target: int, slot: int) -> None:
        node = self.nodes[source]
        self.edges.append(GraphEdge(source, target, index, slot, node.shapes[index], node.dtypes[index]))

    def home_leaves(self) -> None:
        """Let a leaf belong to the innermost call of a module that all its uses are in; inputs stay outside."""
        users: dict[int, list[int]] = {}
        for edge in self.edges:
            users.setdefault(edge.source, []).append(self.nodes[edge.target].module)
        for i, node in enumerate(self.nodes):
            if node.kind in ("parameter", "leaf"):
                self.nodes[i] = replace(node, module=common(self.modules, users[i]))


def _nodes_below(roots: list[Any]) -> list[Any]:
    """Return the nodes that can be reached, without recursion; those between an operation and its results left out."""
    seen: set[Any] = set()
    stack = [root for root in roots if not isinstance(root, TensorBase)]
    found = []
    while stack:
        node = stack.pop()
        if type(node) is Output:
            node = node.source
        if node in seen:
            continue
        seen.add(node)
        found.append(node)
        stack.extend([edge for edge in node.edges if edge is not None and not isinstance(edge, TensorBase)])
    return found
