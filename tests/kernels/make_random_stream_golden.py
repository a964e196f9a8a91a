"""Freeze what PyTorch's CPU generator draws, in random_stream_golden.npz, which the tests read without torch.

Run ``python tests/kernels/make_random_stream_golden.py`` with PyTorch 2.13.

A program is a list of calls of RandomStream's methods; `on_torch` is what each call means in PyTorch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

Call = tuple[str, dict[str, Any]]

GOLDEN = Path(__file__).with_name("random_stream_golden.npz")
SEEDS = (0, 42, 2**32 + 5, -1)
SIZES = (0, 1, 3, 15, 16, 17, 31, 100, 1000)
# Of a long result only the end is kept; what comes before it has to be right for the end to be right.
KEPT = 24
# Drawn after each program: words that show where the twister stands, so that its state need not be kept.
FOLLOWING: Call = ("random", {"shape": 4, "dtype": "int64"})


def _programs() -> dict[str, list[Call]]:
    float_types, probabilities = ("float32", "float64"), np.linspace(0, 1, 21)
    programs: dict[str, list[Call]] = {}
    for dtype in (*float_types, "float16"):
        programs[f"uniform {dtype}"] = [("uniform", {"shape": n, "dtype": dtype}) for n in SIZES]
        programs[f"normal {dtype}"] = [("normal", {"shape": n, "dtype": dtype}) for n in SIZES]
        programs[f"bounds {dtype}"] = [
            ("uniform", {"shape": n, "dtype": dtype, "low": low, "high": high})
            for n in SIZES
            for low, high in ((-0.1, 0.1), (3.3, 1000.0))
        ]
        programs[f"moments {dtype}"] = [
            ("normal", {"shape": n, "dtype": dtype, "mean": 2.5, "std": 0.02}) for n in SIZES
        ]
        programs[f"strided {dtype}"] = [
            ("normal", {"shape": n, "dtype": dtype, "contiguous": False}) for n in (17, 100)
        ]
    for low, high in ((0, 10), (-3, 5), (0, 2**28 - 1), (0, 2**28), (-(2**40), 2**41), (-(2**63), 2**63 - 1)):
        programs[f"integers {low} {high}"] = [("integers", {"shape": n, "low": low, "high": high}) for n in SIZES]
    programs["integers narrow"] = [
        ("integers", {"shape": 50, "low": 0, "high": 100, "dtype": dtype})
        for dtype in ("uint8", "int8", "int16", "int32", "uint16", "float16", "float32", "float64")
    ] + [("integers", {"shape": 50, "low": 0, "high": 2, "dtype": "bool"})]
    # The ends of these ranges fall between the floats of the dtype.
    programs["integers rounded"] = [
        ("integers", {"shape": 50, "low": low, "high": high, "dtype": dtype})
        for dtype, low, high in (
            ("float32", 0, 2**24 + 1),
            ("float32", -(2**25) - 3, 2**26 + 3),
            ("float64", -(2**54) - 7, 2**55 + 9),
            ("float16", -2049, 2049),
            ("float16", 0, 65504),
        )
    ]
    programs["random"] = [
        ("random", {"shape": n, "dtype": dtype})
        for dtype in ("int64", "int32", "int16", "int8", "uint8", "bool", "float16", "float32", "float64")
        for n in (1, 50)
    ]
    programs["permutation"] = [("permutation", {"n": n}) for n in (*SIZES, 1499, 1500, 5000)]
    programs["bernoulli"] = [
        ("bernoulli", {"shape": n, "p": p, "dtype": dtype})
        for n in SIZES
        for p, dtype in ((0.3, "bool"), (0.5, "float32"), (0.0, "float64"), (1.0, "int64"))
    ] + [("bernoulli_tensor", {"p": probabilities.astype(dtype)}) for dtype in (*float_types, "float16")]
    for name, parameters in (
        ("exponential", {"rate": 1.5}),
        ("log_normal", {"mean": 0.5, "std": 0.25}),
        ("cauchy", {"median": 1.0, "sigma": 2.0}),
        ("geometric", {"p": 0.2}),
    ):
        programs[name] = [(name, {"shape": n, "dtype": dtype, **parameters}) for dtype in float_types for n in SIZES]
    programs["mixed"] = [
        ("uniform", {"shape": 3}),
        ("normal", {"shape": (3,)}),
        ("permutation", {"n": 5}),
        ("normal", {"shape": (4, 5)}),
        ("normal", {"shape": (3, 1), "dtype": "float64"}),
        ("normal", {"shape": 1}),
        ("integers", {"low": 0, "high": 2**40, "shape": (2, 2)}),
        ("log_normal", {"shape": 2}),
        ("normal", {"shape": ()}),
        ("random", {"shape": (), "dtype": "int64"}),
        ("uniform", {"shape": (20, 40)}),
        ("normal", {"shape": 1, "mean": -1.0, "std": 3.0}),
    ]
    return programs


PROGRAMS = _programs()


def on_torch(generator: Any, method: str, arguments: dict[str, Any]) -> np.ndarray:
    """Do one call with `generator`, a torch.Generator, and return the result as an array."""
    import torch

    given = dict(arguments)
    if method == "permutation":
        return torch.randperm(given["n"], generator=generator).numpy()
    if method == "bernoulli_tensor":
        return torch.bernoulli(torch.from_numpy(given["p"]), generator=generator).numpy()
    shape = given.pop("shape")
    shape = (shape,) if isinstance(shape, int) else shape
    defaults = {"integers": "int64", "bernoulli": "bool"}
    dtype = getattr(torch, given.pop("dtype", defaults.get(method, "float32")))
    if given.pop("contiguous", True):
        tensor = torch.empty(shape, dtype=dtype)
    else:
        tensor = torch.empty((*shape, 2), dtype=dtype)[..., 0]
    fill = {
        "uniform": lambda low=0.0, high=1.0: tensor.uniform_(low, high, generator=generator),
        "normal": lambda mean=0.0, std=1.0: tensor.normal_(mean, std, generator=generator),
        "log_normal": lambda mean=1.0, std=2.0: tensor.log_normal_(mean, std, generator=generator),
        "exponential": lambda rate=1.0: tensor.exponential_(rate, generator=generator),
        "cauchy": lambda median=0.0, sigma=1.0: tensor.cauchy_(median, sigma, generator=generator),
        "geometric": lambda p: tensor.geometric_(p, generator=generator),
        "bernoulli": lambda p=0.5: tensor.bernoulli_(p, generator=generator),
        "integers": lambda low, high: tensor.random_(low, high, generator=generator),
        "random": lambda: tensor.random_(generator=generator),
    }[method]
    return fill(**given).numpy()


def main() -> None:
    """Run all programs from all seeds; save the bytes of what they draw, one row per seed."""
    import torch

    def frozen(seed: int, program: list[Call]) -> np.ndarray:
        generator = torch.Generator()
        generator.manual_seed(seed)
        results = [on_torch(generator, *call).reshape(-1)[-KEPT:] for call in (*program, FOLLOWING)]
        return np.frombuffer(b"".join(result.tobytes() for result in results), np.uint8)

    rows = {name: np.stack([frozen(seed, program) for seed in SEEDS]) for name, program in PROGRAMS.items()}
    np.savez_compressed(GOLDEN, **rows)


if __name__ == "__main__":
    main()
