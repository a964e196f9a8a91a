"""Layers and losses: signatures, reprs and values against PyTorch."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import tapeless as tl
from tapeless import nn

ELEMENTWISE = [
    ("ReLU", {}),
    ("ReLU", {"inplace": True}),
    ("ReLU6", {}),
    ("LeakyReLU", {"negative_slope": 0.2}),
    ("PReLU", {"init": 0.3}),
    ("ELU", {"alpha": 0.7}),
    ("CELU", {"alpha": 0.7}),
    ("SELU", {}),
    ("GELU", {}),
    ("GELU", {"approximate": "tanh"}),
    ("SiLU", {}),
    ("SiLU", {"inplace": True}),
    ("Mish", {}),
    ("Sigmoid", {}),
    ("LogSigmoid", {}),
    ("Hardsigmoid", {}),
    ("Hardswish", {}),
    ("Tanh", {}),
    ("Hardtanh", {"min_val": -0.5, "max_val": 0.25}),
    ("Softplus", {"beta": 2.0, "threshold": 1.0}),
    ("Softsign", {}),
    ("Tanhshrink", {}),
    ("Hardshrink", {"lambd": 0.3}),
    ("Softshrink", {"lambd": 0.3}),
    ("Threshold", {"threshold": 0.1, "value": 7.0}),
    ("Threshold", {"threshold": 0.1, "value": 7.0, "inplace": True}),
    ("GLU", {"dim": 0}),
    ("Softmax", {"dim": 1}),
    ("Softmin", {"dim": 1}),
    ("LogSoftmax", {"dim": 1}),
    ("Identity", {}),
    ("Flatten", {"start_dim": 0}),
    ("Unflatten", {"dim": 0, "unflattened_size": (2, -1)}),
    ("Dropout", {"p": 0.0}),
]


@pytest.mark.parametrize(("name", "options"), ELEMENTWISE)
def test_layers_without_randomness(name, options):
    torch = pytest.importorskip("torch")
    values = np.linspace(-3, 3, 24, dtype=np.float32).reshape(4, 6)
    ours, theirs = getattr(nn, name)(**options), getattr(torch.nn, name)(**options)
    assert repr(ours) == repr(theirs)
    x, y = tl.tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
    out, expected = ours(x * 1), theirs(y * 1)
    np.testing.assert_allclose(out.detach().numpy(), expected.detach().numpy(), rtol=2e-6, atol=1e-6)
    (out * out).sum().backward()
    (expected * expected).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=2e-5, atol=2e-6)


LOSSES = [
    *((name, {"reduction": r}, "real") for name in ("L1Loss", "MSELoss") for r in ("mean", "sum", "none")),
    ("SmoothL1Loss", {"beta": 0.5}, "real"),
    ("HuberLoss", {"delta": 0.5, "reduction": "sum"}, "real"),
    *(("CrossEntropyLoss", {"reduction": r}, "class") for r in ("mean", "sum", "none")),
    ("CrossEntropyLoss", {"label_smoothing": 0.1, "weight": [1.0, 2.0, 0.5]}, "class"),
    ("CrossEntropyLoss", {"ignore_index": 1}, "class"),
    ("CrossEntropyLoss", {"label_smoothing": 0.2}, "probability"),
    ("NLLLoss", {"weight": [1.0, 2.0, 0.5], "ignore_index": 0}, "class"),
    ("BCELoss", {"weight": [1.0, 2.0, 0.5]}, "binary"),
    ("BCEWithLogitsLoss", {"weight": [1.0, 2.0, 0.5], "pos_weight": [3.0, 1.0, 0.1]}, "binary"),
    ("KLDivLoss", {"reduction": "batchmean"}, "probability"),
    ("KLDivLoss", {"log_target": True, "reduction": "sum"}, "real"),
]


@pytest.mark.parametrize(("name", "options", "kind"), LOSSES)
def test_losses(name, options, kind):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(4, 3)).astype(np.float32)
    if name == "BCELoss":
        scores = 1 / (1 + np.exp(-scores))
    probabilities = rng.dirichlet(np.ones(3), size=4).astype(np.float32)
    targets = {
        "real": rng.normal(size=(4, 3)).astype(np.float32),
        "class": np.array([0, 2, 1, 2]),
        "binary": (rng.random((4, 3)) > 0.5).astype(np.float32),
        "probability": probabilities,
    }
    results = []
    for lib in (tl, torch):
        tensors = {k: lib.tensor(v) if isinstance(v, list) else v for k, v in options.items()}
        loss = getattr(lib.nn, name)(**tensors)
        x = lib.tensor(scores, requires_grad=True)
        value = loss(x, lib.tensor(targets[kind]))
        value.sum().backward()
        results.append((repr(loss), value.detach().numpy(), x.grad.numpy()))
    (our_repr, our_value, our_grad), (their_repr, their_value, their_grad) = results
    assert our_repr == their_repr
    np.testing.assert_allclose(our_value, their_value, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(our_grad, their_grad, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("size_average", "reduce", "reduction"),
    [
        (True, None, "mean"),
        (False, None, "sum"),
        (None, False, "none"),
        (False, False, "none"),
        (True, True, "mean"),
    ],
)
def test_deprecated_loss_arguments(size_average, reduce, reduction):
    with pytest.warns(UserWarning, match=f"please use reduction='{reduction}' instead"):
        assert nn.MSELoss(size_average, reduce).reduction == reduction


def test_loss_weights_are_buffers():
    loss = nn.CrossEntropyLoss(weight=tl.ones(3))
    assert list(loss.state_dict()) == ["weight"]
    assert list(nn.BCEWithLogitsLoss(pos_weight=tl.ones(3)).state_dict()) == ["pos_weight"]


def public_modules():
    found = {name: getattr(nn, name) for name in dir(nn)}
    return [name for name, value in found.items() if inspect.isclass(value) and issubclass(value, nn.Module)]


@pytest.mark.parametrize("name", public_modules())
def test_signatures_are_those_of_pytorch(name):
    torch = pytest.importorskip("torch")

    def parameters(lib, method):
        function = getattr(getattr(lib.nn, name), method)
        return [(p.name, by_name(p.default), p.kind) for p in inspect.signature(function).parameters.values()]

    def by_name(default):  # `activation=relu` is each library's own
        return default.__name__ if inspect.isfunction(default) or inspect.isbuiltin(default) else default

    if len(parameters(tl, "__init__")) > 1:  # those without arguments accept (*args, **kwargs) in PyTorch
        assert parameters(tl, "__init__") == parameters(torch, "__init__")
    if name not in ("Module", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict"):
        assert [p[0] for p in parameters(tl, "forward")] == [p[0] for p in parameters(torch, "forward")]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(3, 2), (64, 32), (1, 1), (784, 128)])
def test_linear_draws_the_values_of_pytorch(shape, dtype, bias):
    torch = pytest.importorskip("torch")
    tl.manual_seed(3)
    torch.manual_seed(3)
    ours = nn.Linear(*shape, bias=bias, dtype=getattr(tl, dtype))
    theirs = torch.nn.Linear(*shape, bias=bias, dtype=getattr(torch, dtype))
    assert repr(ours) == repr(theirs)
    np.testing.assert_array_equal(ours.weight.detach().numpy(), theirs.weight.detach().numpy())
    if bias:
        np.testing.assert_array_equal(ours.bias.detach().numpy(), theirs.bias.detach().numpy())
    else:
        assert ours.bias is None and list(ours.state_dict()) == ["weight"]


def test_linear_without_inputs():
    with pytest.warns(UserWarning, match="zero-element tensors"):
        layer = nn.Linear(0, 3)
    assert layer.bias.tolist() == [0.0, 0.0, 0.0]
    assert layer(tl.ones(2, 0)).shape == (2, 3)


def test_linear_refuses_other_devices():
    with pytest.raises((RuntimeError, ValueError), match="(?i)cpu"):
        nn.Linear(1, 1, device="cuda")
    assert nn.Linear(1, 1, device="cpu").weight.shape == (1, 1)


def test_dropout_depends_on_the_mode():
    layer = nn.Dropout(0.5)
    x = tl.ones(1000)
    assert layer.eval()(x).tolist() == x.tolist()
    assert set(layer.train()(x).tolist()) == {0.0, 2.0}
    with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1, but got 1.5"):
        nn.Dropout(1.5)


def test_mistakes():
    with pytest.raises(TypeError, match="unflattened_size must be a tuple of ints, but found type int"):
        nn.Unflatten(1, 3)
    with pytest.raises(TypeError, match="but found element of type float at pos 1"):
        nn.Unflatten(1, (3, 2.0))
    with pytest.raises(AssertionError, match="max_val"):
        nn.Hardtanh(1.0, -1.0)
    with pytest.warns(FutureWarning, match="`min_value` is deprecated"):
        assert nn.Hardtanh(min_value=-2.0).min_val == -2.0
    with pytest.raises(ValueError, match="in1_features"):
        nn.Bilinear(0, 1, 1)
