"""Three ways to a derivative: a formula by hand, differences of values, and automatically. What each costs.

Differences of values have two errors that pull in opposite directions: that of the slope between two points instead of
at one, which a smaller step makes smaller, and that of the digits which cancel, which it makes larger. So their error
is a U over the step, and never gets to the bottom. In many dimensions they need two values for each; the automatic
gradient costs a few values, however many dimensions there are::

    python examples/three_ways_to_differentiate.py

Goal: relative error of the automatic derivative <= 1e-15 in a full run, <= 1e-15 with --quick.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from _common import finish, parse, save_picture
from tqdm import tqdm

import tapeless as tl

POINT = 1.0


def f(x: Any) -> Any:
    """Return exp(sin x) / (1 + x^2), of a tensor or a NumPy number: tensors answer to NumPy's functions."""
    return np.exp(np.sin(x)) / (1 + x * x)


def f_by_hand(x: Any) -> Any:
    """Return f'(x), by the product rule and the chain rule: f (cos x - 2 x / (1 + x^2))."""
    return f(x) * (np.cos(x) - 2 * x / (1 + x * x))


def forward_difference(f: Any, x: Any, step: Any) -> Any:
    """Return the slope of the line through the points at `x` and `x + step`."""
    return (f(x + step) - f(x)) / step


def central_difference(f: Any, x: Any, step: Any) -> Any:
    """Return the slope of the line through the points at ``x - step`` and ``x + step``."""
    return (f(x + step) - f(x - step)) / (2 * step)


def automatic(f: Any, x: Any) -> Any:
    """Return the derivative by running the recorded operations backwards."""
    x = tl.tensor(x, dtype=tl.float64, requires_grad=True)
    f(x).backward()
    return x.grad


def valley(x: Any) -> Any:
    """Rosenbrock's function of a vector: sum of 100 (x[i+1] - x[i]^2)^2 + (1 - x[i])^2."""
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def valley_by_hand(x: Any) -> Any:
    """Return its gradient: each x[i] stands in two terms of the sum."""
    slope = np.zeros_like(x)
    slope[1:] = 200 * (x[1:] - x[:-1] ** 2)
    slope[:-1] += -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
    return slope


def valley_by_differences(x: Any, step: float = 6e-6) -> Any:
    """Return its gradient from two values for each dimension."""
    return np.array([(valley(x + unit) - valley(x - unit)) / (2 * step) for unit in step * np.eye(len(x))])


def seconds(function: Callable[[], Any]) -> float:
    """Return the shortest of five runs."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def draw(plt: Any, steps: Any, errors: dict[str, Any], own: float, costs: dict[str, list[float]], sizes: Any) -> Any:
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2))
    for (name, error), style in zip(errors.items(), ["C1--", "C1", "C0--", "C0"]):
        left.loglog(steps, error, style, label=name, linewidth=1.2)
    left.axhline(max(own, 1e-17), color="C2", linewidth=2, label="automatic")
    left.set(xlabel="step", ylabel="relative error", title="A derivative of one variable", ylim=(1e-17, 10))
    left.legend(loc="lower left", fontsize="small", bbox_to_anchor=(0, 0.12))
    for (name, cost), style in zip(costs.items(), ["C0-o", "C2-o", "C3-o", "k--"]):
        right.loglog(sizes, cost, style, label=name, markersize=4)
    right.set(xlabel="dimensions", ylabel="seconds", title="A gradient of many variables: the time")
    right.legend(fontsize="small")
    return figure


def main() -> None:
    options = parse(__doc__, {"dimensions": 256}, dimensions=(2048, "of the largest gradient"))

    # Truth has more digits than what is measured by it, where the machine has such numbers.
    truth = f_by_hand(np.longdouble(POINT))
    off = lambda value: float(abs(np.longdouble(value) - truth) / abs(truth))
    steps = np.logspace(-15, 0, 151)
    errors = {
        f"{name}, {kind.__name__}": [off(way(f, kind(POINT), kind(step))) for step in steps]
        for kind in (np.float32, np.float64)
        for name, way in (("forward", forward_difference), ("central", central_difference))
    }
    own = off(automatic(f, POINT).item())
    print(f"f'({POINT:g}) = {truth:.15f}")
    print(f"by hand, float64              relative error {off(f_by_hand(np.float64(POINT))):.1e}")
    for name, error in errors.items():
        print(f"{name:29} relative error {min(error):.1e} at best, with a step of {steps[np.argmin(error)]:.0e}")
    print(f"automatic, float64            relative error {own:.1e}")

    sizes = [2**k for k in range(1, options.dimensions.bit_length())]
    rng = np.random.default_rng(options.seed)
    costs: dict[str, list[float]] = {"differences": [], "automatic": [], "by hand": [], "one value": []}
    print("\ndimensions   by hand   automatic   differences   (milliseconds)")
    for n in tqdm(sizes, unit="size"):
        x = rng.normal(size=n)
        exact = valley_by_hand(x)
        assert np.allclose(automatic(valley, x).numpy(), exact, rtol=1e-12)
        costs["differences"].append(seconds(lambda x=x: valley_by_differences(x)))
        costs["automatic"].append(seconds(lambda x=x: automatic(valley, x)))
        costs["by hand"].append(seconds(lambda x=x: valley_by_hand(x)))
        costs["one value"].append(seconds(lambda x=x: valley(x)))
        times = [1000 * costs[way][-1] for way in ("by hand", "automatic", "differences")]
        tqdm.write(f"{n:10} {times[0]:9.3f} {times[1]:11.3f} {times[2]:13.3f}")
    save_picture("three_ways_to_differentiate", draw, steps, errors, own, costs, sizes)
    finish("relative error of the automatic derivative", own)


if __name__ == "__main__":
    main()
