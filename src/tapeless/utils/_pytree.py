"""Nested containers under PyTorch's path, ``torch.utils._pytree``, which libraries import in spite of its underscore.

Other than in Tapeless's own `tapeless._pytree`, `None` is a leaf, shapes, deques and default dicts are containers, and
`register_pytree_node` adds classes of one's own. See https://github.com/pytorch/pytorch/blob/main/torch/utils/_pytree.py
"""

from __future__ import annotations

import types
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from .._tensor import Size

PyTree = Any
Context = Any
IsLeaf = Callable[[Any], bool] | None


class _Node(NamedTuple):
    """How a class of containers is taken apart, and put together again."""

    flatten: Callable[[Any], tuple[Iterable[Any], Any]]
    unflatten: Callable[[Iterable[Any], Any], Any]


def _parts_of_dict(tree: Any) -> tuple[list[Any], Any]:
    return list(tree.values()), list(tree)


_NODES: dict[type, _Node] = {
    tuple: _Node(lambda t: (list(t), None), lambda parts, _: tuple(parts)),
    list: _Node(lambda t: (t, None), lambda parts, _: list(parts)),
    dict: _Node(_parts_of_dict, lambda parts, keys: dict(zip(keys, parts, strict=True))),
    OrderedDict: _Node(_parts_of_dict, lambda parts, keys: OrderedDict(zip(keys, parts, strict=True))),
    defaultdict: _Node(
        lambda t: (list(t.values()), [t.default_factory, list(t)]),
        lambda parts, context: defaultdict(context[0], zip(context[1], parts, strict=True)),
    ),
    deque: _Node(lambda t: (list(t), t.maxlen), lambda parts, maxlen: deque(parts, maxlen=maxlen)),
    Size: _Node(lambda t: (list(t), None), lambda parts, _: Size(tuple(parts))),
}
_NAMED_TUPLE = _Node(lambda t: (list(t), type(t)), lambda parts, kind: kind(*parts))
_DICTS = (dict, OrderedDict, defaultdict)


def register_pytree_node(
    cls: type,
    flatten_fn: Callable[[Any], tuple[list[Any], Any]],
    unflatten_fn: Callable[[Iterable[Any], Any], Any],
    **_: Any,
) -> None:
    """Have objects of a class taken apart as containers.

    Args:
        cls: the class itself; its subclasses stay leaves.
        flatten_fn: gives an object's parts, and what else is needed to build it.
        unflatten_fn: builds it from both. What PyTorch writes specs to files with is accepted without effect.

    Raises ValueError for a class that is known already.

    >>> class Pair:
    ...     def __init__(self, a, b):
    ...         self.a, self.b = a, b
    >>> register_pytree_node(Pair, lambda p: ([p.a, p.b], None), lambda parts, _: Pair(*parts))
    >>> tree_leaves(Pair(1, [2, 3]))
    [1, 2, 3]
    """
    if cls in _NODES:
        raise ValueError(f"{cls} is already registered as pytree node.")
    _NODES[cls] = _Node(flatten_fn, unflatten_fn)


