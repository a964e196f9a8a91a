"""Layers fused with the batch normalization behind them."""

from __future__ import annotations

import numpy as np
import pytest

import tapeless as tl
from tapeless import nn

CASES = {
    "conv1d": ("Conv1d", (2, 4, 3), "BatchNorm1d", 4, (2, 2, 6)),
    "conv2d": ("Conv2d", (2, 4, 3, 2), "BatchNorm2d", 4, (2, 2, 6, 6)),
    "conv3d": ("Conv3d", (2, 3, 2), "BatchNorm3d", 3, (1, 2, 3, 3, 3)),
    "transposed": ("ConvTranspose2d", (2, 4, 3), "BatchNorm2d", 4, (2, 2, 4, 4)),
    "linear": ("Linear", (3, 5), "BatchNorm1d", 5, (4, 3)),
}


def fused(lib, case, affine, **options):
    """Return what the two layers and the fused one give, and the state of the fused one."""
    layer_name, sizes, norm_name, features, shape = CASES[case]
    lib.manual_seed(0)
    layer = getattr(lib.nn, layer_name)(*sizes, **options)
    norm = getattr(lib.nn, norm_name)(features, affine=affine)
    with lib.no_grad():
        norm.running_mean.copy_(lib.arange(float(features)))
        norm.running_var.copy_(lib.arange(float(features)) + 0.5)
        if affine:
            norm.weight.copy_(lib.linspace(-1, 2, features))
            norm.bias.copy_(lib.linspace(0, 3, features))
    layer.eval(), norm.eval()
    if layer_name == "Linear":
        one = lib.nn.utils.fuse_linear_bn_eval(layer, norm)
    else:
        one = lib.nn.utils.fuse_conv_bn_eval(layer, norm, transpose="Transpose" in layer_name)
    x = lib.linspace(-1, 1, int(np.prod(shape))).reshape(shape)
    needs = [(name, p.requires_grad) for name, p in one.named_parameters()]
    return norm(layer(x)).detach().numpy(), one(x).detach().numpy(), one.state_dict(), needs


@pytest.mark.parametrize("options", [{}, {"bias": False}], ids=["bias", "no bias"])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_one_layer_does_what_two_did(case, affine, options):
    two, one, state, needs = fused(tl, case, affine, **options)
    np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5)
    if case == "linear" and not affine:
        return  # PyTorch's raises TypeError
    _, _, theirs, their_needs = fused(pytest.importorskip("torch"), case, affine, **options)
    assert needs == their_needs
    for name, value in theirs.items():
        np.testing.assert_allclose(state[name].numpy(), value.numpy(), rtol=1e-5, atol=1e-6)


def test_a_single_feature_for_all():
    layer, norm = nn.Linear(2, 3).eval(), nn.BatchNorm1d(1).eval()
    norm.running_mean.fill_(2.0)
    one = nn.utils.fuse_linear_bn_eval(layer, norm)
    np.testing.assert_allclose(
        one(tl.ones(1, 2)).detach().numpy(), (layer(tl.ones(1, 2)).detach().numpy() - 2) / np.sqrt(1 + 1e-5), rtol=1e-5
    )


def test_what_cannot_be_fused():
    with pytest.raises(AssertionError, match="Fusion only for eval!"):
        nn.utils.fuse_conv_bn_eval(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1).eval())
    with pytest.raises(AssertionError, match="Fusion only for eval!"):
        nn.utils.fuse_linear_bn_eval(nn.Linear(1, 1).eval(), nn.BatchNorm1d(1))
    with pytest.raises(AssertionError, match=r"got linear.out_features=3 and bn.num_features=4"):
        nn.utils.fuse_linear_bn_eval(nn.Linear(2, 3).eval(), nn.BatchNorm1d(4).eval())
    with pytest.raises(AssertionError, match="running_mean and bn.running_var must not be None"):
        nn.utils.fuse_conv_bn_eval(nn.Conv2d(1, 1, 1).eval(), nn.BatchNorm2d(1, track_running_stats=False).eval())
