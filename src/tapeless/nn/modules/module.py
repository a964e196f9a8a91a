"""`Module`, and hooks that run for every module of the process.

Source: https://docs.pytorch.org/docs/stable/nn.html#modules
"""

from __future__ import annotations

from .._hooks import (
    register_module_backward_hook as register_module_backward_hook,
    register_module_buffer_registration_hook as register_module_buffer_registration_hook,
    register_module_forward_hook as register_module_forward_hook,
    register_module_forward_pre_hook as register_module_forward_pre_hook,
    register_module_full_backward_hook as register_module_full_backward_hook,
    register_module_full_backward_pre_hook as register_module_full_backward_pre_hook,
    register_module_module_registration_hook as register_module_module_registration_hook,
    register_module_parameter_registration_hook as register_module_parameter_registration_hook,
)
from .._module import Module as Module
from .._parameter import Buffer as Buffer, Parameter as Parameter
