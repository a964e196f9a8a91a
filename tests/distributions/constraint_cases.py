"""Constraints, values to check, and what the registries of transforms make of the constraints."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.distributions.compare import Results, attempt, differs

_NAN, _INF = math.nan, math.inf
_SIMPLE = """boolean corr_cholesky dependent lower_cholesky lower_triangular nonnegative nonnegative_integer one_hot
positive positive_semidefinite positive_definite positive_integer real real_vector simplex square symmetric
unit_interval""".split()


def _simple(name: str) -> Callable[[Any], Any]:
    return lambda library: getattr(library.distributions.constraints, name)


# By name: functions that make a constraint in a library.
CONSTRAINTS: dict[str, Callable[[Any], Any]] = {name: _simple(name) for name in _SIMPLE} | {
    "greater_than": lambda L: L.distributions.constraints.greater_than(0.5),
    "greater_than tensor": lambda L: L.distributions.constraints.greater_than(L.tensor([0.0, 1.0, -1.0])),
    "greater_than_eq": lambda L: L.distributions.constraints.greater_than_eq(0.5),
    "less_than": lambda L: L.distributions.constraints.less_than(0.5),
    "interval": lambda L: L.distributions.constraints.interval(-1.0, 2.0),
    "interval 0 1": lambda L: L.distributions.constraints.interval(0, 1),
    "interval tensors": lambda L: L.distributions.constraints.interval(L.tensor([0.0, 1.0, -1.0]), L.tensor(2.0)),
    "half_open_interval": lambda L: L.distributions.constraints.half_open_interval(0.0, 1.0),
    "integer_interval": lambda L: L.distributions.constraints.integer_interval(0, 2),
    "multinomial": lambda L: L.distributions.constraints.multinomial(3),
    "independent": lambda L: L.distributions.constraints.independent(L.distributions.constraints.positive, 1),
    "independent 2": lambda L: L.distributions.constraints.independent(L.distributions.constraints.simplex, 1),
    "independent 0": lambda L: L.distributions.constraints.independent(L.distributions.constraints.real, 0),
    "independent bad": lambda L: L.distributions.constraints.independent(L.distributions.constraints.real, -1),
    "cat": lambda L: L.distributions.constraints.cat(
        [L.distributions.constraints.positive, L.distributions.constraints.unit_interval], -1, [1, 2]
    ),
    "cat bad": lambda L: L.distributions.constraints.cat([L.distributions.constraints.positive], 0, [1, 2]),
    "stack": lambda L: L.distributions.constraints.stack(
        [L.distributions.constraints.positive, L.distributions.constraints.boolean], 0
    ),
    "stack -1": lambda L: L.distributions.constraints.stack(
        [L.distributions.constraints.positive, L.distributions.constraints.real, L.distributions.constraints.real], -1
    ),
    "mixture": lambda L: L.distributions.constraints.MixtureSameFamilyConstraint(
        L.distributions.constraints.interval(L.zeros(3), L.tensor([1.0, 2.0, 0.5]))
    ),
}

_GRAM = [[2.0, 0.5], [0.5, 1.0]]
VALUES = {
    "numbers": [-1.5, -1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, _INF, -_INF, _NAN],
    "rows": [[0.2, 0.3, 0.5], [0.0, 1.0, 0.0], [1.0, 1.0, 0.0], [-0.5, 0.5, 1.0], [3.0, 0.0, 0.0], [_NAN, 1.0, 0.0]],
    "two rows": [[0.2, 1.0, 0.5], [0.0, 1.0, 0.0]],
    "integers": [0, 1, 2, 3, -1],
    "bools": [True, False],
    "almost": [[0.2, 0.3, 0.5 + 5e-7], [0.2, 0.3, 0.5 + 5e-6]],
    "identity": np.eye(3).tolist(),
    "gram": _GRAM,
    "matrices": [_GRAM, [[1.0, 2.0], [2.0, 1.0]], [[1.0, 1.0], [1.0, 1.0]],
                 [[2.0, 0.0], [0.3, 1.0]], [[0.0, 0.0], [0.0, 0.0]]],
    "asymmetric": [[[2.0, 0.0], [0.3, 1.0]], _GRAM],
    "symmetric": [_GRAM, [[1.0, 2.0], [2.0, 1.0]]],
    "correlation": [[[1.0, 0.0], [0.6, 0.8]], [[1.0, 0.0], [0.6, 0.7]]],
    "oblong": [[1.0, 0.0, 0.0], [0.6, 0.8, 0.0]],
    "scalar": 1.0,
    "infinite": [[_INF, 1.0], [1.0, 1.0]],
}  # fmt: skip

# Inputs for the transforms of the registries.
_INPUTS = {"row": [[-1.0, 0.5, 2.0], [0.0, -0.3, 1.0]], "square": [[-1.0, 9.0], [0.3, 0.7]], "number": 0.4}


def traits(name: str, library: Any, dtype: str) -> Results:
    made = attempt(lambda: CONSTRAINTS[name](library))
    if hasattr(made, "kind"):
        return {"constraint": made}
    return {
        "repr": attempt(lambda: repr(made)),
        "event_dim": attempt(lambda: made.event_dim),
        "is_discrete": attempt(lambda: made.is_discrete),
        "is_dependent": library.distributions.constraints.is_dependent(made),
    }


def checks(name: str, library: Any, dtype: str) -> Results:
    made = attempt(lambda: CONSTRAINTS[name](library))
    results: Results = {}
    for label, value in VALUES.items():
        integral = label in ("integers", "bools")
        tensor = library.tensor(value) if integral else library.tensor(value, dtype=getattr(library, dtype))
        found = attempt(lambda: made.check(tensor))  # noqa: B023
        # What PyTorch's functions say of shapes that do not fit is not what is compared here.
        results[label] = found.kind if hasattr(found, "kind") else found
    return results


def registries(name: str, library: Any, dtype: str) -> Results:
    made = attempt(lambda: CONSTRAINTS[name](library))
    results: Results = {}
    for registry in ("biject_to", "transform_to"):
        t = attempt(lambda: getattr(library.distributions, registry)(made))  # noqa: B023
        results[registry] = t if hasattr(t, "kind") else repr(t)
        for label, value in _INPUTS.items():
            x = library.tensor(value, dtype=getattr(library, dtype))
            found = attempt(lambda: t(x))  # noqa: B023
            results[f"{registry} {label}"] = found.kind if hasattr(found, "kind") else found
    return results


KINDS: dict[str, Callable[[str, Any, str], Results]] = {
    "traits": traits,
    "checks": checks,
    "registries": registries,
}


def constraint_difference(kind: str, name: str, dtype: str) -> str:
    """Return how the libraries differ in this, or nothing."""
    return differs(
        lambda library, dtype: KINDS[kind](name, library, dtype), dtype, 1e-5 if dtype == "float32" else 1e-9
    )
