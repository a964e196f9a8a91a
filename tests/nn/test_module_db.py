"""Every layer and loss against PyTorch's own database of modules, input by input, in float64.

From the same seed the first parameters are equal. With the same state, outputs, gradients of inputs and parameters and
buffers agree, in training and in evaluation mode; so do second gradients where PyTorch has them, and errors, by kind
and first line.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tapeless import nn

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_modules import ModuleErrorEnum, module_db

from tests.nn.module_pair import Pair, ours_of  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")

# Layers that are not built yet.
MISSING: set[str] = set()


def name_of(info: Any) -> str:
    return info.module_cls.__name__


def entries(wanted: Callable[[Any], Any] = lambda info: True) -> list[Any]:
    """Return the parameters of a test. One loss has 857 inputs, so it is slow."""
    here = [info for info in module_db if hasattr(nn, name_of(info)) and wanted(info)]
    slow = {"LinearCrossEntropyLoss": pytest.mark.slow}
    return [pytest.param(info, id=name_of(info), marks=slow.get(name_of(info), [])) for info in here]


def pairs_of(info: Any, training: bool) -> Iterator[Pair]:
    torch.manual_seed(0)
    make = info.module_inputs_func
    for sample in make(info, device="cpu", dtype=torch.float64, requires_grad=True, training=training):
        yield Pair(name_of(info), sample.constructor_input, sample.forward_input, training)


def test_what_is_missing():
    assert {name_of(info) for info in module_db if not hasattr(nn, name_of(info))} == MISSING


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("info", entries())
def test_module(info, training):
    for pair in pairs_of(info, training):
        pair.check()


def has_second_gradients(info: Any) -> bool:
    """Return what the database says, but for three that PyTorch does not have."""
    return info.supports_gradgrad and name_of(info) not in ("CTCLoss", "MultiLabelMarginLoss", "MultiMarginLoss")


@pytest.mark.parametrize("info", entries(has_second_gradients))
def test_second_gradients(info):
    for pair in pairs_of(info, True):
        if (
            getattr(pair.theirs, "options", None) is None
        ):  # PyTorch's linear_cross_entropy in chunks has first ones only
            pair.check_second_gradients()


def check_error(info: Any, error_input: Any) -> None:
    """Compare what both raise: the kind of error, and its first line."""
    sample, raised = error_input.module_error_input, []
    for build, translate in ((Pair.build_ours, ours_of), (Pair.build_theirs, lambda value: value)):
        with pytest.raises(Exception) as caught:
            module = build(name_of(info), sample.constructor_input)
            if error_input.error_on is not ModuleErrorEnum.CONSTRUCTION_ERROR:
                forward = sample.forward_input
                module(*translate(forward.args), **translate(forward.kwargs))
        raised.append((caught.type, str(caught.value).split("\n")[0]))
    assert raised[0] == raised[1]


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("info", entries(lambda info: info.module_error_inputs_func))
def test_errors(info, training):
    make = info.module_error_inputs_func
    for error_input in make(info, device="cpu", dtype=torch.float64, requires_grad=True, training=training):
        check_error(info, error_input)
