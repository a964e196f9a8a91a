"""Forms of view operations that copy what the view would show."""

from __future__ import annotations

from typing import Any

from .._core.registry import FUNCTIONS, composite, store
from .strided import Unfold


def _narrow_copy(input: Any, dim: int, start: Any, length: int) -> Any:
    if input.ndim and dim >= input.ndim:  # PyTorch's own check, and its class of error, which `narrow` has not
        raise RuntimeError(
            "Expected dim < static_cast<int64_t>(self_sizes.size()) to be true, but got false.\n"
            f"narrow_copy() was given dim {dim} of {input.ndim}."
        )
    return FUNCTIONS["narrow"](input, dim, start, length)


def _view_copy(input: Any, size: Any = None, dtype: Any = None) -> Any:
    return input.view(dtype) if size is None else input.reshape(size)  # what cannot be viewed, it copies once


_VIEWS = {
    "narrow_copy": _narrow_copy,
    "alias_copy": lambda input: input,
    "expand_copy": lambda input, size, *, implicit=False: input.expand(tuple(size)),
    "view_copy": _view_copy,
    "unfold_copy": Unfold.apply,
}
"""Those whose view has no function of the same name without ``_copy``."""

_EXAMPLES = {  # what follows x = [[1, 2], [3, 4]] in the call, and the elements of what it gives
    "alias_copy": ("", "[[1, 2], [3, 4]]"),
    "as_strided_copy": (", (2,), (3,)", "[1, 4]"),
    "diagonal_copy": ("", "[1, 4]"),
    "expand_copy": (", (2, 2)", "[[1, 2], [3, 4]]"),
    "narrow_copy": (", 0, 1, 1", "[[3, 4]]"),
    "permute_copy": (", (1, 0)", "[[1, 3], [2, 4]]"),
    "select_copy": (", 0, 1", "[3, 4]"),
    "squeeze_copy": ("", "[[1, 2], [3, 4]]"),
    "t_copy": ("", "[[1, 3], [2, 4]]"),
    "transpose_copy": (", 0, 1", "[[1, 3], [2, 4]]"),
    "unfold_copy": (", 1, 2, 1", "[[[1, 2]], [[3, 4]]]"),
    "unsqueeze_copy": (", 0", "[[[1, 2], [3, 4]]]"),
    "view_copy": (", (4,)", "[1, 2, 3, 4]"),
    "split_copy": (", 1", "[[[1, 2]], [[3, 4]]]"),
    "split_with_sizes_copy": (", [1, 1]", "[[[1, 2]], [[3, 4]]]"),
    "unbind_copy": ("", "[[1, 2], [3, 4]]"),
}

_NAMES = """
alias_copy as_strided_copy diagonal_copy expand_copy narrow_copy permute_copy select_copy squeeze_copy t_copy
transpose_copy unfold_copy unsqueeze_copy view_copy split_copy split_with_sizes_copy unbind_copy
""".split()
_METHODS = {"narrow_copy"}


def _declare(name: str) -> None:
    def copy(input: Any, *args: Any, out: Any = None, **kwargs: Any) -> Any:
        view: Any = _VIEWS.get(name) or FUNCTIONS[name.removesuffix("_copy")]
        result = view(input, *args, **kwargs)
        several = isinstance(result, (tuple, list))
        copied = tuple(part.clone() for part in result) if several else result.clone()
        return copied if out is None else store(copied, out, name)

    copy.__name__ = copy.__qualname__ = name
    arguments, elements = _EXAMPLES[name]
    call = f"tl.{name}(tl.tensor([[1, 2], [3, 4]]){arguments})"
    several = name.startswith(("split", "unbind"))
    copy.__doc__ = f"""Return a copy of what `{name.removesuffix("_copy")}` gives as a view.

    >>> import tapeless as tl
    >>> {f"[part.tolist() for part in {call}]" if several else f"{call}.tolist()"}
    {elements}
    """
    composite(name, methods=None if name in _METHODS else "")(copy)


for _name in _NAMES:
    _declare(_name)
