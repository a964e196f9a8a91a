"""Nested containers taken apart into their leaves and put together again.

Containers are `list`, `tuple`, `dict`, `OrderedDict`, named tuples and `None` (which holds no leaves). All
else is a leaf, other subclasses of these (a shape, a user's dict) included. Dicts keep their keys' order.
What PyTorch does differently: there `None` is a leaf; `is_leaf=lambda x: x is None` makes it one here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["TreeSpec", "flatten", "leaf_paths", "tree_map", "unflatten"]

IsLeaf = Callable[[Any], bool] | None

_DICTS = (dict, OrderedDict)


@dataclass(frozen=True, slots=True, repr=False)
class TreeSpec:
    """The structure of a tree without its leaves: hashable, and equal for equal structures."""

    kind: type | None  # None for a leaf
    keys: tuple[Any, ...] = ()  # of a dict only
    children: tuple[TreeSpec, ...] = ()
    num_leaves: int = 1

    def __repr__(self) -> str:
        """Write the tree with `*` for each leaf."""
        return "*" if self.kind is None else repr(unflatten([_STAR] * self.num_leaves, self))


class _Star:
    """What stands for a leaf when a spec is printed."""

    def __repr__(self) -> str:
        return "*"


_STAR = _Star()
_LEAF = TreeSpec(None)
_NONE = TreeSpec(type(None), num_leaves=0)


def flatten(tree: Any, is_leaf: IsLeaf = None) -> tuple[list[Any], TreeSpec]:
    """Take a nested container apart (as `torch.utils._pytree.tree_flatten`).

    Args:
        tree: any nesting of containers, or a single leaf.
        is_leaf: called on every subtree; where it gives true, the subtree is kept whole.

    Returns:
        The leaves from left to right, and the structure that `unflatten` needs.

    >>> from tapeless._pytree import flatten
    >>> flatten({"w": [1, 2], "b": (3, None)})
    ([1, 2, 3], {'w': [*, *], 'b': (*, None)})
    """
    leaves: list[Any] = []
    return leaves, _collect(tree, leaves, is_leaf)


def unflatten(leaves: Iterable[Any], spec: TreeSpec) -> Any:
    """Build a tree of the given structure from new leaves (as `torch.utils._pytree.tree_unflatten`).

    Raises:
        TypeError: if `spec` is not a `TreeSpec`.
        ValueError: if there are not as many leaves as the structure holds.

    >>> from tapeless._pytree import flatten, unflatten
    >>> leaves, spec = flatten({"w": [1, 2], "b": (3, None)})
    >>> unflatten([10, 20, 30], spec)
    {'w': [10, 20], 'b': (30, None)}
    """
    if not isinstance(spec, TreeSpec):
        got = f"{spec!r} of type {type(spec).__name__}"
        raise TypeError(f"unflatten expects the TreeSpec that flatten returned, but got {got}")
    leaves = list(leaves)
    if len(leaves) != spec.num_leaves:
        raise ValueError(
            f"treespec.unflatten(leaves): `leaves` has length {len(leaves)} but the spec refers to a "
            f"pytree that holds {spec.num_leaves} items ({spec!r})"
        )
    return _build(iter(leaves), spec)


def tree_map(fn: Callable[..., Any], *trees: Any, is_leaf: IsLeaf = None) -> Any:
    """Build a tree of `fn(leaf, ...)`, one leaf from each tree (as `torch.utils._pytree.tree_map`).

    The first tree sets the structure. Where it has a leaf, the others may have anything (which `fn` then gets
    whole); where it has a container, they need one of the same type with the same length, fields or keys. The
    order of a dict's keys need not agree.

    Raises:
        TypeError: without any tree.
        ValueError: where the structures differ, with the path to the place.

    >>> from tapeless._pytree import tree_map
    >>> tree_map(lambda x, y: x + y, {"a": 1, "b": [2, 3]}, {"b": [20, 30], "a": 10})
    {'a': 11, 'b': [22, 33]}
    """
    if not trees:
        raise TypeError("tree_map expects at least one tree after the function, but got none")
    leaves, spec = flatten(trees[0], is_leaf)
    if len(trees) == 1:
        return _build(map(fn, leaves), spec)
    columns = [leaves]
    for number, tree in enumerate(trees[1:], start=2):
        columns.append([])
        _collect_like(spec, tree, columns[-1], "", number)
    return _build(map(fn, *columns), spec)


def leaf_paths(spec: TreeSpec) -> list[str]:
    """Write how to reach each leaf, in the order of `flatten`: what error messages call a leaf.

    >>> from tapeless._pytree import flatten, leaf_paths
    >>> leaf_paths(flatten({"w": [1, 2], "b": 3})[1])
    ["['w'][0]", "['w'][1]", "['b']"]
    """
    if spec.kind is None:
        return [""]
    steps = _steps(spec)
    return [step + path for step, child in zip(steps, spec.children) for path in leaf_paths(child)]


def _is_namedtuple(kind: type) -> bool:
    """Tell a named tuple's class from other subclasses of tuple."""
    return issubclass(kind, tuple) and isinstance(getattr(kind, "_fields", None), tuple)


