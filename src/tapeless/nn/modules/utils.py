"""``torch.nn.modules.utils``: numbers repeated for each dim, which layers of one's own use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def _ntuple(n: int, name: str = "parse") -> Callable[[Any], tuple[Any, ...]]:
    """Return a function that makes a tuple of what can be iterated, and repeats all else `n` times.

    >>> _ntuple(2)(3), _ntuple(2)([1, 4])
    ((3, 3), (1, 4))
    """

    def parse(x: Any) -> tuple[Any, ...]:
        return tuple(x) if isinstance(x, Iterable) else (x,) * n

    parse.__name__ = name
    return parse


_single, _pair = _ntuple(1, "_single"), _ntuple(2, "_pair")
_triple, _quadruple = _ntuple(3, "_triple"), _ntuple(4, "_quadruple")


def consume_prefix_in_state_dict_if_present(state_dict: dict[str, Any], prefix: str) -> None:
    """Strip `prefix` from the names in `state_dict`, in place: weights of a `DataParallel` fit the module then.

    See https://docs.pytorch.org/docs/stable/generated/torch.nn.modules.utils.consume_prefix_in_state_dict_if_present.html

    >>> weights = {"module.weight": 1, "bias": 2}
    >>> consume_prefix_in_state_dict_if_present(weights, "module.")
    >>> weights
    {'bias': 2, 'weight': 1}
    """
    for key in [key for key in state_dict if key.startswith(prefix)]:
        state_dict[key[len(prefix) :]] = state_dict.pop(key)
    metadata = getattr(state_dict, "_metadata", None)
    if metadata is not None:
        for key in list(metadata):
            stem = prefix.rstrip(".")
            if key == stem or key.startswith(prefix):
                metadata[key[len(prefix) :]] = metadata.pop(key)