class TreeSpec:
    """The structure of a tree without its leaves: what `tree_unflatten` needs.

    >>> tree_structure({"w": [1, 2]})
    TreeSpec(dict, ['w'], [TreeSpec(list, None, [*, *])])
    """

    def __init__(self, type: Any, context: Any, children: list[TreeSpec]) -> None:
        self.type, self.context = type, context
        self._children = children
        self.num_children = len(children)
        self.num_nodes: int = 1 + sum([child.num_nodes for child in children])
        self.num_leaves: int = 1 if type is None else sum([child.num_leaves for child in children])

    def is_leaf(self) -> bool:
        """Return whether this is a leaf."""
        return self.type is None

    def children(self) -> list[TreeSpec]:
        """Return the structures of the parts."""
        return list(self._children)

    def child(self, index: int) -> TreeSpec:
        """Return the structure of one part."""
        return self._children[index]

    def unflatten(self, leaves: Iterable[Any]) -> Any:
        """Build a tree of this structure; raises ValueError for another number of leaves."""
        leaves = list(leaves)
        if len(leaves) != self.num_leaves:
            raise ValueError(
                f"treespec.unflatten(leaves): `leaves` has length {len(leaves)} but the spec refers to a pytree that "
                f"holds {self.num_leaves} items ({self})."
            )
        return self._build(iter(leaves))

    def flatten_up_to(self, tree: Any) -> list[Any]:
        """Return what `tree` has at the places of the leaves; raises ValueError where it is built differently."""
        if self.type is None:
            return [tree]
        kind = _kind_of(tree)
        if kind is not self.type and not (kind in _DICTS and self.type in _DICTS):
            raise ValueError(f"Node type mismatch; expected {self.type!r}, but got {type(tree)!r}.")
        parts, context = _node_of(kind).flatten(tree)
        parts = list(parts)
        if len(parts) != self.num_children:
            raise ValueError(f"Node arity mismatch; expected {self.num_children}, but got {len(parts)}.")
        if kind in _DICTS:
            keys = self.context[1] if self.type is defaultdict else self.context
            if set(keys) != set(tree):
                raise ValueError(f"Node keys mismatch; expected {list(keys)}, but got {list(tree)}.")
            parts = [tree[key] for key in keys]
        elif context != self.context:
            raise ValueError(f"Node context mismatch for node type {self.type!r}; {self.context} and {context}.")
        return [leaf for child, part in zip(self._children, parts, strict=True) for leaf in child.flatten_up_to(part)]

    def _build(self, leaves: Iterator[Any]) -> Any:
        if self.type is None:
            return next(leaves)
        return _node_of(self.type).unflatten([child._build(leaves) for child in self._children], self.context)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TreeSpec):
            return NotImplemented
        mine, theirs = (self.type, self.context, self._children), (other.type, other.context, other._children)
        return mine == theirs

    def __hash__(self) -> int:
        return hash((self.type, self.num_nodes, self.num_leaves))

    def __repr__(self) -> str:
        return "*" if self.type is None else f"TreeSpec({self.type.__name__}, {self.context}, {self._children})"


PyTreeSpec = TreeSpec


def LeafSpec() -> TreeSpec:
    """Return the structure of a single leaf."""
    return TreeSpec(None, None, [])


def _is_namedtuple(kind: type) -> bool:
    return issubclass(kind, tuple) and isinstance(getattr(kind, "_fields", None), tuple)


def _kind_of(tree: Any) -> Any:
    """Return the container's class as specs have it, None for a leaf; that of all named tuples is one."""
    kind = type(tree)
    if kind in _NODES:
        return kind
    return _NamedTuple if _is_namedtuple(kind) else None


class _NamedTuple:
    """What stands for all named tuples, whose class is the context."""


_NamedTuple.__name__ = "namedtuple"


def _node_of(kind: Any) -> _Node:
    return _NAMED_TUPLE if kind is _NamedTuple else _NODES[kind]


