"""Graphs as pictures: what is read, what is folded, and what the three formats make of it."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import tapeless as tl
from tapeless import nn
from tapeless.autograd import graph
from tapeless.utils.checkpoint import checkpoint

EVIL = ['a"b', "<b>&amp;", "x\ny", "#quot;", "`code`", "日本語", "end", "\\n", "\ud800", "\x00", "$$x$$", "]]>", "%%"]


class Block(nn.Module):
    """A layer with a connection around it."""

    def __init__(self, size):
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(size, size), nn.Tanh(), nn.Linear(size, size))

    def forward(self, x):
        return x + self.inner(x)


class Double(tl.autograd.Function):
    """A user's operation with two results."""

    @staticmethod
    def forward(ctx, x):
        return x * 2, x * 3

    @staticmethod
    def backward(ctx, g, h):
        return g * 2 + h * 3


def leaf(*shape):
    return tl.ones(*shape, requires_grad=True)


def program(name):
    """One tensor, or several, for each kind of graph."""
    x = leaf(3)
    if name == "square":  # the same result taken twice
        y = x * 2
        return y * y
    if name == "branches":
        y = x.exp()
        return {"sum": (y + x).sum(), "parts": [y.mean(), (y * x).max()]}
    if name == "several results":
        a, b, c = x.split(1)
        return a * c + b
    if name == "unused result":
        values, _ = leaf(4).sort()
        return values
    if name == "in place":
        y = x.clone()
        y[1:].mul_(x[1:])
        return y.exp_()
    if name == "double backward":
        (g,) = tl.autograd.grad((x**3).sum(), x, create_graph=True)
        return (g * g).sum()
    if name == "custom":
        a, b = Double.apply(x)
        return a * b
    if name == "checkpoint":
        return checkpoint(lambda t: (t * 2).tanh(), x, use_reentrant=False).sum()
    if name == "reentrant checkpoint":
        return checkpoint(lambda t: (t * 2).tanh(), x, use_reentrant=True).sum()
    if name == "complex":
        return (tl.ones(2, dtype=tl.complex64, requires_grad=True) * 1j).abs().sum()
    if name == "freed":
        y = (x.exp() * x).sum()
        y.backward()
        return y
    if name == "leaf":
        return x
    raise AssertionError(name)


PROGRAMS = ["square", "branches", "several results", "unused result", "in place", "double backward", "custom",
            "checkpoint", "reentrant checkpoint", "complex", "freed", "leaf"]  # fmt: skip


def walked(outputs):
    """Edges by `next_functions`, as a bag of (name below, name above, which result, which slot)."""
    found, seen = Counter(), set()
    stack = []
    for output in outputs:
        if output.grad_fn is None:
            found["leaf", "output", 0, 0] += 1
        else:
            found[output.grad_fn.name(), "output", output.output_nr, 0] += 1
            stack.append(output.grad_fn)
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        for slot, (below, index) in enumerate(node.next_functions):
            if below is None:
                continue
            is_leaf = hasattr(below, "variable")
            found["leaf" if is_leaf else below.name(), node.name(), index, slot] += 1
            if not is_leaf:
                stack.append(below)
    return found, len(seen)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_graph_is_that_of_next_functions(name):
    outputs = program(name)
    picture = graph.trace(outputs)
    tensors = [outputs] if isinstance(outputs, tl.Tensor) else [outputs["sum"], *outputs["parts"]]
    edges, operations = walked(tensors)
    names = ["leaf" if n.kind == "leaf" else "output" if n.kind == "output" else n.name for n in picture.nodes]
    assert Counter((names[e.source], names[e.target], e.index, e.slot) for e in picture.edges) == edges
    assert sum(node.operations for node in picture.nodes) == operations
    assert [node.id for node in picture.nodes] == list(range(len(picture.nodes)))
    assert all(edge.source < edge.target for edge in picture.edges), "inputs come first"
    for format in (picture.mermaid, picture.dot, picture.svg):
        assert format() == format(max_nodes=None)


