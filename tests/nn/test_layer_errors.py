"""What layers refuse, by message; each row was seen in PyTorch, with the same kind and first line."""

from __future__ import annotations

import pytest

import tapeless as tl
from tapeless import nn

ROWS = [
    (ValueError, "groups must be a positive integer", lambda lib: lib.nn.Conv2d(2, 2, 1, groups=0)),
    (ValueError, "in_channels must be divisible by groups", lambda lib: lib.nn.Conv2d(3, 2, 1, groups=2)),
    (ValueError, "out_channels must be divisible by groups", lambda lib: lib.nn.Conv2d(2, 3, 1, groups=2)),
    (
        ValueError,
        "Invalid padding string 'sane', should be one of {",
        lambda lib: lib.nn.Conv1d(1, 1, 1, padding="sane"),
    ),
    (
        ValueError,
        "padding='same' is not supported for strided convolutions",
        lambda lib: lib.nn.Conv2d(1, 1, 1, stride=(1, 2), padding="same"),
    ),
    (ValueError, "padding_mode must be one of {", lambda lib: lib.nn.Conv2d(1, 1, 1, padding_mode="mirror")),
    (
        ValueError,
        'Only "zeros" padding mode is supported for ConvTranspose2d',
        lambda lib: lib.nn.ConvTranspose2d(1, 1, 1, padding_mode="circular"),
    ),
    (
        ValueError,
        "ConvTranspose2D: for 4D input, output_size must have 2 or 4 elements (got 3)",
        lambda lib: lib.nn.ConvTranspose2d(1, 1, 1)(lib.ones(1, 1, 2, 2), output_size=(1, 2, 3)),
    ),
    (
        ValueError,
        "requested an output size of [9], but valid sizes range from [4] to [5] (for an input of torch.Size([2]))",
        lambda lib: lib.nn.ConvTranspose1d(1, 1, 2, stride=2)(lib.ones(1, 1, 2), output_size=[9]),
    ),
    (
        ValueError,
        "FractionalMaxPool2d requires specifying either an output size, or a pooling ratio",
        lambda lib: lib.nn.FractionalMaxPool2d(2),
    ),
    (
        ValueError,
        "only one of output_size and output_ratio may be specified",
        lambda lib: lib.nn.FractionalMaxPool3d(2, 2, 0.5),
    ),
    (
        ValueError,
        "output_ratio must be between 0 and 1 (got 1.5)",
        lambda lib: lib.nn.FractionalMaxPool2d(2, output_ratio=1.5),
    ),
    (
        ValueError,
        "kernel_size must be greater than 0, but got (2, 0, 2)",
        lambda lib: lib.nn.FractionalMaxPool3d((2, 0, 2), output_size=1),
    ),
    (ValueError, "expected 2D or 3D input (got 1D input)", lambda lib: lib.nn.CircularPad1d(1)(lib.ones(3))),
    (ValueError, "expected 4D or 5D input (got 3D input)", lambda lib: lib.nn.CircularPad3d(1)(lib.ones(1, 2, 3))),
    (AssertionError, "Padding_idx must be within num_embeddings", lambda lib: lib.nn.Embedding(3, 2, padding_idx=3)),
    (
        AssertionError,
        "padding_idx must be within num_embeddings",
        lambda lib: lib.nn.EmbeddingBag(3, 2, padding_idx=-4),
    ),
    (
        AssertionError,
        "Shape of weight does not match num_embeddings and embedding_dim",
        lambda lib: lib.nn.Embedding(3, 2, _weight=lib.ones(2, 3)),
    ),
    (
        AssertionError,
        "Embeddings parameter is expected to be 2-dimensional",
        lambda lib: lib.nn.Embedding.from_pretrained(lib.ones(3)),
    ),
    (ValueError, "only p == 1 and p == 2 supported", lambda lib: lib.nn.MultiMarginLoss(p=3)),
    (
        ValueError,
        "MultiMarginLoss: expected weight to be None or 1D tensor, got 2D instead",
        lambda lib: lib.nn.MultiMarginLoss(weight=lib.ones(2, 2)),
    ),
    (
        ValueError,
        "TripletMarginLoss: expected margin to be greater than 0, got 0 instead",
        lambda lib: lib.nn.TripletMarginLoss(margin=0),
    ),
    (
        ValueError,
        "TripletMarginWithDistanceLoss: expected margin to be greater than 0, got -1.0 instead",
        lambda lib: lib.nn.TripletMarginWithDistanceLoss(margin=-1.0),
    ),
    (TypeError, "delta must be a float or int, got: <class 'str'>", lambda lib: lib.nn.HuberLoss(delta="1")),
    (
        ValueError,
        "Softmax2d: expected input to be 3D or 4D, got 2D instead",
        lambda lib: lib.nn.Softmax2d()(lib.ones(2, 2)),
    ),
    (
        ValueError,
        "cutoffs should be a sequence of length larger than 0",
        lambda lib: lib.nn.AdaptiveLogSoftmaxWithLoss(4, 9, []),
    ),
    *(
        (
            ValueError,
            "cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where each "
            "value is between 1 and n_classes-1",
            lambda lib, cutoffs=cutoffs: lib.nn.AdaptiveLogSoftmaxWithLoss(4, 9, cutoffs),
        )
        for cutoffs in ([2, 2], [3, 2], [0, 2], [2, 9], [2.5])
    ),
    (
        RuntimeError,
        "0D or 1D target tensor expected, multi-target not supported",
        lambda lib: lib.nn.AdaptiveLogSoftmaxWithLoss(4, 9, [2])(lib.ones(2, 4), lib.ones(2, 1, dtype=lib.int64)),
    ),
    (
        RuntimeError,
        "Input and target should have the same size in the batch dimension.",
        lambda lib: lib.nn.AdaptiveLogSoftmaxWithLoss(4, 9, [2])(lib.ones(3, 4), lib.ones(2, dtype=lib.int64)),
    ),
    (
        RuntimeError,
        "0D target tensor expects 1D input tensors, but found inputs with size torch.Size([1, 4])",
        lambda lib: lib.nn.AdaptiveLogSoftmaxWithLoss(4, 9, [2])(lib.ones(1, 4), lib.tensor(1)),
    ),
    (
        RuntimeError,
        "Target values should be in [0, 8], but values in range [1, 9] were found. ",
        lambda lib: lib.nn.AdaptiveLogSoftmaxWithLoss(4, 9, [2])(lib.ones(2, 4), lib.tensor([1, 9])),
    ),
    (
        RuntimeError,
        "expected weight shape to be (3,), got (2,)",
        lambda lib: lib.nn.LinearCrossEntropyLoss(4, 3, weight=lib.ones(2)),
    ),
    (
        RuntimeError,
        "expected label_smoothing to be in range [0, 1], got 2",
        lambda lib: lib.nn.LinearCrossEntropyLoss(4, 3, label_smoothing=2),
    ),
    (
        RuntimeError,
        "expected input with dimensionality 1 or 2, got 3",
        lambda lib: lib.nn.LinearCrossEntropyLoss(4, 3)(lib.ones(1, 2, 4), lib.tensor([1])),
    ),
    (ValueError, "invalid acc_policy: 'best'", lambda lib: lib.nn.LinearCrossEntropyOptions(acc_policy="best")),
    (
        ValueError,
        "invalid chunking_method: 'aspect_ratio:0'",
        lambda lib: lib.nn.LinearCrossEntropyOptions(chunking_method="aspect_ratio:0"),
    ),
    (
        ValueError,
        "batch_chunk_size must be positive int or None, got 0",
        lambda lib: lib.nn.LinearCrossEntropyOptions(batch_chunk_size=0),
    ),
    (ValueError, "dropout probability has to be between 0 and 1, but got 2", lambda lib: lib.nn.AlphaDropout(2)),
    (
        ValueError,
        "in1_features must be > 0, but got (in1_features=0)",
        lambda lib: lib.nn.Bilinear(0, 1, 1),
    ),
    (AssertionError, "max_val (1.0) must be greater than min_val (2.0)", lambda lib: lib.nn.Hardtanh(2.0, 1.0)),
]


