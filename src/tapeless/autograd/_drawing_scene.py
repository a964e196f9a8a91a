"""From a graph to a picture: boxes, frames around calls of modules, curves and labels, all with their places.

Each call of a module is laid out by itself, from the innermost outwards, and is then one box in the call around it.
Where a wire enters or leaves it, the inner level says how far from its middle.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field

from ._drawing_layers import Item, Level, Wire
from ._drawing_model import GraphNode, Structure, lineage
from ._drawing_text import label_of, lines_of, visible

LETTER = 7.25
"""The width of a letter of a fixed-width font of 12 pixels, rounded up."""
SMALL = 6.1
"""The same of 10 pixels, the size of labels and titles."""
LINE = 16.0
PADDING = 9.0
SPACING = 46.0
STUB = 17.0
"""How far wires go straight down below a layer with labels, so that none crosses a label."""
HEADER = 26.0
"""The room for the title of a frame."""
MARGIN = 12.0


@dataclass(slots=True)
class Box:
    """A node's rectangle, and the lines of text in it."""

    x: float
    y: float
    width: float
    height: float
    node: GraphNode
    lines: list[str]


@dataclass(slots=True)
class Frame:
    """The rectangle around a call of a module, and its title."""

    x: float
    y: float
    width: float
    height: float
    depth: int
    title: str


@dataclass(slots=True)
class Curve:
    """A piece of a wire: from point to point, each step straight down or a curve from one column to another."""

    points: list[tuple[float, float]]
    arrow: bool = False
    straight: bool = False


@dataclass(slots=True)
class Scene:
    """All that is to be drawn."""

    width: float = 0.0
    height: float = 0.0
    boxes: list[Box] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    labels: list[tuple[float, float, str]] = field(default_factory=list)


def columns(text: str) -> int:
    """Return how many letters wide a text is; those of East Asian scripts take two.

    >>> columns("loss"), columns("损失")
    (4, 4)
    """
    return sum([2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text])


@dataclass(slots=True)
class _Result:
    """One result of one node, and the nodes that it goes to: what a wire carries."""

    source: int
    label: str
    targets: list[int]


class _Call:
    """One level: what is directly in a call of a module (or, for -1, in none)."""

    def __init__(self, module: int) -> None:
        self.module = module
        self.items: list[Item] = []
        self.wires: list[Wire] = []
        self.of_node: dict[int, int] = {}  # the item of a node, of a call, and where a wire enters and leaves
        self.of_call: dict[int, int] = {}
        self.tops: dict[int, int] = {}
        self.bottoms: dict[int, int] = {}
        self.level = Level(self.items, self.wires)
        self.width = self.height = self.indent = 0.0


