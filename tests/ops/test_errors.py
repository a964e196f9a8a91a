"""Errors keep PyTorch's first line, and add what to do. The lines are frozen here, and compared where PyTorch is."""
# ruff: noqa: E501  a frozen line is one line

from __future__ import annotations

import warnings
from typing import Any

import pytest

import tapeless as tl

try:
    import torch
except ImportError:
    torch = None


def z(t: Any, *shape: int, **options: Any) -> Any:
    """Return zeros."""
    return t.zeros(shape, **options)


# What is called with a library, and PyTorch's first line.
CASES: dict[str, tuple[Any, type[Exception], str]] = {}


def case(name: str, kind: type[Exception], line: str) -> Any:
    """Add a case: a function of the library that fails."""

    def add(call: Any) -> Any:
        assert name not in CASES
        CASES[name] = call, kind, line
        return call

    return add


def cases(kind: type[Exception], **calls: tuple[str, Any]) -> None:
    """Add cases of one kind of exception."""
    for name, (line, call) in calls.items():
        case(name, kind, line)(call)


cases(
    RuntimeError,
    broadcast=(
        "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1",
        lambda t: z(t, 2, 3) + z(t, 4),
    ),
    broadcast_in_place=(
        "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 0",
        lambda t: z(t, 3).add_(z(t, 4)),
    ),
    broadcast_tensors=(
        "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1",
        lambda t: t.broadcast_tensors(z(t, 2, 3), z(t, 1), z(t, 4)),
    ),
    cholesky_nan=(
        "linalg.cholesky: The factorization could not be completed because the input is not positive-definite (the leading minor of order 2 is not positive-definite).",
        lambda t: t.linalg.cholesky(t.tensor([[1.0, 0.0], [0.0, float("nan")]])),
    ),
    cholesky_batch=(
        "linalg.cholesky: (Batch element 1): The factorization could not be completed because the input is not positive-definite (the leading minor of order 1 is not positive-definite).",
        lambda t: t.linalg.cholesky(t.stack([t.eye(2), -t.eye(2)])),
    ),
    in_place_grows=(
        "output with shape [3] doesn't match the broadcast shape [2, 3]",
        lambda t: z(t, 3).add_(z(t, 2, 3)),
    ),
    in_place_dtype=(
        "result type Float can't be cast to the desired output type Long",
        lambda t: z(t, 3, dtype=t.int64).add_(1.5),
    ),
    matmul=("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)", lambda t: z(t, 2, 3) @ z(t, 4, 5)),
    matmul_vector=("size mismatch, got input (2), mat (2x3), vec (4)", lambda t: z(t, 2, 3) @ z(t, 4)),
    matmul_dot=(
        "inconsistent tensor size, expected tensor [3] and src [4] to have the same number of elements, but got 3 and 4 elements respectively",
        lambda t: z(t, 3) @ z(t, 4),
    ),
    matmul_batched=(
        "Expected size for first two dimensions of batch2 tensor to be: [2, 4] but got: [2, 5].",
        lambda t: z(t, 2, 3, 4) @ z(t, 2, 5, 6),
    ),
    matmul_0d=("both arguments to matmul need to be at least 1D, but they are 0D and 1D", lambda t: z(t) @ z(t, 3)),
    matmul_dtype=(
        "expected m1 and m2 to have the same dtype, but got: float != double",
        lambda t: z(t, 2, 3) @ z(t, 3, 2, dtype=t.float64),
    ),
    linear=(
        "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)",
        lambda t: t.nn.functional.linear(z(t, 2, 3), z(t, 5, 4)),
    ),
    linear_dtype=(
        "expected m1 and m2 to have the same dtype, but got: double != float",
        lambda t: t.nn.functional.linear(z(t, 2, 3, dtype=t.float64), z(t, 5, 3)),
    ),
    mm=("self must be a matrix", lambda t: t.mm(z(t, 3), z(t, 3, 2))),
    mm_second=("mat2 must be a matrix", lambda t: t.mm(z(t, 2, 3), z(t, 3))),
    bmm=("batch1 must be a 3D tensor", lambda t: t.bmm(z(t, 3), z(t, 1, 3, 2))),
    dot=("1D tensors expected, but got 2D and 1D tensors", lambda t: t.dot(z(t, 2, 3), z(t, 3))),
    mv=("vector + matrix @ vector expected, got 1, 2, 2", lambda t: t.mv(z(t, 2, 3), z(t, 3, 1))),
    outer=("outer: Expected 1-D argument self, but got 2-D", lambda t: t.outer(z(t, 2, 3), z(t, 3))),
    reshape=("shape '[4, 2]' is invalid for input of size 6", lambda t: z(t, 2, 3).reshape(4, 2)),
    reshape_two=("only one dimension can be inferred", lambda t: z(t, 2, 3).reshape(-1, -1)),
    reshape_negative=("invalid shape dimension -2", lambda t: z(t, 2, 3).reshape(-2, 3)),
    reshape_ambiguous=(
        "cannot reshape tensor of 0 elements into shape [0, -1] because the unspecified dimension size -1 can be any value and is ambiguous",
        lambda t: z(t, 0).reshape(0, -1),
    ),
    view=(
        "view size is not compatible with input tensor's size and stride (at least one dimension spans across two contiguous subspaces). Use .reshape(...) instead.",
        lambda t: z(t, 2, 3).t().view(6),
    ),
    view_size=("shape '[4]' is invalid for input of size 6", lambda t: z(t, 2, 3).view(4)),
    expand=(
        "The expanded size of the tensor (4) must match the existing size (3) at non-singleton dimension 1.  Target sizes: [2, 4].  Tensor sizes: [3]",
        lambda t: z(t, 3).expand(2, 4),
    ),
    expand_fewer=(
        "expand(torch.FloatTensor{[2, 3]}, size=[3]): the number of sizes provided (1) must be greater or equal to the number of dimensions in the tensor (2)",
        lambda t: z(t, 2, 3).expand(3),
    ),
    permute=(
        "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired ordering of dimensions i.e. input.dim() = 2 is not equal to len(dims) = 3",
        lambda t: z(t, 2, 3).permute(0, 1, 2),
    ),
    permute_twice=("permute(): duplicate dims are not allowed.", lambda t: z(t, 2, 3).permute(0, 0)),
    transpose_3d=("t() expects a tensor with <= 2 dimensions, but self is 3D", lambda t: z(t, 2, 3, 4).t()),
    cat=(
        "Sizes of tensors must match except in dimension 0. Expected size 3 but got size 4 for tensor number 1 in the list.",
        lambda t: t.cat([z(t, 2, 3), z(t, 2, 4)]),
    ),
    cat_dims=("Tensors must have same number of dimensions: got 2 and 1", lambda t: t.cat([z(t, 2, 3), z(t, 3)])),
    cat_0d=("zero-dimensional tensor (at position 0) cannot be concatenated", lambda t: t.cat([z(t), z(t)])),
    stack=(
        "stack expects each tensor to be equal size, but got [2] at entry 0 and [3] at entry 1",
        lambda t: t.stack([z(t, 2), z(t, 3)]),
    ),
    split=(
        "split_with_sizes expects split_sizes to sum exactly to 5 (input tensor's size at dimension 0), but got split_sizes=[2, 2]",
        lambda t: t.split(z(t, 5), [2, 2]),
    ),
    chunk=("chunk expects `chunks` to be greater than 0, got: 0", lambda t: z(t, 4).chunk(0)),
    flatten=("flatten() has invalid args: start_dim cannot come after end_dim", lambda t: z(t, 2, 3).flatten(1, 0)),
    repeat=(
        "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor",
        lambda t: z(t, 2, 3).repeat(2),
    ),
    narrow=("start (3) + length (2) exceeds dimension size (4).", lambda t: z(t, 4).narrow(0, 3, 2)),
    sum_twice=("dim 0 appears multiple times in the list of dims", lambda t: z(t, 2, 3).sum((0, 0))),
    mean_of_integers=(
        "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: Long",
        lambda t: t.tensor([1, 2]).mean(),
    ),
    std_of_integers=("std and var only support floating point and complex dtypes", lambda t: t.tensor([1, 2]).std()),
    subtract_masks=(
        "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` operator instead.",
        lambda t: t.tensor([True]) - t.tensor([True]),
    ),
    subtract_mask=(
        "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, use the `~` or `logical_not()` operator instead.",
        lambda t: 1 - t.tensor([True]),
    ),
    negate_mask=(
        "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use the `~` or `logical_not()` operator instead.",
        lambda t: -t.tensor([True]),
    ),
    alpha=(
        "For integral input tensors, argument alpha must not be a floating point number.",
        lambda t: t.add(t.tensor([1]), t.tensor([1]), alpha=0.5),
    ),
    rounding_mode=(
        "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found 'up'",
        lambda t: t.div(z(t, 2), 2, rounding_mode="up"),
    ),
    integer_power=("Integers to negative integer powers are not allowed.", lambda t: t.tensor([2]) ** -1),
    integer_zero=("ZeroDivisionError", lambda t: t.tensor([2]) // t.tensor([0])),
    clamp=("torch.clamp: At least one of 'min' or 'max' must not be None", lambda t: z(t, 2).clamp()),
    masked_fill=(
        "masked_fill_ only supports boolean masks, but got mask with dtype long int",
        lambda t: z(t, 2).masked_fill(t.tensor([0, 1]), 1.0),
    ),
    gather=("index 5 is out of bounds for dimension 0 with size 3", lambda t: z(t, 3).gather(0, t.tensor([5]))),
    gather_dtype=("gather(): Expected dtype int32/int64 for index", lambda t: z(t, 3).gather(0, z(t, 1))),
    setitem=(
        "shape mismatch: value tensor of shape [2] cannot be broadcast to indexing result of shape [3]",
        lambda t: z(t, 4).__setitem__(t.tensor([0, 1, 2]), z(t, 2)),
    ),
    setitem_slice=(
        "The expanded size of the tensor (3) must match the existing size (2) at non-singleton dimension 0.  Target sizes: [3].  Tensor sizes: [2]",
        lambda t: z(t, 4).__setitem__(slice(0, 3), z(t, 2)),
    ),
    topk=("selected index k out of range", lambda t: z(t, 3).topk(4)),
    one_hot=("Class values must be non-negative.", lambda t: t.nn.functional.one_hot(t.tensor([-1]))),
    one_hot_dtype=(
        "one_hot is only applicable to index tensor of type LongTensor.",
        lambda t: t.nn.functional.one_hot(z(t, 2)),
    ),
    one_hot_many=(
        "Class values must be smaller than num_classes.",
        lambda t: t.nn.functional.one_hot(t.tensor([3]), 2),
    ),
    item=("a Tensor with 3 elements cannot be converted to Scalar", lambda t: z(t, 3).item()),
    truth=("Boolean value of Tensor with more than one value is ambiguous", lambda t: bool(z(t, 3))),
    truth_of_nothing=("Boolean value of Tensor with no values is ambiguous", lambda t: bool(z(t, 0))),
    amax_empty=(
        "amax(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument.",
        lambda t: z(t, 0).amax(),
    ),
    diag=("diag(): Supports 1D or 2D tensors. Got 3D", lambda t: z(t, 2, 2, 2).diag()),
    diagonal_same=("diagonal dimensions cannot be identical 0, 0", lambda t: z(t, 2, 2).diagonal(0, 0, 0)),
    requires_grad_integers=(
        "only Tensors of floating point dtype can require gradients",
        lambda t: t.tensor([1]).requires_grad_(),
    ),
    gelu=(
        "approximate argument must be either none or tanh.",
        lambda t: t.nn.functional.gelu(z(t, 2), approximate="erf"),
    ),
    gelu_dtype=(
        "\"GeluKernelImpl\" not implemented for 'Long'",
        lambda t: t.nn.functional.gelu(t.tensor([1, 2])),
    ),
    glu=("Halving dimension must be even, but dimension 0 is size 3", lambda t: t.nn.functional.glu(z(t, 3))),
    nll_dtype=(
        "expected target dtype to be Long or Byte, but got Float",
        lambda t: t.nn.functional.nll_loss(z(t, 3, 4), z(t, 3)),
    ),
    bce_range=(
        "all elements of input should be between 0 and 1",
        lambda t: t.nn.functional.binary_cross_entropy(z(t, 2) + 2, z(t, 2)),
    ),
    out_grad=(
        "add(): functions with out=... arguments don't support automatic differentiation, but one of the arguments requires grad.",
        lambda t: t.add(t.ones(2, requires_grad=True), 1, out=z(t, 2)),
    ),
    numpy_grad=(
        "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.",
        lambda t: t.ones(2, requires_grad=True).numpy(),
    ),
    addmm=(
        "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)",
        lambda t: t.addmm(z(t, 5), z(t, 2, 3), z(t, 4, 5)),
    ),
    negative_size=("zeros: Dimension size must be non-negative.", lambda t: t.zeros(-1)),
    arange_step=("step must be nonzero", lambda t: t.arange(0, 5, 0)),
    arange_sign=("upper bound and lower bound inconsistent with step sign", lambda t: t.arange(5, 0, 1)),
    randint=("random_ expects 'from' to be less than 'to', but got from=3 >= to=3", lambda t: t.randint(3, 3, (2,))),
    copy=(
        "The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 0",
        lambda t: z(t, 3).copy_(z(t, 2)),
    ),
    fill=(
        "fill_ only supports 0-dimension value tensor but got tensor with 1 dimensions.",
        lambda t: z(t, 3).fill_(z(t, 2)),
    ),
    where_condition=(
        "where expected condition to be a boolean tensor, but got a tensor with dtype Float",
        lambda t: t.where(z(t, 2), z(t, 2), z(t, 2)),
    ),
    index_select=(
        "index_select(): Expected dtype int32 or int64 for index",
        lambda t: z(t, 3).index_select(0, z(t, 1)),
    ),
    mt=("tensor.mT is only supported on matrices or batches of matrices. Got 1-D tensor.", lambda t: z(t, 3).mT),
    unflatten=(
        "unflatten: Provided sizes [2, 2] don't multiply up to the size of dim 0 (6) in the input tensor",
        lambda t: z(t, 6).unflatten(0, (2, 2)),
    ),
    softmax_cross_target=(
        "Expected target size [2, 5], got [2, 4]",
        lambda t: t.nn.functional.cross_entropy(z(t, 2, 3, 5), z(t, 2, 4, dtype=t.int64)),
    ),
)
cases(
    IndexError,
    dim=("Dimension out of range (expected to be in range of [-2, 1], but got 2)", lambda t: z(t, 2, 3).sum(2)),
    dim_0d=("Dimension out of range (expected to be in range of [-1, 0], but got 1)", lambda t: z(t).sum(1)),
    unsqueeze=(
        "Dimension out of range (expected to be in range of [-2, 1], but got 2)",
        lambda t: z(t, 2).unsqueeze(2),
    ),
    index=("index 3 is out of bounds for dimension 0 with size 3", lambda t: z(t, 3)[3]),
    index_second=("index 4 is out of bounds for dimension 1 with size 3", lambda t: z(t, 2, 3)[0, 4]),
    index_after_dots=("index 4 is out of bounds for dimension 1 with size 3", lambda t: z(t, 2, 3)[..., 4]),
    index_many=("too many indices for tensor of dimension 1", lambda t: z(t, 3)[0, 0]),
    index_0d=(
        "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a 0-dim tensor to a number",
        lambda t: z(t)[0],
    ),
    index_tensor=("index 5 is out of bounds for dimension 0 with size 3", lambda t: z(t, 3)[t.tensor([5])]),
    index_float=("tensors used as indices must be long, int, byte or bool tensors", lambda t: z(t, 3)[z(t, 1)]),
    index_mask=(
        "The shape of the mask [2] at index 0 does not match the shape of the indexed tensor [3] at index 0",
        lambda t: z(t, 3)[t.tensor([True, False])],
    ),
    index_broadcast=(
        "shape mismatch: indexing tensors could not be broadcast together with shapes [2], [3]",
        lambda t: z(t, 4, 4)[t.tensor([0, 1]), t.tensor([0, 1, 2])],
    ),
    argmax_empty=(
        "argmax(): Expected reduction dim to be specified for input.numel() == 0.",
        lambda t: z(t, 0).argmax(),
    ),
    max_empty=("max(): Expected reduction dim 0 to have non-zero size.", lambda t: z(t, 0, 2).max(0)),
    class_range=("Target 4 is out of bounds.", lambda t: t.nn.functional.cross_entropy(z(t, 1, 3), t.tensor([4]))),
    select=("select(): index 5 out of range for tensor of size [3] at dimension 0", lambda t: z(t, 3).select(0, 5)),
    index_select_range=("index out of range in self", lambda t: z(t, 3).index_select(0, t.tensor([5]))),
)
cases(
    ValueError,
    step=("step must be greater than zero", lambda t: z(t, 3)[::-1]),
    target_batch=(
        "Expected input batch_size (3) to match target batch_size (2).",
        lambda t: t.nn.functional.cross_entropy(z(t, 3, 4), z(t, 2, dtype=t.int64)),
    ),
    reduction=(
        "avg is not a valid value for reduction",
        lambda t: t.nn.functional.mse_loss(z(t, 2), z(t, 2), reduction="avg"),
    ),
    bce_size=(
        "Target size (torch.Size([3])) must be the same as input size (torch.Size([2]))",
        lambda t: t.nn.functional.binary_cross_entropy_with_logits(z(t, 2), z(t, 3)),
    ),
)
cases(
    TypeError,
    length=("len() of a 0-d tensor", lambda t: len(z(t))),
    iteration=("iteration over a 0-d tensor", lambda t: list(z(t))),
    as_index=("only integer tensors of a single element can be converted to an index", lambda t: [1, 2][z(t, 1)]),
    from_list=("expected np.ndarray (got list)", lambda t: t.from_numpy([1])),
)

everything = pytest.mark.parametrize("name", list(CASES))


def fails(name: str, library: Any) -> Exception:
    """Return the exception that a case ends in."""
    call, _, _ = CASES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = call(library)
        except Exception as error:
            return error
    raise AssertionError(f"{name} raised nothing, but gave {result!r}")


@everything
def test_first_line(name: str) -> None:
    _, kind, line = CASES[name]
    error = fails(name, tl)
    assert isinstance(error, kind), f"{type(error).__name__}: {error}"
    first = str(error).splitlines()[0]
    assert first.startswith(line), f"\nis       {first}\nexpected {line}"


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@everything
def test_the_frozen_line_is_that_of_pytorch(name: str) -> None:
    _, kind, line = CASES[name]
    error = fails(name, torch)
    assert isinstance(error, kind), f"{type(error).__name__}: {error}"
    assert str(error).splitlines()[0].startswith(line), f"\nPyTorch {error}\nfrozen  {line}"


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "mps", "meta"])
def test_other_devices_are_refused_in_a_clear_sentence(device: str) -> None:
    with pytest.raises(RuntimeError, match=r"tapeless runs on the CPU only: expected device 'cpu', got '"):
        tl.zeros(2, device=device)
    with pytest.raises(RuntimeError, match="tapeless runs on the CPU only"):
        tl.zeros(2).to(device)


def test_advice_follows_the_first_line() -> None:
    with pytest.raises(RuntimeError, match=r"(?s)cannot be multiplied.*\n.*must equal"):
        tl.zeros(2, 3) @ tl.zeros(4, 5)
    with pytest.raises(
        RuntimeError, match=r"(?s)is invalid for input of size 6\nThe tensor to reshape has shape \[2, 3\]"
    ):
        tl.zeros(2, 3).reshape(4)
    with pytest.raises(RuntimeError, match=r"(?s)can't be cast .*\n.*out-of-place"):
        tl.zeros(3, dtype=tl.int64).add_(1.5)
    with pytest.raises(TypeError, match="unexpected keyword argument 'dims'; it takes input, dim, keepdim, dtype, out"):
        tl.zeros(2).sum(dims=0)
