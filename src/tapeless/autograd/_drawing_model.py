"""What a drawn graph is made of: nodes, edges, and the calls of modules that nodes belong to.

Edges run as the data does, from an operation's inputs to the operation, so against `next_functions`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from heapq import heapify, heappop, heappush

LEAVES = ("parameter", "input", "leaf")
"""The kinds of nodes that nothing leads to."""


@dataclass(frozen=True, slots=True)
class GraphNode:
    """One box: an operation, a leaf, something that was drawn from outside (an output), or what stands for several.

    `kind` is "op", "parameter", "input", "leaf", "output", or after folding "module" or "more". `shapes` and `dtypes`
    are those of its results, one for each.

    >>> import tapeless as tl
    >>> node = tl.autograd.graph.trace(tl.ones(2, requires_grad=True).exp()).nodes[1]
    >>> node.kind, node.name, node.shapes, node.dtypes
    ('op', 'ExpBackward0', ((2,),), ('float32',))
    """

    id: int
    kind: str
    name: str
    shapes: tuple[tuple[int, ...], ...] = ()
    dtypes: tuple[str, ...] = ()
    module: int = -1  # the innermost call of a module that it belongs to: a place in `modules`, -1 for none
    mark: str = ""  # "view", "in-place"
    note: str = ""  # a second line: what the user calls an operation's result, a module's type
    operations: int = 0  # how many operations it stands for
    leaves: int = 0  # and how many leaves
    numbers: int = 0  # and how many numbers are in those


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """Result `index` of node `source` goes to node `target`, whose ``next_functions[slot]`` it is.

    After folding one edge may stand for `count` results of the same shape.

    >>> import tapeless as tl
    >>> edge = tl.autograd.graph.trace(tl.ones(2, requires_grad=True).exp()).edges[0]
    >>> edge.source, edge.target, edge.shape, edge.dtype
    (0, 1, (2,), 'float32')
    """

    source: int
    target: int
    index: int = 0
    slot: int = 0
    shape: tuple[int, ...] = ()
    dtype: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class GraphModule:
    """One call of a module: its path in the model ("" for the model itself), its type, and the call around it.

    `parent` is a place in the graph's `modules`, -1 for none.

    >>> import tapeless as tl
    >>> model = tl.nn.Sequential(tl.nn.Linear(2, 3))
    >>> tl.autograd.graph.trace_module(model, tl.ones(1, 2)).modules[1]
    GraphModule(path='0', type_name='Linear', parent=0, number=1)
    """

    path: str
    type_name: str
    parent: int = -1
    number: int = 1  # the how manieth call of this module

    @property
    def title(self) -> str:
        """What is written at its box."""
        title = f"{self.path} ({self.type_name})" if self.path else self.type_name
        return f"{title}, call {self.number}" if self.number > 1 else title


@dataclass(frozen=True)
class Structure:
    """Nodes in an order in which inputs come first, where ``nodes[i].id == i``; edges; calls of modules."""

    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]
    modules: tuple[GraphModule, ...] = field(default=(), repr=False)


def lineage(modules: Sequence[GraphModule], module: int) -> list[int]:
    """Return the calls around and including `module`, outermost first; [] for -1.

    >>> lineage([GraphModule("", "Net"), GraphModule("0", "Linear", 0)], 1)
    [0, 1]
    """
    path = []
    while module >= 0:
        path.append(module)
        module = modules[module].parent
    return path[::-1]


def common(modules: Sequence[GraphModule], members: Sequence[int]) -> int:
    """Return the innermost call that all of these calls are in, -1 for none."""
    distinct = set(members)
    if not distinct or -1 in distinct:
        return -1
    found = -1
    for level in zip(*[lineage(modules, module) for module in distinct], strict=False):
        if len(set(level)) > 1:
            break
        found = level[0]
    return found


def neighbours(structure: Structure) -> tuple[list[list[int]], list[list[int]]]:
    """Return for each node where its edges come from, and where they go, without repetitions."""
    sources: list[dict[int, None]] = [{} for _ in structure.nodes]
    targets: list[dict[int, None]] = [{} for _ in structure.nodes]
    for edge in structure.edges:
        sources[edge.target][edge.source] = None
        targets[edge.source][edge.target] = None
    return [list(nodes) for nodes in sources], [list(nodes) for nodes in targets]


def contracted(structure: Structure, group_of: dict[int, int], boxes: Sequence[GraphNode]) -> Structure:
    """Replace nodes by boxes: node `i` by ``boxes[group_of[i]]``. No path may lead out of a group and back into it."""
    start = len(structure.nodes)
    place = [start + group_of[i] if i in group_of else i for i in range(start)]
    edges: dict[tuple[object, ...], GraphEdge] = {}
    carried: set[tuple[object, ...]] = set()
    for edge in structure.edges:
        source, target = place[edge.source], place[edge.target]
        if source == target:
            continue
        key: tuple[object, ...] = (source, target, edge.index, edge.slot)
        if target >= start or source >= start:  # of the same kind they would be indistinguishable
            key = (source, target, edge.shape, edge.dtype)
        old = edges.get(key)
        result = (key, edge.source, edge.index)  # a result that goes to several in a group is one
        count = (old.count if old else 0) + (0 if result in carried else edge.count)
        carried.add(result)
        edges[key] = replace(old or edge, source=source, target=target, count=count)
    kept = [node for node in structure.nodes if node.id not in group_of]
    first = {start + group: i for i, group in reversed(list(group_of.items()))}
    everything = {**{node.id: node for node in kept}, **{start + i: box for i, box in enumerate(boxes)}}
    return numbered(everything, list(edges.values()), structure.modules, first)


def numbered(
    nodes: dict[int, GraphNode], edges: list[GraphEdge], modules: tuple[GraphModule, ...], rank: dict[int, int]
) -> Structure:
    """Give nodes new numbers, inputs first, and otherwise in the order of `rank` (their own numbers by default)."""
    waiting = dict.fromkeys(nodes, 0)
    targets: dict[int, list[int]] = {i: [] for i in nodes}
    for edge in edges:
        waiting[edge.target] += 1
        targets[edge.source].append(edge.target)
    ready = [(rank.get(i, i), i) for i, count in waiting.items() if not count]
    heapify(ready)
    order: dict[int, int] = {}
    while ready:
        i = heappop(ready)[1]
        order[i] = len(order)
        for target in targets[i]:
            waiting[target] -= 1
            if not waiting[target]:
                heappush(ready, (rank.get(target, target), target))
    renamed = [replace(edge, source=order[edge.source], target=order[edge.target]) for edge in edges]
    renamed.sort(key=lambda edge: (edge.target, edge.slot, edge.source, edge.index))
    return Structure(tuple(replace(nodes[i], id=new) for i, new in order.items()), tuple(renamed), modules)
