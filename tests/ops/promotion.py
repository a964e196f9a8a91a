"""The promotion table: which dtype an operation gives for which operands. Run with PyTorch, this file freezes it.

    python -m tests.ops.promotion > tests/ops/promotion_golden.json

Each row of a table is one string of dtype codes, separated by blanks; "-" is an error.
"""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

CODES = {
    "bool": "b",
    "uint8": "u1",
    "int8": "i1",
    "int16": "i2",
    "int32": "i4",
    "int64": "i8",
    "float16": "f2",
    "float32": "f4",
    "float64": "f8",
    "complex64": "c8",
    "complex128": "c16",
}
NUMBERS = {"True": True, "2": 2, "1.5": 1.5, "1j": 1j}
BINARY = (
    "add",
    "sub",
    "mul",
    "div",
    "floor_divide",
    "remainder",
    "pow",
    "lt",
    "eq",
    "maximum",
    "bitwise_and",
    "atan2",
    "where",
    "cat",
)
UNARY = (
    "exp",
    "sqrt",
    "sin",
    "sigmoid",
    "erf",
    "floor",
    "abs",
    "neg",
    "square",
    "sign",
    "relu",
    "reciprocal",
    "isnan",
    "logical_not",
    "round",
    "rsqrt",
    "log_softmax",
    "clamp",
)
REDUCTIONS = (
    "sum",
    "mean",
    "prod",
    "cumsum",
    "cumprod",
    "amax",
    "max",
    "argmax",
    "all",
    "any",
    "count_nonzero",
    "std",
    "norm",
    "logsumexp",
    "median",
)


def code(result: Any) -> str:
    """Return the code of a result's dtype."""
    result = result[0] if isinstance(result, tuple) else result
    return CODES.get(str(result.dtype).removeprefix("torch."), "-")  # NumPy has no complex32


def attempt(call: Any) -> str:
    """Return the code of what `call` returns, or "-"."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return code(call())
        except (RuntimeError, TypeError, NotImplementedError, ValueError):
            return "-"


def binary(library: Any, op: str, a: Any, b: Any) -> str:
    """Return the code of an operation on two operands."""
    if op == "where":
        return attempt(lambda: library.where(library.tensor([True]), a, b))
    if op == "cat":
        return attempt(lambda: library.cat([a, b]))
    return attempt(lambda: getattr(library, op)(a, b))


def special(library: Any, op: str, x: Any) -> str:
    """Return the code of an operation on one operand."""
    options = {"log_softmax": (0,), "logsumexp": (0,), "clamp": (0, 1), "cumsum": (0,), "cumprod": (0,)}.get(op, ())
    return attempt(lambda: getattr(library, op)(x, *options))


def tables(library: Any) -> dict[str, list[str]]:
    """Return every table: a row for each dtype of the first operand."""
    full = [library.ones(2, dtype=getattr(library, name)) for name in CODES]
    point = [library.ones((), dtype=getattr(library, name)) for name in CODES]
    answer = {}
    for op in BINARY:
        kinds = {
            "dims dims": (full, full),
            "dims 0-d": (full, point),
            "0-d dims": (point, full),
            "0-d 0-d": (point, point),
        }
        if op != "cat":
            kinds["dims number"] = (full, list(NUMBERS.values()))
            kinds["0-d number"] = (point, list(NUMBERS.values()))
        else:
            kinds = {"dims dims": (full, full)}
        for kind, (left, right) in kinds.items():
            answer[f"{op}, {kind}"] = [" ".join(binary(library, op, a, b) for b in right) for a in left]
    for op in UNARY + REDUCTIONS:
        answer[op] = [" ".join(special(library, op, x) for x in full)]
    return answer


if __name__ == "__main__":
    import torch

    json.dump(tables(torch), sys.stdout, indent=0)
