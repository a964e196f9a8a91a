"""Nobody notices that an optimizer moves parameters into one block of memory, and gradients and state with them.

Each test does something that could go wrong there. `one_by_one` is the oracle: the same run with parameters that
the optimizer has to leave where they are.
"""

from __future__ import annotations

import copy
import gc
import pickle
import tracemalloc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tapeless as tl
from tapeless._kernels.threads import pool
from tapeless.optim import _arena
from tapeless.optim._arena import Arena, Single

Optimizers = pytest.mark.parametrize(
    "make",
    [
        lambda params: tl.optim.SGD(params, lr=0.1),
        lambda params: tl.optim.SGD(params, lr=0.1, momentum=0.9, weight_decay=0.01),
        lambda params: tl.optim.SGD(params, lr=0.1, momentum=0.9, maximize=True),
        lambda params: tl.optim.Adam(params, lr=0.1),
        lambda params: tl.optim.AdamW(params, lr=0.1, amsgrad=True),
        lambda params: tl.optim.Adadelta(params, weight_decay=0.01),
        lambda params: tl.optim.Adagrad(params, lr=0.1, lr_decay=0.1, initial_accumulator_value=0.5),
        lambda params: tl.optim.Adamax(params, lr=0.1),
        lambda params: tl.optim.ASGD(params, lr=0.1, lambd=0.1, t0=1),
        lambda params: tl.optim.NAdam(params, lr=0.1),
        lambda params: tl.optim.RAdam(params, lr=0.1, betas=(0.9, 0.95)),
        lambda params: tl.optim.RMSprop(params, lr=0.1, centered=True, momentum=0.5),
        lambda params: tl.optim.Rprop(params, lr=0.1),
    ],
    ids="SGD momentum maximize Adam AdamW Adadelta Adagrad Adamax ASGD NAdam RAdam RMSprop Rprop".split(),
)
Make = Callable[[Any], Any]
# State that is one number, of the default dtype at first; as in PyTorch, loading converts it to the parameter's.
NUMBERS = {"eta", "mu", "mu_product"}


def parameters(*shapes: tuple[int, ...], dtype: str = "float64") -> list[Any]:
    """Return parameters that always start alike."""
    rng = np.random.default_rng(7)
    return [tl.nn.Parameter(tl.tensor(np.asarray(rng.normal(size=s), dtype))) for s in shapes or ((2, 3), (3,), ())]


def loss_of(params: list[Any]) -> Any:
    """Return something whose gradient depends on every element."""
    total = tl.tensor(0.0, dtype=params[0].dtype)
    for i, p in enumerate(params):
        total = total + ((p - i - 1) ** 2).sum() + p.sum() * 0.5
    return total


def steps(optimizer: Any, params: list[Any], count: int = 3) -> None:
    for _ in range(count):
        optimizer.zero_grad()
        loss_of(params).backward()
        optimizer.step()


def values(params: list[Any]) -> list[Any]:
    return [p.detach().numpy().copy() for p in params]


def kinds(optimizer: Any) -> list[str]:
    """Return what the parameters live in."""
    return [type(unit).__name__ for units in optimizer._units for unit in units]


def one_by_one(make: Make, run: Callable[[Any, list[Any]], None], *shapes: tuple[int, ...], **options: Any) -> Any:
    """Return the parameters after `run` when none of them may move."""
    params = parameters(*shapes, **options)
    holders = [p.detach() for p in params]
    optimizer = make(params)
    run(optimizer, params)
    assert set(kinds(optimizer)) <= {"Single"}
    del holders
    return values(params)


