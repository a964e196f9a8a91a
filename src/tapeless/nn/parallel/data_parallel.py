"""`DataParallel`, which in PyTorch divides a batch among GPUs, and without GPUs passes it on."""

from __future__ import annotations

from typing import Any

from .._module import Module


class DataParallel(Module):
    """Calls `module` with whatever it is called with; names in `state_dict` start with ``module.``, as PyTorch's.

    See https://docs.pytorch.org/docs/stable/generated/torch.nn.DataParallel.html

    >>> import tapeless as tl
    >>> model = tl.nn.DataParallel(tl.nn.Linear(2, 1))
    >>> model(tl.ones(3, 2)).shape, list(model.state_dict())
    (torch.Size([3, 1]), ['module.weight', 'module.bias'])
    """

    def __init__(self, module: Any, device_ids: Any = None, output_device: Any = None, dim: int = 0) -> None:
        super().__init__()
        self.module = module
        self.device_ids: list[Any] = []

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """Return what the module returns."""
        return self.module(*inputs, **kwargs)


def data_parallel(
    module: Any,
    inputs: Any,
    device_ids: Any = None,
    output_device: Any = None,
    dim: int = 0,
    module_kwargs: dict[str, Any] | None = None,
) -> Any:
    """Raise RuntimeError, as PyTorch without a GPU does: there is no device to divide among."""
    raise RuntimeError(
        "device type could not be determined\n"
        "data_parallel divides a batch among GPUs, and there are none: call the module, or wrap it in DataParallel."
    )
