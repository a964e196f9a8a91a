"""Lazy layers: the first input, or a state dict, gives their parameters a shape."""

from __future__ import annotations

import copy
import pickle

import pytest

import tapeless as tl
from tapeless import nn
from tapeless.nn.modules.lazy import LazyModuleMixin
from tapeless.nn.parameter import is_lazy

USED = "Attempted to use an uninitialized parameter"
SHAPE = "Can't access the shape of an uninitialized parameter or buffer"

LAYERS = [
    (lambda: nn.LazyLinear(3), (2, 5), nn.Linear),
    (lambda: nn.LazyConv1d(4, 2), (2, 3, 6), nn.Conv1d),
    (lambda: nn.LazyConv2d(4, 2), (3, 6, 6), nn.Conv2d),
    (lambda: nn.LazyConv3d(4, 2), (1, 3, 4, 4, 4), nn.Conv3d),
    (lambda: nn.LazyConvTranspose1d(4, 2), (3, 6), nn.ConvTranspose1d),
    (lambda: nn.LazyConvTranspose2d(4, 2), (1, 3, 6, 6), nn.ConvTranspose2d),
    (lambda: nn.LazyConvTranspose3d(4, 2), (1, 3, 4, 4, 4), nn.ConvTranspose3d),
    (lambda: nn.LazyBatchNorm1d(), (4, 3), nn.BatchNorm1d),
    (lambda: nn.LazyBatchNorm2d(), (4, 3, 2, 2), nn.BatchNorm2d),
    (lambda: nn.LazyBatchNorm3d(), (4, 3, 2, 2, 2), nn.BatchNorm3d),
    (lambda: nn.LazyInstanceNorm1d(), (4, 3, 5), nn.InstanceNorm1d),
    (lambda: nn.LazyInstanceNorm2d(), (4, 3, 2, 2), nn.InstanceNorm2d),
    (lambda: nn.LazyInstanceNorm3d(), (4, 3, 2, 2, 2), nn.InstanceNorm3d),
]


@pytest.mark.parametrize(("make", "shape", "kind"), LAYERS, ids=[kind.__name__ for _, _, kind in LAYERS])
def test_the_first_call_makes_the_layer(make, shape, kind):
    layer, loaded, x = make(), make(), tl.rand(*shape)
    parameters = list(layer.parameters())
    assert layer.has_uninitialized_params() and all(map(is_lazy, parameters))
    names = list(layer.state_dict())
    out = layer(x)
    assert type(layer) is kind and list(layer.state_dict()) == names
    assert all(a is b and type(a) is nn.Parameter for a, b in zip(layer.parameters(), parameters, strict=True))
    assert not hasattr(layer, "cls_to_become") and "_awaits_input" not in vars(layer)
    out.sum().backward()
    assert all(p.grad.shape == p.shape for p in parameters)
    # A state dict gives shapes as well; the class changes with the first call.
    assert loaded.load_state_dict(layer.state_dict()).missing_keys == []
    assert not loaded.has_uninitialized_params()
    layer.eval()
    assert loaded.eval()(x).tolist() == layer(x).tolist()
    assert type(loaded) is kind and repr(loaded) == repr(layer)


def test_copies_stay_lazy_and_do_not_share():
    layer = nn.LazyLinear(3, bias=False, dtype=tl.float64)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert type(other) is nn.LazyLinear and other.weight.dtype == tl.float64 and other.weight is not layer.weight
        other(tl.ones(2, dtype=tl.float64))
        assert type(other) is nn.Linear and is_lazy(layer.weight)
    norm = copy.deepcopy(nn.LazyBatchNorm1d())
    assert is_lazy(norm.running_mean) and is_lazy(pickle.loads(pickle.dumps(norm)).running_var)


def test_dtypes_can_be_changed_before():
    layer = nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d()).double()
    assert is_lazy(layer[0].weight) and is_lazy(layer[1].running_mean)
    assert layer(tl.rand(4, 2, dtype=tl.float64)).dtype == tl.float64
    assert {p.dtype for p in layer.parameters()} == {tl.float64} and layer[1].running_var.dtype == tl.float64
    assert nn.LazyLinear(2).to(tl.float16).weight.dtype == tl.float16