def test_shapes_names_and_marks():
    x, w = leaf(2, 3), leaf(3, 4)
    hidden = x @ w
    rows = hidden.split(1)
    picture = graph.trace({"loss": rows[0].sum(), "all": [rows[1]]}, params={"w": w, "hidden": hidden}, inputs={"x": x})
    boxes = {node.name: node for node in picture.nodes}
    assert [node.kind for node in picture.nodes] == ["input", "parameter", "op", "op", "op", "output", "output"]
    assert boxes["w"].shapes == ((3, 4),) and boxes["w"].dtypes == ("float32",) and boxes["w"].numbers == 12
    assert boxes[hidden.grad_fn.name()].note == "hidden"
    split = boxes["SplitBackward0"]
    assert split.mark == "view" and split.shapes == ((1, 4), (1, 4))
    to = {(picture.nodes[e.source].name, picture.nodes[e.target].name): (e.index, e.shape, e.dtype)
          for e in picture.edges}  # fmt: skip
    assert to["SplitBackward0", "SumBackward0"] == (0, (1, 4), "float32")
    assert to["SplitBackward0", "all.0"] == (1, (1, 4), "float32")
    assert to["SumBackward0", "loss"] == (0, (), "float32")
    written = hidden.clone()
    written[0].mul_(2.0)
    assert [n.mark for n in graph.trace(written).nodes if n.name == "CopySlices"] == ["in-place"]
    assert repr(picture) == "ComputationGraph(3 operations, 1 parameter, 1 input, 2 outputs)"
    assert repr(graph.trace(hidden)) == "ComputationGraph(1 operation, 2 leaves, 1 output)"


def test_names_may_come_from_pairs_tensors_or_a_module():
    model = nn.Linear(2, 1)
    loss = model(leaf(1, 2)).sum()
    by_module = graph.trace(loss, params=model)
    assert {n.name for n in by_module.nodes if n.kind == "parameter"} == {"weight", "bias"}
    assert graph.trace(loss, params=model.named_parameters()) == by_module
    assert graph.trace(loss, params=dict(model.named_parameters())) == by_module
    named = [n.name for n in graph.trace(loss, params=list(model.parameters())).nodes if n.kind == "parameter"]
    assert sorted(named) == ["0", "1"]
    edge = graph.get_gradient_edge(loss)
    assert graph.trace([edge], params=model).nodes[:-1] == by_module.nodes[:-1]


def test_errors():
    with pytest.raises(RuntimeError, match=r"expected a Tensor that requires grad, got one that does not: no oper"):
        graph.trace(tl.ones(3))
    with pytest.raises(RuntimeError, match=r"requires grad, got 2 that do not"):
        graph.trace([tl.ones(3), {"a": tl.ones(1)}])
    with pytest.raises(TypeError, match="or a list, tuple or dict that holds some, got str"):
        graph.trace("loss")
    with pytest.raises(TypeError, match="got list without any"):
        graph.trace([1, None])
    y = leaf(1) * 2
    with pytest.raises(TypeError, match="params must be a Module, a dict of names and Tensors, or pairs"):
        graph.trace(y, params=3)
    with pytest.raises(TypeError, match=r"inputs\['x'\] must be a Tensor, got int"):
        graph.trace(y, inputs={"x": 1})
    with pytest.raises(TypeError, match="expected a Module, got function"):
        graph.trace_module(lambda x: x, y)
    with pytest.raises(TypeError, match="expected a Module, got int"):
        graph.watch(3)
    picture = graph.trace(y)
    with pytest.raises(ValueError, match="fold must be None or a depth"):
        picture.svg(fold=-1)
    with pytest.raises(ValueError, match="max_nodes must be None .* or at least 12, got 3"):
        picture.dot(max_nodes=3)
    with pytest.raises(ValueError, match=r"must end with one of .svg, .dot, .gv, .mmd, .mermaid, got 'graph.png'"):
        picture.save("graph.png")
    with pytest.raises(AttributeError, match="has no attribute 'drow'"):
        graph.drow


# -- Modules -------------------------------------------------------------------------------------------------


