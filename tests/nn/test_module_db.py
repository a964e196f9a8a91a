"""Every layer and loss against PyTorch's own database of modules, input by input, in float64.

From the same seed the first parameters are equal. With the same state, outputs, gradients of inputs and parameters and
buffers agree, in training and in evaluation mode; so do second gradients where PyTorch has them, and errors, by kind
and first line.
"""

from __future__ import annotations

import inspect
import itertools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tapeless as tl
from tapeless import nn

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_modules import ModuleErrorEnum, module_db

pytestmark = pytest.mark.filterwarnings("ignore")

DTYPES = {getattr(torch, name): getattr(tl, name) for name in "float32 float64 int32 int64 bool uint8".split()}
# Layers that are not built yet.
MISSING = set(
    "GRU GRUCell LSTM LSTMCell MultiheadAttention RNN RNNCell Transformer TransformerDecoderLayer "
    "TransformerEncoder TransformerEncoderLayer".split()
)


def name_of(info: Any) -> str:
    return info.module_cls.__name__


HERE = [info for info in module_db if hasattr(nn, name_of(info))]

# What the functions behind the layers do differently yet.
WAITING = {}


def entries(test: str, wanted: Callable[[Any], Any] = lambda info: True) -> list[Any]:
    """Return the parameters of a test; those that wait for a function are expected to fail."""
    marks = {name: [pytest.mark.xfail(reason=why)] for (kind, name), why in WAITING.items() if kind == test}
    return [pytest.param(info, id=name_of(info), marks=marks.get(name_of(info), [])) for info in HERE if wanted(info)]


def ours_of(value: Any, made: dict[int, Any]) -> Any:
    """Translate arguments; a tensor that occurs twice becomes one tensor."""
    if isinstance(value, torch.Tensor):
        if id(value) not in made:
            made[id(value)] = tl.tensor(value.detach().numpy().copy()).requires_grad_(value.requires_grad)
        return made[id(value)]
    if isinstance(value, (list, tuple)):
        return type(value)(ours_of(item, made) for item in value)
    if isinstance(value, dict):
        return {key: ours_of(item, made) for key, item in value.items()}
    if isinstance(value, torch.nn.LinearCrossEntropyOptions):
        names = value.__dataclass_fields__
        return nn.LinearCrossEntropyOptions(**{name: ours_of(getattr(value, name), made) for name in names})
    return DTYPES[value] if isinstance(value, torch.dtype) else value


def leaves(value: Any, kind: type) -> Iterator[Any]:
    if isinstance(value, kind):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from leaves(item, kind)
    elif isinstance(value, dict):
        yield from leaves(list(value.values()), kind)


def close(ours: Any, theirs: Any, what: str) -> None:
    assert (ours is None) == (theirs is None), f"{what}: {ours} and {theirs}"
    if ours is not None:
        assert tuple(ours.shape) == tuple(theirs.shape), what
        theirs = theirs.detach().numpy(force=True)  # of a zero tensor without memory, too
        np.testing.assert_allclose(ours.detach().numpy(), theirs, rtol=1e-7, atol=1e-9, err_msg=what)


def seed() -> None:
    tl.manual_seed(5)
    torch.manual_seed(5)


def build(info: Any, constructor: Any) -> Any:
    """Return PyTorch's module, of float64 where it takes a dtype."""
    accepted = inspect.signature(info.module_cls.__init__).parameters
    dtype = {"dtype": torch.float64} if "dtype" in accepted else {}
    return info.module_cls(*constructor.args, **dtype | constructor.kwargs)


def build_ours(info: Any, constructor: Any) -> Any:
    accepted = inspect.signature(info.module_cls.__init__).parameters
    dtype = {"dtype": tl.float64} if "dtype" in accepted else {}
    args, kwargs = ours_of((constructor.args, constructor.kwargs), {})
    return getattr(nn, name_of(info))(*args, **dtype | kwargs)


class Pair:
    """The same module and the same arguments for its call, here and there."""

    def __init__(self, info: Any, module_input: Any, training: bool) -> None:
        constructor, self.forward = module_input.constructor_input, module_input.forward_input
        self.info, self.name, self.made = info, name_of(info), {}
        seed()
        self.ours, self.theirs = build_ours(info, constructor).train(training), build(info, constructor).train(training)

    def call(self) -> tuple[list[Any], list[Any]]:
        """Return the tensors that the call gives, here and there."""
        seed()
        arguments = ours_of((self.forward.args, self.forward.kwargs), self.made)
        ours = self.ours(*arguments[0], **arguments[1])
        theirs = self.theirs(*self.forward.args, **self.forward.kwargs)
        return list(leaves(ours, tl.Tensor)), list(leaves(theirs, torch.Tensor))

    def inputs(self) -> list[tuple[Any, Any]]:
        """Return the arguments and parameters that require grad, pair by pair."""
        theirs = [x for x in leaves([self.forward.args, self.forward.kwargs], torch.Tensor) if x.requires_grad]
        pairs = [(self.made[id(x)], x) for x in theirs]
        return pairs + list(zip(self.ours.parameters(), self.theirs.parameters(), strict=True))

    def compare_states(self, exact: bool) -> None:
        ours, theirs = self.ours.state_dict(), self.theirs.state_dict()
        assert list(ours) == list(theirs)
        assert dict(ours._metadata) == dict(theirs._metadata)
        for key, value in theirs.items():
            assert str(ours[key].dtype) == str(value.dtype).removeprefix("torch."), key
            if exact:
                np.testing.assert_array_equal(ours[key].numpy(), value.numpy(), err_msg=key)
            else:
                close(ours[key], value, key)

    def copy_state(self) -> None:
        """Fill parameters and buffers of PyTorch's module with numbers of their own, and copy them over."""
        with torch.no_grad():
            for value in itertools.chain(self.theirs.parameters(), self.theirs.buffers()):
                if value.is_floating_point():
                    value.copy_(torch.rand(value.shape, dtype=value.dtype) + 0.1)
        state = {key: tl.tensor(value.numpy().copy()) for key, value in self.theirs.state_dict().items()}
        self.ours.load_state_dict(state)


