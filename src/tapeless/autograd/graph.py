"""The graph under PyTorch's path, ``autograd.graph``: nodes, edges, hooks on what is kept and on several tensors.

Of our own: `trace`, `trace_module` and `watch`, which draw the graph (Mermaid, DOT, SVG).
See https://docs.pytorch.org/docs/stable/autograd.html#autograd-graph
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from ._drawing import (
        ComputationGraph as ComputationGraph,
        GraphEdge as GraphEdge,
        GraphModule as GraphModule,
        GraphNode as GraphNode,
        trace as trace,
        trace_module as trace_module,
        watch as watch,
    )

_DRAWING = ("ComputationGraph", "GraphEdge", "GraphModule", "GraphNode", "trace", "trace_module", "watch")


def __getattr__(name: str) -> Any:
    if name not in _DRAWING:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import _drawing  # most programs draw nothing

    value = globals()[name] = getattr(_drawing, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_DRAWING})
