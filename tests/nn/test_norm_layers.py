"""Normalization layers: what becomes of the running statistics, and old state dicts."""

from __future__ import annotations

import numpy as np
import pytest

import tapeless as tl
from tapeless import nn

X = np.random.default_rng(0).normal(2.0, 3.0, (4, 3, 5))


def x(**options):
    return tl.tensor(X, **options)


def test_running_statistics_move_by_the_momentum():
    layer = nn.BatchNorm1d(3, momentum=0.25, dtype=tl.float64)
    out = layer(x())
    mean, var = X.mean((0, 2)), X.var((0, 2), ddof=1)
    np.testing.assert_allclose(layer.running_mean.numpy(), 0.25 * mean)
    np.testing.assert_allclose(layer.running_var.numpy(), 0.75 + 0.25 * var)
    assert layer.num_batches_tracked.item() == 1 and layer.num_batches_tracked.dtype == tl.int64
    np.testing.assert_allclose(out.detach().numpy().mean((0, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(out.detach().numpy().var((0, 2)), 1, rtol=1e-4)


def test_evaluation_uses_them_and_leaves_them():
    layer = nn.BatchNorm1d(3, dtype=tl.float64)
    layer(x())
    before = layer.running_mean.tolist()
    out = layer.eval()(x())
    expected = (X - layer.running_mean.numpy()[:, None]) / np.sqrt(layer.running_var.numpy()[:, None] + 1e-5)
    np.testing.assert_allclose(out.detach().numpy(), expected)
    assert layer.running_mean.tolist() == before and layer.num_batches_tracked.item() == 1
    layer.reset_running_stats()
    assert layer.running_mean.tolist() == [0.0] * 3 and layer.num_batches_tracked.item() == 0


def test_without_momentum_the_mean_over_all_batches():
    layer = nn.BatchNorm1d(3, momentum=None, dtype=tl.float64)
    for k in (1, 2, 3):
        layer(x() * k)
    np.testing.assert_allclose(layer.running_mean.numpy(), X.mean((0, 2)) * 2)


def test_untracked_layers_have_no_statistics():
    layer = nn.BatchNorm1d(3, track_running_stats=False, dtype=tl.float64)
    assert list(layer.state_dict()) == ["weight", "bias"]
    assert layer.train()(x()).tolist() == layer.eval()(x()).tolist()
    plain = nn.BatchNorm1d(3, affine=False)
    assert list(plain.parameters()) == [] and plain.weight is None and plain.bias is None
    assert [name for name, _ in nn.GroupNorm(1, 3, bias=False).named_parameters()] == ["weight"]


def test_instance_norm_tracks_the_mean_over_instances():
    layer = nn.InstanceNorm1d(3, track_running_stats=True, dtype=tl.float64)
    layer(x())
    np.testing.assert_allclose(layer.running_mean.numpy(), 0.1 * X.mean(2).mean(0))
    out = layer.eval()(x()[0])
    assert out.shape == (3, 5) and out.tolist() == layer(x())[0].tolist()


def test_statistics_follow_the_dtype_of_the_module():
    layer = nn.BatchNorm1d(3).double()
    assert layer.running_mean.dtype == tl.float64 and layer.num_batches_tracked.dtype == tl.int64
    layer(x())


def test_state_dicts_from_before_batches_were_counted():
    layer, old = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
    layer(x().float())
    state = old.state_dict()
    assert state._metadata[""] == {"version": 2}
    del state["num_batches_tracked"]
    with pytest.raises(RuntimeError, match='Missing key.*"num_batches_tracked"'):
        layer.load_state_dict(state)
    state._metadata[""]["version"] = 1
    layer.load_state_dict(state)
    assert layer.num_batches_tracked.item() == 1 and layer.running_mean.tolist() == [0.0] * 3
    del state._metadata
    nn.Sequential(layer).load_state_dict({f"0.{key}": value for key, value in state.items()})


def test_state_dicts_from_when_instance_norm_always_tracked():
    state = nn.InstanceNorm1d(3, track_running_stats=True).state_dict()
    del state._metadata
    del state["num_batches_tracked"]
    with pytest.raises(
        RuntimeError, match=r'Unexpected running stats buffer\(s\) "running_mean" and "running_var" for'
    ):
        nn.InstanceNorm1d(3).load_state_dict(state)


def test_inputs_that_do_not_fit():
    with pytest.raises(ValueError, match=r"expected 2D or 3D input \(got 4D input\)"):
        nn.BatchNorm1d(3)(tl.ones(1, 3, 2, 2))
    with pytest.raises(ValueError, match=r"expected 4D input \(got 3D input\)"):
        nn.BatchNorm2d(3)(tl.ones(3, 2, 2))
    with pytest.raises(ValueError, match=r"expected 5D input \(got 3D input\)"):
        nn.LazyBatchNorm3d()(tl.ones(3, 2, 2))
    with pytest.raises(ValueError, match="Expected more than 1 value per channel when training"):
        nn.BatchNorm1d(3)(tl.ones(1, 3))
    with pytest.raises(ValueError, match=r"expected 3D or 4D input \(got 2D input\)"):
        nn.InstanceNorm2d(3)(tl.ones(3, 2))
    with pytest.raises(ValueError, match=r"expected input's size at dim=1 to match num_features \(3\), but got: 2."):
        nn.InstanceNorm1d(3, affine=True)(tl.ones(1, 2, 4))
    with pytest.warns(UserWarning, match="input's size at dim=0 does not match num_features"):
        nn.InstanceNorm1d(3)(tl.rand(2, 4))
    with pytest.raises(ValueError, match=r"num_channels \(5\) must be divisible by num_groups \(2\)"):
        nn.GroupNorm(2, 5)
    with pytest.raises(ValueError, match="CrossMapLRN2d: Expected input to be 4D, got 3D instead"):
        nn.CrossMapLRN2d(3)(tl.ones(1, 3, 2))


def test_batch_norm_of_large_means_keeps_its_digits():
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((8, 3, 6, 6)) + 1000).astype(np.float32)
    out = tl.nn.functional.batch_norm(tl.tensor(x), None, None, training=True, eps=1e-5).numpy()
    exact = x.astype(np.float64) - x.mean(axis=(0, 2, 3), keepdims=True, dtype=np.float64)
    exact /= np.sqrt((exact**2).mean(axis=(0, 2, 3), keepdims=True) + 1e-5)
    assert abs(out - exact).max() < 1e-3
    assert abs(float(out.std()) - 1) < 1e-4
