"""The engine: `Function` and its registry, the graph's nodes, the backward pass, grad modes and the clock."""

from .engine import run_backward as run_backward
from .function import Function as Function
from .inplace import apply_inplace as apply_inplace
from .modes import (
    enable_grad as enable_grad,
    inference_mode as inference_mode,
    is_grad_enabled as is_grad_enabled,
    is_inference_mode_enabled as is_inference_mode_enabled,
    no_grad as no_grad,
    set_grad_enabled as set_grad_enabled,
)
from .registry import composite as composite
from .tensor_base import TensorBase as TensorBase, unwrap as unwrap, wrap as wrap
