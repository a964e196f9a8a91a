"""Occlusion against a loop that covers one part after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tapeless as tl
from tapeless.attribution import occlusion
from tapeless.testing import assert_close
from tests.attribution.models import conv_net, randn, smooth_net, two_inputs


def by_hand(model: Any, x: Any, target: int, starts: list[tuple[int, ...]], window: tuple[int, ...], fill: Any) -> Any:
    """Average falls; `starts` and `window` are of all dims of a sample."""
    total, covered = np.zeros(x.shape), np.zeros(x.shape[1:])
    with tl.no_grad():
        for start in starts:
            place = tuple(slice(a, a + width) for a, width in zip(start, window))
            copy = x.clone()
            copy[(slice(None), *place)] = fill if not isinstance(fill, tl.Tensor) else fill[(slice(None), *place)]
            fall = (model(x) - model(copy))[:, target].numpy()
            total[(slice(None), *place)] += fall.reshape(-1, *[1] * (x.ndim - 1))
            covered[place] += 1
    return tl.from_numpy(total / covered)


CASES = {
    "all channels": ((3, 2), 1, (2, 3, 2), [(0, i, j) for i in range(4) for j in range(4)]),
    "strides": ((3, 2), (2, 1), (2, 3, 2), [(0, i, j) for i in (0, 2, 3) for j in range(4)]),
    "one stride for all": ((2, 2), 2, (2, 2, 2), [(0, i, j) for i in (0, 2, 4) for j in (0, 2, 3)]),
    "a channel at a time": ((1, 6, 5), 1, (1, 6, 5), [(0, 0, 0), (1, 0, 0)]),
    "the last dim": (4, 1, (2, 6, 4), [(0, 0, 0), (0, 0, 1)]),
    "everything": ((2, 6, 5), 1, (2, 6, 5), [(0, 0, 0)]),
}


@pytest.mark.parametrize("fill", [0.0, 0.7, "tensor"])
@pytest.mark.parametrize(("window", "strides", "whole", "starts"), CASES.values(), ids=CASES)
def test_it_is_what_covering_by_hand_gives(window: Any, strides: Any, whole: Any, starts: Any, fill: Any) -> None:
    model, x = conv_net(), randn(2, 2, 6, 5)
    fill = randn(2, 2, 6, 5, seed=3) if fill == "tensor" else fill
    found = occlusion(model, x, 1, fill, window=window, strides=strides)
    assert_close(found, by_hand(model, x, 1, starts, whole, fill))


def test_single_elements_of_a_linear_model() -> None:
    model, x = tl.nn.Linear(6, 4).double(), randn(3, 6)
    assert_close(occlusion(model, x, 2, 0.5, window=1), model.weight.detach()[2] * (x - 0.5))


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 1000])
def test_the_size_of_a_pass_changes_nothing(rows: int) -> None:
    model, x, sizes = conv_net(), randn(3, 2, 6, 5), []
    watched = lambda x: (sizes.append(len(x)), model(x))[1]
    target = tl.tensor([0, 2, 1])
    found = occlusion(watched, x, target, window=(3, 3), internal_batch_size=rows)
    assert_close(found, occlusion(model, x, target, window=(3, 3)))
    assert max(sizes) <= rows and sum(sizes) == 3 + 3 * 4 * 3


def test_a_batch_is_its_samples_one_by_one() -> None:
    model, x = conv_net(), randn(3, 2, 6, 5)
    alone = [occlusion(model, x[i : i + 1], i, window=(2, 3)) for i in range(3)]
    assert_close(occlusion(model, x, tl.arange(3), window=(2, 3)), tl.cat(alone))


def test_several_inputs_are_covered_one_at_a_time() -> None:
    model, (image, vector) = two_inputs()
    found = occlusion(model, (image, vector), 0, (0.0, 1.0), window=((2, 2), 2), strides=((2, 1), 1))
    of_image = by_hand(
        lambda x: model(x, vector), image, 0, [(0, i, j) for i in (0, 2) for j in range(3)], (1, 2, 2), 0.0
    )
    of_vector = by_hand(lambda x: model(image, x), vector, 0, [(i,) for i in range(4)], (2,), 1.0)
    assert_close(found, (of_image, of_vector))


def test_tokens_can_be_occluded() -> None:
    table = tl.tensor([0.0, 1.0, 10.0, 100.0])
    found = occlusion(lambda tokens: table[tokens].sum(1), tl.tensor([[1, 3, 2, 1]]), window=1)
    assert_close(found, tl.tensor([[1.0, 100.0, 10.0, 1.0]]))


def test_no_gradient_is_needed() -> None:
    found = occlusion(lambda x: x.detach().round().sum(1), tl.tensor([[1.2, 2.6]]), window=1)
    assert_close(found, tl.tensor([[1.0, 3.0]]))


def test_windows_that_do_not_fit_are_refused() -> None:
    model, x = smooth_net(), randn(2, 6)
    for window in (0, 7, (2, 3), ()):
        with pytest.raises(ValueError, match=r"some last dims of inputs\[0\], whose samples have shape \[6\], got"):
            occlusion(model, x, 0, window=window)
    for strides in (0, 3, (1, 1)):
        with pytest.raises(ValueError, match=r"expected strides from 1 to the window's sizes \[2\], .* got"):
            occlusion(model, x, 0, window=2, strides=strides)
    with pytest.raises(ValueError, match="expected a tuple with a window for each of 2 inputs, got 2"):
        occlusion(lambda a, b: a.sum(1), (x, x), window=2)
    with pytest.raises(ValueError, match=r"expected a tuple with a strides for each of 2 inputs, got \(1, 1, 1\)"):
        occlusion(lambda a, b: a.sum(1), (x, x), window=(2, 2), strides=(1, 1, 1))
