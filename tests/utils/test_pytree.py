"""`utils._pytree` and `utils.hooks`, which libraries import from PyTorch's paths."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque, namedtuple
from typing import Any

import pytest

import tapeless as tl
from tapeless.utils import _pytree as mine, hooks

Point = namedtuple("Point", "x y")

TREES = [
    1, None, [], (), {}, [1, None, (2, 3)], {"b": 1, "a": {"c": [2]}}, OrderedDict(z=1, y=[2]), Point(1, [2, 3]),
    deque([1, (2,)], maxlen=3), defaultdict(list, {"a": 1}), [Point(1, 2), {"k": None}], "text", {1, 2},
]  # fmt: skip


@pytest.fixture
def theirs() -> Any:
    return pytest.importorskip("torch.utils._pytree")


@pytest.mark.parametrize("tree", TREES, ids=repr)
def test_trees_come_apart_as_in_torch(tree: Any, theirs: Any) -> None:
    (my_leaves, my_spec), (leaves, spec) = mine.tree_flatten(tree), theirs.tree_flatten(tree)
    assert my_leaves == leaves
    for name in ("num_leaves", "num_nodes", "num_children", "context"):
        assert getattr(my_spec, name) == getattr(spec, name), name
    assert my_spec.is_leaf() == spec.is_leaf()
    again = mine.tree_unflatten(my_leaves, my_spec)
    assert again == tree and type(again) is type(tree)
    if isinstance(tree, deque):
        assert again.maxlen == tree.maxlen
    assert "".join(repr(my_spec).split()).replace("namedtuple", "") == "".join(repr(spec).split()).replace(
        "namedtuple", ""
    )
    assert my_spec == mine.tree_structure(tree) and hash(my_spec) == hash(mine.tree_structure(tree))


def test_shapes_are_containers() -> None:
    doubled = mine.tree_map(lambda n: 2 * n, tl.Size((1, 2)))
    assert type(doubled) is tl.Size and doubled == (2, 4)


def answers(pytree: Any) -> list[Any]:
    class Box:
        def __init__(self, inside: Any) -> None:
            self.inside = inside

    def box_parts(box: Any) -> Any:
        return [box.inside], "context"

    runs = [
        lambda: pytree.tree_map(lambda a, b: (a, b), {"a": 1, "b": 2}, {"b": 3, "a": 4}),
        lambda: pytree.tree_map(lambda a, b: (a, b), [1, 2], [(1, 2), None]),
        lambda: pytree.tree_map(lambda a: [a], [(1, 2), 3], is_leaf=lambda t: isinstance(t, tuple)),
        lambda: pytree.tree_map(lambda a, b: a, [1, 2], [1]),
        lambda: pytree.tree_map(lambda a, b: a, [1, 2], (1, 2)),
        lambda: pytree.tree_map(lambda a, b: a, {"a": 1}, {"b": 1}),
        lambda: pytree.tree_map_only(int, lambda a: a + 1, [1, 2.0, None]),
        lambda: pytree.tree_map_only(int | float, lambda a: a + 1, [1, 2.0, None]),
        lambda: pytree.tree_map_only((int, str), lambda a: a * 2, [1, 2.0, "a"]),
        lambda: pytree.tree_map_only(lambda a: a == 1, lambda a: a + 1, [1, 2.0]),
        lambda: pytree.tree_map_only(3, lambda a: a, [1]),
        lambda: pytree.tree_map_(lambda a: 7, [1, 2]),
        lambda: pytree.tree_map_only_(int, lambda a: 7, [1, 2]),
        lambda: (pytree.tree_all(bool, [1, 0]), pytree.tree_any(bool, [1, 0])),
        lambda: (pytree.tree_all_only(int, bool, [1, ""]), pytree.tree_any_only(str, bool, [1, ""])),
        lambda: list(pytree.tree_iter({"a": [1, 2]})),
        lambda: pytree.tree_unflatten([1], 3),
        lambda: pytree.tree_unflatten([1], pytree.tree_structure([1, 2])),
        lambda: pytree.tree_leaves(Box([1])) == [1],
        lambda: pytree.register_pytree_node(Box, box_parts, lambda parts, context: (*parts, context)),
        lambda: pytree.tree_map(lambda a: -a, [Box((1, 2))]),
        lambda: pytree.register_pytree_node(list, box_parts, box_parts),
    ]
    results = []
    for run in runs:
        try:
            results.append(run())
        except (TypeError, ValueError) as error:
            results.append((type(error), str(error).split("(")[0].split(";")[0]))
    return results


def test_same_answers_as_torch(theirs: Any) -> None:
    for number, pair in enumerate(zip(answers(mine), answers(theirs), strict=True)):
        assert pair[0] == pair[1], f"case {number}"


def test_every_handle_is_the_class_of_utils_hooks() -> None:
    x, layer = tl.ones(2, requires_grad=True), tl.nn.Linear(2, 2)
    for handle in (x.register_hook(lambda g: g), layer.register_forward_hook(lambda *args: None)):
        assert isinstance(handle, hooks.RemovableHandle)
        handle.remove()


def test_handles_of_dicts_of_ones_own() -> None:
    calls: OrderedDict[int, Any] = OrderedDict()
    extra: OrderedDict[int, Any] = OrderedDict()
    with hooks.RemovableHandle(calls, extra_dict=extra) as handle:
        calls[handle.id] = extra[handle.id] = print
    assert not calls and not extra
    both = hooks.RemovableHandle(calls, extra_dict=[extra, {}])
    calls[both.id] = extra[both.id] = print
    both.remove()
    assert not calls and not extra


def test_unserializable_hook_marks_the_function() -> None:
    assert hooks.unserializable_hook(test_unserializable_hook_marks_the_function).__torch_unserializable__
