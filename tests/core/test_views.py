"""Views: shared memory, shared history, and PyTorch's errors where a history would be ambiguous."""

from __future__ import annotations

import numpy as np
import pytest

import tapeless as tl


def leaf(*shape: int) -> tl.Tensor:
    count = int(np.prod(shape))
    return tl.tensor((np.arange(count) + 1.0).reshape(shape).tolist(), dtype=tl.float64, requires_grad=True)


VIEWS = {
    "index": lambda x: x[1],
    "slice": lambda x: x[:, 1:],
    "step": lambda x: x[:, ::2],
    "none": lambda x: x[None],
    "ellipsis": lambda x: x[...],
    "0-d tensor": lambda x: x[tl.tensor(1)],
    "transpose": lambda x: x.transpose(0, 1),
    "permute": lambda x: x.permute(1, 0),
    "T": lambda x: x.T,
    "view": lambda x: x.view(-1),
    "reshape": lambda x: x.reshape(3, 2),
    "flatten": lambda x: x.flatten(),
    "unsqueeze": lambda x: x.unsqueeze(1),
    "squeeze of nothing": lambda x: x.squeeze(),
    "squeeze": lambda x: x[:1].squeeze(0),
    "expand": lambda x: x.expand(2, 2, 3),
    "chunk": lambda x: x.chunk(3, 1)[1],
    "split": lambda x: x.split([1, 2], 1)[1],
    "unbind": lambda x: x.unbind(1)[2],
    "narrow": lambda x: x.narrow(1, 1, 2),
    "select": lambda x: x.select(1, -1),
    "diagonal": lambda x: x.diagonal(),
    "chain": lambda x: x.view(3, 2).T[1:, ::2].unsqueeze(0).diagonal(0, 0, 1),
}
COPIES = {
    "list": lambda x: x[[0, 1]],
    "index tensor": lambda x: x[tl.tensor([0, 1])],
    "mask": lambda x: x[x > 0],
    "contiguous": lambda x: x.T.contiguous(),
    "clone": lambda x: x.clone(),
    "reshape of a transposed": lambda x: x.T.reshape(-1),
}
views = pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)


@views
def test_a_view_shares_memory_and_knows_its_base(view):
    x = leaf(2, 3).clone()
    y = view(x)
    assert np.shares_memory(y._array, x._array)
    assert y._base is x and y._is_view()
    assert x._base is None and not x._is_view()


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
def test_a_copy_has_memory_of_its_own(copy):
    x = leaf(2, 3)
    y = copy(x)
    assert y._base is None and not np.shares_memory(y._array, x._array)


@views
def test_a_view_of_a_view_has_the_same_base(view):
    x = leaf(2, 3).clone()
    assert view(x.unsqueeze(0)[0])._base is x


@views
def test_gradient_through_a_view(view):
    x = leaf(2, 3)
    weights = tl.arange(1, view(x).numel() + 1).double().reshape(view(x).shape)
    (view(x) * weights).sum().backward()
    expected = np.zeros(6)
    np.add.at(expected, view(tl.arange(6).reshape(2, 3))._array.ravel(), weights._array.ravel())
    assert x.grad.flatten().tolist() == expected.tolist()


@views
def test_a_view_follows_a_write_to_its_base(view):
    if view in (VIEWS["chunk"], VIEWS["split"], VIEWS["unbind"]):
        pytest.skip("one of several views")
    x = leaf(2, 3)
    y = x * 1
    z = view(y)
    y.mul_(2)
    z.sum().backward()
    again = leaf(2, 3)
    view(again * 2).sum().backward()
    assert x.grad.tolist() == again.grad.tolist()


def test_a_view_follows_a_write_through_another_view():
    x, w = leaf(4), leaf(2)
    y = x * 1
    first, second = y[:3], y[2:]
    first[1:].mul_(w)
    (second * tl.tensor([1.0, 10.0])).sum().backward()
    assert x.grad.tolist() == [0, 0, 2, 10]
    assert w.grad.tolist() == [0, 3]


def test_a_view_of_a_plain_tensor_joins_the_graph_with_its_base():
    base, w = tl.zeros(4), leaf(4)
    part = base[:2]
    assert part.is_leaf and not part.requires_grad
    base.add_(w)
    assert part.requires_grad and not part.is_leaf and part.grad_fn is not None
    part.sum().backward()
    assert w.grad.tolist() == [1, 1, 0, 0]


def test_writing_to_a_part_makes_the_whole_require_grad():
    base, w = tl.zeros(4), leaf()
    base[1] = w * 3
    assert base.requires_grad and base.grad_fn.name() == "CopySlices"
    (base * tl.tensor([1.0, 2.0, 4.0, 8.0])).sum().backward()
    assert w.grad.item() == 6


MULTIPLE = r"Output 0 of .* is a view and {}. This view is the output of a function that returns multiple views."
several = pytest.mark.parametrize(
    "take", [lambda x: x.chunk(2), lambda x: x.split(1), lambda x: x.split([1, 3]), lambda x: x.unbind()]
)


@several
def test_one_of_several_views_may_not_be_written_to(take):
    with pytest.raises(RuntimeError, match=MULTIPLE.format("is being modified inplace")):
        take(leaf(4).clone())[0].mul_(2)


@several
@pytest.mark.parametrize("write", ["base", "no_grad", "detached"])
def test_one_of_several_views_may_not_be_used_after_a_write(take, write):
    x = leaf(4).clone()
    part = take(x)[0]
    if write == "base":
        x.mul_(2)
    elif write == "no_grad":
        with tl.no_grad():
            x.mul_(2)
    else:
        x.detach().mul_(2)
    with pytest.raises(
        RuntimeError, match=MULTIPLE.format("its base or another view of its base has been modified inplace")
    ):
        part * 2
    with pytest.raises(RuntimeError, match="multiple views"):
        part.grad_fn
    assert (part > 0).all() and part.detach().tolist()  # needs no history
    with tl.no_grad():
        assert not (part * 2).requires_grad


