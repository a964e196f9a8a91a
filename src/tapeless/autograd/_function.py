"""The public `Function`: operations of the user's own, with PyTorch's static methods and `ctx`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .._core import clock
from .._core.function import FREED, Function as Node, Output, linked, note_where
from .._core.inplace import check_history, rebase
from .._core.modes import enable_grad, no_grad, state
from .._core.saved_hooks import Packed, pack
from .._core.tensor_base import TensorBase, wrap
from .._core.views import set_history
from .._errors import MODIFIED_IN_PLACE, SECOND_BACKWARD


class FunctionCtx(Node):
    """What `forward` and `backward` share: the `ctx` of a `Function`, and its node in the graph.

    >>> import tapeless as tl
    >>> class Cube(tl.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)  # ctx is the FunctionCtx
    ...         return x**3
    ...
    ...     @staticmethod
    ...     def backward(ctx, grad):
    ...         (x,) = ctx.saved_tensors
    ...         return grad * 3 * x**2
    >>> x = tl.tensor(2.0, requires_grad=True)
    >>> Cube.apply(x).backward()
    >>> x.grad
    tensor(12.)
    """

    owns_results = False  # a user's rule may return anything, a saved tensor included
    conjugates = False  # and follows PyTorch's convention of complex gradients
    plan: Any = None  # and is run by `run`

    def __init__(self, function: type[Function]) -> None:
        self.function = function
        self.saved = None
        self.needs_input_grad: tuple[bool, ...] = ()
        self._to_save: tuple[Any, ...] = ()
        self._non_differentiable: set[int] = set()
        self._dirty: set[int] = set()

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep inputs or outputs (or other tensors) for `backward`, which finds them in `saved_tensors`."""
        self._to_save = tensors

    def mark_non_differentiable(self, *outputs: Any) -> None:
        """Say that these outputs have no gradient, integer ones for example."""
        self._non_differentiable = {id(output) for output in outputs}

    def mark_dirty(self, *inputs: Any) -> None:
        """Say that `forward` wrote to these inputs in place."""
        self._dirty = {id(tensor) for tensor in inputs}

    def set_materialize_grads(self, value: bool) -> None:
        """Say whether gradients of unused outputs reach `backward` as zeros (True) or None."""
        self.materialize = value

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """The tensors of `save_for_backward`. Raises RuntimeError once freed, or when one was written to."""
        if self.kept is FREED:
            raise RuntimeError(SECOND_BACKWARD.format(node=self.name()))
        for item in self.kept:
            if item is not None and not isinstance(item[0], Packed) and clock.written_at(item[0]) > self.seq:
                array = item[0]
                raise RuntimeError(
                    MODIFIED_IN_PLACE.format(
                        dtype=array.dtype, shape=list(array.shape), node=self.name(), name="saved tensor"
                    )
                )
        return tuple(None if item is None else linked_or_plain(*self._unpack(item)) for item in self.kept)

    def _unpack(self, item: Any) -> tuple[Any, Any]:
        array, edge = item
        if isinstance(array, Packed):
            array = array.unpack()
        return array, (Output(self, edge, array) if isinstance(edge, int) else edge)

    def name(self) -> str:  # type: ignore[override]
        """Return PyTorch's name: that of the user's class."""
        return f"{self.function.__name__}Backward"

    def run(self, g: Any, create_graph: bool = False) -> Any:
        """Call the user's `backward` on tensors."""
        grads = [None if x is None else x if isinstance(x, TensorBase) else wrap(x) for x in g]
        with enable_grad() if create_graph else no_grad():
            answer = self.function.backward(self, *grads)
        answer = answer if isinstance(answer, tuple) else (answer,)
        count = len(self.needs_input_grad)
        if len(answer) > count and all(x is None for x in answer[count:]):
            answer = answer[:count]
        if len(answer) != count:
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients "
                f"(expected {count}, got {len(answer)})"
            )
        for i, x in enumerate(answer):
            if x is not None and not isinstance(x, TensorBase):
                raise TypeError(f"{self.name()}: expected a Tensor or None as gradient {i}, got {type(x).__name__}")
        wanted = [x for x, needed in zip(answer, self.needs_input_grad, strict=True) if needed]
        return [x if x is None or create_graph else x._array for x in wanted]


def linked_or_plain(array: Any, edge: Any) -> Any:
    """Return a saved array as a tensor, with its history where it has one."""
    return wrap(array) if edge is None else linked(array, edge)


@contextmanager
def _writes_through_data_unseen() -> Iterator[None]:
    """As in PyTorch: what `forward` writes through `.data` of a tensor does not count as a write to it.

    Elsewhere it does (docs/differences.md). Functions that fill a scratch buffer piece by piece rely on this.
    """
    before, state.data_reads = state.data_reads, []
    try:
        yield
    finally:
        for array, moment in reversed(state.data_reads):
            clock.forget_writes_since(array, moment)
        state.data_reads = before


