"""Gradients written back to where they were read from: the quick ways against np.add.at."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tapeless._kernels.indexing import _MANY, _names_rows, place


def added_one_by_one(values: Any, rows: Any, shape: tuple[int, int]) -> Any:
    out = np.zeros(shape, values.dtype)
    np.add.at(out, rows, values)
    return out


@pytest.mark.parametrize("table", [1, 7, 5000])
@pytest.mark.parametrize("shape", [(_MANY,), (3, _MANY // 8)])
def test_rows_of_a_table_are_summed(table: int, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    rows = rng.integers(-table, table, shape)
    values = rng.standard_normal((*shape, 5))
    assert _names_rows((rows,), values, (table, 5))
    result = place(values, (rows,), (table, 5))
    np.testing.assert_allclose(result, added_one_by_one(values, rows, (table, 5)), rtol=1e-12, atol=1e-12)


def test_few_rows_and_other_shapes_go_one_by_one() -> None:
    rows = np.array([0, 2, 0])
    assert not _names_rows((rows,), np.ones((3, 2)), (4, 2))
    assert place(np.ones((3, 2)), (rows,), (4, 2)).tolist() == [[2, 2], [0, 0], [1, 1], [0, 0]]
    assert not _names_rows((np.zeros(_MANY, int),), np.ones(_MANY), (4,))
    assert place(np.ones(_MANY), (np.zeros(_MANY, int),), (4,)).tolist() == [_MANY, 0, 0, 0]