def test_an_optimizer_may_be_made_before():
    layer = nn.LazyLinear(1)
    optimizer = tl.optim.SGD(layer.parameters(), lr=1.0)
    layer(tl.ones(2, 3)).sum().backward()
    before = layer.weight.tolist()
    optimizer.step()
    assert layer.weight.tolist() != before


def test_what_an_uninitialized_parameter_refuses():
    weight = nn.LazyLinear(3).weight
    assert repr(weight) == "<UninitializedParameter>" and weight.requires_grad and weight.grad is None
    assert weight.is_floating_point() and not weight.is_complex() and weight.data.shape == (0,)
    for use in (lambda: weight + 1, lambda: weight.sum(), lambda: weight.numel(), lambda: tl.nn.init.ones_(weight)):
        with pytest.raises(ValueError, match=USED):
            use()
    with pytest.raises(RuntimeError, match=SHAPE):
        weight.shape
    with pytest.raises(ValueError, match=USED):
        nn.LazyConv2d(1, 1).forward(tl.ones(1, 1, 2, 2))


def test_materialize():
    weight = nn.UninitializedParameter(requires_grad=False, dtype=tl.float64)
    weight.materialize((2, 3))
    assert type(weight) is nn.Parameter and weight.shape == (2, 3) and weight.dtype == tl.float64
    assert not weight.requires_grad
    buffer = nn.UninitializedBuffer(persistent=False)
    module = nn.Module()
    module.mean = buffer
    assert isinstance(buffer, nn.Buffer) and list(module.buffers()) == [buffer] and not module.state_dict()
    buffer.materialize([4], dtype=tl.float16)
    assert type(buffer) is tl.Tensor and buffer.dtype == tl.float16 and module.mean is buffer


def test_state_dicts_of_lazy_layers():
    lazy, ready = nn.LazyLinear(3), nn.Linear(2, 3)
    assert all(map(is_lazy, lazy.state_dict().values()))
    assert nn.LazyLinear(3).load_state_dict(lazy.state_dict()).missing_keys == []
    with pytest.raises(RuntimeError, match=SHAPE):
        ready.load_state_dict(lazy.state_dict())
    lazy.load_state_dict(ready.state_dict())
    with pytest.raises(AssertionError, match="The in_features inferred from input: 5 is not equal to in_features"):
        lazy(tl.ones(5))


def test_first_inputs_that_do_not_fit():
    with pytest.raises(
        RuntimeError, match=r"Expected 3D \(unbatched\) or 4D \(batched\) input to LazyConv2d, but"
    ) as e:
        nn.Sequential(nn.LazyConv2d(4, 3))(tl.ones(2, 2))
    assert e.value.__notes__ == [
        "in module Sequential.0 (LazyConv2d(0, 4, kernel_size=(3, 3), stride=(1, 1))), called with float32 [2, 2]"
    ]
    with pytest.raises(ValueError, match="in_channels must be divisible by groups"):
        nn.LazyConv1d(4, 1, groups=2)(tl.ones(1, 3, 4))


class Scale(LazyModuleMixin, nn.Module):
    """A user's own lazy layer, without a class to become."""

    def __init__(self, forget=False):
        super().__init__()
        self.scale = nn.UninitializedParameter()
        self.forget, self.calls = forget, 0

    def initialize_parameters(self, input, *, power=1):
        self.calls += 1
        if not self.forget:
            self.scale.materialize(input.shape[-1:])
            nn.init.constant_(self.scale, 2.0)

    def forward(self, input, *, power=1):
        return input * self.scale**power


def test_lazy_layers_of_ones_own():
    layer = Scale()
    assert layer(tl.ones(2), power=2).tolist() == [4.0, 4.0]
    assert layer(tl.ones(2)).tolist() == [2.0, 2.0] and layer.calls == 1 and type(layer) is Scale
    with pytest.raises(RuntimeError, match="module Scale has not been fully initialized"):
        Scale(forget=True)(tl.ones(2))

    class Bare(LazyModuleMixin):
        pass

    with pytest.raises(NotImplementedError, match="initialize_parameters is not implemented for Bare"):
        Bare()(tl.ones(1))


def test_hooks_see_the_finished_layer():
    seen = []
    layer = nn.LazyLinear(2)
    layer.register_forward_pre_hook(lambda module, args: seen.append(type(module).__name__))
    layer(tl.ones(3))
    assert seen == ["Linear"]