@several
def test_several_views_of_a_plain_tensor_may_be_written_to(take):
    x = tl.zeros(4)
    for part in take(x):
        part += 1
    assert x.tolist() == [1, 1, 1, 1]


def test_a_view_of_one_of_several_views_is_no_better():
    with pytest.raises(RuntimeError, match="multiple views"):
        leaf(4).clone().chunk(2)[0].view(2).mul_(2)


NO_GRAD = "A view was created in no_grad mode and {} modified inplace with grad mode enabled. Given that this use"


def test_a_view_made_under_no_grad_may_not_be_written_to():
    x = leaf(4)
    with tl.no_grad():
        part = x[:2]
        part.mul_(2)  # not tracked: both inside
    with pytest.raises(RuntimeError, match=NO_GRAD.format("is being")):
        part.mul_(2)
    with pytest.raises(RuntimeError, match="Output 0 of .* is a view of a view which was created in no_grad mode"):
        leaf_part = leaf(4).clone()
        with tl.no_grad():
            part = leaf_part[:2]
        part[:1].mul_(2)


def test_a_view_made_under_no_grad_may_not_be_used_after_a_write():
    x = leaf(4).clone()
    with tl.no_grad():
        part = x[:2]
    x.mul_(2)
    with pytest.raises(RuntimeError, match=NO_GRAD.format("its base or another view of its base has been")):
        part * 2


def test_a_view_made_under_no_grad_requires_grad_and_passes_none():
    x = leaf(4)
    with tl.no_grad():
        part = x[:2]
    assert part.requires_grad and part.is_leaf
    (part * 2).sum().backward()
    assert x.grad is None and part.grad is None


def test_a_view_taken_before_requires_grad():
    x = tl.zeros(4)
    part = x[:2]
    x.requires_grad_()
    assert part.requires_grad and part.is_leaf
    with tl.no_grad():
        x.add_(1)
    (part * 2).sum().backward()  # after the write the view has looked again
    assert x.grad.tolist() == [2, 2, 0, 0]


def test_a_leaf_may_be_a_view_of_a_plain_tensor():
    whole = tl.zeros(4)
    part = whole[:2].requires_grad_()
    assert part.is_leaf and not whole.requires_grad
    (part * 3).sum().backward()
    assert part.grad.tolist() == [3, 3]
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad is being used in an in-place"):
        part.mul_(2)


def test_views_of_such_a_leaf_survive_its_update():
    part = tl.arange(4.0).reshape(2, 2).requires_grad_()
    row = part[0]
    with tl.no_grad():
        part.sub_(1)
    (row * 2).sum().backward()
    assert part.grad.tolist() == [[2, 2], [0, 0]]


def test_views_of_parameters_survive_updates():
    weight = leaf(2, 2)
    row, column = weight[0], weight.T[0]
    for _ in range(2):
        weight.grad = None
        (row * column).sum().backward(retain_graph=False)
        with tl.no_grad():
            weight -= 0.1 * weight.grad
    expected = leaf(2, 2)
    for _ in range(2):
        expected.grad = None
        (expected[0] * expected.T[0]).sum().backward()
        with tl.no_grad():
            expected -= 0.1 * expected.grad
    assert weight.tolist() == expected.tolist()


def test_detach_shares_memory_and_cuts_the_graph():
    x = leaf(3)
    y = x * 2
    z = y.detach()
    assert np.shares_memory(z._array, y._array) and z.is_leaf and not z.requires_grad and not z._is_view()
    with pytest.raises(RuntimeError, match="Can't detach views in-place"):
        y[:2].detach_()
    y.detach_()
    assert y.is_leaf and not y.requires_grad


def test_a_view_keeps_its_history_when_its_base_is_detached_in_place():
    x = leaf(4)
    y = x * 3
    part = y[:2]
    y.detach_()
    part.sum().backward()
    assert x.grad.tolist() == [3, 3, 0, 0]
    with pytest.raises(RuntimeError, match="a view of a leaf Variable"):
        part.mul_(2)


def test_a_write_through_a_view_of_a_base_in_fortran_order():
    """The gradient is laid out as the base, so that what was a view of the one is a view of the other."""
    x = leaf(6)
    base = x.reshape(2, 3).T * 1
    assert base._array.flags.f_contiguous and not base._array.flags.c_contiguous
    base.T.view(6)[1:3].mul_(10)
    weights = leaf(3, 2).detach()
    (base * weights).sum().backward()
    assert x.grad.tolist() == (weights.T.flatten() * tl.tensor([1, 10, 10, 1, 1, 1])).tolist()


def test_a_write_through_a_view_of_a_base_with_holes():
    x, source = leaf(2), tl.zeros(3, 4, dtype=tl.float64)
    base = source[:, ::2].detach()
    base.T[0, 1:].add_(x)
    (base * base).sum().backward()
    assert source.tolist() == [[0, 0, 0, 0], [1, 0, 0, 0], [2, 0, 0, 0]]
    assert x.grad.tolist() == [2, 4]


def test_views_make_no_reference_cycle():
    import gc
    import weakref

    gc.disable()
    try:
        x = leaf(4).clone()
        part = x[:2]
        part.mul_(2)
        x[1:].add_(part.sum())
        part.sum()
        dead = [weakref.ref(t) for t in (x, part, x.grad_fn, part.grad_fn)]
        del x, part
        assert all(ref() is None for ref in dead)
    finally:
        gc.enable()
