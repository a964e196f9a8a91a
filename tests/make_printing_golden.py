"""Make `printing_golden.json`: what the real PyTorch prints for a fixed set of arrays and print options.

Run it by hand with PyTorch installed, after adding cases: `python tests/make_printing_golden.py`.
`test_printing.py` reads the file, so that the tests compare with PyTorch also where it is not installed.
"""

from __future__ import annotations

import base64
import json
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

GOLDEN = Path(__file__).with_name("printing_golden.json")
NAN, INF = math.nan, math.inf
FLOATS = ["float32", "float64", "float16", "complex64", "complex128"]
INTEGERS = ["int64", "int32", "int16", "int8", "uint8", "uint16", "uint32", "uint64"]
DTYPES = [*FLOATS, *INTEGERS, "bool"]


def case(base: Any, dtype: str, shape: tuple[int, ...] | None = None, grad: str = "", **options: Any) -> dict[str, Any]:
    """Describe one tensor to print: `base`, repeated or cut to fill `shape`. `grad`: "", "leaf" or "node"."""
    default_dtype = options.pop("default_dtype", "float32")
    with np.errstate(over="ignore"):
        values = np.asarray(base).astype(dtype)
    shape = values.shape if shape is None else shape
    stored = values.ravel()[: math.prod(shape)]
    return {
        "dtype": dtype,
        "shape": list(shape),
        "data": base64.b64encode(stored.tobytes()).decode(),
        "grad": grad,
        "default_dtype": default_dtype,
        "options": options,
    }


def chosen_cases() -> list[dict[str, Any]]:
    """List the edges that random cases might miss."""
    floats = [
        *([0.0], [-0.0, 1.0], [-0.0, 1.5], [NAN], [NAN, -INF, 0.0], [NAN, -INF, 1.5], [NAN, 1e9, -0.0]),
        *([1e-4], [0.99e-4], [1.5, 1500.0], [1.5, 1501.0], [1.0, 1000.0], [1.0, 1001.0], [1e8], [1e8 + 8]),
        *([-3.0, 2.0], [-3.5, 2.0], [1e-45, 3.0], [3e38], [65504.0], [0.1, 0.25, 12.0], [2.0, NAN, -INF]),
    ]
    complexes = [
        *([1 + 2j], [1 + 2.5j, -1 - 0j], [complex(NAN, -INF), complex(-0.0, -0.0)], [1 + 100j, 1 - 2j]),
        *([complex(NAN, 1), complex(1, NAN)], [1e9 + 1j], [1e9 + 1.5j, -30 - 2000j], [0j], [1e-9j, 2]),
    ]
    cases = [case(values, dtype) for values in floats for dtype in ("float32", "float64")]
    cases += [case(values[0], "float32", sci_mode=mode) for values in floats[::3] for mode in (True, False)]
    cases += [case(values, dtype) for values in complexes for dtype in ("complex64", "complex128")]
    for dtype in DTYPES:
        shapes = ((), (1,), (2,), (0,), (0, 3), (2, 0), (3, 4), (1001,))
        cases += [case([1, 0], dtype, shape) for shape in shapes]
    for default in ("float64", "float16"):
        cases += [case([1], dtype, default_dtype=default) for dtype in DTYPES]
        cases += [case([], dtype, (0,), default_dtype=default) for dtype in DTYPES]
    for shape in ((), (0,), (7,), (2, 5), (3, 3), (2, 3, 4), (1, 7), (2, 2, 1, 7)):
        for edge in (0, 1, 2):
            cases.append(case(range(9), "int64", shape, threshold=4, edgeitems=edge))
    for width in range(10, 60, 3):
        cases.append(case([0.5, 2], "float64", (2, 5), grad="leaf", linewidth=width))
        cases.append(case([0.5, 2], "float16", (7,), grad="node", linewidth=width))
        cases.append(case([1 + 2j], "complex128", (3, 0), grad="leaf", linewidth=width))
    cases += [case([1.5, 2], "float32", precision=digits, profile="short") for digits in (0, 1, 6)]
    cases += [case([1.23456, 2], "float32", (1200,), profile=name) for name in ("short", "full", "default")]
    return cases


def random_cases(count: int) -> list[dict[str, Any]]:
    """Draw shapes, dtypes, magnitudes and options; `RandomState`, whose stream never changes."""
    random = np.random.RandomState(20260101)
    cases = []
    for _ in range(count):
        dtype = DTYPES[random.randint(len(DTYPES))]
        limit = (1, 40, 8, 4, 3)
        ndim = random.randint(5)
        shape = tuple(int(n) for n in random.randint(random.rand() > 0.1, limit[ndim] + 1, ndim))
        if random.rand() < 0.25:
            shape = (*shape[:-1], 1200)
        values = random.standard_normal(24) * 10.0 ** random.randint(-10, 11)
        kind = np.dtype(dtype).kind
        if random.rand() < 0.3:
            values = np.round(values, random.randint(3))
        for special in (NAN, INF, -INF, 0.0, -0.0):
            if random.rand() < 0.15:
                values[random.rand(24) < 0.3] = special
        if kind == "c":
            values = np.stack([values, values[::-1]], axis=1).view(np.complex128)[:, 0]
        elif kind in "iu":
            info = np.iinfo(dtype)
            values = random.randint(max(info.min, -(10**9)), min(int(info.max), 10**9), 24)
        elif kind == "b":
            values = values > 0
        grad = ("", "leaf", "node")[random.randint(3)] if kind in "fc" else ""
        cases.append(case(values, dtype, shape, grad, **random_options(random)))
    return cases


def random_options(random: np.random.RandomState) -> dict[str, Any]:
    """Draw print options; half of the time none."""
    if random.rand() < 0.5:
        return {}
    return {
        "precision": random.randint(8),
        "threshold": (5, 50, 1000)[random.randint(3)],
        "edgeitems": random.randint(5),
        "linewidth": random.randint(10, 140),
        "sci_mode": (None, None, True, False)[random.randint(4)],
    }


def array_of(recipe: dict[str, Any]) -> np.ndarray:
    """Rebuild the array that `case` described."""
    base = np.frombuffer(base64.b64decode(recipe["data"]), recipe["dtype"])
    return np.resize(base, recipe["shape"])


def printed(torch: ModuleType, recipe: dict[str, Any]) -> str:
    """Let PyTorch print the case."""
    torch.set_printoptions(profile="default")
    torch.set_printoptions(**recipe["options"])
    torch.set_default_dtype(getattr(torch, recipe["default_dtype"]))
    tensor = torch.from_numpy(array_of(recipe).copy())
    if recipe["grad"]:
        tensor.requires_grad_()
    return repr(tensor.view(tensor.shape) if recipe["grad"] == "node" else tensor)


def main() -> None:
    """Write the golden file, one case a line."""
    import torch  # not at the top: pytest looks for doctests here too, with or without PyTorch

    cases = [{**recipe, "text": printed(torch, recipe)} for recipe in [*chosen_cases(), *random_cases(240)]]
    lines = ",\n".join(json.dumps(recipe) for recipe in cases)
    GOLDEN.write_text(f'{{"torch": "{torch.__version__}", "cases": [\n{lines}\n]}}\n', encoding="utf-8")
    print(f"{len(cases)} cases, {GOLDEN.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
