"""Tensors as text, character for character as PyTorch prints them.

Everything here works on plain arrays, and only the elements that will be shown are ever looked at, so a large
tensor costs no more to print than a small one. The work has four steps: cut out what is shown (`_cut`), turn
it into strings (`_cells`), lay these out in rows (`_layout`), append what follows the values (`_append`).
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

__all__ = [
    "PARAMETER_PREFIX",
    "PrintOptions",
    "format_array",
    "format_with_spec",
    "get_printoptions",
    "printoptions",
    "set_printoptions",
]

PARAMETER_PREFIX = "Parameter containing:\ntensor("


@dataclasses.dataclass
class PrintOptions:
    """What `set_printoptions` sets; an instance can also be given to `format_array` directly."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None

    def __post_init__(self) -> None:
        """Raise `ValueError` for values that would only fail later, in the middle of printing something."""
        for name, lowest in (("precision", 0), ("edgeitems", 0), ("linewidth", None)):
            value = getattr(self, name)
            if not isinstance(value, int | np.integer) or (lowest is not None and value < lowest):
                expected = "an integer" if lowest is None else "a non-negative integer"
                raise ValueError(f"set_printoptions: {name} must be {expected}, but got {value!r}")
        if not isinstance(self.threshold, int | float | np.number) or self.threshold != self.threshold:
            hint = "a number (float('inf') shows every element)"
            raise ValueError(f"set_printoptions: threshold must be {hint}, but got {self.threshold!r}")


_PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": float("inf"), "edgeitems": 3, "linewidth": 80},
}

