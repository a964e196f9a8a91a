"""Every optimizer against PyTorch's own database of optimizers: all its options, and all its errors."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tapeless as tl

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_optimizers import OptimizerErrorEnum, optim_db

INFOS = pytest.mark.parametrize("info", optim_db, ids=lambda info: info.name)
STEPS = 20


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
    optimizer = getattr(lib.optim, name)(params, **options)
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
    for t in range(STEPS):
        scale[0] = 0.5 * np.sin(t)
        if name == "LBFGS":
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()
        history.append([p.detach().numpy().copy() for p in params])
    return history


def same(info: Any, options: dict[str, Any], dtype: str) -> None:
    ours = trajectory(tl, info.name, ours_of(options), dtype)
    for t, (mine, theirs) in enumerate(zip(ours, trajectory(torch, info.name, options, dtype), strict=True)):
        for a, b in zip(mine, theirs, strict=True):
            if not (np.abs(b) < 1e6).all():
                return  # uphill; where both overflow is no matter
            # Muon computes in bfloat16, where sums in another order are rounded otherwise now and then.
            tolerance = {"rtol": 0, "atol": 1e-3} if info.name == "Muon" else {"rtol": 1e-9, "atol": 1e-11}
            np.testing.assert_allclose(a, b, **tolerance, err_msg=f"{options}, step {t}")


@INFOS
def test_options(info: Any) -> None:
    if info.only_supports_sparse_grads:
        pytest.skip("has sparse gradients only")
    for sample in info.optim_inputs_func(device="cpu"):
        same(info, sample.kwargs, "float64")


@INFOS
def test_complex_parameters(info: Any) -> None:
    if not info.supports_complex or info.only_supports_sparse_grads:
        pytest.skip("has no complex parameters")
    for sample in info.optim_inputs_func(device="cpu"):
        same(info, sample.kwargs, "complex128")


@INFOS
def test_options_of_implementation_are_accepted(info: Any) -> None:
    for option in info.supported_impls:
        make = getattr(tl.optim, info.name)
        if option == "differentiable":
            with pytest.raises(NotImplementedError, match="differentiable=True is not supported"):
                make([tl.nn.Parameter(tl.ones(2, 2))], differentiable=True)
        else:
            assert make([tl.nn.Parameter(tl.ones(2, 2))], **{option: True}).param_groups[0][option] is True


@INFOS
def test_signature_and_options(info: Any) -> None:
    """The same parameters in the same order with the same defaults, and the same options in a group."""
    import inspect

    ours, theirs = getattr(tl.optim, info.name), info.optim_cls
    described = [
        [(p.name, p.kind, p.default) for p in inspect.signature(cls.__init__).parameters.values()]
        for cls in (ours, theirs)
    ]
    assert described[0] == described[1]
    groups = [cls([lib.nn.Parameter(lib.ones(2, 2))]).param_groups[0] for lib, cls in ((tl, ours), (torch, theirs))]
    packed = [[(k, v) for k, v in group.items() if k != "params"] for group in groups]
    assert packed[0] == packed[1]


@INFOS
def test_errors(info: Any) -> None:
    if info.optim_error_inputs_func is None:
        pytest.skip("has no errors")
    for error in info.optim_error_inputs_func(device="cpu", dtype=torch.float64):
        sample = error.optimizer_error_input
        if getattr(sample.params, "is_sparse", False) or "dense params" in sample.desc:
            continue  # there are no sparse tensors here
        params = [tl.nn.Parameter(tl.ones(1, 1))] if sample.params is None else _params(sample.params)
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


def _params(params: Any) -> Any:
    """Return PyTorch's parameters as ours, one for each, also where one is listed twice."""
    known: dict[int, Any] = {}

    def ours(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return known.setdefault(id(value), ours_of(value))
        if isinstance(value, dict):
            return {k: ours(v) for k, v in value.items()}
        return type(value)([ours(v) for v in value]) if isinstance(value, list | tuple) else value

    return ours(params)


def test_the_same_optimizers() -> None:
    """All names of ``torch.optim``, but for the one that swaps states for distributed checkpoints."""
    missing = set(torch.optim.__all__) - set(tl.optim.__all__)
    assert missing == {"swap_in_optimizer_params_and_state"}
    assert {info.name for info in optim_db} <= set(tl.optim.__all__)
