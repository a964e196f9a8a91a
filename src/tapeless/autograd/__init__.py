"""Automatic differentiation: `backward`, `grad`, functions of one's own, and checks of gradients."""

from .._core.modes import enable_grad as enable_grad
from .._core.modes import inference_mode as inference_mode
from .._core.modes import no_grad as no_grad
from .._core.modes import set_grad_enabled as set_grad_enabled
from .._tensor import Tensor as Variable
from ._anomaly import detect_anomaly as detect_anomaly
from ._anomaly import is_anomaly_enabled as is_anomaly_enabled
from ._anomaly import set_detect_anomaly as set_detect_anomaly
from ._backward import backward as backward
from ._backward import grad as grad
from ._function import Function as Function
from ._function import FunctionCtx as FunctionCtx
from ._function import once_differentiable as once_differentiable
from ._gradcheck import gradcheck as gradcheck
from ._gradcheck import gradgradcheck as gradgradcheck

__all__ = [
    "Function", "FunctionCtx", "Variable", "backward", "detect_anomaly", "enable_grad", "grad",
    "gradcheck", "gradgradcheck", "inference_mode", "is_anomaly_enabled", "no_grad", "once_differentiable",
    "set_detect_anomaly", "set_grad_enabled",
]  # fmt: skip
