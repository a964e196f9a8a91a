"""A line search that ends where the strong Wolfe conditions hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

_DECREASE, _CURVATURE = 1e-4, 0.9
_NARROW = 1e-9  # a bracket in which no parameter changes by more is narrow enough


class Point(NamedTuple):
    """A point on the line: how far out it is, the loss, the gradient there, and its slope along the line."""

    t: float
    loss: float
    grad: Any
    slope: float


def strong_wolfe(
    evaluate: Callable[[float], Point], start: Point, t: float, length: float, most: int
) -> tuple[Point, int]:
    """Search a line from `start` (at t = 0) on for a point where the loss is less, and much less steep.

    `t` is the first step to try, `length` the largest change of a parameter for t = 1; at most about `most`
    evaluations. Returns the best point and the number of evaluations.
    See Nocedal and Wright (2006), Numerical Optimization, algorithms 3.5 and 3.6, and PyTorch's LBFGS.
    """

    def too_high(point: Point) -> bool:
        return point.loss > start.loss + _DECREASE * point.t * start.slope

    def flat_enough(point: Point) -> bool:
        return abs(point.slope) <= -_CURVATURE * start.slope

    former, point = start, evaluate(t)
    for trials in range(most):  # go on until a minimum must lie between the last two points
        if too_high(point) or (trials > 1 and point.loss >= former.loss):
            bracket = [former, point]
            break
        if flat_enough(point):
            return point, trials + 1
        if point.slope >= 0:
            bracket = [former, point]
            break
        bounds = (point.t + 0.01 * (point.t - former.t), point.t * 10)
        former, point = point, evaluate(_lowest(former, point, *bounds))
    else:
        return min(start, point, key=_loss), most + 1
    # Now narrow the bracket down.
    stuck = False
    while trials < most and abs(bracket[1].t - bracket[0].t) * length >= _NARROW:
        t, stuck = _inside(bracket[0], bracket[1], stuck)
        point = evaluate(t)
        trials += 1
        low, high = (0, 1) if bracket[0].loss <= bracket[1].loss else (1, 0)
        if too_high(point) or point.loss >= bracket[low].loss:
            bracket[high] = point
            continue
        if flat_enough(point):
            return point, trials + 1
        if point.slope * (bracket[high].t - bracket[low].t) >= 0:
            bracket[high] = bracket[low]
        bracket[low] = point
    return min(bracket, key=_loss), trials + 1


def _loss(point: Point) -> float:
    return point.loss


def _inside(a: Point, b: Point, stuck: bool) -> tuple[float, bool]:
    """Return where to go on between two points, not too near to one of them twice, and whether it is near to one."""
    least, most = sorted((a.t, b.t))
    t = _lowest(a, b, least, most)
    margin = 0.1 * (most - least)
    if min(most - t, t - least) >= margin:
        return t, False
    if stuck or not least < t < most:
        return (most - margin if abs(t - most) < abs(t - least) else least + margin), False
    return t, True


def _lowest(a: Point, b: Point, least: float, most: float) -> float:
    """Return the minimum between `least` and `most` of the cubic with the losses and slopes of two points."""
    if b.t < a.t:
        a, b = b, a
    between = np.float64(b.t) - a.t  # NumPy's numbers divide by 0 without an error
    d = a.slope + b.slope - 3 * (b.loss - a.loss) / between
    square = d * d - a.slope * b.slope
    if not square >= 0:
        return (least + most) / 2
    root = np.sqrt(square)
    t = b.t - between * ((b.slope + root - d) / (b.slope - a.slope + 2 * root))
    return float(min(max(t, least), most))
