"""The fused recurrent layers: equal to a loop of cells, in values and in first and second gradients, packed or not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tapeless as tl
from tapeless._ops._elman import ElmanLayer
from tapeless._ops._gru import GruLayer
from tapeless._ops._lstm import LstmLayer
from tapeless._ops._recurrence import Steps
from tapeless.autograd import gradcheck, gradgradcheck

FEATURES, SIZE, PROJECTED = 3, 4, 2
KINDS = ["lstm", "lstm_projected", "gru", "tanh", "relu"]
BATCHES: dict[str, Any] = {"dense": None, "one step": [3], "packed": [3, 3, 2, 1], "one sequence": [1, 1]}


def numbers(*shape: int) -> Any:
    return tl.randn(*shape, dtype=tl.float64, requires_grad=True)


class Layer:
    """A fused layer with inputs to run it on."""

    def __init__(self, kind: str, sizes: list[int] | None, reverse: bool, bias: bool) -> None:
        tl.manual_seed(4)
        gates, out = {"lstm": 4, "gru": 3}.get(kind[:4].rstrip("_"), 1), SIZE
        if kind == "lstm_projected":
            out = PROJECTED
        self.options: dict[str, Any] = {"sizes": sizes, "reverse": reverse}
        x = numbers(4, 2, FEATURES) if sizes is None else numbers(sum(sizes), FEATURES)
        batch = 2 if sizes is None else sizes[0]
        biases = [numbers(gates * SIZE) if bias else None for _ in range(2)]
        self.inputs = [x, numbers(gates * SIZE, FEATURES), numbers(gates * SIZE, out), *biases]
        if gates == 4:
            self.cls: Any = LstmLayer
            weight_hr = numbers(PROJECTED, SIZE) if out == PROJECTED else None
            self.inputs += [weight_hr, numbers(batch, out), numbers(batch, SIZE)]
        else:
            self.cls = GruLayer if gates == 3 else ElmanLayer
            self.inputs.append(numbers(batch, SIZE))
            if gates == 1:
                self.options["relu"] = kind == "relu"

    @property
    def leaves(self) -> list[Any]:
        return [x for x in self.inputs if x is not None]

    def fused(self, *leaves: Any) -> Any:
        given = iter(leaves or self.leaves)
        return self.cls.apply(*[None if x is None else next(given) for x in self.inputs], **self.options)

    def composite(self) -> Any:
        node = self.fused()[0]._node.source
        return node.composite(*self.inputs)


@pytest.fixture(params=KINDS)
def kind(request: Any) -> str:
    return str(request.param)


@pytest.fixture(params=BATCHES)
def sizes(request: Any) -> Any:
    return BATCHES[request.param]


def close(found: Any, expected: Any) -> None:
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("reverse", [False, True])
def test_fused_is_a_loop_of_cells(kind: str, sizes: Any, reverse: bool, bias: bool) -> None:
    layer = Layer(kind, sizes, reverse, bias)
    gradients: list[Any] = []
    outs = [layer.fused(), layer.composite()]
    close(*outs)
    for results in outs:
        total = sum((x * x * tl.arange(1.0, 1 + x.numel(), dtype=tl.float64).reshape(x.shape)).sum() for x in results)
        first = tl.autograd.grad(total, layer.leaves, create_graph=True)
        plain = tl.autograd.grad(total, layer.leaves, retain_graph=True)
        second = tl.autograd.grad(sum((g * g).sum() for g in first), layer.leaves)
        gradients.append([*first, *plain, *second])
    close(*gradients)


@pytest.mark.parametrize("used", [0, 1, -1])
def test_one_result_alone(kind: str, used: int) -> None:
    layer = Layer(kind, [2, 1], False, True)
    found, expected = (tl.autograd.grad(f()[used].sum(), layer.leaves) for f in (layer.fused, layer.composite))
    close(found, expected)


@pytest.mark.parametrize("reverse", [False, True])
def test_gradients_are_derivatives(kind: str, reverse: bool) -> None:
    layer = Layer(kind, [2, 1], reverse, True)
    assert gradcheck(layer.fused, layer.leaves)
    assert gradgradcheck(layer.fused, layer.leaves)


def test_states_before_each_step() -> None:
    initial, states = np.array([[10.0], [20.0], [30.0]]), np.arange(6.0)[:, None]
    assert Steps([3, 2, 1]).before(initial, states)[:, 0].tolist() == [10, 20, 30, 0, 1, 3]
    assert Steps([3, 2, 1], reverse=True).before(initial, states)[:, 0].tolist() == [3, 4, 30, 5, 20, 10]


def test_inputs_that_were_written_to(kind: str) -> None:
    layer = Layer(kind, None, False, True)
    weight = layer.inputs[1] * 1
    given = [None if x is None else x for x in layer.inputs]
    given[1] = weight
    out = layer.cls.apply(*given, **layer.options)[0]
    weight.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()