def test_modules_are_frames():
    model = nn.Sequential(Block(2), nn.Linear(2, 1))
    with graph.watch(model) as watched:
        loss = model(leaf(5, 2)).square().mean()
    picture = graph.trace(loss, params=watched)
    paths = {node.name: picture.modules[node.module].path for node in picture.nodes if node.kind == "parameter"}
    assert paths == {name: name.rpartition(".")[0] for name, _ in model.named_parameters()}
    where = [(node.name, picture.modules[node.module].path) for node in picture.nodes if node.kind == "op"]
    assert ("TanhBackward0", "0.inner.1") in where and ("AddBackward0", "0") in where
    outside = [node.name for node in picture.nodes if node.module < 0 and node.kind == "op"]
    assert len(outside) == 2, "the loss"
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules()), "hooks are gone again"


@pytest.mark.parametrize(("depth", "names"), [
    (0, ["x", "Pair", "output"]),
    (1, ["x", "first", "second", "AddBackward0", "output"]),
    (2, ["x", "first.inner", "AddBackward0", "second.inner", "AddBackward0", "AddBackward0", "output"]),
])  # fmt: skip
def test_folding_modules(depth, names):
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = Block(2), Block(2)

        def forward(self, x):
            return self.first(x) + self.second(x)

    picture = graph.trace_module(Pair(), tl.ones(3, 2))
    folded = picture.simplified(fold=depth)
    assert sorted(node.name for node in folded.nodes) == sorted(names)
    assert sum(n.operations for n in folded.nodes) == sum(n.operations for n in picture.nodes)
    assert sum(n.leaves for n in folded.nodes) == sum(n.leaves for n in picture.nodes) == 9
    assert sum(n.numbers for n in folded.nodes) == 6 + 4 * 6
    assert all(edge.count == 1 for edge in folded.edges), "a result that is used twice in a box goes there once"
    assert all(edge.source < edge.target for edge in folded.edges)


def test_several_results_between_two_boxes():
    class Halves(nn.Module):
        def forward(self, x):
            return x.exp(), x.tanh()

    class Product(nn.Module):
        def forward(self, pair):
            return pair[0] * pair[1] + pair[0]

    folded = graph.trace_module(nn.Sequential(Halves(), Product()), tl.ones(3)).simplified(fold=1)
    assert [node.name for node in folded.nodes] == ["input", "0", "1", "output"]
    assert [(edge.source, edge.target, edge.count) for edge in folded.edges] == [(0, 1, 1), (1, 2, 2), (2, 3, 1)]
    assert "2 × [3] float32" in well_formed(folded)[2] and 'n1 -> n2 [label="2 × [3] float32"]' in folded.dot()


def test_a_module_that_is_called_twice_and_one_that_fails():
    layer = nn.Linear(2, 2)
    model = nn.Sequential(layer, layer)
    picture = graph.trace_module(model, tl.ones(1, 2))
    assert [call.title for call in picture.modules] == ["Sequential", "0 (Linear)", "0 (Linear), call 2"]
    assert {picture.modules[n.module].title for n in picture.nodes if n.kind == "parameter"} == {"Sequential"}
    with pytest.raises(RuntimeError), graph.watch(model) as watched:
        model(tl.ones(1, 3))
    with watched:
        out = model(tl.ones(1, 2))
    assert len(watched.modules) == 3
    assert [n.module for n in graph.trace(out, params=watched).nodes if n.kind == "op"][-1] == 2
    with watched:
        with pytest.raises(RuntimeError):
            model(tl.ones(1, 3))
        out = model(tl.ones(1, 2))
    calls = graph.trace(out, params=watched)
    assert [calls.modules[n.module].parent for n in calls.nodes if n.kind == "op"] == [2, 2], "the call that went well"
    assert calls.modules[2].parent == -1, "is in no other"


