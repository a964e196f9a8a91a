"""A fused operation and its `composite`, the same in other operations: values and gradients are equal.

The second gradients are those of the composite (`test_table.test_gradients_of_gradients` checks them).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tapeless._core.engine import run_composite
from tapeless._core.function import Function
from tapeless._core.tensor_base import TensorBase, wrap
from tests.ops.table import Row
from tests.ops.test_table import SMOOTH, Case, close, differentiable, graph, run

pytestmark = pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")

Results = dict[Any, Any]


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> Results:
    """What the nodes of fused operations computed."""
    found: Results = {}

    def record(self: Any, mask: int, args: Any, arrays: Any, out: Any, special: bool = False) -> None:
        plain(self, mask, args, arrays, out, special)
        found[self] = out

    plain = Function.record
    monkeypatch.setattr(Function, "record", record)
    return found


def fused(row: Row) -> Iterator[Any]:
    """Yield the nodes of fused operations behind a row's samples."""
    for sample in row.samples:
        case = Case(sample)
        for node in graph(differentiable(run(row, case.args, case.options))):
            if node.composite is not None:
                yield node


def as_composite(node: Any) -> Any:
    """Run the composite on what the node kept."""
    code = node.composite.__func__.__code__
    given = dict(zip(node.plan.names, node.kept, strict=True))
    inputs = {name: wrap(value) if hasattr(value, "dtype") else value for name, value in given.items()}
    return node.composite(**{name: inputs[name] for name in code.co_varnames[1 : code.co_argcount]})


def array_of(g: Any) -> Any:
    return g._array if isinstance(g, TensorBase) else np.asarray(g)


@pytest.mark.parametrize("row", SMOOTH, ids=str)
def test_fused_equals_composite(row: Row, results: Results) -> None:
    for node in fused(row):
        several = isinstance(node.shape, list)
        shapes = node.shape if several else [node.shape]
        if node in results:
            value = as_composite(node)
            value = value[0] if isinstance(value, tuple) else value
            close(array_of(value), results[node], 1e-10, f"{node.name()}: value")
        g = [np.linspace(1, 2, int(np.prod(shape))).reshape(shape) for shape in shapes]
        expected = run_composite(node, [wrap(part) for part in g] if several else wrap(g[0]))
        first = node.run(g if several else g[0])
        for i, (a, b) in enumerate(zip(first, expected, strict=True)):
            if a is not None and b is not None:
                close(array_of(a), array_of(b), 1e-10, f"{node.name()}: gradient {i}")


def test_there_are_fused_operations() -> None:
    names = {type(node).__name__ for row in SMOOTH for node in fused(row)}
    assert names >= {
        "CrossEntropy",
        "ElmanLayer",
        "Gelu",
        "GruLayer",
        "LayerNorm",
        "LstmLayer",
        "Normal",
        "ScatterProd",
    }, names
