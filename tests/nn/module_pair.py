"""One module of PyTorch beside ours, made of the same arguments: what the parity tests of layers share."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

import tapeless as tl
from tapeless import nn

DTYPES = {getattr(torch, name): getattr(tl, name) for name in "float32 float64 int32 int64 bool uint8".split()}


def ours_of(value: Any, made: dict[int, Any] | None = None) -> Any:
    """Translate arguments; a tensor that occurs twice in `made` becomes one tensor."""
    if isinstance(value, torch.Tensor):
        made = {} if made is None else made
        if id(value) not in made:
            made[id(value)] = tl.tensor(value.detach().numpy().copy()).requires_grad_(value.requires_grad)
        return made[id(value)]
    if isinstance(value, (list, tuple)):
        return type(value)(ours_of(item, made) for item in value)
    if isinstance(value, dict):
        return {key: ours_of(item, made) for key, item in value.items()}
    if isinstance(value, torch.nn.LinearCrossEntropyOptions):
        fields = value.__dataclass_fields__
        return nn.LinearCrossEntropyOptions(**{name: ours_of(getattr(value, name)) for name in fields})
    if isinstance(value, torch.nn.TransformerEncoderLayer):
        return ours_encoder_layer(value)
    if callable(value) and getattr(torch.nn.functional, getattr(value, "__name__", ""), None) is value:
        return getattr(nn.functional, value.__name__)
    return DTYPES[value] if isinstance(value, torch.dtype) else value


def ours_encoder_layer(theirs: Any) -> Any:
    """Return the same layer with the same parameters: what stacks are made of."""
    attention, hidden = theirs.self_attn, theirs.linear1
    sizes = attention.embed_dim, attention.num_heads, hidden.out_features, attention.dropout
    options = ours_of(theirs.activation), theirs.norm1.eps, attention.batch_first, theirs.norm_first
    layer = nn.TransformerEncoderLayer(
        *sizes, *options, bias=hidden.bias is not None, dtype=DTYPES[hidden.weight.dtype]
    )
    layer.load_state_dict(ours_of(dict(theirs.state_dict())))
    return layer.train(theirs.training)


def leaves(value: Any, kind: type) -> Iterator[Any]:
    """Yield what is of this type in nested lists, tuples and dicts."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from leaves(item, kind)
    elif isinstance(value, dict):
        yield from leaves(list(value.values()), kind)


def close(ours: Any, theirs: Any, what: str) -> None:
    """Compare two tensors, or two times None."""
    assert (ours is None) == (theirs is None), f"{what}: {ours} and {theirs}"
    if ours is not None:
        assert tuple(ours.shape) == tuple(theirs.shape), what
        theirs = theirs.detach().numpy(force=True)  # force: PyTorch's zeros without memory, too
        np.testing.assert_allclose(ours.detach().numpy(), theirs, rtol=1e-7, atol=1e-9, err_msg=what)


def gradients(outputs: list[Any], wanted: list[Any], lib: Any, create_graph: bool = False) -> list[Any]:
    """Return the gradients of a sum of all outputs, with weights that differ from element to element."""
    total: Any = 0
    for out in outputs:
        if out.requires_grad:
            weights = np.cos(np.arange(out.numel(), dtype="float64")).reshape(tuple(out.shape))
            total = total + (out * lib.tensor(weights, dtype=out.dtype)).sum()
    if isinstance(total, int) or not wanted or not total.requires_grad:
        return [None] * len(wanted)
    return list(lib.autograd.grad(total, wanted, create_graph=create_graph, allow_unused=True))


def dtype_option(cls: type, dtype: Any) -> dict[str, Any]:
    """Return ``{"dtype": ...}`` for modules that take one."""
    makers = [base.__init__ for base in cls.__mro__ if "__init__" in vars(base)]  # a subclass may pass on **kwargs
    return {"dtype": dtype} if any("dtype" in inspect.signature(make).parameters for make in makers) else {}