def assert_same(ours: list[Any], expected: list[Any]) -> None:
    for a, b in zip(ours, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_slices_own_their_memory_and_start_on_cache_lines() -> None:
    params = parameters((3,), (2, 2), (), (0, 3), (5,), dtype="float32")
    optimizer = tl.optim.Adam(params)
    steps(optimizer, params, 1)
    assert kinds(optimizer) == ["Arena"]
    unit = optimizer._units[0][0]
    for p in params:
        assert not isinstance(p._array.base, np.ndarray)
        assert p._array.flags.c_contiguous and p._array.flags.writeable
        assert p._array.size == 0 or p._array.__array_interface__["data"][0] % 64 == 0
        assert p._array.size == 0 or np.shares_memory(p._array, unit.values)


@Optimizers
def test_an_arena_computes_what_single_parameters_do(make: Make) -> None:
    params = parameters()
    optimizer = make(params)
    steps(optimizer, params, 10)
    assert kinds(optimizer) == ["Arena"]
    assert_same(values(params), one_by_one(make, lambda o, ps: steps(o, ps, 10)))


@Optimizers
@pytest.mark.parametrize(("dtype", "threads"), [("float32", 1), ("float64", 1), ("float32", 3)])
def test_large_parameters_go_in_chunks(make: Make, dtype: str, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_arena, "CHUNK", 4096)
    monkeypatch.setattr(_arena, "THREADED", 10_000)
    monkeypatch.setattr(pool, "size", threads)
    shapes = ((4099,), (100, 200), (4096,), (7,))
    params = parameters(*shapes, dtype=dtype)
    optimizer = make(params)
    steps(optimizer, params, 4)
    assert len(optimizer._units[0][0].scratch["chunks"]) == threads
    small = parameters(*shapes, dtype=dtype)
    cuts = [(k, p.detach().reshape(-1)[i : i + 5000]) for k, p in enumerate(small) for i in range(0, p.numel(), 5000)]
    pieces = [tl.nn.Parameter(part.clone()) for _, part in cuts]
    other = make(pieces)
    for _ in range(4):
        other.zero_grad()
        for (k, _), p in zip(cuts, pieces, strict=True):
            (((p - k - 1) ** 2).sum() + p.sum() * 0.5).backward()
        other.step()
    ours = np.concatenate([v.reshape(-1) for v in values(params)])
    np.testing.assert_array_equal(ours, np.concatenate(values(pieces)))


@pytest.mark.parametrize("kind", ["matrix", "transposed", "complex"])
def test_a_large_parameter_of_its_own_goes_in_chunks_where_it_can(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def run() -> Any:
        start = np.random.default_rng(3).normal(size=(90, 70, 2))
        p = tl.nn.Parameter(tl.tensor(start[..., 0] + (1j * start[..., 1] if kind == "complex" else 0)))
        if kind == "transposed":
            p.data = p.data.T
        optimizer = tl.optim.Adam([p], lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            (p - 1).abs().square().sum().backward()
            optimizer.step()
        return p.detach().numpy(), optimizer._units[0][0].scratch

    whole, _ = run()
    monkeypatch.setattr(_arena, "CHUNK", 4096)  # both pieces are large enough for a compiled loop, where Numba is there
    pieces, scratch = run()
    assert ("chunks" in scratch) == (kind == "matrix")
    np.testing.assert_array_equal(pieces, whole)


# -- Who holds a parameter's memory -----------------------------------------------------------------------


VIEWS = {
    "detach": lambda p: p.detach().numpy(),
    "data": lambda p: p.data,
    "numpy": lambda p: p.detach().numpy(),
    "transposed": lambda p: p.detach().T,
    "row": lambda p: p.detach()[0],
    "flat": lambda p: p.detach().reshape(-1),
    "np.asarray": lambda p: np.asarray(p.detach())[..., :1],
    "memoryview": lambda p: memoryview(p.detach().numpy()),
    "dlpack": lambda p: np.from_dlpack(p.detach()),
}


@pytest.mark.parametrize("look", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("when", ["before the first step", "later", "of a dead optimizer", "between optimizers"])
def test_views_follow(look: Callable[[Any], Any], when: str) -> None:
    params = parameters((2, 3), (3, 2))
    first = tl.optim.Adam(params, lr=0.1)
    if when != "before the first step":
        steps(first, params, 2)
    if when == "of a dead optimizer":
        del first
    view = look(params[0])
    if when == "before the first step":
        steps(first, params, 2)
    else:
        second = tl.optim.SGD(params, lr=0.1)
        steps(second, params, 2)
        if when == "between optimizers":
            steps(first, params, 2)
    np.testing.assert_array_equal(np.asarray(view), np.asarray(look(params[0])))


def test_views_made_in_the_graph_follow() -> None:
    params = parameters()
    row = params[0][1]
    tied = params[1].view(3, 1)
    optimizer = tl.optim.SGD(params, lr=0.1)
    steps(optimizer, params)
    np.testing.assert_array_equal(row.detach().numpy(), params[0].detach().numpy()[1])
    np.testing.assert_array_equal(tied.detach().numpy()[:, 0], params[1].detach().numpy())


def test_arrays_shared_with_the_user_follow() -> None:
    array = np.arange(3.0)
    block = np.zeros((2, 3))
    params = [*parameters(), tl.nn.Parameter(tl.from_numpy(array)), tl.nn.Parameter(tl.from_numpy(block[1]))]
    optimizer = tl.optim.Adam(params, lr=0.1)
    steps(optimizer, params)
    assert sorted(kinds(optimizer)) == ["Arena", "Single", "Single"]
    np.testing.assert_array_equal(array, params[-2].detach().numpy())
    np.testing.assert_array_equal(block[1], params[-1].detach().numpy())
    array[:] = 5
    assert params[-2].tolist() == [5, 5, 5]


def test_memory_of_a_frozen_arena_is_not_taken_twice() -> None:
    """An array assigned to `.data` while a former optimizer's gradients still have their place."""
    params = parameters()
    steps(tl.optim.Adam(params), params)
    mine = np.zeros((2, 3))
    params[0].data = tl.from_numpy(mine)
    steps(tl.optim.Adam(params, lr=0.1), params)
    np.testing.assert_array_equal(mine, params[0].detach().numpy())
    assert mine.all()


@Optimizers
def test_tied_parameters_count_once_and_get_both_gradients(make: Make) -> None:
    class Tied(tl.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = tl.nn.Linear(3, 3), tl.nn.Linear(3, 3)
            self.b.weight = self.a.weight

        def forward(self, x: Any) -> Any:
            return self.b(self.a(x))

    model = Tied().double()
    weight = model.a.weight.detach().clone().requires_grad_()
    biases = [model.a.bias.detach().clone().requires_grad_(), model.b.bias.detach().clone().requires_grad_()]
    optimizer, other = make(model.parameters()), make([weight, *biases])
    x = tl.ones(2, 3, dtype=tl.float64)
    for _ in range(3):
        optimizer.zero_grad(), other.zero_grad()
        (model(x) ** 2).sum().backward()
        (((x @ weight.T + biases[0]) @ weight.T + biases[1]) ** 2).sum().backward()
        optimizer.step(), other.step()
    assert model.a.weight is model.b.weight
    assert len(optimizer.param_groups[0]["params"]) == 3
    assert_same(values([model.a.weight, model.a.bias, model.b.bias]), values([weight, *biases]))


def test_two_parameters_on_one_memory_both_follow() -> None:
    p = tl.nn.Parameter(tl.zeros(3))
    q = tl.nn.Parameter(p.data)
    optimizer = tl.optim.SGD([p, q, *parameters(dtype="float32")], lr=0.5)
    ((p + 2 * q).sum()).backward()
    optimizer.step()
    assert p.tolist() == q.tolist() == [-1.5, -1.5, -1.5]


# -- Gradients --------------------------------------------------------------------------------------------


LOOKS = {
    "tensor": lambda g: g,
    "array": lambda g: g.numpy(),
    "view": lambda g: g.T,
    "part": lambda g: g.numpy()[:1],
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_a_gradient_that_someone_holds_stays(look: Callable[[Any], Any]) -> None:
    params = parameters()
    optimizer = tl.optim.SGD(params, lr=0.1)
    held, copies = [], []
    for _ in range(5):
        optimizer.zero_grad()
        loss_of(params).backward()
        held.append(look(params[0].grad))
        copies.append(np.array(np.asarray(held[-1])))
        optimizer.step()
    for now, then in zip(held, copies, strict=True):
        np.testing.assert_array_equal(np.asarray(now), then)
    assert not np.array_equal(copies[0], copies[1])


def test_a_held_gradient_sees_what_is_added_to_it() -> None:
    params = parameters()
    optimizer = tl.optim.SGD(params, lr=0.0)
    steps(optimizer, params, 2)
    optimizer.zero_grad()
    loss_of(params).backward()
    g = params[0].grad
    once = g.numpy().copy()
    loss_of(params).backward()
    np.testing.assert_allclose(g.numpy(), 2 * once)
    optimizer.step()
    loss_of(params).backward()
    np.testing.assert_allclose(g.numpy(), 3 * once)
    assert params[0].grad is g


@Optimizers
@pytest.mark.parametrize("when", ["after backward", "after the step", "before backward"])
def test_looking_at_gradients_changes_nothing(make: Make, when: str) -> None:
    params = parameters()
    optimizer = make(params)
    for _ in range(6):
        optimizer.zero_grad()
        if when == "before backward":
            assert all(p.grad is None for p in params)
        loss_of(params).backward()
        if when == "after backward":
            assert params[1].grad is params[1].grad
        optimizer.step()
        if when == "after the step":
            expected = params[1].grad
            assert expected is not None and params[1].grad is expected
    assert kinds(optimizer) == ["Arena"]
    assert_same(values(params), one_by_one(make, lambda o, ps: steps(o, ps, 6)))


def test_looking_at_gradients_makes_no_new_arena() -> None:
    params = parameters()
    optimizer = tl.optim.Adam(params)
    loss_of(params).backward()
    assert params[0].grad is not None
    optimizer.step()
    unit = optimizer._units[0][0]
    memory = unit.grads
    for _ in range(5):
        optimizer.zero_grad()
        loss_of(params).backward()
        assert params[0].grad is not None
        optimizer.step()
    assert unit.grads is memory


@Optimizers
def test_gradients_assigned_by_the_user(make: Make) -> None:
    def run(optimizer: Any, params: list[Any]) -> None:
        steps(optimizer, params, 2)
        for k in range(3):
            for p in params:
                p.grad = tl.full(p.shape, k + 1.0, dtype=p.dtype)
            params[0].grad = params[0].grad.T.clone().T  # in another memory order
            optimizer.step()

    params = parameters()
    optimizer = make(params)
    run(optimizer, params)
    assert kinds(optimizer) == ["Arena"]
    assert_same(values(params), one_by_one(make, run))


def test_swapped_gradients() -> None:
    p, q = params = parameters((3,), (3,))
    optimizer = tl.optim.SGD(params, lr=1.0)
    steps(optimizer, params, 1)
    optimizer.zero_grad()
    loss_of(params).backward()
    before, (gp, gq) = values(params), (p.grad.numpy().copy(), q.grad.numpy().copy())
    p.grad, q.grad = q.grad, p.grad
    optimizer.step()
    np.testing.assert_allclose(before[0] - p.detach().numpy(), gq)
    np.testing.assert_allclose(before[1] - q.detach().numpy(), gp)


@Optimizers
def test_parameters_without_gradient_stay(make: Make) -> None:
    def run(optimizer: Any, params: list[Any]) -> None:
        steps(optimizer, params, 2)
        before = values(params)
        optimizer.zero_grad()
        optimizer.step()  # no gradient at all
        for a, b in zip(before, values(params), strict=True):
            np.testing.assert_array_equal(a, b)
        for k in range(4):
            optimizer.zero_grad()
            loss_of(params).backward()
            params[k % 3].grad = None
            before = values(params)
            optimizer.step()
            np.testing.assert_array_equal(before[k % 3], values(params)[k % 3])

    params = parameters()
    run(make(params), params)
    assert_same(values(params), one_by_one(make, run))


def test_clipping_before_the_step() -> None:
    def run(optimizer: Any, params: list[Any]) -> None:
        for _ in range(4):
            optimizer.zero_grad()
            loss_of(params).backward()
            norm = tl.nn.utils.clip_grad_norm_(params, 0.1)
            after = np.sqrt(sum((p.grad.numpy() ** 2).sum() for p in params))
            assert norm > 0.1 and after == pytest.approx(0.1, rel=1e-4)
            optimizer.step()

    params = parameters()
    optimizer = tl.optim.SGD(params, lr=0.5)
    run(optimizer, params)
    assert kinds(optimizer) == ["Arena"]
    assert_same(values(params), one_by_one(lambda ps: tl.optim.SGD(ps, lr=0.5), run))


def test_gradients_with_a_graph() -> None:
    """``create_graph=True`` leaves gradients that require grad; the step uses their values, zero_grad lets go."""
    params = parameters()
    optimizer = tl.optim.SGD(params, lr=0.1)
    expected = one_by_one(lambda ps: tl.optim.SGD(ps, lr=0.1), lambda o, ps: steps(o, ps, 3))
    for _ in range(3):
        optimizer.zero_grad()
        loss_of(params).backward(create_graph=True)
        assert params[0].grad.requires_grad
        optimizer.step()
    assert_same(values(params), expected)
    optimizer.zero_grad(set_to_none=False)
    assert not params[0].grad.requires_grad and not params[0].grad.any()


# -- Values -----------------------------------------------------------------------------------------------


@Optimizers
def test_replaced_data(make: Make) -> None:
    def run(optimizer: Any, params: list[Any]) -> None:
        steps(optimizer, params, 2)
        params[1].data = tl.full((3,), 9.0, dtype=tl.float64)
        steps(optimizer, params, 2)
        params[0].data = params[0].data * 2
        steps(optimizer, params, 2)

    params = parameters()
    run(make(params), params)
    assert_same(values(params), one_by_one(make, run))


def test_data_of_another_shape_is_refused_where_there_is_state() -> None:
    params = parameters()
    optimizer = tl.optim.Adam(params)
    steps(optimizer, params)
    params[1].data = tl.zeros(4, dtype=tl.float64)
    with pytest.raises(RuntimeError, match=r"changed its shape from \[3\] to \[4\] .* make a new optimizer"):
        steps(optimizer, params)


@Optimizers
def test_loading_a_model_half_way(make: Make) -> None:
    tl.manual_seed(0)
    model = tl.nn.Sequential(tl.nn.Linear(3, 4), tl.nn.Linear(4, 2))
    optimizer = make(model.parameters())
    saved = copy.deepcopy(model.state_dict())
    steps(optimizer, list(model.parameters()))
    places = [p._array for p in model.parameters()]
    model.load_state_dict(saved)
    assert all(p._array is place for p, place in zip(model.parameters(), places, strict=True))
    for p, value in zip(model.parameters(), saved.values(), strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), value.numpy())
    steps(optimizer, list(model.parameters()), 1)
    assert kinds(optimizer) == ["Arena"]
    assert not any(np.array_equal(p.detach().numpy(), v.numpy()) for p, v in zip(model.parameters(), saved.values()))


def test_writes_by_hand_count() -> None:
    params = parameters()
    optimizer = tl.optim.SGD(params, lr=1.0)
    steps(optimizer, params)
    optimizer.zero_grad()
    with tl.no_grad():
        params[0].fill_(4.0)
        params[1].copy_(tl.tensor([1.0, 2.0, 3.0]))
    params[2].data.zero_()
    for p in params:
        p.grad = tl.ones_like(p)
    optimizer.step()
    assert params[0].tolist() == [[3.0] * 3] * 2
    assert params[1].tolist() == [0.0, 1.0, 2.0]
    assert params[2].item() == -1.0


@Optimizers
def test_shapes_that_are_easy_to_forget(make: Make) -> None:
    shapes = ((0,), (2, 0, 3), (), (1,), (3, 1, 2))
    params = parameters(*shapes)
    steps(make(params), params)
    assert_same(values(params), one_by_one(make, steps, *shapes))
    nothing = parameters((0,), (2, 0))
    steps(make(nothing), nothing)
    assert [p.shape for p in nothing] == [(0,), (2, 0)]


@Optimizers
def test_parameters_that_are_not_contiguous(make: Make) -> None:
    a, b, c, d = np.random.default_rng(0).normal(size=(4, 4, 6))
    odd = [tl.nn.Parameter(tl.from_numpy(x)) for x in (a[:, ::2], b.T[1::2], np.asfortranarray(c), d[0, 1::2])]
    even = [tl.nn.Parameter(tl.tensor(np.ascontiguousarray(p.detach().numpy()))) for p in odd]
    assert not any(p.is_contiguous() for p in odd)
    steps(make(odd), odd, 4), steps(make(even), even, 4)
    assert_same(values(odd), values(even))


@Optimizers
def test_several_dtypes_in_one_group(make: Make) -> None:
    def mixed() -> list[Any]:
        return [*parameters(), *parameters(dtype="float32")]

    def each(params: list[Any]) -> None:
        loss_of(params[:3]).backward()
        loss_of(params[3:]).backward()

    params, apart = mixed(), mixed()
    optimizer, others = make(params), [make(apart[:3]), make(apart[3:])]
    for _ in range(4):
        for o in (optimizer, *others):
            o.zero_grad()
        each(params), each(apart)
        for o in (optimizer, *others):
            o.step()
    assert kinds(optimizer) == ["Arena", "Arena"]
    assert [p.dtype for p in params] == [tl.float64] * 3 + [tl.float32] * 3
    for a, b in zip(values(params), values(apart), strict=True):
        np.testing.assert_array_equal(a, b)


@Optimizers
@pytest.mark.parametrize("when", ["before any optimizer", "before the first step", "half-way"])
def test_double(make: Make, when: str) -> None:
    tl.manual_seed(1)
    model = tl.nn.Linear(3, 2)
    if when == "before any optimizer":
        model.double()
    optimizer = make(model.parameters())
    if when == "half-way":
        steps(optimizer, list(model.parameters()))
    model.double()
    before = values(list(model.parameters()))
    steps(optimizer, list(model.parameters()))
    for p, old in zip(model.parameters(), before, strict=True):
        assert p.dtype == p.grad.dtype == tl.float64
        assert np.all(p.detach().numpy() != old)
    for entry in optimizer.state.values():
        assert all(v.dtype == tl.float64 for name, v in entry.items() if name != "step" and name not in NUMBERS)


@Optimizers
def test_two_optimizers_take_turns(make: Make) -> None:
    def run(hold: bool) -> list[Any]:
        params = parameters()
        holders = [p.detach() for p in params] if hold else []
        first, second = make(params), tl.optim.SGD(params, lr=0.01, momentum=0.5)
        for _ in range(4):
            steps(first, params, 1)
            steps(second, params, 1)
        del holders
        return values(params)

    assert_same(run(False), run(True))


def test_a_second_optimizer_gets_an_arena_too() -> None:
    params = parameters()
    first = tl.optim.Adam(params)
    steps(first, params)
    second = tl.optim.Adam(params)
    steps(second, params)
    assert kinds(second) == ["Arena"]
    del first, second
    third = tl.optim.Adam(params)
    steps(third, params)
    assert kinds(third) == ["Arena"]


def test_parameters_taken_out_of_a_group_stay() -> None:
    params = parameters()
    optimizer = tl.optim.Adam(params, lr=0.1)
    steps(optimizer, params)
    gone = optimizer.param_groups[0]["params"].pop(1)
    new = tl.nn.Parameter(tl.ones(2, dtype=tl.float64))
    optimizer.param_groups[0]["params"].append(new)
    before = gone.tolist()
    steps(optimizer, [*params, new])
    assert gone.tolist() == before and gone not in optimizer.state
    assert new.tolist() != [1.0, 1.0]
    assert [optimizer.state[p]["step"].item() for p in (params[0], params[2], new)] == [6, 6, 3]


# -- Graphs -----------------------------------------------------------------------------------------------


def test_an_old_graph_that_kept_a_parameter_is_refused() -> None:
    params = parameters((3,), (3,))
    optimizer = tl.optim.SGD(params, lr=0.1)
    for _ in range(2):  # before and after the parameters moved
        loss = (params[0] * params[1] * params[0]).sum()
        loss.backward(retain_graph=True)
        optimizer.step()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()
        optimizer.zero_grad()
        del loss
        steps(optimizer, params, 1)


def test_writing_one_parameter_leaves_graphs_on_others_alone() -> None:
    params = parameters((3,), (3,), (3,))
    optimizer = tl.optim.SGD(params, lr=0.1)
    steps(optimizer, params)
    assert kinds(optimizer) == ["Arena"]
    for p in params:
        p.grad = None
    loss = (params[0] * params[1]).sum()
    with tl.no_grad():
        params[2].add_(1.0)
    loss.backward(retain_graph=True)
    np.testing.assert_array_equal(params[0].grad.numpy(), params[1].detach().numpy())
    with tl.no_grad():
        params[1].add_(1.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_a_step_that_skips_a_parameter_leaves_its_graphs_alone() -> None:
    params = parameters((3,), (3,))
    optimizer = tl.optim.SGD(params, lr=0.1)
    steps(optimizer, params)
    optimizer.zero_grad()
    loss = (params[0] ** 2).sum()
    params[1].grad = tl.ones(3, dtype=tl.float64)
    optimizer.step()
    loss.backward()
    np.testing.assert_allclose(params[0].grad.numpy(), 2 * params[0].detach().numpy())


# -- State ------------------------------------------------------------------------------------------------


def test_state_is_live_and_in_pytorchs_units() -> None:
    params = parameters()
    optimizer = tl.optim.Adam(params, lr=0.1)
    steps(optimizer, params, 1)
    first = optimizer.state[params[0]]["exp_avg"]
    np.testing.assert_allclose(first.numpy(), 0.1 * params[0].grad.numpy())
    np.testing.assert_allclose(optimizer.state[params[0]]["exp_avg_sq"].numpy(), 0.001 * params[0].grad.numpy() ** 2)
    before = first.tolist()
    steps(optimizer, params, 1)
    assert first.tolist() != before
    assert optimizer.state[params[0]]["exp_avg"].tolist() == first.tolist()
    first.zero_()
    optimizer.zero_grad()
    params[0].grad, params[1].grad, params[2].grad = (tl.zeros_like(p) for p in params)
    kept = params[0].tolist()
    optimizer.step()
    assert params[0].tolist() == kept
    assert optimizer.state[params[0]]["step"].item() == 3


def test_state_stays_live_when_an_arena_dissolves() -> None:
    params = parameters()
    optimizer = tl.optim.SGD(params, lr=0.1, momentum=0.9)
    steps(optimizer, params)
    buffer = optimizer.state[params[0]]["momentum_buffer"]
    optimizer.zero_grad()
    params[0].grad = tl.ones_like(params[0])
    expected = buffer.numpy() * 0.9 + 1
    optimizer.step()
    assert set(kinds(optimizer)) == {"Single"}
    np.testing.assert_allclose(buffer.numpy(), expected)


def test_betas_changed_before_someone_looks() -> None:
    params = parameters()
    optimizer = tl.optim.Adam(params)
    steps(optimizer, params, 1)
    optimizer.param_groups[0]["betas"] = (0.5, 0.5)
    np.testing.assert_allclose(optimizer.state[params[0]]["exp_avg"].numpy(), 0.1 * params[0].grad.numpy())


def test_state_can_be_assigned_and_deleted() -> None:
    def forget(optimizer: Any, params: list[Any]) -> None:
        steps(optimizer, params)
        del optimizer.state[params[1]]
        assert params[1] not in optimizer.state and len(optimizer.state) == 2
        with pytest.raises(KeyError):
            del optimizer.state[params[1]]
        steps(optimizer, params)

    params = parameters()
    optimizer = tl.optim.Adam(params, lr=0.1)
    forget(optimizer, params)
    assert [optimizer.state[p]["step"].item() for p in params] == [6, 3, 6]
    optimizer.state[params[0]]["exp_avg"] = tl.full_like(params[0], 2.0)
    assert optimizer.state[params[0]]["exp_avg"].tolist() == [[2.0] * 3] * 2
    steps(optimizer, params, 1)
    assert optimizer.state[params[0]]["step"].item() == 7
    np.testing.assert_allclose(
        optimizer.state[params[0]]["exp_avg"].numpy(), 2 * 0.9 + 0.1 * params[0].grad.numpy(), rtol=1e-6
    )
    optimizer.state = {}
    assert len(optimizer.state) == 0
    steps(optimizer, params, 1)
    assert [optimizer.state[p]["step"].item() for p in params] == [1, 1, 1]


@Optimizers
def test_resuming_is_exact(make: Make) -> None:
    params = parameters()
    optimizer = make(params)
    steps(optimizer, params, 5)
    again = [tl.nn.Parameter(p.detach().clone()) for p in params]
    other = make(again)
    other.load_state_dict(optimizer.state_dict())
    rounds = any(NUMBERS.intersection(entry) for entry in optimizer.state.values())
    if not rounds:
        assert str(other.state_dict()) == str(optimizer.state_dict())  # also before the first step
    steps(optimizer, params, 5), steps(other, again, 5)
    for a, b in zip(values(params), values(again), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7 if rounds else 0)
    assert kinds(other) == ["Arena"]


@Optimizers
def test_state_dict_is_a_copy(make: Make) -> None:
    params = parameters()
    optimizer = make(params)
    steps(optimizer, params)
    saved = optimizer.state_dict()
    text = str(saved)
    steps(optimizer, params)
    assert str(saved) == text
    optimizer.load_state_dict(saved)
    steps(optimizer, params)
    assert str(saved) == text


def test_loading_state_of_another_model() -> None:
    params, others = parameters((3,), (2,)), parameters((2,), (3,))
    optimizer = tl.optim.Adam(params)
    steps(optimizer, params)
    other = tl.optim.Adam(others)
    other.load_state_dict(optimizer.state_dict())
    with pytest.raises(ValueError, match=r"'exp_avg' has the shape \[3\], but its parameter needs the shape \[2\]"):
        steps(other, others)


@Optimizers
@pytest.mark.parametrize("clone", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"])
def test_copies_of_model_and_optimizer(make: Make, clone: Any) -> None:
    tl.manual_seed(0)
    model = tl.nn.Linear(3, 2).double()
    optimizer = make(model.parameters())
    steps(optimizer, list(model.parameters()))
    twin, twins = clone((model, optimizer))
    assert all(p is q for p, q in zip(twins.param_groups[0]["params"], twin.parameters(), strict=True))
    before = values(list(model.parameters()))
    steps(twins, list(twin.parameters()))
    for p, old in zip(model.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), old)
    steps(optimizer, list(model.parameters()))
    for p, q in zip(model.parameters(), twin.parameters(), strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())


def test_a_pickled_parameter_holds_its_own_bytes_only() -> None:
    params = parameters((3,), (1000,))
    steps(tl.optim.Adam(params), params)
    assert len(pickle.dumps(params[0])) < 1000


def test_step_hooks() -> None:
    params = parameters()
    optimizer = tl.optim.SGD(params, lr=0.1)
    seen: list[str] = []
    before = optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append("before"))
    optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append("after"))
    steps(optimizer, params, 1)
    before.remove()
    steps(optimizer, params, 1)
    assert seen == ["before", "after", "after"]


# -- Memory -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("look", [False, True], ids=["", "looking"])
@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_memory_does_not_grow(name: str, look: bool) -> None:
    params = parameters((20, 20), (20,))
    optimizer = getattr(tl.optim, name)(params)

    def run(count: int) -> None:
        for _ in range(count):
            optimizer.zero_grad()
            (params[0] @ params[1]).sum().backward()
            if look:
                assert params[0].grad is not None
                assert params[1] not in optimizer.state or len(optimizer.state) == 2
            optimizer.step()

    run(20)
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        run(10)
        before = tracemalloc.get_traced_memory()[0]
        run(300 if look else 1000)
        assert gc.collect() == 0  # no cycles; it also empties Python's free lists, which look like a leak
        assert tracemalloc.get_traced_memory()[0] - before < 5000
    finally:
        tracemalloc.stop()
        gc.enable()


def test_arenas_die_with_model_and_optimizer() -> None:
    model = tl.nn.Linear(30, 30)
    params = list(model.parameters())
    optimizer = tl.optim.Adam(params)
    steps(optimizer, params)
    unit = optimizer._units[0][0]
    assert isinstance(unit, Arena)
    watched = [weakref.ref(x) for x in (unit, optimizer, unit.values, unit.grads, params[0]._array, unit.homes[0])]
    gc.disable()
    try:
        del unit, optimizer
        assert watched[0]() is None and watched[1]() is None and watched[2]() is None
        assert watched[4]() is not None  # the model lives on
        del params, model
        assert not any(reference() for reference in watched)
    finally:
        gc.enable()


def test_a_single_parameter_stays_where_it_is() -> None:
    p = parameters((4,))[0]
    array = p._array
    optimizer = tl.optim.Adam([p])
    steps(optimizer, [p])
    assert isinstance(optimizer._units[0][0], Single) and p._array is array
