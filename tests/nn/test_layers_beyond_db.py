"""Layers and losses that PyTorch's database of modules leaves out, compared with PyTorch in the same way."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

import tapeless as tl
from tapeless import nn

torch = pytest.importorskip("torch")

from tests.nn.module_pair import Pair  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")


def numbers(*shape: int) -> Any:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def called(*args: Any, **kwargs: Any) -> Any:
    return SimpleNamespace(args=args, kwargs=kwargs)


def indices(high: int, *shape: int) -> Any:
    return torch.randint(high, shape)


def pooled(dims: int, *shape: int) -> tuple[Any, Any]:
    """Return maxima, and their places, of windows of 2."""
    values, places = getattr(torch.nn, f"MaxPool{dims}d")(2, return_indices=True)(numbers(*shape))
    return values.detach().requires_grad_(), places


def signs(*shape: int) -> Any:
    return torch.where(torch.rand(*shape, dtype=torch.float64) < 0.5, -1.0, 1.0)


def triplet() -> Any:
    return called(numbers(4, 3), numbers(4, 3), numbers(4, 3))


# name, arguments of the constructor, arguments of the call
CASES = [
    ("AdaptiveLogSoftmaxWithLoss", called(8, 20, [4, 10, 12]), lambda: called(numbers(6, 8), indices(20, 6))),
    ("AdaptiveLogSoftmaxWithLoss", called(8, 20, [4], 2.0, True), lambda: called(numbers(8), indices(20))),
    ("AdaptiveLogSoftmaxWithLoss", called(8, 20, [5, 9]), lambda: called(numbers(1, 8), torch.tensor([19]))),
    ("AlphaDropout", called(0.3), lambda: called(numbers(4, 5))),
    ("ChannelShuffle", called(2), lambda: called(numbers(2, 6, 3))),
    ("CosineSimilarity", called(dim=0), lambda: called(numbers(4, 3), numbers(4, 3))),
    ("Dropout", called(0.3, inplace=False), lambda: called(numbers(4, 5))),
    ("Dropout1d", called(0.3), lambda: called(numbers(2, 4, 5))),
    ("Dropout2d", called(0.3), lambda: called(numbers(2, 4, 5, 2))),
    ("Dropout3d", called(0.3), lambda: called(numbers(2, 4, 5, 2, 2))),
    ("EmbeddingBag", called(10, 3), lambda: called(indices(10, 4, 5))),
    ("EmbeddingBag", called(10, 3, mode="max"), lambda: called(indices(10, 7), torch.tensor([0, 2, 2]))),
    (
        "EmbeddingBag",
        called(10, 3, mode="sum", padding_idx=-9, include_last_offset=True),
        lambda: called(indices(10, 7), torch.tensor([0, 2, 7]), numbers(7)),
    ),
    ("EmbeddingBag", called(10, 3, max_norm=1.0, norm_type=1.0), lambda: called(indices(10, 4, 5))),
    ("Embedding", called(10, 3, padding_idx=-1), lambda: called(indices(10, 4, 5))),
    ("Embedding", called(10, 3, 2, 1.0, 1.0, True), lambda: called(indices(10, 4, 5))),
    ("FeatureAlphaDropout", called(0.3), lambda: called(numbers(2, 4, 5))),
    ("Fold", called((4, 5), (2, 2)), lambda: called(numbers(2, 8, 12))),
    ("Fold", called(6, 2, 2, 1, 2), lambda: called(numbers(2, 8, 9))),
    ("GaussianNLLLoss", called(full=True), lambda: called(numbers(4, 3), numbers(4, 3), 0.5)),
    ("InstanceNorm2d", called(3, track_running_stats=True), lambda: called(numbers(2, 3, 4, 5))),
    ("InstanceNorm1d", called(3, affine=True, bias=False), lambda: called(numbers(3, 4))),
    ("BatchNorm1d", called(3, momentum=None, bias=False), lambda: called(numbers(5, 3))),
    ("BatchNorm2d", called(3, track_running_stats=False), lambda: called(numbers(5, 3, 2, 2))),
    ("LazyBatchNorm1d", called(momentum=0.2), lambda: called(numbers(5, 3))),
    ("LazyBatchNorm2d", called(affine=False), lambda: called(numbers(5, 3, 2, 2))),
    ("LazyBatchNorm3d", called(bias=False), lambda: called(numbers(5, 3, 2, 2, 2))),
    ("LazyInstanceNorm1d", called(), lambda: called(numbers(2, 3, 4))),
    ("LazyInstanceNorm2d", called(track_running_stats=False), lambda: called(numbers(2, 3, 4, 2))),
    ("LazyInstanceNorm3d", called(affine=False), lambda: called(numbers(2, 3, 4, 2, 2))),
    ("LazyLinear", called(4), lambda: called(numbers(2, 3, 5))),
    ("LazyLinear", called(4, bias=False), lambda: called(numbers(5))),
    ("MaxUnpool1d", called(2), lambda: called(*pooled(1, 2, 3, 6))),
    ("MaxUnpool2d", called((2, 2)), lambda: called(*pooled(2, 2, 3, 6, 4))),
    ("MaxUnpool2d", called(2), lambda: called(*pooled(2, 2, 3, 7, 5), output_size=[7, 5])),
    ("MaxUnpool3d", called(2), lambda: called(*pooled(3, 2, 3, 6, 4, 2))),
    ("MultiLabelSoftMarginLoss", called(torch.rand(3)), lambda: called(numbers(4, 3), indices(2, 4, 3).double())),
    ("PairwiseDistance", called(3.0, keepdim=True), lambda: called(numbers(4, 3), numbers(4, 3))),
    ("PixelShuffle", called(2), lambda: called(numbers(2, 8, 3, 2))),
    ("PixelUnshuffle", called(2), lambda: called(numbers(2, 3, 6, 4))),
    ("PoissonNLLLoss", called(False, True), lambda: called(torch.rand(4, 3), numbers(4, 3).detach())),
    ("RReLU", called(0.1, 0.4), lambda: called(numbers(4, 5))),
    ("Threshold", called(0.1, 20.0), lambda: called(numbers(4, 5))),
    ("TripletMarginLoss", called(0.5, 1.0), triplet),
    (
        "TripletMarginLoss",
        called(swap=True, reduction="none"),
        triplet,
    ),
    ("TripletMarginWithDistanceLoss", called(swap=True), triplet),
    ("CosineEmbeddingLoss", called(0.2), lambda: called(numbers(4, 3), numbers(4, 3), signs(4))),
    ("Unfold", called((2, 3)), lambda: called(numbers(2, 5, 3, 4))),
    ("Unfold", called(2, 2, 1, 2), lambda: called(numbers(2, 5, 6, 6))),
    ("Upsample", called(scale_factor=2), lambda: called(numbers(2, 3, 4))),
    ("Upsample", called((5, 7), mode="bicubic"), lambda: called(numbers(2, 3, 4, 4))),
    ("Upsample", called(scale_factor=(1.5, 2), mode="bilinear"), lambda: called(numbers(2, 3, 4, 4))),
    ("Upsample", called(None, 2, "trilinear", True), lambda: called(numbers(1, 2, 3, 2, 2))),
    (
        "Upsample",
        called(scale_factor=1.6, mode="linear", recompute_scale_factor=True),
        lambda: called(numbers(1, 2, 3)),
    ),
    ("UpsamplingBilinear2d", called(scale_factor=3), lambda: called(numbers(2, 3, 2, 2))),
    ("UpsamplingNearest2d", called((4, 6)), lambda: called(numbers(2, 3, 2, 2))),
    ("ConvTranspose2d", called(2, 3, 3, 2, 1), lambda: called(numbers(1, 2, 4, 4), output_size=(8, 7))),
    ("ConvTranspose1d", called(2, 3, 3, 2, 1), lambda: called(numbers(2, 4), output_size=[3, 8])),
    ("Conv2d", called(2, 4, 3, padding="same", padding_mode="reflect", groups=2), lambda: called(numbers(1, 2, 4, 5))),
    ("Conv1d", called(2, 4, 3, padding="valid", bias=False, dilation=(2,)), lambda: called(numbers(2, 8))),
    ("LayerNorm", called([3, 4], bias=False), lambda: called(numbers(2, 3, 4))),
    ("GroupNorm", called(2, 4, bias=False), lambda: called(numbers(2, 4, 3))),
]


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize(
    ("name", "constructor", "forward"), CASES, ids=[f"{i}-{case[0]}" for i, case in enumerate(CASES)]
)
def test_layer(name, constructor, forward, training):
    torch.manual_seed(1)
    Pair(name, constructor, forward(), training).check()


@pytest.mark.parametrize("size", [3, 4, 5])
def test_cross_map_lrn(size):
    # PyTorch forgets to take the first channel out of later windows, and its gradient fails its own gradcheck.
    x = numbers(2, 2, 3, 2)
    ours, theirs = (lib.nn.CrossMapLRN2d(size, 0.5, 0.6, 2.0) for lib in (tl, torch))
    y = tl.tensor(x.detach().numpy(), requires_grad=True)
    assert repr(ours) == repr(theirs)
    assert abs(ours(y).detach().numpy() - theirs(x).detach().numpy()).max() < 1e-12
    assert tl.autograd.gradcheck(ours, y)


NOT_PLANNED = {"Container", "SyncBatchNorm"}  # deprecated; for several devices


def test_every_name_of_torch_nn_is_here():
    names = {name for name in vars(torch.nn) if name[0].isupper()}
    assert {name for name in names if not hasattr(nn, name)} == NOT_PLANNED


def test_predictions_of_the_adaptive_softmax():
    torch.manual_seed(0)
    pair = Pair("AdaptiveLogSoftmaxWithLoss", called(8, 20, [4, 10]), called(numbers(50, 8), indices(20, 50)), True)
    pair.check()
    x = next(iter(pair.made.values()))
    theirs = pair.forward.args[0]
    assert pair.ours.predict(x).tolist() == pair.theirs.predict(theirs).tolist()
    assert len(set(pair.ours.predict(x * 30).tolist())) > 2
    log_prob, expected = pair.ours.log_prob(x), pair.theirs.log_prob(theirs)
    assert abs(log_prob.detach().numpy() - expected.detach().numpy()).max() < 1e-12


def test_pretrained_tables_share_memory():
    for kind in ("Embedding", "EmbeddingBag"):
        ours = getattr(nn, kind).from_pretrained
        theirs = getattr(torch.nn, kind).from_pretrained
        table = tl.tensor([[1.0, 2.0], [3.0, 4.0]])
        layer, other = ours(table, padding_idx=1), theirs(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), padding_idx=1)
        assert repr(layer) == repr(other) and not layer.weight.requires_grad
        layer.weight[0, 0] = 9
        assert table.tolist() == [[9.0, 2.0], [3.0, 4.0]]
        assert ours(table, freeze=False).weight.requires_grad