class Pair:
    """The same module and the same arguments for its call, here and there."""

    def __init__(self, name: str, constructor: Any, forward: Any, training: bool) -> None:
        """Both `constructor` and `forward` have ``args`` and ``kwargs``."""
        self.name, self.forward, self.made = name, forward, {}
        self.seed()
        self.ours = self.build_ours(name, constructor).train(training)
        self.theirs = self.build_theirs(name, constructor).train(training)

    @staticmethod
    def seed() -> None:
        tl.manual_seed(5)
        torch.manual_seed(5)

    @staticmethod
    def build_theirs(name: str, constructor: Any) -> Any:
        cls = getattr(torch.nn, name)
        return cls(*constructor.args, **dtype_option(cls, torch.float64) | constructor.kwargs)

    @staticmethod
    def build_ours(name: str, constructor: Any) -> Any:
        cls = getattr(nn, name)
        args, kwargs = ours_of((constructor.args, constructor.kwargs), {})
        return cls(*args, **dtype_option(cls, tl.float64) | kwargs)

    def call(self) -> tuple[list[Any], list[Any]]:
        """Return the tensors that the call gives, here and there."""
        self.seed()
        args, kwargs = ours_of((self.forward.args, self.forward.kwargs), self.made)
        ours = self.ours(*args, **kwargs)
        theirs = self.theirs(*self.forward.args, **self.forward.kwargs)
        return list(leaves(ours, tl.Tensor)), list(leaves(theirs, torch.Tensor))

    def inputs(self) -> list[tuple[Any, Any]]:
        """Return the arguments and parameters that require grad, pair by pair."""
        theirs = [x for x in leaves([self.forward.args, self.forward.kwargs], torch.Tensor) if x.requires_grad]
        pairs = [(self.made[id(x)], x) for x in theirs]
        parameters = zip(self.ours.parameters(), self.theirs.parameters(), strict=True)
        return pairs + [(p, q) for p, q in parameters if q.requires_grad]

    def compare_attributes(self) -> None:
        """Compare repr and public attributes; tensors and modules are compared elsewhere."""
        assert repr(self.ours) == repr(self.theirs)
        for name, value in vars(self.theirs).items():
            if name.startswith("_") or isinstance(value, (torch.Tensor, torch.nn.Module)) or callable(value):
                continue
            assert getattr(self.ours, name) == ours_of(value), name

    def compare_states(self, exact: bool) -> None:
        """Compare names, their order, versions, dtypes, shapes and values; parameters to the last bit, if `exact`."""
        parameters = dict(self.theirs.named_parameters())
        ours, theirs = self.ours.state_dict(), self.theirs.state_dict()
        assert list(ours) == list(theirs)
        assert dict(ours._metadata) == dict(theirs._metadata)
        for key, value in theirs.items():
            assert str(ours[key].dtype) == str(value.dtype).removeprefix("torch."), key
            if exact and key in parameters:
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

    def check(self) -> None:
        """Compare attributes, first parameters, outputs, buffers after the call, and gradients."""
        self.compare_attributes()
        if "Lazy" in self.name:  # the first call draws the parameters
            self.call()
            assert type(self.ours).__name__ == type(self.theirs).__name__
            self.compare_attributes()
        self.compare_states(exact=True)
        self.copy_state()
        ours, theirs = self.call()
        assert len(ours) == len(theirs)
        for i, (out, expected) in enumerate(zip(ours, theirs, strict=True)):
            close(out, expected, f"output {i}")
            assert out.requires_grad == expected.requires_grad
        self.compare_states(exact=False)
        inputs = self.inputs()
        found = gradients(ours, [a for a, _ in inputs], tl)
        wanted = gradients(theirs, [b for _, b in inputs], torch)
        for i, (g, expected) in enumerate(zip(found, wanted, strict=True)):
            close(g, expected, f"gradient {i} of {len(inputs)}")

    def check_second_gradients(self) -> None:
        """Compare the gradients of the gradients."""
        self.call()  # makes lazy ones
        self.copy_state()
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):  # the others have first ones only
            ours, theirs = self.call()
        inputs = self.inputs()
        seconds = []
        for lib, outputs, wanted in ((tl, ours, [a for a, _ in inputs]), (torch, theirs, [b for _, b in inputs])):
            firsts = [g for g in gradients(outputs, wanted, lib, create_graph=True) if g is not None]
            seconds.append(gradients(firsts, wanted, lib))
        for i, (g, expected) in enumerate(zip(*seconds, strict=True)):
            if g is not None and expected is not None:
                close(g, expected, f"second gradient {i} of {len(inputs)}")
            else:  # none and zero mean the same
                assert all(x is None or not x.detach().numpy().any() for x in (g, expected)), i