def test_inputs_of_a_module():
    encoder = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    src = tl.ones(1, 3, 4)
    picture = graph.trace_module(encoder, src)
    assert [(n.name, n.shapes) for n in picture.nodes if n.kind == "input"] == [("src", ((1, 3, 4),))]
    assert not src.requires_grad
    lstm = graph.trace_module(nn.LSTM(3, 4), tl.ones(2, 1, 3), (tl.ones(1, 1, 4), tl.ones(1, 1, 4)))
    assert {n.name for n in lstm.nodes if n.kind == "input"} == {"input", "hx.0", "hx.1"}
    assert [n.name for n in lstm.nodes if n.kind == "output"] == ["0", "1.0", "1.1"]
    embedding = graph.trace_module(nn.Embedding(5, 2), tl.tensor([1, 2]))
    assert [n.kind for n in embedding.nodes] == ["parameter", "op", "output"], "integers have no place in the graph"


# -- Large graphs --------------------------------------------------------------------------------------------


def chain(length):
    y = leaf(2)
    for _ in range(length // 2):
        y = y * 2 + 1
    return y


def test_long_chains_fold():
    picture = graph.trace(chain(10_000))
    assert repr(picture) == "ComputationGraph(10,000 operations, 1 leaf, 1 output)"
    folded = picture.simplified()
    assert [node.name for node in folded.nodes] == [
        "leaf", "MulBackward0", "AddBackward0", "… 9,996 more", "MulBackward0", "AddBackward0", "output"
    ]  # fmt: skip
    assert folded.nodes[3].note == "MulBackward0 ×4,998, AddBackward0 ×4,998"
    assert [(edge.source, edge.target) for edge in folded.edges] == [(i, i + 1) for i in range(6)]
    assert "… 9,996 more" in picture.mermaid() and "… 9,996 more" in picture.dot() and "… 9,996 more" in picture.svg()


def recurrent(steps):
    h, w, u = leaf(3), leaf(3, 3), leaf(3, 3)
    for _ in range(steps):
        h = (w @ h + u @ h).tanh()
    return h


@pytest.mark.parametrize("limit", [12, 50, 200])
def test_any_graph_is_folded_to_the_limit(limit):
    wide = tl.stack([leaf(2) * i for i in range(300)]).sum()
    many = [leaf(1) for _ in range(300)]
    crowd = tl.cat(many)
    steps = recurrent(100)
    blocks = nn.Sequential(*[Block(2) for _ in range(40)])
    cases = {
        "wide": graph.trace(wide),
        "leaves": graph.trace(crowd),
        "outputs": graph.trace([leaf(1) * i for i in range(300)]),
        "recurrent": graph.trace([steps, steps * 2]),
        "modules": graph.trace_module(blocks, tl.ones(1, 2)),
    }
    for name, picture in cases.items():
        folded = picture.simplified(max_nodes=limit)
        assert len(folded.nodes) <= limit < len(picture.nodes), name
        for count in ("operations", "leaves", "numbers"):
            assert sum(getattr(n, count) for n in folded.nodes) == sum(getattr(n, count) for n in picture.nodes)
        assert all(edge.source < edge.target for edge in folded.edges), "no circle"
        assert well_formed(folded)[1]


def test_five_thousand_nodes_take_less_than_five_seconds():
    result = recurrent(1250)
    start = time.process_time()
    picture = graph.trace(result)
    assert len(picture.nodes) == 5004
    text = picture.svg(max_nodes=None)
    picture.mermaid(max_nodes=None), picture.dot(max_nodes=None), picture.svg()
    assert time.process_time() - start < 5
    assert text.count("<rect") == 5005


# -- Formats -------------------------------------------------------------------------------------------------


def parse_dot(text):
    """Read back what `dot` writes: nodes with their labels and clusters, edges with their labels."""
    nodes, edges, clusters, titles = {}, [], [], {}
    string = r'"((?:[^"\\]|\\.)*)"'

    def plain(label):
        return re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], label).replace("&amp;", "&")

    lines = text.splitlines()
    assert lines[0] == "digraph {" and lines[-1] == "}"
    for line in map(str.strip, lines[1:-1]):
        if match := re.fullmatch(rf"subgraph cluster_(\d+) \{{ label={string};", line):
            clusters.append(int(match[1]))
            titles[int(match[1])] = plain(match[2])
        elif line == "}":
            clusters.pop()
        elif match := re.fullmatch(rf"n(\d+) \[label={string}, shape=\w+(, \w+=\w+)*\];", line):
            nodes[int(match[1])] = (plain(match[2]).split("\n"), clusters[-1] if clusters else -1)
        elif match := re.fullmatch(rf"n(\d+) -> n(\d+)( \[label={string}\])?;", line):
            edges.append((int(match[1]), int(match[2]), plain(match[4] or "")))
        else:
            assert re.fullmatch(r"(node|edge) \[.*\];", line), line
    assert not clusters
    return nodes, edges, titles


