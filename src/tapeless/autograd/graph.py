"""The graph under PyTorch's path, ``autograd.graph``: nodes, edges, hooks on what is kept and on several tensors.

See https://docs.pytorch.org/docs/stable/autograd.html#autograd-graph
"""

from __future__ import annotations

from ._graph import (
    GradientEdge as GradientEdge,
    Node as Node,
    get_gradient_edge as get_gradient_edge,
    increment_version as increment_version,
    register_multi_grad_hook as register_multi_grad_hook,
)
from ._saved_hooks import (
    allow_mutation_on_saved_tensors as allow_mutation_on_saved_tensors,
    disable_saved_tensors_hooks as disable_saved_tensors_hooks,
    save_on_cpu as save_on_cpu,
    saved_tensors_hooks as saved_tensors_hooks,
)