class Function:
    """Base of users' operations: static methods `forward` and `backward`, called through `apply`.

    Either ``forward(ctx, *args)``, or ``forward(*args)`` with ``setup_context(ctx, inputs, output)``.
    `backward` gets one gradient for each output and returns one for each argument of `forward` (None where
    there is none). Written in tensor operations, it can be differentiated again.
    See https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.Function

    >>> import tapeless as tl
    >>> class Cube(Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x * x
    ...
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return g * 3 * x * x
    >>> x = tl.tensor(2.0, requires_grad=True)
    >>> Cube.apply(x).backward()
    >>> x.grad
    tensor(12.)
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the result from the arguments; gradients are not recorded inside."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Return the gradient of each argument of `forward`."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with "
            "backward mode AD."
        )

    setup_context: Callable[..., None] | None = None

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run `forward` and, where an argument requires grad, put `backward` into the graph."""
        ctx = FunctionCtx(cls)
        tensors = [a if isinstance(a, TensorBase) else None for a in args]
        for t in tensors:
            if t is not None and t._view is not None:
                t._view.refresh(t)
        needs = [t is not None and t._requires_grad for t in tensors]
        ctx.needs_input_grad = tuple(needs) if state.grad_enabled else (False,) * len(args)
        with no_grad(), _writes_through_data_unseen():
            if cls.setup_context is not None:
                output = cls.forward(*args)
                cls.setup_context(ctx, args, output)
            else:
                output = cls.forward(ctx, *args)
        outputs = output if isinstance(output, tuple) else (output,)
        results = cls._record(ctx, args, outputs)
        return results if isinstance(output, tuple) else results[0]

    @classmethod
    def _record(cls, ctx: FunctionCtx, args: tuple[Any, ...], outputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """Give the outputs their place in the graph."""
        edges = tuple((a._node or a) for a, needed in zip(args, ctx.needs_input_grad, strict=True) if needed)
        if not edges:
            inputs = {id(a) for a in args if isinstance(a, TensorBase)}
            return tuple(
                wrap(out._array) if id(out) in inputs and id(out) not in ctx._dirty else out for out in outputs
            )
        for out in outputs:
            if id(out) in ctx._dirty:
                check_history(out)
                clock.mark_written(out._array)
                if len(outputs) > 1 and out._is_view():
                    raise RuntimeError(
                        "If your Function modifies inplace an input that is a view of another Tensor, your Function "
                        f"cannot return more than one Tensor. {ctx.name()} returned {len(outputs)}."
                    )
        ctx.hooks = ctx.where = None
        ctx.edges = edges
        ctx.seq = clock.tick()
        ctx.shape = [out._array.shape if isinstance(out, TensorBase) else () for out in outputs]
        ctx.dtype = [out._array.dtype if isinstance(out, TensorBase) else None for out in outputs]
        saved_edges = {id(t): (t._node or t) if t._requires_grad else None for t in ctx._to_save if t is not None}
        results = tuple(cls._attach(ctx, i, out, args) for i, out in enumerate(outputs))
        places = {id(out): i for i, out in enumerate(outputs) if isinstance(out, TensorBase)}
        ctx.kept = tuple(
            None
            if t is None
            else (
                pack(results[places[id(t)]] if id(t) in places else t) if state.saved_hooks else t._array,
                places[id(t)] if id(t) in places else saved_edges[id(t)],
            )
            for t in ctx._to_save
        )
        ctx._to_save = ()
        if state.anomaly:
            note_where(ctx)
        return results

    @staticmethod
    def _attach(ctx: FunctionCtx, i: int, out: Any, args: tuple[Any, ...]) -> Any:
        if not isinstance(out, TensorBase) or id(out) in ctx._non_differentiable or out._array.dtype.kind not in "fc":
            return out
        dirty = id(out) in ctx._dirty
        # An input returned as it came is a result of its own; one that was written to keeps its identity.
        result = out if dirty or (all(out is not a for a in args) and out._node is None) else wrap(out._array)
        node = Output(ctx, i, out._array)
        if dirty:
            needed = [id(a) for a, is_needed in zip(args, ctx.needs_input_grad, strict=True) if is_needed]
            rebase(result, node, ctx, needed.index(id(out)) if id(out) in needed else None)
        else:
            set_history(result, node)
        return result


def once_differentiable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a `backward` that must not be differentiated again: doing so raises RuntimeError.

    See https://docs.pytorch.org/docs/stable/generated/torch.autograd.function.once_differentiable.html

    >>> import tapeless as tl
    >>> class Double(tl.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         return 2 * x
    ...
    ...     @staticmethod
    ...     @tl.autograd.function.once_differentiable
    ...     def backward(ctx, grad):
    ...         return 2 * grad
    >>> x = tl.tensor(2.0, requires_grad=True)
    >>> Double.apply(x).backward()
    >>> x.grad
    tensor(2.)
    """

    @functools.wraps(function)
    def wrapper(ctx: Any, *args: Any) -> Any:
        recorded = state.grad_enabled
        with no_grad():
            answer = function(ctx, *args)
        if not recorded:
            return answer
        several = isinstance(answer, tuple)
        marked = tuple(_refuse_twice(g) for g in (answer if several else (answer,)))
        return marked if several else marked[0]

    return wrapper


def _refuse_twice(g: Any) -> Any:
    if not isinstance(g, TensorBase):
        return g
    return _Refuse.apply(wrap(g._array).requires_grad_())


class _Refuse(Function):
    """The identity, whose gradient is an error."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")
