"""What stands in the boxes and at the edges, and the graph as text: Mermaid and DOT."""

from __future__ import annotations

import re
from collections.abc import Callable

from ._drawing_model import LEAVES, GraphEdge, GraphNode, Structure


def visible(text: str) -> str:
    """Write what has no form of its own (line breaks, control characters, lone surrogates) as escapes.

    >>> print(visible("a\\nb <é>"))
    a\\nb <é>
    """
    return "".join([c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text])


def readable_path(path: str) -> str:
    """Write ``['heads'][1]`` as ``heads.1``.

    >>> readable_path("['heads'][1]"), readable_path(".field[0]")
    ('heads.1', 'field.0')
    """
    return path.replace("']['", ".").replace("['", ".").replace("']", "").replace("[", ".").replace("]", "").strip(".")


def lines_of(node: GraphNode) -> list[str]:
    """Return the lines of text in a node's box."""
    lines = [node.name]
    if node.kind in LEAVES:
        lines.append(typed(node.shapes[0], node.dtypes[0]))
    if node.note:
        lines.append(node.note)
    if node.mark:
        lines.append(node.mark)
    if node.kind in ("module", "more"):
        lines.extend(_contents(node))
    return [visible(line) for line in lines]


def _contents(node: GraphNode) -> list[str]:
    counts = [_count(node.operations, "operation")] if node.operations and node.kind == "module" else []
    if node.leaves:
        leaves = _count(node.leaves, "parameter") if node.kind == "module" else _count(node.leaves, "leaf", "leaves")
        counts.append(f"{leaves}, {_count(node.numbers, 'number')}")
    return counts


def _count(n: int, one: str, many: str = "") -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def typed(shape: tuple[int, ...], dtype: str) -> str:
    """Write a shape and a dtype.

    >>> typed((32, 64), "float32"), typed((), "float64")
    ('[32, 64] float32', '[] float64')
    """
    return f"{list(shape)} {dtype}"


def label_of(edge: GraphEdge, node: GraphNode) -> str:
    """Return what flows along an edge that begins at `node`, which of several results it is first; "" for a leaf's.

    A leaf has its shape in its box.
    """
    if node.kind in LEAVES:
        return ""
    label = typed(edge.shape, edge.dtype)
    if len(node.shapes) > 1:
        label = f"{edge.index}: {label}"
    return f"{edge.count:,} × {label}" if edge.count > 1 else label


# -- Mermaid -------------------------------------------------------------------------------------------------

_MERMAID_STYLES = """\
    classDef parameter stroke:#3b7dd8,stroke-width:2px
    classDef input stroke:#2c9a5b,stroke-width:2px
    classDef leaf stroke:#3b7dd8
    classDef output stroke:#c77d0a,stroke-width:2px
    classDef view stroke-dasharray:4 3
    classDef more stroke-dasharray:2 3"""


def mermaid(structure: Structure) -> str:
    """Return the graph as a Mermaid flowchart, with a subgraph for each call of a module."""

    def box(node: GraphNode) -> str:
        text = "<br/>".join([mermaid_text(line) for line in lines_of(node)])
        left, right = ("([", "])") if node.kind in (*LEAVES, "output") else ("[", "]")
        style = "view" if node.mark else node.kind
        return f'n{node.id}{left}"{text}"{right}{"" if style in ("op", "module") else f":::{style}"}'

    lines = ["flowchart TB"]
    lines += _nested(structure, box, lambda i, title: f'subgraph m{i} ["{mermaid_text(title)}"]', "end")
    for edge in structure.edges:
        label = mermaid_text(label_of(edge, structure.nodes[edge.source]))
        arrow = f'-- "{label}" -->' if label else "-->"
        lines.append(f"    n{edge.source} {arrow} n{edge.target}")
    return "\n".join([*lines, _MERMAID_STYLES, ""])


def mermaid_text(text: str) -> str:
    """Escape text for a quoted Mermaid label, where ``#34;`` is a quotation mark.

    Mermaid takes ``\\n`` for a line break and ``$$`` for mathematics even so: an empty character goes between.
    """
    text = re.sub(r"""["#&<>`]""", lambda match: f"#{ord(match[0])};", visible(text))
    return re.sub(r"[\\$]", lambda match: f"#{ord(match[0])};#8203;", text)


# -- DOT -----------------------------------------------------------------------------------------------------

_DOT_SHAPES = {"parameter": "box, style=rounded, color=blue", "leaf": "box, style=rounded, color=blue",
               "input": "box, style=rounded, color=darkgreen", "output": "box, style=rounded, color=darkorange",
               "more": "box, style=dotted", "module": "box3d", "op": "box"}  # fmt: skip


def dot(structure: Structure) -> str:
    """Return the graph in DOT, Graphviz' language, with a cluster for each call of a module."""

    def box(node: GraphNode) -> str:
        text = "\\n".join([dot_text(line) for line in lines_of(node)])
        style = "box, style=dashed" if node.mark else _DOT_SHAPES[node.kind]
        return f'n{node.id} [label="{text}", shape={style}];'

    lines = ["digraph {", '    node [fontname="monospace"];', '    edge [fontname="monospace", fontsize=10];']
    lines += _nested(structure, box, lambda i, title: f'subgraph cluster_{i} {{ label="{dot_text(title)}";', "}")
    for edge in structure.edges:
        label = dot_text(label_of(edge, structure.nodes[edge.source]))
        attributes = f' [label="{label}"]' if label else ""
        lines.append(f"    n{edge.source} -> n{edge.target}{attributes};")
    return "\n".join([*lines, "}", ""])


def dot_text(text: str) -> str:
    """Escape text for a quoted DOT string, in which Graphviz also reads HTML's entities."""
    return visible(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')


def _nested(
    structure: Structure, box: Callable[[GraphNode], str], opening: Callable[[int, str], str], closing: str
) -> list[str]:
    """Return the lines of all nodes, those of a call of a module between its `opening` and `closing`."""
    inside: dict[int, list[GraphNode]] = {}
    for node in structure.nodes:
        inside.setdefault(node.module, []).append(node)
    used = set(inside)
    for i in range(len(structure.modules) - 1, -1, -1):  # a call comes after the one around it
        if i in used:
            used.add(structure.modules[i].parent)
    children: dict[int, list[int]] = {}
    for i in sorted(used - {-1}):
        children.setdefault(structure.modules[i].parent, []).append(i)

    def write(module: int, indent: str) -> list[str]:
        lines = [indent + box(node) for node in inside.get(module, ())]
        for child in children.get(module, ()):
            lines.append(indent + opening(child, structure.modules[child].title))
            lines += write(child, indent + "    ")
            lines.append(indent + closing)
        return lines

    return write(-1, "    ")