def pairs_of(info: Any, training: bool) -> Iterator[Pair]:
    torch.manual_seed(0)
    make = info.module_inputs_func
    for module_input in make(info, device="cpu", dtype=torch.float64, requires_grad=True, training=training):
        yield Pair(info, module_input, training)


def gradients(outputs: list[Any], wanted: list[Any], lib: Any, create_graph: bool = False) -> list[Any]:
    """Return the gradients of a weighted sum of all outputs, with weights that differ from element to element."""
    total = 0
    for out in outputs:
        if out.requires_grad:
            weights = np.cos(np.arange(out.numel(), dtype="float64")).reshape(tuple(out.shape))
            total = total + (out * lib.tensor(weights, dtype=out.dtype)).sum()
    if isinstance(total, int) or not wanted or not total.requires_grad:
        return [None] * len(wanted)
    return list(lib.autograd.grad(total, wanted, create_graph=create_graph, allow_unused=True))


def test_what_is_missing():
    assert {name_of(info) for info in module_db if info not in HERE} == MISSING


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("info", entries("module"))
def test_module(info, training):
    for pair in pairs_of(info, training):
        lazy = "Lazy" in pair.name
        assert repr(pair.ours) == repr(pair.theirs)
        if lazy:  # the first call draws the parameters
            pair.call()
            assert type(pair.ours).__name__ == type(pair.theirs).__name__
            assert repr(pair.ours) == repr(pair.theirs)
        pair.compare_states(exact=True)
        pair.copy_state()
        ours, theirs = pair.call()
        assert len(ours) == len(theirs)
        for i, (out, expected) in enumerate(zip(ours, theirs, strict=True)):
            close(out, expected, f"output {i}")
            assert out.requires_grad == expected.requires_grad
        pair.compare_states(exact=False)
        inputs = pair.inputs()
        first = gradients(ours, [a for a, _ in inputs], tl)
        second = gradients(theirs, [b for _, b in inputs], torch)
        for i, (g, expected) in enumerate(zip(first, second, strict=True)):
            close(g, expected, f"gradient {i} of {len(inputs)}")


def has_second_gradients(info: Any) -> bool:
    """Return what the database says, but for two that PyTorch does not have."""
    return info.supports_gradgrad and name_of(info) not in ("MultiLabelMarginLoss", "MultiMarginLoss")


@pytest.mark.parametrize("info", entries("second", has_second_gradients))
def test_second_gradients(info):
    for pair in pairs_of(info, True):
        if getattr(pair.theirs, "options", None) is not None:
            continue  # linear_cross_entropy in chunks: PyTorch has first gradients only
        pair.call()  # makes lazy ones
        pair.copy_state()
        ours, theirs = pair.call()
        inputs = pair.inputs()
        seconds = []
        for lib, outputs, wanted in ((tl, ours, [a for a, _ in inputs]), (torch, theirs, [b for _, b in inputs])):
            firsts = [g for g in gradients(outputs, wanted, lib, create_graph=True) if g is not None]
            seconds.append(gradients(firsts, wanted, lib))
        for i, (g, expected) in enumerate(zip(*seconds, strict=True)):
            if g is not None and expected is not None:
                close(g, expected, f"second gradient {i} of {len(inputs)}")
            else:  # none and zero mean the same
                assert all(x is None or not x.detach().numpy().any() for x in (g, expected)), i


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("info", entries("errors", lambda info: info.module_error_inputs_func))
def test_errors(info, training):
    make = info.module_error_inputs_func
    for error_input in make(info, device="cpu", dtype=torch.float64, requires_grad=True, training=training):
        constructor = error_input.module_error_input.constructor_input
        forward = error_input.module_error_input.forward_input
        raised = []
        for builder, translate in ((build_ours, lambda value: ours_of(value, {})), (build, lambda value: value)):
            with pytest.raises(Exception) as caught:
                module = builder(info, constructor)
                if error_input.error_on is not ModuleErrorEnum.CONSTRUCTION_ERROR:
                    module(*translate(forward.args), **translate(forward.kwargs))
            raised.append((caught.type, str(caught.value).split("\n")[0]))
        assert raised[0] == raised[1]
