"""Every layer and loss of PyTorch's database of modules: ``run()`` gives the score."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch.testing._internal.common_modules import module_db

from tapeless import nn
from tests.nn.test_module_db import check_error, has_second_gradients, name_of, pairs_of

Score = tuple[int, int, list[str]]


def run_one(info: Any) -> dict[str, Score]:
    """Return (passed, failed, notes) by kind: in training and evaluation mode, second gradients, errors."""
    torch.set_num_threads(1)
    if not hasattr(nn, name_of(info)):
        return {"train": (0, 1, ["missing"])}
    scores = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for kind, training in (("train", True), ("eval", False)):
            scores[kind] = _score(pairs_of(info, training), lambda pair: pair.check())
        if has_second_gradients(info):
            # PyTorch's linear_cross_entropy in chunks has first gradients only.
            pairs = (pair for pair in pairs_of(info, True) if getattr(pair.theirs, "options", None) is None)
            scores["gradgrad"] = _score(pairs, lambda pair: pair.check_second_gradients())
        if info.module_error_inputs_func:
            make = info.module_error_inputs_func
            samples = make(info, device="cpu", dtype=torch.float64, requires_grad=True, training=True)
            scores["error"] = _score(samples, lambda sample: check_error(info, sample))
    return {kind: score for kind, score in scores.items() if score[0] + score[1]}


def _score(samples: Any, check: Callable[[Any], Any]) -> Score:
    passed, notes = 0, []
    for i, sample in enumerate(samples):
        try:
            check(sample)
            passed += 1
        except Exception as error:
            notes.append(f"sample {i}: {type(error).__name__}: {' '.join(str(error).split())[:200]}")
        except BaseException as error:  # pytest's own failure, where no exception came
            if type(error).__name__ != "Failed":
                raise
            notes.append(f"sample {i}: {error}"[:200])
    return passed, len(notes), notes[:4]


def entries() -> dict[str, Any]:
    """Return the database by name."""
    return {f"nn.{name_of(info)}": info for info in module_db}


def run() -> dict[str, dict[str, Score]]:
    """Return (passed, failed, notes) for each kind of each module."""
    return {name: run_one(info) for name, info in entries().items()}