def _collect(tree: Any, leaves: list[Any], is_leaf: IsLeaf) -> TreeSpec:
    """Append the tree's leaves to the list and give its structure."""
    if is_leaf is not None and is_leaf(tree):
        leaves.append(tree)
        return _LEAF
    kind = type(tree)
    if kind in _DICTS:
        keys, parts = tuple(tree), tree.values()
    elif kind is tuple or kind is list or _is_namedtuple(kind):
        keys, parts = (), tree
    elif tree is None:
        return _NONE
    else:
        leaves.append(tree)
        return _LEAF
    before = len(leaves)
    children = tuple([_collect(part, leaves, is_leaf) for part in parts])
    return TreeSpec(kind, keys, children, len(leaves) - before)


def _collect_like(spec: TreeSpec, tree: Any, leaves: list[Any], path: str, number: int) -> None:
    """Append what the tree has at the places of the spec's leaves; `ValueError` where it lacks them."""
    if spec.kind is None:
        leaves.append(tree)
        return
    parts = _parts_like(spec, tree)
    if parts is None:
        raise ValueError(
            f"tree_map: the trees differ in structure at {path or 'the top'}: the first tree has "
            f"{_describe_spec(spec)} there, but tree {number} has {_describe(tree)}"
        )
    for step, child, part in zip(_steps(spec), spec.children, parts):
        _collect_like(child, part, leaves, path + step, number)


def _parts_like(spec: TreeSpec, tree: Any) -> Iterable[Any] | None:
    """Give the children of a container in the order of the spec's, or None if it is another container."""
    kind = type(tree)
    if kind is not spec.kind:
        return None
    if spec.kind is type(None):
        return ()
    if len(tree) != len(spec.children):
        return None
    if spec.kind not in _DICTS:
        return tree
    return [tree[key] for key in spec.keys] if all(key in tree for key in spec.keys) else None


def _steps(spec: TreeSpec) -> list[str]:
    """Write the last step of the path to each child of a container."""
    if spec.keys:
        return [f"[{key!r}]" for key in spec.keys]
    if spec.kind is not None and _is_namedtuple(spec.kind):
        return [f".{field}" for field in spec.kind._fields]  # type: ignore[attr-defined]
    return [f"[{index}]" for index in range(len(spec.children))]


def _describe(tree: Any) -> str:
    """Say what a subtree is, in an error message."""
    spec = _collect(tree, [], None)
    return f"a leaf of type {type(tree).__name__}" if spec.kind is None else _describe_spec(spec)


def _describe_spec(spec: TreeSpec) -> str:
    """Say what a container is, in an error message."""
    assert spec.kind is not None
    if spec.kind is type(None):
        return "None"
    name = "an OrderedDict" if spec.kind is OrderedDict else f"a {spec.kind.__name__}"
    if spec.kind in _DICTS:
        return f"{name} with keys {list(spec.keys)}"
    return f"{name} of length {len(spec.children)}"


def _build(leaves: Iterator[Any], spec: TreeSpec) -> Any:
    """Fill a structure with the next leaves."""
    kind = spec.kind
    if kind is None:
        return next(leaves)
    if kind is type(None):
        return None
    parts = [_build(leaves, child) for child in spec.children]
    if kind is list:
        return parts
    if kind is tuple:
        return tuple(parts)
    if kind in _DICTS:
        return kind(zip(spec.keys, parts))
    return kind(*parts)