class Layout:
    """Builds a `Scene`."""

    def __init__(self, structure: Structure) -> None:
        self.nodes, self.modules = structure.nodes, structure.modules
        self.lines = [lines_of(node) for node in structure.nodes]
        self.results = _results(structure)
        self.calls: dict[int, _Call] = {-1: _Call(-1)}
        self.scene = Scene()

    def run(self) -> Scene:
        """Return the scene."""
        self._make_items()
        self._make_wires()
        for module in sorted(self.calls, reverse=True):  # a call has a higher number than the one around it
            self._lay_out(self.calls[module])
        stack = [(-1, MARGIN, MARGIN, -1)]
        while stack:
            module, x, y, depth = stack.pop()
            stack += self._emit(self.calls[module], x, y, depth)
        root = self.calls[-1]
        self.scene.width, self.scene.height = root.width + 2 * MARGIN, root.height + 2 * MARGIN
        return self.scene

    # -- What each level consists of ---------------------------------------------------------------------

    def _make_items(self) -> None:
        out: dict[int, list[int]] = {}
        for k, result in enumerate(self.results):
            out.setdefault(result.source, []).append(k)
        for node in self.nodes:
            for module in lineage(self.modules, node.module):
                if module not in self.calls:
                    self.calls[module] = _Call(module)
                    around = self.calls[self.modules[module].parent]
                    around.of_call[module] = len(around.items)
                    around.items.append(Item(rank=node.id))
            call = self.calls[node.module]
            call.of_node[node.id] = len(call.items)
            call.items.append(self._box(node, out.get(node.id, [])))

    def _box(self, node: GraphNode, results: list[int]) -> Item:
        """Return a node's item: as wide as its text, and as the labels of its results, which stand below it."""
        lines = self.lines[node.id]
        half = (max([columns(line) for line in lines]) * LETTER + 2 * PADDING) / 2
        widths = [columns(self.results[k].label) * SMALL + 12 for k in results]
        place = 0.0
        if len(results) > 1:
            half = max(half, sum(widths) / 2)
            place = 8 - half
        item = Item(half, half, len(lines) * LINE + 10, rank=node.id, spreads=True)
        if node.kind in ("parameter", "leaf"):
            item.low, item.weight = True, 0.1
        for k, width in zip(results, widths, strict=True):
            item.ports_out[k] = place
            place += width
        item.right = max(half, place)
        return item

    def _make_wires(self) -> None:
        """Tell each level what it has of each wire."""
        paths = {node.module: [-1, *lineage(self.modules, node.module)] for node in self.nodes}
        for k, result in enumerate(self.results):
            source = self.nodes[result.source]
            around = dict.fromkeys(paths[source.module])
            for target in result.targets:
                around.update(dict.fromkeys(paths[self.nodes[target].module]))
            for module in around:
                call = self.calls[module]
                start = self._item_in(call, source, paths)
                ends = [self._item_in(call, self.nodes[target], paths) for target in result.targets]
                self._add_wire(call, k, start, ends)

    def _item_in(self, call: _Call, node: GraphNode, paths: dict[int, list[int]]) -> int | None:
        """Return which item of a level a node is, or is in; None if it is outside."""
        if node.module == call.module:
            return call.of_node[node.id]
        path = paths[node.module]
        if call.module not in path:
            return None
        return call.of_call[path[path.index(call.module) + 1]]

    def _add_wire(self, call: _Call, k: int, start: int | None, ends: list[int | None]) -> None:
        frames = set(call.of_call.values())
        targets: list[int] = []
        for end in ends:  # a node may take the same result twice, a frame is entered once
            if end is not None and end != start and not (end in frames and end in targets):
                targets.append(end)
        rank = self.results[k].source
        if start is None:
            if not targets:
                return
            start = call.tops[k] = len(call.items)
            call.items.append(Item(kind="top", rank=rank))
        elif None in ends:
            call.bottoms[k] = len(call.items)
            targets.append(len(call.items))
            call.items.append(Item(kind="bottom", rank=rank))
        if targets:
            call.wires.append(Wire(k, start, targets))

    # -- Places ------------------------------------------------------------------------------------------

    def _lay_out(self, call: _Call) -> None:
        """Lay out a level, and tell the one around it how large it is and where wires meet its border."""
        call.level.run(SPACING)
        call.width, call.height = call.level.width, call.level.height
        if call.module < 0:
            return
        module = self.modules[call.module]
        call.width = max(call.level.width, columns(visible(module.title)) * SMALL) + 2 * PADDING
        call.height += HEADER + PADDING + 4
        call.indent = (call.width - call.level.width) / 2
        around = self.calls[module.parent]
        item = around.items[around.of_call[call.module]]
        item.left = item.right = call.width / 2
        item.height = call.height
        for ports, ends in ((item.ports_in, call.tops), (item.ports_out, call.bottoms)):
            for k, i in ends.items():
                ports[k] = call.indent + call.items[i].x - call.width / 2

    def _emit(self, call: _Call, x: float, y: float, depth: int) -> list[tuple[int, float, float, int]]:
        """Add a level to the scene, its upper left corner at (x, y); return the calls in it, with their corners."""
        left, top = x, y
        if call.module >= 0:
            title = visible(self.modules[call.module].title)
            self.scene.frames.append(Frame(x, y, call.width, call.height, depth, title))
            left, top = x + call.indent, y + HEADER
        for node, i in call.of_node.items():
            item = call.items[i]
            half = item.left
            self.scene.boxes.append(
                Box(left + item.x - half, top + item.y, 2 * half, item.height, self.nodes[node], self.lines[node])
            )
            for k, at in item.ports_out.items():
                if self.results[k].label:
                    place = (left + item.x + at + 5, top + item.y + item.height + 13)
                    self.scene.labels.append((*place, self.results[k].label))
        self._emit_wires(call, left, top, y, y + call.height)
        return [
            (module, left + call.items[i].x - call.items[i].left, top + call.items[i].y, depth + 1)
            for module, i in call.of_call.items()
        ]

    def _emit_wires(self, call: _Call, left: float, top: float, border_top: float, border_bottom: float) -> None:
        items, level = call.items, call.level
        labelled = {items[wire.source].layer for wire in call.wires if self.results[wire.key].label}
        for wire in call.wires:
            for upper, lower, number in level.links(wire):
                a, b = items[upper], items[lower]
                ax = left + a.x + a.ports_out.get(wire.key, 0.0)
                bx = left + b.x + level.entry(wire, lower, number)
                start = border_top if a.kind == "top" else top + a.y + a.height
                end = border_bottom if b.kind == "bottom" else top + b.y
                if a.kind == "dummy":  # where the step to it ended
                    start = top + level.bottom(a.layer)
                if b.kind == "dummy":
                    end = top + level.bottom(b.layer)
                stub = STUB if a.layer in labelled else 0.0
                past_labels = top + min(level.bottom(a.layer) + stub, level.tops[b.layer])
                points = [(ax, start), (ax, past_labels), (bx, top + level.tops[b.layer]), (bx, end)]
                if wire.straight:
                    points = [points[0], points[-1]]
                self.scene.curves.append(Curve(points, b.spreads, wire.straight))


def _results(structure: Structure) -> list[_Result]:
    """Return what each node's results are, and where they go, in the order of the nodes."""
    found: dict[tuple[int, int, str], _Result] = {}
    for edge in structure.edges:
        node = structure.nodes[edge.source]
        label = label_of(edge, node)
        key = (edge.source, edge.index, label if node.kind in ("module", "more") else "")
        found.setdefault(key, _Result(edge.source, label, [])).targets.append(edge.target)
    return [found[key] for key in sorted(found)]