@pytest.mark.parametrize("name", PROGRAMS)
def test_dot_holds_the_graph(name):
    picture = graph.trace(program(name))
    nodes, edges, _ = parse_dot(picture.dot())
    assert {i: lines[0] for i, (lines, _) in nodes.items()} == {node.id: node.name for node in picture.nodes}
    assert [(source, target) for source, target, _ in edges] == [(e.source, e.target) for e in picture.edges]
    for edge, (_, _, label) in zip(picture.edges, edges, strict=True):
        assert label.endswith(f"{list(edge.shape)} {edge.dtype}") or picture.nodes[edge.source].kind == "leaf"


def test_dot_and_mermaid_hold_modules():
    picture = graph.trace_module(nn.Sequential(Block(2), nn.Linear(2, 1)), tl.ones(3, 2))
    nodes, _, titles = parse_dot(picture.dot())
    assert titles[0] == "Sequential" and titles[1] == "0 (Block)"
    frames = {title: {nodes[i][0][0] for i in nodes if nodes[i][1] == m} for m, title in titles.items()}
    assert frames["0.inner.0 (Linear)"] >= {"0.inner.0.weight", "0.inner.0.bias"}
    text = picture.mermaid()
    assert text.count("subgraph ") == len(titles) == text.count("    end\n")
    tanh = next(lines for lines, _ in nodes.values() if lines[0] == "TanhBackward0")
    assert tanh == ["TanhBackward0", "0.inner.1 (Tanh)"], "no frame around a single box"


@pytest.mark.parametrize("name", PROGRAMS)
def test_mermaid_is_written_as_mermaid_reads_it(name):
    picture = graph.trace(program(name))
    lines = picture.mermaid().splitlines()
    assert lines[0] == "flowchart TB"
    box = re.compile(r'    n(\d+)(\(\[|\[)"([^"]*)"(\]\)|\])(:::\w+)?')
    edge = re.compile(r'    n(\d+) (?:-- "([^"]+)" -->|-->) n(\d+)')
    boxes = [match for line in lines if (match := box.fullmatch(line))]
    arrows = [match for line in lines if (match := edge.fullmatch(line))]
    styles = {line.split()[1] for line in lines if line.startswith("    classDef ")}
    assert len(boxes) + len(arrows) + len(styles) + 1 == len(lines)
    assert [int(match[1]) for match in boxes] == [node.id for node in picture.nodes]
    assert [(int(m[1]), int(m[3])) for m in arrows] == [(e.source, e.target) for e in picture.edges]
    assert {match[5][3:] for match in boxes if match[5]} <= styles


SVG = "{http://www.w3.org/2000/svg}"


def crossing(rects):
    """Which of these rectangles (x, y, width, height) overlap, as a matrix."""
    left, top = rects[:, 0], rects[:, 1]
    right, bottom = left + rects[:, 2], top + rects[:, 3]
    overlap = (left[:, None] < right) & (left < right[:, None]) & (top[:, None] < bottom) & (top < bottom[:, None])
    np.fill_diagonal(overlap, False)
    return overlap


def within(rects):
    """Which of these rectangles (first index) lie in which others."""
    left, top = rects[:, 0], rects[:, 1]
    right, bottom = left + rects[:, 2], top + rects[:, 3]
    return (left[:, None] >= left) & (right[:, None] <= right) & (top[:, None] >= top) & (bottom[:, None] <= bottom)


