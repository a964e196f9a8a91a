"""In-place writes: each case has PyTorch's gradient or PyTorch's error, and runs on PyTorch too where installed."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

import tapeless as tl


@pytest.fixture(params=["tapeless", "torch"])
def lib(request):
    return importlib.import_module("tapeless") if request.param == "tapeless" else pytest.importorskip("torch")


def leaf(lib, *values):
    return lib.tensor(list(values), dtype=lib.float64, requires_grad=True)


# name: (what is written in place, the same out of place), of x and a second tensor w
WRITES = {
    "add_": (lambda y, w: y.add_(w), lambda y, w: y + w),
    "add_ alpha": (lambda y, w: y.add_(w, alpha=3), lambda y, w: y + 3 * w),
    "add_ number": (lambda y, w: y.add_(2), lambda y, w: y + 2),
    "sub_": (lambda y, w: y.sub_(w), lambda y, w: y - w),
    "mul_": (lambda y, w: y.mul_(w), lambda y, w: y * w),
    "div_": (lambda y, w: y.div_(w), lambda y, w: y / w),
    "pow_": (lambda y, w: y.pow_(3), lambda y, w: y**3),
    "mul_ itself": (lambda y, w: y.mul_(y.clone()), lambda y, w: y * y),
    "add_ itself": (lambda y, w: y.add_(y), lambda y, w: y + y),
    "exp_": (lambda y, w: y.exp_(), lambda y, w: y.exp()),
    "sigmoid_": (lambda y, w: y.sigmoid_(), lambda y, w: y.sigmoid()),
    "sin_": (lambda y, w: y.sin_(), lambda y, w: y.sin()),
    "relu_": (lambda y, w: y.relu_(), lambda y, w: y.relu()),
    "clamp_": (lambda y, w: y.clamp_(1.5, 3.5), lambda y, w: y.clamp(1.5, 3.5)),
    "copy_": (lambda y, w: y.copy_(w), lambda y, w: y * 0 + w),
    "copy_ broadcast": (lambda y, w: y.copy_(w[0]), lambda y, w: y * 0 + w[0]),
    "zero_": (lambda y, w: y.zero_(), lambda y, w: y * 0),
    "fill_": (lambda y, w: y.fill_(7), lambda y, w: y * 0 + 7),
    "fill_ tensor": (lambda y, w: y.fill_(w.sum()), lambda y, w: y * 0 + w.sum()),
    "masked_fill_": (lambda y, w: y.masked_fill_(y > 2, 9), lambda y, w: y.masked_fill(y > 2, 9)),
    "masked_fill_ tensor": (lambda y, w: y.masked_fill_(y > 2, w.sum()), lambda y, w: y.masked_fill(y > 2, w.sum())),
}
writes = pytest.mark.parametrize("write, same", WRITES.values(), ids=WRITES)


@writes
def test_gradients_of_a_write(lib, write, same):
    x, w = leaf(lib, 1.0, 2.0, 3.0, 4.0), leaf(lib, 2.0, 5.0, 1.0, 4.0)
    y = x * 1
    node = y.grad_fn
    assert write(y, w) is y and y.grad_fn is not node
    (y * y).sum().backward()
    x2, w2 = leaf(lib, 1.0, 2.0, 3.0, 4.0), leaf(lib, 2.0, 5.0, 1.0, 4.0)
    z = same(x2 * 1, w2)
    (z * z).sum().backward()
    assert y.tolist() == z.tolist() and x.grad.tolist() == pytest.approx(x2.grad.tolist())
    assert (w.grad is None) == (w2.grad is None)
    assert w.grad is None or w.grad.tolist() == pytest.approx(w2.grad.tolist())


@writes
def test_gradients_of_a_write_through_a_view(lib, write, same):
    x, w = leaf(lib, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0), leaf(lib, 2.0, 5.0, 1.0)
    y = (x * 1).reshape(2, 3).clone()
    column, row = y[:, 1], y[1]
    write(row, w)
    (y * y).sum().backward(retain_graph=True)
    (column * column).sum().backward()
    x2, w2 = leaf(lib, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0), leaf(lib, 2.0, 5.0, 1.0)
    y2 = x2.reshape(2, 3)
    z = lib.stack([y2[0], same(y2[1], w2)])
    ((z * z).sum() + (z[:, 1] * z[:, 1]).sum()).backward()
    assert y.tolist() == z.tolist() and x.grad.tolist() == pytest.approx(x2.grad.tolist())
    assert (w.grad is None) == (w2.grad is None)
    assert w.grad is None or w.grad.tolist() == pytest.approx(w2.grad.tolist())


@writes
def test_writes_to_leaves_that_require_grad_are_refused(lib, write, same):
    x, w = leaf(lib, 1.0, 2.0), leaf(lib, 2.0, 5.0)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place operation"):
        write(x, w)
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad is being used in an in-place"):
        write(x[:], w)
    assert x.tolist() == [1, 2]


@writes
def test_writes_to_leaves_under_no_grad(lib, write, same):
    x, w = leaf(lib, 1.0, 2.0), leaf(lib, 2.0, 5.0)
    expected = same(x, w).tolist()
    with lib.no_grad():
        write(x, w)
    assert x.tolist() == expected and x.is_leaf and x.requires_grad


def test_operators_in_place(lib):
    x = leaf(lib, 1.0, 2.0)
    y = x * 1
    same = y
    y += 1
    y -= 3
    y *= 4
    y /= 2
    y **= 2
    assert y is same
    y.sum().backward()
    assert x.grad.tolist() == [-8, 0]


INDICES = [
    1, -1, slice(1, 3), slice(None), slice(None, None, 2), (slice(None), 1), (Ellipsis, 0), None,
    Ellipsis, (1, slice(1, None)), [0, 2], ([0, 2], [1, 1]), (slice(None), [0, 2]), (None, [1]),
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_assignment_by_index(lib, index):
    x, w = leaf(lib, *range(1, 10)), leaf(lib, 5.0)
    y = (x * 1).reshape(3, 3).clone()
    weights = lib.arange(1.0, 10, dtype=lib.float64).reshape(3, 3)
    y[index] = w * 2
    (y * weights).sum().backward()
    hit = np.zeros((3, 3), bool)
    hit[index] = True
    assert y.tolist() == np.where(hit, 10, np.arange(1, 10).reshape(3, 3)).tolist()
    assert x.grad.tolist() == np.where(hit, 0, np.arange(1, 10).reshape(3, 3)).ravel().tolist()
    assert w.grad.tolist() == [2 * np.arange(1, 10).reshape(3, 3)[hit].sum()]


def test_assignment_by_mask_and_tensor(lib):
    x, w = leaf(lib, 1.0, 2.0, 3.0), leaf(lib, 7.0, 8.0)
    y = x * 1
    y[y > 1.5] = w
    y[lib.tensor([0])] = w[:1]
    (y * lib.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert y.tolist() == [7, 7, 8] and x.grad.tolist() == [0, 0, 0] and w.grad.tolist() == [11, 100]


def test_assignment_to_a_0_d_tensor_index_is_a_write_through_a_view(lib):
    x = leaf(lib, 1.0, 2.0)
    y = x * 1
    y[lib.tensor(1)].mul_(3)
    y.sum().backward()
    assert y.tolist() == [1, 6] and x.grad.tolist() == [1, 3]


def test_augmented_assignment_by_index(lib):
    x, w = leaf(lib, 1.0, 2.0, 3.0), leaf(lib, 10.0)
    y = x * 1
    y[1:] *= w
    y[0] += y[2]
    y.sum().backward()
    assert y.tolist() == [31, 20, 30] and x.grad.tolist() == [1, 10, 20] and w.grad.tolist() == [8]


def test_assignment_of_a_value_with_extra_dims_and_other_dtypes(lib):
    y = lib.zeros(2, 3)
    y[0] = lib.ones(1, 1, 3, dtype=lib.int64)
    y[1] = 2
    y[:, 0] = True
    assert y.tolist() == [[1, 1, 1], [1, 2, 2]]
    with pytest.raises(
        RuntimeError, match=r"The expanded size of the tensor \(3\) must match the existing size \(2\) at"
    ):
        y[0] = lib.ones(2)
    with pytest.raises(RuntimeError, match="shape mismatch: value tensor of shape"):
        y[[0, 1]] = lib.ones(2, 2)


# -- What was kept before the write ---------------------------------------------------------------------------------

MODIFIED = "one of the variables needed for gradient computation has been modified by an inplace operation"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda y: y.add_(1),
        lambda y: y[:1].add_(1),
        lambda y: y.view(2, 1)[1].zero_(),
        lambda y: y.detach().add_(1),
        lambda y: y.__setitem__(0, 5.0),
        lambda y: y.__setitem__([0], 5.0),
    ],
)
@pytest.mark.parametrize("rule", [lambda x, y: x * y, lambda x, y: y.sin(), lambda x, y: (x @ y.view(2, 1)).sum()])
def test_what_a_rule_needs_may_not_change(lib, spoil, rule):
    x = leaf(lib, 1.0, 2.0)
    y = x * 2
    z = rule(x, y)
    spoil(y)
    with pytest.raises(RuntimeError, match=MODIFIED):
        z.sum().backward()
    assert x.grad is None


def test_also_not_under_no_grad(lib):
    x, w = leaf(lib, 1.0, 2.0), leaf(lib, 3.0, 4.0)
    z = x * w
    with lib.no_grad():
        w.mul_(2)
    with pytest.raises(RuntimeError, match=MODIFIED):
        z.sum().backward()


def test_a_result_that_its_rule_needs_may_not_change(lib):
    y = leaf(lib, 1.0, 2.0).exp()
    y.add_(1)
    with pytest.raises(RuntimeError, match=MODIFIED):
        y.sum().backward()


def test_what_no_rule_needs_may_change(lib):
    x = leaf(lib, 1.0, 2.0)
    y = x * 2
    z = y + 1
    y.exp_()
    z.sum().backward()
    assert x.grad.tolist() == [2, 2]


def test_a_write_whose_input_is_what_it_overwrites(lib):
    x = leaf(lib, 1.0, 2.0)
    y = x * 1
    y.mul_(y)
    with pytest.raises(RuntimeError, match=MODIFIED):
        y.sum().backward()


def test_the_old_values_are_kept_for_rules_that_need_them(lib):
    x, w = leaf(lib, 1.0, 2.0), leaf(lib, 3.0, 4.0)
    y = x * 1
    y.mul_(w)
    y.mul_(w)
    y.sum().backward()
    assert w.grad.tolist() == [6, 16] and x.grad.tolist() == [9, 16]


def test_retained_graphs_notice_later_writes(lib):
    x = leaf(lib, 1.0, 2.0)
    y = x * 2
    z = (y * y).sum()
    z.backward(retain_graph=True)
    y.add_(1)
    with pytest.raises(RuntimeError, match=MODIFIED):
        z.backward()


def test_writes_behind_the_graphs_back_are_seen_too():
    """PyTorch misses these two and computes a wrong gradient."""
    x = tl.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    z = y * y
    y.data.mul_(10)
    with pytest.raises(RuntimeError, match=MODIFIED):
        z.sum().backward()
    array = np.ones(2, np.float32)
    first, second = tl.from_numpy(array), tl.from_numpy(array)
    z = x * first
    second.mul_(2)
    with pytest.raises(RuntimeError, match=MODIFIED):
        z.sum().backward()


# -- Higher orders, hooks, retain_grad ------------------------------------------------------------------------------


def test_second_order_through_writes(lib):
    def function(x, in_place):
        y = x * x
        if in_place:
            y[:2].mul_(x[:2])
            y[1:].exp_()
        else:
            y = lib.cat([y[:2] * x[:2], y[2:]])
            y = lib.cat([y[:1], y[1:].exp()])
        return (y * y).sum()

    answers = []
    for in_place in (True, False):
        x = leaf(lib, 0.5, -0.3, 0.2)
        (first,) = lib.autograd.grad(function(x, in_place), x, create_graph=True)
        (second,) = lib.autograd.grad((first * first).sum(), x)
        answers += [first.tolist(), second.tolist()]
    assert answers[0] == pytest.approx(answers[2]) and answers[1] == pytest.approx(answers[3])


def test_a_retained_gradient_is_that_of_the_new_values(lib):
    x = leaf(lib, 1.0, 2.0)
    y = x * 2
    part = y[:1]
    y.retain_grad()
    part.retain_grad()
    y.mul_(3)
    y.sum().backward(retain_graph=True)
    assert y.grad.tolist() == [1, 1]
    (part * 5).sum().backward()
    assert part.grad.tolist() == [5] and x.grad.tolist() == [36, 6]


def test_hooks_stay_with_the_old_values(lib):
    x = leaf(lib, 1.0, 2.0)
    y = x * 2
    seen = []
    y.register_hook(lambda g: seen.append(g.tolist()))
    y.mul_(3)
    y.register_hook(lambda g: seen.append(g.tolist()))
    y.sum().backward()
    assert seen == [[1, 1], [3, 3]]


def test_a_graph_of_writes_through_views_may_run_twice_only_when_retained(lib):
    x = leaf(lib, 1.0, 2.0)
    y = x * 1
    y[0].exp_()
    z = y.sum()
    z.backward(retain_graph=True)
    z.backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        z.backward()


# -- What cannot be written ------------------------------------------------------------------------------------------


def test_the_target_keeps_its_shape_and_kind(lib):
    with pytest.raises(RuntimeError, match=r"output with shape \[2\] doesn't match the broadcast shape \[3, 2\]"):
        lib.ones(2).add_(lib.ones(3, 2))
    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired output type Long"):
        lib.ones(2, dtype=lib.int64).mul_(1.5)
    x = lib.ones(2)
    x.add_(lib.ones(2, dtype=lib.float64))
    assert x.dtype == lib.float32
    assert lib.ones(2, dtype=lib.int64).copy_(lib.tensor([1.7, -1.7])).tolist() == [1, -1]


def test_expanded_memory_may_not_be_written_to(lib):
    with pytest.raises(
        RuntimeError, match="unsupported operation: more than one element of the written-to tensor refers to"
    ):
        lib.ones(1).expand(3).add_(1)
    with pytest.raises(
        RuntimeError, match="unsupported operation: some elements of the input tensor and the written-to"
    ):
        x = lib.ones(3)
        x[1:].add_(x[:-1])


def test_a_failed_write_changes_nothing(lib):
    x = leaf(lib, 1.0, 2.0)
    y = x * 1
    node = y.grad_fn
    for bad in (lambda: y.add_(lib.ones(3)), lambda: y.__setitem__(5, 1.0), lambda: y[:1].copy_(lib.ones(2))):
        with pytest.raises((RuntimeError, IndexError)):
            bad()
    assert y.tolist() == [1, 2] and y.grad_fn is node


@pytest.mark.parametrize("dtype", ["float32", "float16", "int64", "bool"])
def test_writes_to_plain_tensors_of_any_dtype(lib, dtype):
    x = lib.zeros(4, dtype=getattr(lib, dtype))
    x[1:3] = 1
    x[[0]] = True
    x.view(2, 2)[1, 1] = 1
    assert x.tolist() == [1, 1, 1, 1] and not x.requires_grad and x.is_leaf


def test_zero_size_and_zero_dim_targets(lib):
    x = leaf(lib, 1.0)
    lib.zeros(2, 0).mul_(2)
    y = lib.zeros((), dtype=lib.float64)
    y.add_(x[0])
    y *= 3
    y[...] = y * 2
    y.backward()
    assert x.grad.tolist() == [6]


def test_indices_and_masks_are_kept_as_safely_as_values(lib):
    x = leaf(lib, 1.0, 2.0, 3.0)
    for rule in (
        lambda mask: x.masked_fill(mask, 0.0),
        lambda mask: x[mask],
        lambda mask: lib.where(mask, x, -x),
        lambda mask: x.masked_select(mask),
    ):
        mask = lib.tensor([True, False, True])
        y = rule(mask)
        mask.fill_(True)
        with pytest.raises(RuntimeError, match=MODIFIED):
            y.sum().backward()
    for rule in (
        lambda i: x[i],
        lambda i: x.gather(0, i),
        lambda i: x.index_select(0, i),
        lambda i: x.index_add(0, i, x),
    ):
        index = lib.tensor([0, 1, 1])
        y = rule(index)
        index.fill_(2)
        with pytest.raises(RuntimeError, match=MODIFIED):
            y.sum().backward()


def test_an_expanded_view_shares_the_clock_of_its_base(lib):
    y = leaf(lib, 1.0, 2.0) * 1
    wide = y.expand(3, 2)
    z = wide * wide
    y.mul_(2)
    assert wide.tolist() == [[2, 4]] * 3
    with pytest.raises(RuntimeError, match=MODIFIED):
        z.sum().backward()


def test_a_squeeze_that_removes_nothing_is_still_a_view(lib):
    x = leaf(lib, 1.0, 2.0)
    y = x * 1
    y.squeeze().mul_(3)
    y.sum().backward()
    assert x.grad.tolist() == [3, 3]
    with pytest.raises(RuntimeError, match="a view of a leaf Variable"):
        x.squeeze().mul_(3)


def test_a_view_of_a_base_that_was_written_to_and_detached_passes_no_gradient(lib):
    x = leaf(lib, 1.0, 2.0)
    y = x * 1
    part = y[:1]
    y.mul_(3)
    y.detach_()
    (part * 2).sum().backward()  # the write was tracked, then forgotten: neither 2 nor 6 would be right
    assert x.grad is None