@pytest.mark.parametrize(("kind", "message", "mistake"), ROWS, ids=[message for _, message, _ in ROWS])
def test_message(kind, message, mistake):
    with pytest.raises(kind) as caught:
        mistake(tl)
    assert str(caught.value).split("\n")[0].startswith(message)


@pytest.mark.parametrize(("kind", "message", "mistake"), ROWS, ids=[message for _, message, _ in ROWS])
def test_message_is_that_of_pytorch(kind, message, mistake):
    torch = pytest.importorskip("torch")
    with pytest.raises(kind) as caught:
        mistake(torch)
    line = str(caught.value).split("\n")[0]
    # PyTorch writes sets, in whatever order, and full lines otherwise.
    assert line.startswith(message) if message.endswith("{") else line == message


def test_deprecated_names_warn():
    with pytest.warns(FutureWarning, match="`NLLLoss2d` has been deprecated"):
        nn.NLLLoss2d()
    with pytest.warns(FutureWarning, match="keyword argument `max_value` is deprecated and renamed to `max_val`"):
        nn.Hardtanh(max_value=3.0)


def test_activations_are_of_the_classes_that_they_are_in_pytorch():
    assert isinstance(nn.ReLU6(), nn.Hardtanh) and isinstance(nn.ZeroPad2d(1), nn.ConstantPad2d)


def test_base_classes_are_where_programs_look_for_them():
    for name in ("BatchNorm1d", "BatchNorm3d", "LazyBatchNorm2d"):
        assert issubclass(getattr(nn, name), nn.modules.batchnorm._BatchNorm)
    assert issubclass(nn.InstanceNorm2d, nn.modules.instancenorm._InstanceNorm)
    assert issubclass(nn.LazyConvTranspose2d, nn.modules.conv._ConvTransposeNd)
    assert issubclass(nn.Conv1d, nn.modules.conv._ConvNd) and issubclass(nn.LazyLinear, nn.modules.lazy.LazyModuleMixin)
    assert issubclass(nn.CTCLoss, nn.modules.loss._Loss) and issubclass(
        nn.MultiMarginLoss, nn.modules.loss._WeightedLoss
    )
