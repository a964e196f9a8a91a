"""Every optimizer against PyTorch's own database of optimizers: all its options, and all its errors."""

from __future__ import annotations

from typing import Any

import pytest

import tapeless as tl

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")

from tests.optim.database import check_error, check_trajectory, error_samples, optim_db  # noqa: E402

INFOS = pytest.mark.parametrize("info", optim_db, ids=lambda info: info.name)


@INFOS
def test_options(info: Any) -> None:
    if info.only_supports_sparse_grads:
        pytest.skip("has sparse gradients only")
    for sample in info.optim_inputs_func(device="cpu"):
        check_trajectory(info, sample.kwargs, "float64")


@INFOS
def test_complex_parameters(info: Any) -> None:
    if not info.supports_complex or info.only_supports_sparse_grads:
        pytest.skip("has no complex parameters")
    for sample in info.optim_inputs_func(device="cpu"):
        check_trajectory(info, sample.kwargs, "complex128")


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
    errors = error_samples(info)
    for error in errors:
        check_error(info, error)
    if not errors:
        pytest.skip("has no errors")


def test_the_same_optimizers() -> None:
    """All names of ``torch.optim``, but for the one that swaps states for distributed checkpoints."""
    missing = set(torch.optim.__all__) - set(tl.optim.__all__)
    assert missing == {"swap_in_optimizer_params_and_state"}
    assert {info.name for info in optim_db} <= set(tl.optim.__all__)