def tree_is_leaf(tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Return whether a tree is a single leaf.

    >>> tree_is_leaf(None), tree_is_leaf([])
    (True, False)
    """
    return _kind_of(tree) is None or (is_leaf is not None and is_leaf(tree))


def _collect(tree: Any, leaves: list[Any], is_leaf: IsLeaf) -> TreeSpec:
    kind = _kind_of(tree)
    if kind is None or (is_leaf is not None and is_leaf(tree)):
        leaves.append(tree)
        return LeafSpec()
    parts, context = _node_of(kind).flatten(tree)
    return TreeSpec(kind, context, [_collect(part, leaves, is_leaf) for part in parts])


def tree_flatten(tree: Any, is_leaf: IsLeaf = None) -> tuple[list[Any], TreeSpec]:
    """Return the leaves from left to right, and the structure; subtrees for which `is_leaf` is true stay whole.

    >>> leaves, spec = tree_flatten({"w": (1, None)})
    >>> leaves
    [1, None]
    >>> tree_unflatten([10, 20], spec)
    {'w': (10, 20)}
    """
    leaves: list[Any] = []
    spec = _collect(tree, leaves, is_leaf)
    return leaves, spec


def tree_unflatten(leaves: Iterable[Any], treespec: TreeSpec) -> Any:
    """Build a tree from leaves and a structure; raises TypeError for what is no structure, ValueError as that does.

    >>> tree_unflatten([1, 2], tree_structure([0, 0]))
    [1, 2]
    """
    if not isinstance(treespec, TreeSpec):
        raise TypeError(f"Expected `treespec` to be an instance of PyTreeSpec but got item of type {type(treespec)}.")
    return treespec.unflatten(leaves)


def tree_leaves(tree: Any, is_leaf: IsLeaf = None) -> list[Any]:
    """Return the leaves from left to right.

    >>> tree_leaves([1, {"a": 2}])
    [1, 2]
    """
    return tree_flatten(tree, is_leaf)[0]


def tree_iter(tree: Any, is_leaf: IsLeaf = None) -> Iterator[Any]:
    """Iterate over the leaves.

    >>> sum(tree_iter([1, (2, 3)]))
    6
    """
    return iter(tree_leaves(tree, is_leaf))


def tree_structure(tree: Any, is_leaf: IsLeaf = None) -> TreeSpec:
    """Return the structure.

    >>> tree_structure((1, 2)) == tree_structure((3, 4))
    True
    """
    return tree_flatten(tree, is_leaf)[1]


def tree_map(func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: IsLeaf = None) -> Any:
    """Build a tree of ``func(leaf, ...)``, a leaf from each tree; raises ValueError where they are built differently.

    >>> tree_map(lambda a, b: a + b, [1, (2,)], [10, (20,)])
    [11, (22,)]
    """
    leaves, spec = tree_flatten(tree, is_leaf)
    return spec.unflatten(map(func, leaves, *[spec.flatten_up_to(rest) for rest in rests]))


def tree_map_(func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: IsLeaf = None) -> Any:
    """Call `func` for each leaf and return the tree as it is.

    >>> tree_map_(print, [1, (2,)])
    1
    2
    [1, (2,)]
    """
    tree_map(func, tree, *rests, is_leaf=is_leaf)
    return tree


def _predicate(wanted: Any) -> Callable[[Any], bool]:
    if isinstance(wanted, type | types.UnionType) or (isinstance(wanted, tuple) and all(map(_is_type, wanted))):
        return lambda x: isinstance(x, wanted)
    if callable(wanted):
        return wanted
    raise TypeError("Argument must be a type, a tuple of types, or a callable.")


def _is_type(value: Any) -> bool:
    return isinstance(value, type)


def tree_map_only(wanted: Any, /, func: Callable[[Any], Any], tree: Any, is_leaf: IsLeaf = None) -> Any:
    """As `tree_map`, but for leaves of some types (or for which a function is true) only.

    >>> tree_map_only(int, lambda n: n + 1, [1, "a"])
    [2, 'a']
    """
    chosen = _predicate(wanted)
    return tree_map(lambda leaf: func(leaf) if chosen(leaf) else leaf, tree, is_leaf=is_leaf)


def tree_map_only_(wanted: Any, /, func: Callable[[Any], Any], tree: Any, is_leaf: IsLeaf = None) -> Any:
    """As `tree_map_`, but for some leaves only (see `tree_map_only`).

    >>> tree_map_only_(int, print, [1, "a"])
    1
    [1, 'a']
    """
    tree_map_only(wanted, func, tree, is_leaf)
    return tree


def tree_all(pred: Callable[[Any], bool], tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Return whether `pred` is true for all leaves.

    >>> tree_all(lambda n: n > 0, [1, (2,)])
    True
    """
    return all(map(pred, tree_iter(tree, is_leaf)))


def tree_any(pred: Callable[[Any], bool], tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Return whether `pred` is true for any leaf.

    >>> tree_any(lambda n: n > 1, [1, (2,)])
    True
    """
    return any(map(pred, tree_iter(tree, is_leaf)))


def tree_all_only(wanted: Any, /, pred: Callable[[Any], bool], tree: Any, is_leaf: IsLeaf = None) -> bool:
    """As `tree_all`, for some leaves only (see `tree_map_only`).

    >>> tree_all_only(int, lambda n: n > 0, [1, "a"])
    True
    """
    return all(map(pred, filter(_predicate(wanted), tree_iter(tree, is_leaf))))


def tree_any_only(wanted: Any, /, pred: Callable[[Any], bool], tree: Any, is_leaf: IsLeaf = None) -> bool:
    """As `tree_any`, for some leaves only (see `tree_map_only`).

    >>> tree_any_only(int, lambda n: n > 1, [1, "a"])
    False
    """
    return any(map(pred, filter(_predicate(wanted), tree_iter(tree, is_leaf))))
