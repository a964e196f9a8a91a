"""`tapeless.autograd.function`: PyTorch's place for `Function`, `FunctionCtx` and `once_differentiable`."""

from ._function import Function as Function, FunctionCtx as FunctionCtx, once_differentiable as once_differentiable

__all__ = ["Function", "FunctionCtx", "once_differentiable"]
