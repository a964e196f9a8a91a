"""The engine: `Function` and its registry, the graph's nodes, the backward pass, grad modes and the clock."""

from .engine import run_backward as run_backward
from .function import Function as Function
from .inplace import apply_inplace as apply_inplace
from .modes import enable_grad as enable_grad
from .modes import inference_mode as inference_mode
from .modes import is_grad_enabled as is_grad_enabled
from .modes import is_inference_mode_enabled as is_inference_mode_enabled
from .modes import no_grad as no_grad
from .modes import set_grad_enabled as set_grad_enabled
from .registry import composite as composite
from .tensor_base import TensorBase as TensorBase
from .tensor_base import unwrap as unwrap
from .tensor_base import wrap as wrap
