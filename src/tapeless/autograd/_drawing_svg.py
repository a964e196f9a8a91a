"""Write a scene as SVG: text that scales, colours that follow the reader's light or dark mode."""

from __future__ import annotations

from xml.sax.saxutils import escape

from ._drawing_model import Structure
from ._drawing_scene import Box, Curve, Frame, Layout, Scene

# Lines are told apart by form as well as by colour. Names begin with tl-, since pages may hold several such pictures.
_STYLE = """\
.tl-graph{--tl-paper:#fff;--tl-ink:#1f2328;--tl-quiet:#59636e;--tl-line:#8b949e;--tl-op:#f6f8fa;--tl-frame:#818b981a;\
--tl-blue:#0969da;--tl-blue-fill:#ddf4ff;--tl-green:#1a7f37;--tl-green-fill:#dafbe1;--tl-gold:#9a6700;\
--tl-gold-fill:#fff8c5}
@media (prefers-color-scheme:dark){.tl-graph{--tl-paper:#0d1117;--tl-ink:#e6edf3;--tl-quiet:#9da7b3;--tl-line:#6e7681;\
--tl-op:#21262d;--tl-frame:#9198a11a;--tl-blue:#4493f8;--tl-blue-fill:#121d2f;--tl-green:#3fb950;\
--tl-green-fill:#12261e;--tl-gold:#d29922;--tl-gold-fill:#272115}}
.tl-graph{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
.tl-graph text{fill:var(--tl-ink);text-anchor:middle;white-space:pre}
.tl-graph .tl-paper{fill:var(--tl-paper)}
.tl-graph rect.tl-box{fill:var(--tl-op);stroke:var(--tl-line)}
.tl-graph rect.tl-parameter,.tl-graph rect.tl-leaf{fill:var(--tl-blue-fill);stroke:var(--tl-blue)}
.tl-graph rect.tl-input{fill:var(--tl-green-fill);stroke:var(--tl-green)}
.tl-graph rect.tl-output{fill:var(--tl-gold-fill);stroke:var(--tl-gold)}
.tl-graph rect.tl-module{stroke-width:2}
.tl-graph rect.tl-view{stroke-dasharray:5 3}
.tl-graph rect.tl-more{stroke-dasharray:2 3}
.tl-graph rect.tl-frame{fill:var(--tl-frame);stroke:var(--tl-line);stroke-opacity:.5}
.tl-graph .tl-wire{fill:none;stroke:var(--tl-line);stroke-width:1.3}
.tl-graph .tl-far{stroke-dasharray:1 5}
.tl-graph .tl-tip{fill:var(--tl-line)}
.tl-graph .tl-small,.tl-graph .tl-more-lines{fill:var(--tl-quiet)}
.tl-graph .tl-small{font-size:10px;text-anchor:start}
.tl-graph .tl-title{text-anchor:end}
"""

LINE = 16.0


def svg(structure: Structure) -> str:
    """Return the graph as an SVG document."""
    scene = Layout(structure).run()
    width, height = number(scene.width), number(scene.height)
    title = escape(f"Computation graph of {len(structure.nodes):,} nodes and {len(structure.edges):,} edges")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="tl-graph" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" style="max-width:100%;height:auto" role="img" aria-label="{title}">',
        f"<style>{_STYLE}</style>",
        f'<rect class="tl-paper" width="{width}" height="{height}" rx="6"/>',
        *[_frame(frame) for frame in scene.frames],
        *_curves(scene),
        *[_box(box) for box in scene.boxes],
        *[_small(x, y, text) for x, y, text in scene.labels],
        *[_small(frame.x + frame.width - 8, frame.y + 15, frame.title, " tl-title") for frame in scene.frames],
        "</svg>",
    ]
    return "\n".join([*parts, ""])


def number(x: float) -> str:
    """Write a coordinate with one decimal at most.

    >>> number(12.04), number(0.25), number(-0.01)
    ('12', '0.2', '0')
    """
    return f"{round(x, 1) + 0.0:.1f}".removesuffix(".0")


def _frame(frame: Frame) -> str:
    return f'<rect class="tl-frame" {_place(frame)} rx="8"/>'


def _small(x: float, y: float, text: str, extra: str = "") -> str:
    return f'<text class="tl-small{extra}" x="{number(x)}" y="{number(y)}">{escape(text)}</text>'


def _place(box: Box | Frame) -> str:
    return f'x="{number(box.x)}" y="{number(box.y)}" width="{number(box.width)}" height="{number(box.height)}"'


def _box(box: Box) -> str:
    node = box.node
    mark = " tl-view" if node.mark else ""
    rounded = 12 if node.kind in ("parameter", "input", "leaf", "output") else 4
    middle = number(box.x + box.width / 2)
    lines = []
    for i, line in enumerate(box.lines):
        quiet = ' class="tl-more-lines"' if i else ""
        lines.append(f'<text{quiet} x="{middle}" y="{number(box.y + 5 + LINE * (i + 0.75))}">{escape(line)}</text>')
    return f'<g><rect class="tl-box tl-{node.kind}{mark}" {_place(box)} rx="{rounded}"/>{"".join(lines)}</g>'


def _curves(scene: Scene) -> list[str]:
    """Return the wires: all of one kind are one path, and all their tips another."""
    near = "".join([_path(curve) for curve in scene.curves if not curve.straight])
    far = "".join([_path(curve) for curve in scene.curves if curve.straight])
    tips = "".join([f"M{number(x)} {number(y)}l-3.5 -7h7z" for x, y in [c.points[-1] for c in scene.curves if c.arrow]])
    return [
        *([f'<path class="tl-wire" d="{near}"/>'] if near else []),
        *([f'<path class="tl-wire tl-far" d="{far}"/>'] if far else []),
        f'<path class="tl-tip" d="{tips}"/>',
    ]


def _path(curve: Curve) -> str:
    """Return the path of a curve: straight where it stays in its column, else in the form of an S."""
    (x, y), *rest = curve.points
    steps = [f"M{number(x)} {number(y)}"]
    for to_x, to_y in rest:
        if abs(to_x - x) < 0.05:
            if abs(to_y - y) >= 0.05:
                steps.append(f"V{number(to_y)}")
        else:
            half = number((y + to_y) / 2)
            steps.append(f"C{number(x)} {half} {number(to_x)} {half} {number(to_x)} {number(to_y)}")
        x, y = to_x, to_y
    return "".join(steps)
