"""nn.init: PyTorch's values from the same seed, and its errors."""

from __future__ import annotations

import numpy as np
import pytest

import tapeless as tl
from tapeless.nn import init

DRAWS = [
    ("uniform_", {"a": -2.0, "b": 3.0}),
    ("normal_", {"mean": 1.0, "std": 2.0}),
    ("xavier_uniform_", {"gain": 1.5}),
    ("xavier_normal_", {}),
    ("kaiming_uniform_", {"a": 0.2, "mode": "fan_out"}),
    ("kaiming_uniform_", {"nonlinearity": "relu"}),
    ("kaiming_normal_", {"mode": "fan_out", "nonlinearity": "relu"}),
    ("trunc_normal_", {"std": 0.02}),
    ("trunc_normal_", {"a": -0.5, "b": 1.0}),
    ("trunc_normal_", {"a": 1.5, "b": 2.0}),
    ("orthogonal_", {"gain": 2.0}),
    ("sparse_", {"sparsity": 0.3}),
    ("constant_", {"val": 4.0}),
    ("ones_", {}),
    ("zeros_", {}),
    ("eye_", {}),
]


@pytest.mark.parametrize("shape", [(20, 30), (30, 20)])
@pytest.mark.parametrize(("name", "options"), DRAWS)
def test_values_are_those_of_pytorch(name, options, shape):
    torch = pytest.importorskip("torch")
    tl.manual_seed(1)
    torch.manual_seed(1)
    ours, theirs = tl.empty(*shape), torch.empty(*shape)
    assert getattr(init, name)(ours, **options) is ours
    getattr(torch.nn.init, name)(theirs, **options)
    tolerance = 2e-5 if name == "orthogonal_" else 1e-6
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=tolerance, atol=tolerance)
    # The stream has moved on by the same amount.
    np.testing.assert_array_equal(tl.rand(3).numpy(), torch.rand(3).numpy())


@pytest.mark.parametrize("shape", [(4, 2, 3), (4, 6, 2, 3), (6, 2, 1, 2, 3)])
def test_dirac(shape):
    torch = pytest.importorskip("torch")
    for groups in (1, 2):
        ours, theirs = (
            init.dirac_(tl.empty(*shape), groups),
            torch.nn.init.dirac_(torch.empty(*shape), groups),
        )
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_gains():
    torch = pytest.importorskip("torch")
    for name in ("linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"):
        assert init.calculate_gain(name) == torch.nn.init.calculate_gain(name)
    assert init.calculate_gain("leaky_relu", 0.3) == torch.nn.init.calculate_gain("leaky_relu", 0.3)
    with pytest.raises(ValueError, match="Unsupported nonlinearity swish"):
        init.calculate_gain("swish")
    with pytest.raises(ValueError, match="negative_slope True not a valid number"):
        init.calculate_gain("leaky_relu", True)


def test_parameters_are_filled_without_history():
    p = tl.nn.Parameter(tl.empty(4, 4))
    for fill in (init.uniform_, init.normal_, init.zeros_, init.eye_, init.orthogonal_, init.trunc_normal_):
        assert fill(p) is p and p.is_leaf and p.requires_grad and p.grad_fn is None
    init.orthogonal_(p)
    product = (p @ p.T).detach().numpy()
    np.testing.assert_allclose(product, np.eye(4), atol=1e-6)


def test_generators_are_used():
    a = init.uniform_(tl.empty(3), generator=tl.Generator().manual_seed(5))
    b = init.uniform_(tl.empty(3), generator=tl.Generator().manual_seed(5))
    assert a.tolist() == b.tolist()


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (lambda: init.eye_(tl.empty(2)), "Only tensors with 2 dimensions are supported"),
        (lambda: init.sparse_(tl.empty(2), 0.1), "Only tensors with 2 dimensions are supported"),
        (lambda: init.dirac_(tl.empty(2)), "Only tensors with 3, 4, or 5 dimensions are supported"),
        (lambda: init.dirac_(tl.empty(3, 1, 1), 2), "dim 0 must be divisible by groups"),
        (lambda: init.orthogonal_(tl.empty(2)), "Only tensors with 2 or more dimensions are supported"),
        (lambda: init.xavier_uniform_(tl.empty(2)), "fewer than 2 dimensions"),
        (lambda: init.kaiming_uniform_(tl.empty(2, 2), mode="fan"), "Mode fan not supported"),
    ],
)
def test_mistakes(action, message):
    with pytest.raises(ValueError, match=message):
        action()


def test_warnings():
    with pytest.warns(UserWarning, match="Initializing zero-element tensors is a no-op"):
        init.kaiming_normal_(tl.empty(0, 2))
    with pytest.warns(UserWarning, match="mean is more than 2 std"):
        init.trunc_normal_(tl.empty(3), mean=10.0)
    with pytest.warns(FutureWarning, match="`nn.init.xavier_uniform` is now deprecated"):
        init.xavier_uniform(tl.empty(2, 2))