_current = PrintOptions()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Choose how tensors are printed from now on (`torch.set_printoptions`).

    A `profile` ("default", "short" or "full") is applied first, then the options given beside it. As in
    PyTorch, every call sets `sci_mode` anew; `None` chooses fixed or scientific notation by the values.

    Args:
        precision: digits after the point.
        threshold: with more elements than this, only the edges are shown.
        edgeitems: how many elements a summary shows at either end of each dimension.
        linewidth: characters per line.
        profile: a named set of the four options above.
        sci_mode: `True` always, `False` never writes floats in scientific notation.

    Raises:
        ValueError: for an unknown profile, or an option that could not be used for printing.

    >>> import tapeless as tl
    >>> tl.set_printoptions(precision=2)
    >>> tl.tensor([0.12345])
    tensor([0.12])
    >>> tl.set_printoptions(profile="default")
    """
    global _current
    chosen = dataclasses.asdict(_current)
    if profile is not None:
        chosen.update(_profile(profile))
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    chosen.update({name: value for name, value in given.items() if value is not None})
    chosen["sci_mode"] = sci_mode
    _current = PrintOptions(**chosen)


def _profile(name: str) -> dict[str, Any]:
    """Give the options of a named profile; `ValueError` for a name that is none."""
    found = _PROFILES.get(name) if isinstance(name, str) else None
    if found is None:
        raise ValueError(f"set_printoptions: profile must be 'default', 'short' or 'full', but got {name!r}")
    return found


def get_printoptions() -> dict[str, Any]:
    """Give the options in force, as the keyword arguments that `set_printoptions` takes.

    >>> from tapeless._printing import get_printoptions
    >>> get_printoptions()
    {'precision': 4, 'threshold': 1000, 'edgeitems': 3, 'linewidth': 80, 'sci_mode': None}
    """
    return dataclasses.asdict(_current)


@contextlib.contextmanager
def printoptions(**options: Any) -> Iterator[None]:
    """Set print options inside a `with` block, and put the old ones back after it.

    >>> import tapeless as tl
    >>> from tapeless._printing import printoptions
    >>> with printoptions(precision=1):
    ...     print(tl.tensor([0.25]))
    tensor([0.2])
    """
    global _current
    saved = _current
    set_printoptions(**options)
    try:
        yield
    finally:
        _current = saved


def format_array(
    array: np.ndarray,
    *,
    default_dtype: np.dtype,
    requires_grad: bool = False,
    grad_fn_name: str | None = None,
    prefix: str = "tensor(",
    extra: Sequence[str] = (),
    options: PrintOptions | None = None,
) -> str:
    """Write an array of any shape as PyTorch writes a tensor with these values (`repr` and `str` alike).

    Args:
        array: the values.
        default_dtype: the default float dtype; `dtype=` is printed for any other float (or its complex twin).
        requires_grad: whether to end in `requires_grad=True`; a `grad_fn_name` is printed instead of it.
        grad_fn_name: class name of the node that made the tensor, such as `"MulBackward0"`.
        prefix: opening text up to and including the bracket; rows are indented by the length of its last
            line. `PARAMETER_PREFIX` is that of a parameter.
        extra: more things to say before the closing bracket, such as `"batched"`.
        options: instead of those that `set_printoptions` set.

    >>> import numpy as np
    >>> from tapeless._printing import format_array
    >>> array = np.array([[1, 2.5], [3, 4]])
    >>> print(format_array(array, default_dtype=np.dtype("float64"), requires_grad=True))
    tensor([[1.0000, 2.5000],
            [3.0000, 4.0000]], requires_grad=True)
    """
    options = options or _current
    indent = len(prefix) - (prefix.rfind("\n") + 1)
    suffixes = []
    if array.size == 0:
        body = "[]"
        if array.ndim != 1:
            suffixes.append(f"size={array.shape}")
    else:
        body = _body(array, indent, options)
        if options.edgeitems == 0:  # a summary may show nothing at all, so the size is always told
            suffixes.append(f"size={array.shape}")
    if not _dtype_is_obvious(array, default_dtype):
        suffixes.append(f"dtype=torch.{array.dtype.name}")
    if grad_fn_name is not None:
        suffixes.append(f"grad_fn=<{grad_fn_name}>")
    elif requires_grad:
        suffixes.append("requires_grad=True")
    return _append(prefix + body, [*suffixes, *extra], indent, options.linewidth) + ")"


def format_with_spec(array: np.ndarray, spec: str, *, type_name: str, text: Callable[[], str]) -> str:
    """Do the work of `Tensor.__format__`: 0-d tensors format like the Python number that they hold.

    Args:
        array: the values.
        spec: the format spec, `".3f"` in `f"{t:.3f}"`.
        type_name: name of the tensor's class; as in PyTorch only a plain `Tensor` counts as a number.
        text: makes the tensor's whole text, for everything else with an empty spec.

    Raises:
        TypeError: for a spec with anything that is not a 0-d plain `Tensor`.

    >>> import tapeless as tl
    >>> f"{tl.tensor(3.14159):.2f}"
    '3.14'
    """
    if array.ndim == 0 and type_name == "Tensor":
        return format(array.item(), spec)
    if spec == "":
        return text()
    reason = f"unsupported format string passed to {type_name}.__format__"
    if array.ndim == 0 or array.size == 1:
        hint = f"to format the number inside, write f'{{t.item():{spec}}}'"
    else:
        hint = f"a spec ({spec!r}) formats one number, and this {type_name} has shape {array.shape}"
    raise TypeError(f"{reason}\n{hint}")


def _dtype_is_obvious(array: np.ndarray, default_dtype: np.dtype) -> bool:
    """Tell whether a reader can infer the dtype from the values, so that it need not be printed."""
    dtype = array.dtype
    if dtype.kind == "c":
        default_dtype = np.dtype("complex128" if default_dtype == np.float64 else "complex64")
    if array.size == 0:
        return dtype == default_dtype and dtype.kind != "c"  # "[]" looks like an empty float tensor
    return dtype.kind == "b" or dtype == np.int64 or dtype == default_dtype


def _append(text: str, suffixes: list[str], indent: int, linewidth: int) -> str:
    """Add comma-separated suffixes, each on a new line where it would pass the end of the current one."""
    room_used = len(text) - text.rfind("\n") + 1  # two more than the line has: the ", " before a suffix
    for suffix in suffixes:
        if room_used + len(suffix) + 2 > linewidth:
            text += ",\n" + " " * indent + suffix
            room_used = indent + len(suffix)
        else:
            text += ", " + suffix
            room_used += len(suffix) + 2
    return text


def _body(array: np.ndarray, indent: int, options: PrintOptions) -> str:
    """Write the values of an array that has some, in brackets, all or (when there are too many) the edges."""
    edge = options.edgeitems
    gaps = [False] * array.ndim
    if array.size > options.threshold:
        gaps = [n > 2 * edge for n in array.shape]
        if edge == 0 and gaps:
            return "[...]"
        array = _cut(array, edge)
    texts, width = _cells(array, options)
    if array.ndim == 0:
        return texts[0]
    row_indent = indent + array.ndim  # each bracket that is open moves the row by one
    per_line = max(1, (options.linewidth - (row_indent - 1)) // (width + 2))
    return _layout(iter(texts), list(zip(array.shape, gaps, strict=True)), edge, per_line, indent + 1)


def _cut(array: np.ndarray, edge: int) -> np.ndarray:
    """Keep the first and last `edge` entries along every dimension that has more than those."""
    for axis, n in enumerate(array.shape):
        if n > 2 * edge:
            shown = [*range(edge), *range(n - edge, n)]
            array = array[(slice(None),) * axis + (shown,)]
    return array


def _layout(texts: Iterator[str], dims: list[tuple[int, bool]], edge: int, per_line: int, indent: int) -> str:
    """Put texts in nested brackets; `dims` has per dimension how many are shown and whether some are not."""
    (count, gap), deeper = dims[0], dims[1:]
    if deeper:
        items = [_layout(texts, deeper, edge, per_line, indent + 1) for _ in range(count)]
        if gap:
            items.insert(edge, "...")
        blank_lines = "\n" * len(deeper)
        return "[" + ("," + blank_lines + " " * indent).join(items) + "]"
    items = list(islice(texts, count))
    if gap:
        items.insert(edge, " ...")
    lines = [", ".join(items[start : start + per_line]) for start in range(0, len(items), per_line)]
    return "[" + (",\n" + " " * indent).join(lines) + "]"


def _cells(array: np.ndarray, options: PrintOptions) -> tuple[list[str], int]:
    """Write each element, padded to line up; also the width to reckon with when lines are broken."""
    kind = array.dtype.kind
    if kind == "c":
        return _complex_cells(array, options)
    if kind in "biu":
        texts = [str(value) for value in array.ravel().tolist()]
        width = max(map(len, texts))
    else:
        texts, width = _float_texts(array, options)
    return [text.rjust(width) for text in texts], width


def _complex_cells(array: np.ndarray, options: PrintOptions) -> tuple[list[str], int]:
    """Write `real+imagj`; the two parts choose their notation separately, and only the real one is padded."""
    reals, real_width = _float_texts(array.real, options)
    imags, imag_width = _float_texts(array.imag, options)
    texts = [
        f"{real:>{real_width}}{'' if imag[0] == '-' else '+'}{imag}j" for real, imag in zip(reals, imags, strict=True)
    ]
    return texts, real_width + imag_width + 1


def _float_texts(array: np.ndarray, options: PrintOptions) -> tuple[list[str], int]:
    """Write floats in the one notation that suits all; also the width of the widest (of finite non-zeros).

    If all are integers they are written "1.", otherwise with `precision` digits. Both turn scientific beyond
    1e8 or when the largest is over 1000 times the smallest; fractions also below 1e-4.
    """
    with np.errstate(invalid="ignore"):  # widening a signalling NaN is not worth a warning
        values = array.astype(np.float64).ravel()
    ordinary = np.isfinite(values) & (values != 0)
    sizes = np.abs(values[ordinary])
    numbers = values.tolist()
    if sizes.size == 0:
        return [_integer_text(number) for number in numbers], 1
    whole = bool((sizes == np.floor(sizes)).all())
    scientific = options.sci_mode
    if scientific is None:
        smallest, largest = float(sizes.min()), float(sizes.max())
        scientific = largest / smallest > 1000 or largest > 1e8 or (not whole and smallest < 1e-4)
    if whole and not scientific:
        texts = [_integer_text(number) for number in numbers]
    else:
        spec = f".{options.precision}{'e' if scientific else 'f'}"
        texts = [format(number, spec) for number in numbers]
    width = max(len(text) for text, counts in zip(texts, ordinary.tolist(), strict=True) if counts)
    return texts, width


def _integer_text(number: float) -> str:
    """Write an integral float with a bare point, and `nan` and `inf` without one."""
    text = format(number, ".0f")
    return text if text[-1] in "nf" else text + "."
