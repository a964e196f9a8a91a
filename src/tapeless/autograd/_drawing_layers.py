"""Lay out one level of a graph in layers: which layer, in which order, at which place.

The steps of Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system structures" (1981):
layers by longest paths; a wire that passes a layer gets a dummy there, so that nothing is drawn over it; the order
within layers by barycenters; and places that are as near to the neighbours' as the order allows. No randomness, so
the same graph always looks the same.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import pairwise
from typing import NamedTuple

GAP = 16.0
"""Between two boxes beside each other."""

DUMMIES = 40_000
"""More than this many places where wires pass layers are not laid out: the longest wires are drawn straight."""


PASSING = 8.0
"""How much more than others a wire that passes several layers stays in its column."""


@dataclass(slots=True)
class Item:
    """Something that has a place in a layer: a box, an end of a wire at the border, or a wire that passes by."""

    left: float = 4.0  # how far it reaches from its middle
    right: float = 4.0
    height: float = 0.0
    kind: str = "box"  # "box", "top", "bottom" (where a wire enters and leaves the level), "dummy"
    rank: int = 0  # its place in the order of the graph's nodes
    low: bool = False  # stands at the bottom of its layer, near to what it leads to
    weight: float = 1.0  # how much it pulls those that it is connected with to its column
    spreads: bool = False  # wires arrive beside each other; or else where `ports_in` says
    layer: int = 0
    x: float = 0.0  # of its middle
    y: float = 0.0  # of its upper edge
    ports_in: dict[int, float] = field(default_factory=dict)  # where a wire enters, from the middle
    ports_out: dict[int, float] = field(default_factory=dict)


@dataclass(slots=True)
class Wire:
    """One result and all the places in this level that it goes to."""

    key: int
    source: int
    targets: list[int]
    trunk: list[int] = field(default_factory=list)  # the dummies below the source, one a layer
    straight: bool = False  # too long to be led around the boxes


class _Neighbour(NamedTuple):
    item: int
    at: float  # where the wire ends there, and where here, from the middle
    own: float
    weight: float


class Level:
    """Items and wires, laid out: `run` gives each item its place."""

    def __init__(self, items: list[Item], wires: list[Wire]) -> None:
        self.items, self.wires = items, wires
        self.layers: list[list[int]] = []
        self.tops: list[float] = []
        self.heights: list[float] = []
        self.width = self.height = 0.0
        self.entries: dict[tuple[int, int, int], float] = {}  # where a wire enters an item: see `assign_entries`

    def run(self, spacing: float) -> None:
        """Place everything; `spacing` is the room between layers."""
        self.assign_layers()
        self.add_dummies()
        self.order_layers()
        self.assign_entries()
        self.place_across()
        self.straighten()
        self.place_down(spacing)

    # -- Layers ------------------------------------------------------------------------------------------

    def assign_layers(self) -> None:
        """Put each item below all that leads to it, and otherwise as near to what it leads to as that is shorter."""
        items = self.items
        sources: list[set[int]] = [set() for _ in items]
        targets: list[set[int]] = [set() for _ in items]
        for wire in self.wires:
            for target in wire.targets:
                sources[target].add(wire.source)
                targets[wire.source].add(target)
        order = self._topological(sources, targets)
        place = {i: k for k, i in enumerate(order)}
        for i in order:
            items[i].layer = max([items[s].layer + 1 for s in sources[i] if place[s] < place[i]], default=0)
        for i in reversed(order):
            below = [items[t].layer for t in targets[i] if items[t].kind == "box" and place[t] > place[i]]
            if items[i].kind == "box" and below and len(sources[i]) <= len(targets[i]):
                items[i].layer = max(items[i].layer, min(below) - 1)
        last = max([item.layer for item in items if item.kind != "top"], default=0)
        for end in [item for item in items if item.kind == "bottom"]:
            end.layer = last

    def _topological(self, sources: list[set[int]], targets: list[set[int]]) -> list[int]:
        """Return the items, sources first, and otherwise by rank. A circle, which there should not be, is cut open."""
        waiting = [len(line) for line in sources]
        ready = [(item.rank, i) for i, item in enumerate(self.items) if not waiting[i]]
        heapify(ready)
        left = sorted(range(len(self.items)), key=lambda i: -self.items[i].rank)
        order: list[int] = []
        done: set[int] = set()
        while left:
            if ready:
                i = heappop(ready)[1]
            else:
                i = left.pop()
            if i in done:
                continue
            done.add(i)
            order.append(i)
            for target in targets[i]:
                waiting[target] -= 1
                if not waiting[target]:
                    heappush(ready, (self.items[target].rank, target))
        return order

    def add_dummies(self) -> None:
        """Give each wire an item in every layer that it passes; the branches of a wire share them."""
        items = self.items
        spans = []
        for k, wire in enumerate(self.wires):
            start = items[wire.source].layer
            wire.straight = any(items[t].layer <= start for t in wire.targets)
            spans.append((max(items[t].layer for t in wire.targets) - start - 1, k))
        total = sum([max(0, span) for span, _ in spans])
        for span, k in sorted(spans, reverse=True):
            if total <= DUMMIES:
                break
            self.wires[k].straight = True
            total -= span
        for span, k in spans:
            wire = self.wires[k]
            if not wire.straight:
                source = items[wire.source]
                for step in range(1, span + 1):
                    wire.trunk.append(len(items))
                    items.append(Item(kind="dummy", rank=source.rank, layer=source.layer + step))

    def links(self, wire: Wire) -> list[tuple[int, int, int]]:
        """Return the steps of a wire from layer to layer: the item above, the one below, and the how manieth there."""
        path = [wire.source, *wire.trunk]
        start = self.items[wire.source].layer
        steps = [(upper, lower, 0) for upper, lower in zip(path, wire.trunk, strict=False)]
        seen: dict[int, int] = {}
        for target in wire.targets:  # an operation may take the same result twice
            number = seen[target] = seen.get(target, -1) + 1
            upper = wire.source if wire.straight else path[self.items[target].layer - start - 1]
            steps.append((upper, target, number))
        return steps

    def entry(self, wire: Wire, item: int, number: int = 0) -> float:
        """Return where a wire enters an item, from its middle."""
        return self.entries.get((wire.key, item, number), self.items[item].ports_in.get(wire.key, 0.0))

    # -- Order -------------------------------------------------------------------------------------------

    def order_layers(self) -> None:
        """Sort each layer by where its neighbours stand, up and down in turn; keep the order with fewest crossings."""
        items = self.items
        self.layers = [[] for _ in range(max([item.layer for item in items], default=-1) + 1)]
        for i in sorted(range(len(items)), key=lambda i: items[i].rank):
            self.layers[items[i].layer].append(i)
        self._connect()
        best, fewest = [list(layer) for layer in self.layers], self.crossings()
        for sweep in range(12 if len(items) < 2000 else 4):
            if not fewest:
                break
            downwards = sweep % 2 == 0
            for layer in self.layers[1:] if downwards else self.layers[-2::-1]:
                self._sort_layer(layer, self.above if downwards else self.below)
            crossings = self.crossings()
            if crossings < fewest:
                best, fewest = [list(layer) for layer in self.layers], crossings
        self.layers = best

    def _connect(self) -> None:
        """Tell each item its neighbours above and below, and where on both of them the wire between them ends."""
        self.above: list[list[_Neighbour]] = [[] for _ in self.items]
        self.below: list[list[_Neighbour]] = [[] for _ in self.items]
        for wire in [wire for wire in self.wires if not wire.straight]:
            for upper, lower, number in self.links(wire):
                a, b = self.items[upper], self.items[lower]
                out, into = a.ports_out.get(wire.key, 0.0), self.entry(wire, lower, number)
                weight = (PASSING if a.kind == b.kind == "dummy" else 1.0) * a.weight * b.weight
                self.above[lower].append(_Neighbour(upper, out, into, weight))
                self.below[upper].append(_Neighbour(lower, into, out, weight))

    def _position(self, order: dict[int, int], i: int, offset: float) -> float:
        item = self.items[i]
        return order[i] + offset / (item.left + item.right + 1)

    def _sort_layer(self, layer: list[int], neighbours: list[list[_Neighbour]]) -> None:
        other = {self.items[j].layer for i in layer for j, *_ in neighbours[i]}
        order = {i: k for level in other for k, i in enumerate(self.layers[level])}
        keys: dict[int, float] = {}
        last = -1.0
        for i in layer:
            near = [self._position(order, j, offset) for j, offset, *_ in neighbours[i]]
            last = keys[i] = sum(near) / len(near) if near else last  # beside the one that it stood beside
        layer.sort(key=keys.__getitem__)

    def crossings(self) -> int:
        """Return how many pairs of wires cross between layers."""
        total = 0
        for upper, lower in zip(self.layers, self.layers[1:], strict=False):
            order = {i: k for k, i in enumerate(lower)}
            seen: list[float] = []
            for i in upper:
                ends = [(near.own, self._position(order, near.item, near.at)) for near in self.below[i]]
                for _, end in sorted(ends):
                    total += len(seen) - bisect_right(seen, end)
                    insort(seen, end)
        return total

    def assign_entries(self) -> None:
        """Let wires that arrive at a box do so beside each other, in the order in which they come."""
        order = {i: k for layer in self.layers for k, i in enumerate(layer)}
        arrivals: dict[int, list[tuple[float, int, int]]] = {}
        for wire in self.wires:
            for upper, lower, number in self.links(wire):
                if self.items[lower].spreads:
                    at = self._position(order, upper, self.items[upper].ports_out.get(wire.key, 0.0))
                    arrivals.setdefault(lower, []).append((at, wire.key, number))
        for i, line in arrivals.items():
            step = min(22.0, 2 * (self.items[i].left - 9) / max(1, len(line) - 1))
            for place, (_, key, number) in enumerate(sorted(line)):
                self.entries[key, i, number] = (place - (len(line) - 1) / 2) * step
        self._connect()

    # -- Places ------------------------------------------------------------------------------------------

    def place_across(self) -> None:
        """Move items as near to their neighbours' middle as the others in their layer let them."""
        items = self.items
        for layer in self.layers:
            self._spread(layer, [0.0] * len(layer), [1.0] * len(layer))
        both = [a + b for a, b in zip(self.above, self.below, strict=True)]
        for sweep in range(60 if len(items) < 500 else 12 if len(items) < 4000 else 6):
            downwards = sweep % 2 == 0
            sides = both if sweep >= 4 else self.above if downwards else self.below
            for layer in self.layers if downwards else self.layers[::-1]:
                wanted, weights = [], []
                for i in layer:
                    pull = [(items[near.item].x + near.at - near.own, near.weight) for near in sides[i]]
                    weight = sum([w for _, w in pull])
                    wanted.append(sum([x * w for x, w in pull]) / weight if pull else items[i].x)
                    weights.append(weight or 0.01)
                self._spread(layer, wanted, weights)

    def straighten(self) -> None:
        """Let wires that pass layers keep to one column as far as their neighbours leave room; begin at 0."""
        items = self.items
        room: dict[int, tuple[int, int]] = {}
        for layer in self.layers:
            for before, i, after in zip([-1, *layer], layer, [*layer[1:], -1], strict=False):
                room[i] = (before, after)

        def bounds(i: int) -> tuple[float, float]:
            before, after = room[i]
            low = -math.inf if before < 0 else items[before].x + items[before].right + GAP + items[i].left
            high = math.inf if after < 0 else items[after].x - items[after].left - GAP - items[i].right
            return min(low, items[i].x), max(high, items[i].x)

        for wire in self.wires:
            run: list[int] = []
            low, high = -math.inf, math.inf
            for i in [*wire.trunk, -1]:
                new = bounds(i) if i >= 0 else (math.inf, -math.inf)
                if run and max(low, new[0]) > min(high, new[1]):
                    middle = sum([items[k].x for k in run]) / len(run)
                    for k in run:
                        items[k].x = min(max(middle, low), high)
                    run, (low, high) = [], new
                else:
                    low, high = max(low, new[0]), min(high, new[1])
                run.append(i)
        left = min([item.x - item.left for item in items], default=0.0)
        for item in items:
            item.x -= left
        self.width = max([item.x + item.right for item in items], default=0.0)

    def _spread(self, layer: list[int], wanted: Sequence[float], weights: Sequence[float]) -> None:
        starts = [0.0]
        for i, j in pairwise(layer):
            starts.append(starts[-1] + self.items[i].right + self.items[j].left + GAP)
        places = nondecreasing([w - s for w, s in zip(wanted, starts, strict=True)], weights)
        for i, start, place in zip(layer, starts, places, strict=True):
            self.items[i].x = start + place

    def place_down(self, spacing: float) -> None:
        """Stack the layers; a layer is as high as its highest item."""
        y = 0.0
        for k, layer in enumerate(self.layers):
            if k and all(self.items[i].kind == "bottom" or self.items[i].kind == "dummy" for i in layer):
                y -= spacing / 2  # the wires go on below the frame
            height = max([self.items[i].height for i in layer], default=0.0)
            self.tops.append(y)
            self.heights.append(height)
            for i in layer:
                item = self.items[i]
                item.y = y + height - item.height if item.low else y
            ports = all(self.items[i].kind in ("top", "bottom") for i in layer)
            y += height + (spacing / 2 if ports else spacing)
        self.height = self.bottom(len(self.layers) - 1) if self.layers else 0.0

    def bottom(self, layer: int) -> float:
        """Return where a layer ends."""
        return self.tops[layer] + self.heights[layer]


def nondecreasing(wanted: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the numbers nearest to `wanted` (weighted least squares) of which none is less than the one before.

    By pooling neighbours that are in the wrong order: Ayer et al., "An empirical distribution function for sampling
    with incomplete information" (1955).

    >>> nondecreasing([1.0, 5.0, 3.0, 9.0], [1.0, 1.0, 1.0, 1.0])
    [1.0, 4.0, 4.0, 9.0]
    """
    pools: list[tuple[float, float, int]] = []  # mean, weight, how many
    for value, weight in zip(wanted, weights, strict=True):
        count = 1
        while pools and pools[-1][0] > value:
            mean, other, n = pools.pop()
            value = (mean * other + value * weight) / (other + weight)
            weight, count = other + weight, count + n
        pools.append((value, weight, count))
    return [value for value, _, count in pools for _ in range(count)]
