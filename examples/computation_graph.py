"""The graph that autograd records, drawn: each operation, each parameter, and the shape of what flows between them.

The network has two blocks with a connection around each. One training step is traced, and its graph is written as
SVG, which any browser shows, as DOT for Graphviz, and as Mermaid, which GitHub draws; once in full, and once with a
box for each module. `grad_fn` and `next_functions` give the same graph node by node, which is what it is checked
against::

    python examples/computation_graph.py

Goal: edges that differ from next_functions <= 0 in a full run, <= 0 with --quick.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from _common import OUTPUT, finish, parse

import tapeless as tl
from tapeless import nn
from tapeless.autograd import graph


class Block(nn.Module):
    """Two layers, and what went in added to what comes out of them."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(size, size), nn.Linear(size, size)

    def forward(self, x: tl.Tensor) -> tl.Tensor:
        """Keep the shape (batch, size)."""
        return x + self.second(tl.tanh(self.first(x)))


def edges_by_hand(output: tl.Tensor) -> Counter[tuple[str, str]]:
    """Walk the graph as PyTorch's users do, by `next_functions`; count the edges by what they join."""
    found: Counter[tuple[str, str]] = Counter()
    stack, seen = [output.grad_fn], {output.grad_fn}
    while stack:
        node = stack.pop()
        for below, _ in node.next_functions:
            found[below.name().removeprefix("torch::autograd::"), node.name()] += 1
            if below not in seen and below.next_functions:
                seen.add(below)
                stack.append(below)
    return found


def edges_drawn(picture: Any) -> Counter[tuple[str, str]]:
    """Count the edges of the picture in the same way; a leaf is what PyTorch calls AccumulateGrad."""
    names = [node.name if node.kind == "op" else "AccumulateGrad" for node in picture.nodes]
    inner = [edge for edge in picture.edges if picture.nodes[edge.target].kind != "output"]
    return Counter((names[edge.source], names[edge.target]) for edge in inner)


def main() -> None:
    options = parse(__doc__, {"steps": 1000}, steps=(10_000, "of the long chain at the end"))
    tl.manual_seed(options.seed)
    model = nn.Sequential(nn.Linear(8, 16), Block(16), Block(16), nn.Linear(16, 3))
    x, y = tl.randn(32, 8), tl.randint(0, 3, (32,))

    with graph.watch(model) as watched:  # notes which module recorded what
        loss = nn.functional.cross_entropy(model(x), y)
    picture = graph.trace({"loss": loss}, params=watched)
    print(picture)
    for node in picture.nodes[:6]:
        print(f"  {node.id:2} {node.kind:10} {node.name:20} {node.shapes[0]}")
    print("  ...\n\nwith a box for each module, as Mermaid:\n")
    print(picture.mermaid(fold=1))

    OUTPUT.mkdir(exist_ok=True)
    for name, folded in (("computation_graph", {}), ("computation_graph_folded", {"fold": 1})):
        for ending in ("svg", "dot", "mmd"):
            path = picture.save(OUTPUT / f"{name}.{ending}", **folded)
            print(f"picture: {path.relative_to(OUTPUT.parent.parent)}")

    loss.backward()  # frees what the operations kept; the graph itself is still there
    assert graph.trace({"loss": loss}, params=watched) == picture

    z = tl.ones(2, requires_grad=True)
    for _ in range(options.steps):
        z = z * 0.5 + 1
    chain = graph.trace(z)
    print(f"\na chain: {chain}, drawn as {[node.name for node in chain.simplified().nodes]}")

    difference = edges_drawn(picture)
    difference.subtract(edges_by_hand(loss))
    finish("edges that differ from next_functions", sum(map(abs, difference.values())))


if __name__ == "__main__":
    main()
