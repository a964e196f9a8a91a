"""Automatic differentiation: `backward`, `grad`, functions of one's own, and checks of gradients."""

from .._core.modes import (
    enable_grad as enable_grad,
    inference_mode as inference_mode,
    no_grad as no_grad,
    set_grad_enabled as set_grad_enabled,
)
from . import function as function, functional as functional, graph as graph
from ._anomaly import (
    detect_anomaly as detect_anomaly,
    is_anomaly_enabled as is_anomaly_enabled,
    set_detect_anomaly as set_detect_anomaly,
)
from ._backward import backward as backward, grad as grad
from ._function import Function as Function, FunctionCtx as FunctionCtx, once_differentiable as once_differentiable
from ._gradcheck import gradcheck as gradcheck, gradgradcheck as gradgradcheck
from ._variable import Variable as Variable

__all__ = [
    "Function", "FunctionCtx", "Variable", "backward", "detect_anomaly", "enable_grad", "grad",
    "gradcheck", "gradgradcheck", "inference_mode", "is_anomaly_enabled", "no_grad", "once_differentiable",
    "set_detect_anomaly", "set_grad_enabled",
]  # fmt: skip
