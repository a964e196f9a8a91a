"""PyTorch's own database of optimizers: trajectories and errors of its entries, with both libraries."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tapeless as tl
from tests.optim.trajectories import second_group

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_optimizers import OptimizerErrorEnum, optim_db as optim_db

STEPS = 50
SHORT = {"LBFGS": 20, "Muon": 20}  # one takes 20 steps in each; the other's roundings in bfloat16 add up


def ours_of(value: Any) -> Any:
    """Return PyTorch's tensors and parameters as ours, in nested containers."""
    if isinstance(value, torch.nn.Parameter):
        return tl.nn.Parameter(tl.tensor(value.detach().numpy()))
    if isinstance(value, torch.Tensor):
        ours = tl.tensor(value.detach().numpy())
        if value.grad is not None:
            ours.requires_grad_().grad = tl.tensor(value.grad.numpy())
        return ours
    if isinstance(value, dict):
        return {k: ours_of(v) for k, v in value.items()}
    return type(value)([ours_of(v) for v in value]) if isinstance(value, list | tuple) else value


def trajectory(lib: Any, name: str, options: dict[str, Any], dtype: str = "float64") -> list[Any]:
    """Return all parameters after each step with some loss that no option makes easy."""
    rng = np.random.default_rng(0)
    shapes = [(3, 4), (4, 2)] if name == "Muon" else [(3, 4), (4,), (2, 1, 3), ()]
    starts = [rng.normal(size=s) for s in shapes]
    if dtype == "complex128":
        starts = [start + 1j * rng.normal(size=start.shape) for start in starts]
    params = [lib.nn.Parameter(lib.tensor(np.asarray(start, dtype))) for start in starts]
    groups: list[Any] = params
    if name != "LBFGS":  # which has one group only
        groups = [{"params": params[:-1]}, {"params": params[-1:], **second_group(name)}]
    optimizer = getattr(lib.optim, name)(groups, **options)
    scale = [0.0]

    def closure() -> Any:
        optimizer.zero_grad()
        loss = 0.0
        for i, p in enumerate(params):
            distance = p - (0.3 * i + (0.5j if dtype == "complex128" else 0))
            square = (distance * distance.conj()).real if dtype == "complex128" else distance**2
            loss = loss + (square.sum() * (i + 1) + (square**2).sum()) * (1 + scale[0])
        loss.backward()
        return loss

    history = []
    for t in range(SHORT.get(name, STEPS)):
        scale[0] = 0.5 * np.sin(t)
        if name == "LBFGS":
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()
        history.append([p.detach().numpy().copy() for p in params])
    return history


def check_trajectory(info: Any, options: dict[str, Any], dtype: str) -> None:
    """Compare a trajectory with PyTorch's."""
    ours = trajectory(tl, info.name, ours_of(options), dtype)
    for t, (mine, theirs) in enumerate(zip(ours, trajectory(torch, info.name, options, dtype), strict=True)):
        for a, b in zip(mine, theirs, strict=True):
            if not (np.abs(b) < 1e6).all():
                return  # uphill; where both overflow is no matter
            # Muon computes in bfloat16, where sums in another order are rounded otherwise now and then.
            tolerance = {"rtol": 0, "atol": 1e-3} if info.name == "Muon" else {"rtol": 1e-9, "atol": 1e-11}
            np.testing.assert_allclose(a, b, **tolerance, err_msg=f"{options}, step {t}")


def error_samples(info: Any) -> list[Any]:
    """Return what an optimizer has to refuse; without sparse tensors, which there are none of here."""
    if info.optim_error_inputs_func is None:
        return []
    found = [(e, e.optimizer_error_input) for e in info.optim_error_inputs_func(device="cpu", dtype=torch.float64)]
    dense = [(e, sample) for e, sample in found if not getattr(sample.params, "is_sparse", False)]
    return [e for e, sample in dense if "dense params" not in sample.desc]


def check_error(info: Any, error: Any) -> None:
    """Check that ours refuses, or warns of, an input in the same words."""
    sample = error.optimizer_error_input
    params = [tl.nn.Parameter(tl.ones(1, 1))] if sample.params is None else params_of(sample.params)
    options = ours_of(sample.kwargs)
    make = getattr(tl.optim, info.name)
    if error.error_type is UserWarning:
        with pytest.warns(UserWarning, match=error.error_regex):
            make(params, **options)
    elif error.error_on == OptimizerErrorEnum.CONSTRUCTION_ERROR:
        with pytest.raises(error.error_type, match=error.error_regex):
            make(params, **options)
    else:
        optimizer = make(params, **options)
        with pytest.raises(error.error_type, match=error.error_regex):
            optimizer.step()


def params_of(params: Any) -> Any:
    """Return PyTorch's parameters as ours, one for each, also where one is listed twice."""
    known: dict[int, Any] = {}

    def ours(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return known.setdefault(id(value), ours_of(value))
        if isinstance(value, dict):
            return {k: ours(v) for k, v in value.items()}
        return type(value)([ours(v) for v in value]) if isinstance(value, list | tuple) else value

    return ours(params)
