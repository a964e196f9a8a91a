"""Make a graph small enough to look at: modules as boxes, long chains and crowds as "… 997 more".

Contracting nodes to one must not lead to a circle. It does not for a call of a module (what it computes with was
there before the call, and what uses its results comes after), for a piece of a chain, and for any stretch of the order
in which the operations ran.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from ._drawing_model import LEAVES, GraphNode, Structure, common, contracted, lineage, neighbours

FEWEST = 12
"""The least that `max_nodes` may be: two operations at both ends, what stands between them, leaves and outputs."""


def simplified(structure: Structure, fold: int | None = None, max_nodes: int | None = None) -> Structure:
    """Fold calls of modules from depth `fold` on, and then as much as it takes to have `max_nodes` nodes at most."""
    if fold is not None:
        if not isinstance(fold, int) or fold < 0:
            raise ValueError(
                f"fold must be None or a depth (0: the model is one box, 1: each of its modules is one), got {fold!r}"
            )
        structure = fold_modules(structure, fold)
    if max_nodes is not None:
        if not isinstance(max_nodes, int) or max_nodes < FEWEST:
            raise ValueError(f"max_nodes must be None (draw everything) or at least {FEWEST}, got {max_nodes!r}")
        for shrink in (fold_crowds, fold_chains, fold_middle, fold_crowds):
            if len(structure.nodes) > max_nodes:
                structure = shrink(structure, max_nodes)
    return structure


def fold_modules(structure: Structure, depth: int) -> Structure:
    """Draw each call of a module at this depth (0 for the model itself) as one box."""
    groups: dict[int, list[GraphNode]] = {}
    for node in structure.nodes:
        calls = lineage(structure.modules, node.module)
        if len(calls) > depth:
            groups.setdefault(calls[depth], []).append(node)
    boxes = []
    for call, members in groups.items():
        module = structure.modules[call]
        name = module.path or module.type_name
        box = _box("module", f"{name}, call {module.number}" if module.number > 1 else name, members, module.parent)
        boxes.append(replace(box, note=module.type_name if module.path else ""))
    return contracted(structure, {node.id: i for i, nodes in enumerate(groups.values()) for node in nodes}, boxes)


def fold_chains(structure: Structure, max_nodes: int) -> Structure:
    """Replace the middle of long chains, the longest first, until few enough nodes are left."""
    sources, targets = neighbours(structure)
    nodes = structure.nodes
    inner = [[i for i in line if nodes[i].kind not in LEAVES] for line in sources]
    groups: list[list[int]] = []
    left = len(nodes)
    for chain in sorted(_chains(structure, inner, targets), key=len, reverse=True):
        middle = chain[2:-2]
        if left <= max_nodes or len(middle) < 2:
            break
        inside = set(middle)
        own = [i for link in middle for i in sources[link] if nodes[i].kind in LEAVES and inside.issuperset(targets[i])]
        groups.append([*middle, *dict.fromkeys(own)])
        left -= len(groups[-1]) - 1
    return _contract_as_more(structure, groups)


def _chains(structure: Structure, inner: list[list[int]], targets: list[list[int]]) -> list[list[int]]:
    """Return the runs of operations in one module that have one operation before and one after them."""
    nodes = structure.nodes
    chains: list[list[int]] = []
    chain_of: dict[int, list[int]] = {}
    for node in nodes:
        i = node.id
        if node.kind in LEAVES or node.kind == "output" or len(inner[i]) > 1 or len(targets[i]) != 1:
            continue
        before = inner[i][0] if inner[i] else -1
        if before in chain_of and nodes[before].module == node.module:
            chain = chain_of[before]
        else:
            chain = []
            chains.append(chain)
        chain.append(i)
        chain_of[i] = chain
    return chains


def fold_middle(structure: Structure, max_nodes: int) -> Structure:
    """Replace a stretch of operations in the middle of the order in which they ran, with the leaves only they use."""
    operations = [node.id for node in structure.nodes if node.kind not in (*LEAVES, "output")]
    targets = neighbours(structure)[1]

    def group(kept: int) -> list[int]:
        middle = operations[(kept + 1) // 2 : len(operations) - kept // 2]
        inside = set(middle)
        leaves = [n.id for n in structure.nodes if n.kind in LEAVES and inside.issuperset(targets[n.id])]
        return middle + leaves

    low, high = 2, len(operations) - 1
    while low < high:  # as many operations as the limit allows
        middle = (low + high + 1) // 2
        if len(structure.nodes) - len(group(middle)) + 1 <= max_nodes:
            low = middle
        else:
            high = middle - 1
    members = group(low) if low < len(operations) - 1 else []
    return _contract_as_more(structure, [members] if len(members) > 1 else [])


def fold_crowds(structure: Structure, max_nodes: int) -> Structure:
    """Replace leaves that go to the same places, and outputs, by a few of them and how many more there are."""
    targets = neighbours(structure)[1]
    crowds: dict[tuple[object, ...], list[int]] = {}
    for node in structure.nodes:
        if node.kind in LEAVES:
            crowds.setdefault((node.kind, node.module, *targets[node.id]), []).append(node.id)
        elif node.kind == "output":
            crowds.setdefault(("output",), []).append(node.id)
    groups = []
    left = len(structure.nodes)
    for crowd in sorted(crowds.values(), key=len, reverse=True):
        if left <= max_nodes or len(crowd) < 4:
            break
        groups.append(crowd[1:-1])
        left -= len(groups[-1]) - 1
    return _contract_as_more(structure, groups)


def _contract_as_more(structure: Structure, groups: Sequence[Sequence[int]]) -> Structure:
    members = [[structure.nodes[i] for i in group] for group in groups]
    boxes = [
        _box("more", _more(nodes), nodes, common(structure.modules, [n.module for n in nodes if n.kind not in LEAVES]))
        for nodes in members
    ]
    boxes = [replace(box, note=_most_common(nodes)) for box, nodes in zip(boxes, members, strict=True)]
    return contracted(structure, {i: k for k, group in enumerate(groups) for i in group}, boxes)


def _more(nodes: Sequence[GraphNode]) -> str:
    operations = sum(node.operations for node in nodes)
    if operations:
        return f"… {operations:,} more"
    return f"… {len(nodes):,} more " + ("outputs" if nodes[0].kind == "output" else "leaves")


def _most_common(nodes: Sequence[GraphNode]) -> str:
    counts = Counter(node.name for node in nodes if node.kind == "op").most_common(3)
    names = ", ".join(f"{name} ×{count:,}" for name, count in counts[:2])
    return f"{names}, …" if len(counts) > 2 else names


def _box(kind: str, name: str, members: Sequence[GraphNode], module: int) -> GraphNode:
    def total(count: Callable[[GraphNode], int]) -> int:
        return sum([count(node) for node in members])

    return GraphNode(
        0,
        kind,
        name,
        module=module,
        operations=total(lambda node: node.operations),
        leaves=total(lambda node: node.leaves),
        numbers=total(lambda node: node.numbers),
    )


def unwrapped(structure: Structure) -> Structure:
    """Take away frames around a single operation, and write the module's name into its box instead."""
    members = Counter(node.module for node in structure.nodes)
    children = Counter(module.parent for module in structure.modules)
    single = {i for i in range(len(structure.modules)) if members[i] == 1 and not children[i]}
    nodes = [
        replace(node, module=structure.modules[node.module].parent, note=structure.modules[node.module].title)
        if node.module in single and node.kind == "op" and not node.note
        else node
        for node in structure.nodes
    ]
    return Structure(tuple(nodes), structure.edges, structure.modules)