def well_formed(picture):
    """Parse the picture; return its root, the rectangles of boxes and all texts. Nothing may lie over another."""
    root = ET.fromstring(picture.svg(max_nodes=None))
    boxes = [rect for rect in root.iter(f"{SVG}rect") if "tl-box" in rect.get("class")]
    frames = [rect for rect in root.iter(f"{SVG}rect") if "tl-frame" in rect.get("class")]
    corners = lambda rects: np.array([[float(r.get(k)) for k in ("x", "y", "width", "height")] for r in rects])
    places = corners(boxes).reshape(-1, 4)
    assert len(places) == len(picture.nodes)
    left, top = places[:, 0], places[:, 1]
    right, bottom = left + places[:, 2], top + places[:, 3]
    assert not crossing(places).any(), "boxes overlap"
    width, height = map(float, root.get("viewBox").split()[2:])
    assert left.min() >= 0 and top.min() >= 0 and right.max() <= width and bottom.max() <= height
    for x, y, w, h in corners(frames).reshape(-1, 4):  # a box is in a frame or outside of it, never on its border
        inside = (left >= x) & (right <= x + w) & (top >= y) & (bottom <= y + h)
        outside = (left >= x + w) | (right <= x) | (top >= y + h) | (bottom <= y)
        assert (inside | outside).all(), "a box on the border of a frame"
    around = corners(frames).reshape(-1, 4)
    assert not (crossing(around) & ~within(around) & ~within(around).T).any(), "frames overlap"
    labels = [text for text in root.iter(f"{SVG}text") if text.get("class") == "tl-small"]
    areas = np.array([[float(t.get("x")), float(t.get("y")) - 9, 6.02 * len(t.text), 11] for t in labels])
    everything = np.concatenate([places, areas.reshape(-1, 4)])
    assert not crossing(everything).any(), "a label over a box, or another label"
    texts = [text.text for text in root.iter(f"{SVG}text")]
    return root, boxes, texts


def points_of(path):
    """Corners of an SVG path of M, V and C commands: pairs of neighbouring points that are joined."""
    steps, x, y = [], 0.0, 0.0
    for command, numbers in re.findall(r"([MVC])([^MVC]*)", path):
        values = [float(v) for v in numbers.split()]
        if command == "V":
            steps.append(((x, y), (x, values[0])))
            y = values[0]
        elif command == "C":
            steps.append(((x, y), (values[4], values[5])))
            x, y = values[4:]
        else:
            x, y = values
    return steps


@pytest.mark.parametrize("name", PROGRAMS)
def test_svg_of_programs(name):
    picture = graph.trace(program(name))
    root, _, texts = well_formed(picture)
    assert {node.name for node in picture.nodes} <= set(texts)
    tips = next(path for path in root.iter(f"{SVG}path") if path.get("class") == "tl-tip").get("d")
    assert tips.count("M") == len(picture.edges)


def test_wires_run_beside_boxes():
    model = nn.Sequential(Block(2), nn.LayerNorm(2), Block(2))
    for picture in (graph.trace_module(model, tl.ones(3, 2)), graph.trace(program("double backward")),
                    graph.trace(recurrent(4)), graph.trace_module(nn.LSTM(2, 3), tl.ones(4, 1, 2))):  # fmt: skip
        root, boxes, _ = well_formed(picture)
        places = [[float(r.get(k)) for k in ("x", "y", "width", "height")] for r in boxes]
        wires = next(path for path in root.iter(f"{SVG}path") if path.get("class") == "tl-wire")
        for (x0, y0), (x1, y1) in points_of(wires.get("d")):
            for t in np.linspace(0.02, 0.98, 9):  # an S from column to column, as the path has it
                px, py = x0 + (x1 - x0) * (3 * t**2 - 2 * t**3), y0 + (y1 - y0) * (1.5 * t * (1 - t) + t**3)
                inside = [(x, y) for x, y, w, h in places if x < px < x + w and y + 0.1 < py < y + h - 0.1]
                assert not inside, "a wire crosses a box"


