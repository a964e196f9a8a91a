"""Modules called with other parameters, and modules made without drawing any."""

from __future__ import annotations

import numpy as np
import pytest

import tapeless as tl
from tapeless import nn
from tapeless.nn.utils._functional_call import functional_call


def plain_call(lib):
    return functional_call if lib is tl else lib.func.functional_call


def stories(lib):
    """Call modules in many ways; yield arrays."""
    call = plain_call(lib)
    model = lib.nn.Sequential(lib.nn.Linear(2, 2), lib.nn.BatchNorm1d(2))
    for i, p in enumerate(model.parameters()):
        p.data = lib.arange(float(p.numel())).reshape(p.shape) / 7 + i
    model.double()
    x = lib.linspace(0, 1, 6, dtype=lib.float64).reshape(3, 2) ** 2
    weight = lib.ones(2, 2, dtype=lib.float64, requires_grad=True)
    out = call(model, {"0.weight": weight, "unknown": x}, (x,))
    out.pow(3).sum().backward()
    yield from (out, weight.grad)
    assert model[0].weight.grad is None
    yield model[1].running_mean  # not among the replaced ones, so it is the module's own
    buffers = {"1.running_mean": lib.zeros(2, dtype=lib.float64)}
    before = model[1].running_mean.clone()
    call(model, buffers, x)
    yield buffers["1.running_mean"]
    assert model[1].running_mean.tolist() == before.tolist()
    yield call(model, [{"0.weight": weight}, {"0.bias": lib.ones(2, dtype=lib.float64)}], x)
    yield call(model, {}, None, {"input": x})


def ties(lib):
    call = plain_call(lib)
    layer = lib.nn.Linear(2, 2)
    layer.weight.data = lib.eye(2)
    layer.bias.data = lib.ones(2)
    layer.tied = layer.weight
    yield call(layer, {"tied": lib.zeros(2, 2)}, lib.ones(1, 2))
    yield call(layer, {"tied": lib.zeros(2, 2)}, lib.ones(1, 2), tie_weights=False)


@pytest.mark.parametrize("story", [stories, ties], ids=lambda story: story.__name__)
def test_the_same_as_pytorch(story):
    torch = pytest.importorskip("torch")
    for mine, other in zip(story(tl), story(torch), strict=True):
        np.testing.assert_allclose(mine.detach().numpy(), other.detach().numpy(), rtol=1e-5, atol=1e-6)


WRONG = {
    "strict": lambda lib, m: plain_call(lib)(m, {"other": lib.ones(1)}, lib.ones(1, 2), strict=True),
    "no dict": lambda lib, m: plain_call(lib)(m, 3, lib.ones(1, 2)),
    "twice": lambda lib, m: plain_call(lib)(m, [{"bias": lib.ones(2)}, {"bias": lib.ones(2)}], lib.ones(1, 2)),
    "tied": lambda lib, m: (
        setattr(m, "tied", m.weight),
        plain_call(lib)(m, {"tied": lib.ones(2, 2), "weight": lib.ones(2, 2)}, lib.ones(1, 2)),
    ),
    "no tensor": lambda lib, m: plain_call(lib)(m, {"weight": 3}, lib.ones(1, 2)),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors(name):
    raised = []
    for lib in (tl, pytest.importorskip("torch")):
        layer = lib.nn.Linear(2, 2)
        before = layer.weight
        with pytest.raises(Exception) as caught:
            WRONG[name](lib, layer)
        raised.append((caught.type, str(caught.value)))
        assert layer.weight is before
    assert raised[0] == raised[1]


def test_the_module_is_whole_again_after_an_error():
    layer = nn.Linear(2, 2)
    weight = layer.weight
    with pytest.raises(RuntimeError):
        functional_call(layer, {"weight": tl.ones(5, 5)}, tl.ones(1, 2))
    assert layer.weight is weight and layer._parameters["weight"] is weight


def test_what_forward_assigns_ends_up_in_the_dict():
    class Counts(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("count", tl.zeros(1))

        def forward(self):
            self.count = self.count + 1
            return self.count

    module, state = Counts(), {"count": tl.tensor([5.0])}
    assert functional_call(module, state).item() == 6.0
    assert state["count"].item() == 6.0 and module.count.item() == 0.0


def test_the_older_name_warns():
    with pytest.warns(FutureWarning, match="stateless.functional_call` is deprecated"):
        out = nn.utils.stateless.functional_call(
            nn.Linear(1, 1), {"weight": tl.ones(1, 1), "bias": tl.ones(1)}, tl.ones(1, 1)
        )
    assert out.item() == 2.0


def test_skip_init():
    tl.manual_seed(0)
    expected = tl.rand(2).tolist()
    tl.manual_seed(0)
    layer = nn.utils.skip_init(nn.Linear, 3, 4, bias=False, dtype=tl.float64)
    assert tl.rand(2).tolist() == expected
    assert layer.weight.shape == (4, 3) and layer.weight.dtype == tl.float64 and layer.bias is None
    nn.init.ones_(layer.weight)
    assert layer.weight.sum() == 12  # filling works again
    assert nn.utils.skip_init(nn.Conv2d, 1, 2, 3, device="meta").weight.shape == (2, 1, 3, 3)
    assert nn.utils.skip_init(nn.Linear, 3, 4, device="cpu").weight.shape == (4, 3)


def test_skip_init_fills_nothing(monkeypatch):
    filled = []
    monkeypatch.setattr(tl.Tensor, "uniform_", lambda *args, **kwargs: filled.append(args))
    nn.utils.skip_init(nn.Linear, 3, 4)
    assert not filled
    nn.Linear(3, 4)
    assert filled


def test_skip_init_refuses():
    with pytest.raises(RuntimeError, match="must support a 'device' arg"):
        nn.utils.skip_init(nn.ReLU)
    with pytest.raises(RuntimeError, match="Expected a Module; got <class 'int'>"):
        nn.utils.skip_init(int)
    with pytest.raises(RuntimeError, match="CPU only"):
        nn.utils.skip_init(nn.Linear, 3, 4, device="cuda")


def test_module_names_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    for name in ("clip_grad", "convert_parameters", "fusion", "parametrizations", "parametrize", "stateless"):
        module = getattr(nn.utils, name)
        public = getattr(getattr(torch.nn.utils, name), "__all__", None) or [
            key for key, value in vars(getattr(torch.nn.utils, name)).items()
            if getattr(value, "__module__", "") == f"torch.nn.utils.{name}" and not key.startswith("_")
        ]  # fmt: skip
        assert [key for key in public if not hasattr(module, key)] == []
    with pytest.warns(FutureWarning, match="clip_grad_norm` is now deprecated"):
        nn.utils.clip_grad.clip_grad_norm([], 1.0)