def test_wires_that_are_too_many_run_straight(monkeypatch):
    from tapeless.autograd import _drawing_layers

    monkeypatch.setattr(_drawing_layers, "DUMMIES", 3)
    root = well_formed(graph.trace(recurrent(10)))[0]
    far = [path for path in root.iter(f"{SVG}path") if "tl-far" in path.get("class")]
    assert len(far) == 1 and far[0].get("d").count("M") > 10


def random_graph(seed):
    rng = np.random.default_rng(seed)
    values = [leaf(2) for _ in range(3)]
    for _ in range(40):
        a, b = (values[i] for i in rng.integers(0, len(values), 2))
        pick = rng.integers(4)
        values += [a * b] if pick == 0 else [a + b] if pick == 1 else [a.exp()] if pick == 2 else list(tl.stack([a, b]))
    return [v for v in values if v.grad_fn is not None][-3:]


@pytest.mark.parametrize("seed", range(15))
def test_random_graphs(seed):
    picture = graph.trace(random_graph(seed))
    well_formed(picture)
    well_formed(picture.simplified(max_nodes=15))
    again = graph.trace(random_graph(seed))
    assert again == picture and again.svg() == picture.svg(), "the same graph always looks the same"


def test_names_are_escaped():
    tensors = {name: leaf(1) for name in EVIL}
    picture = graph.trace({EVIL[1]: sum(tensors.values())}, params=tensors)
    shown = [name.encode("unicode_escape").decode() if not name.isprintable() else name for name in EVIL]
    texts = well_formed(picture)[2]
    assert set(shown) <= set(texts) and texts.count("<b>&amp;") == 2
    nodes, _, _ = parse_dot(picture.dot())
    assert set(shown) <= {lines[0] for lines, _ in nodes.values()}
    text = picture.mermaid()
    boxes = re.findall(r'\(\["([^"]*)"\]\)', text)
    read = {re.sub(r"#(\d+);", lambda m: chr(int(m[1])), box.split("<br/>")[0]).replace("\u200b", "") for box in boxes}
    assert set(shown) <= read
    assert not [box for box in boxes if re.search(r"[<>&`$\\]", box.replace("<br/>", ""))]


def test_wide_names_have_wide_boxes():
    widths = {}
    for name in ("a" * 20, "字" * 20):
        x = leaf(1)
        picture = graph.trace(x * 2, params={name: x})
        widths[name[0]] = max(float(rect.get("width")) for rect in well_formed(picture)[1])
    assert widths["字"] > 1.9 * widths["a"] - 20


def test_saving_and_notebooks(tmp_path):
    picture = graph.trace(program("branches"))
    texts = {"g.svg": picture.svg(), "g.DOT": picture.dot(), "g.gv": picture.dot(), "g.mmd": picture.mermaid()}
    for name, text in texts.items():
        assert picture.save(tmp_path / name).read_text(encoding="utf-8") == text
    assert picture._repr_svg_() == picture.svg()
    assert picture.save(str(tmp_path / "f.svg"), max_nodes=12) == Path(tmp_path / "f.svg")


def test_colours_follow_the_mode():
    style = next(well_formed(graph.trace(program("square")))[0].iter(f"{SVG}style")).text
    light, dark = re.findall(r"\.tl-graph\{(--[^}]*)\}", style)
    assert "prefers-color-scheme:dark" in style
    variables = lambda block: set(re.findall(r"(--tl-[\w-]+):", block))
    assert variables(light) == variables(dark) >= set(re.findall(r"var\((--tl-[\w-]+)\)", style))


def test_drawing_is_not_imported_by_itself():
    source = Path(tl.__file__).parents[1]
    code = (
        f"import sys; sys.path.insert(0, {str(source)!r})\nimport tapeless as tl\n"
        "tl.autograd.graph.get_gradient_edge(tl.ones(1, requires_grad=True))\n"
        "drawing = lambda: [name for name in sys.modules if '_drawing' in name]\n"
        "assert not drawing(), drawing()\nassert 'trace' in dir(tl.autograd.graph)\n"
        "from tapeless.autograd.graph import trace\nassert drawing()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
