"""`Function`: one operation, and, as an instance, one node of the graph.

A subclass says everything about its operation in one place::

    class Mul(Function):
        '''Product of two tensors, element by element.'''

        names = "mul multiply"  # tapeless.mul, Tensor.mul, ...
        operator = "mul"  # x * y, y * x, x *= y
        inplace = True  # Tensor.mul_
        numpy = np.multiply  # np.multiply(tensor, ...) and rules that run on tensors come here

        def forward(self, input, other):
            return np.multiply(input, other)

        def grad_input(self, g, other):
            return g * other

        def grad_other(self, g, input):
            return g * input

`forward` gets and returns raw arrays. ``grad_<name>`` is the gradient of the parameter ``<name>`` of `forward`,
and its own parameter names say what it needs: `g` is the gradient of the result, ``result`` the result (``results``
the tuple of several), every other name an input. Only what the rules of the inputs that require grad name is kept
until the backward pass.
Operations whose gradients share work write one ``backward(self, g, ...)`` that returns a gradient for each
parameter in `differentiable` instead; arrays computed on the way may be kept in ``self.saved``. Such a rule may
be written for arrays only if the class also has a ``composite(self, ...)``, the same operation written in others:
the engine differentiates that one under ``create_graph=True``. Its parameters are among those that `backward`
names. Where the gradient has a formula in a few operations, ``recorded(self, g, ...)``, with the parameters of
`backward`, gives that on tensors, and spares the engine the composite.

Rules are plain NumPy: the same rule gets ndarrays at first order and tensors under ``create_graph=True``.
So it writes into nothing that it was given, forces no ndarray, and returns neither a kept array nor `g` changed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar

import numpy as np

from .._errors import INFERENCE_SAVED, MODIFIED_IN_PLACE, SECOND_BACKWARD
from . import clock, modes, registry
from .clock import tick
from .hooks import Hooks
from .modes import state
from .saved_hooks import PackedKept, Unpacked, pack, pack_all, pack_node
from .tensor_base import INFERENCE, Lent, TensorBase, wrap
from .views import View, ViewStep

LARGE = 16384
"""Elements from which on a gradient is computed in the optimizer's memory: to copy less costs less than to ask."""

RESULT = -1
"""The position that stands for the result among what a node keeps."""


class _Freed:
    """What stands in `Function.kept` once the backward pass has used it up."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "<freed>"


FREED: Any = _Freed()
NOTHING: Any = ()
"""The one empty tuple: the `kept` of a node whose rules need no arrays."""


class Overwritten:
    """Stands for a kept input that the in-place operation itself overwrote."""

    def __init__(self, array: Any) -> None:
        self.shape, self.dtype = array.shape, array.dtype


class Plan:
    """What a node does for one choice of inputs that require grad: which arrays it keeps, which rules it runs.

    Recording a node and running its rules is most of what a small operation costs, so a plan does it by functions
    without loops, made once from a line of source: for x * y, where both require grad, ::

        link(args, arrays, out)    ((args[0]._node or args[0], args[1]._node or args[1],), (arrays[1], arrays[0],),)
        run(node, g, kept)         (rule0(node, g, kept[0]), rule1(node, g, kept[1]),)
    """

    __slots__ = ("direct", "link", "link_kept", "names", "owned", "positions", "run", "single", "sources")

    def __init__(
        self,
        cls: type[Function],
        positions: tuple[int, ...],
        sources: tuple[int, ...],
        names: tuple[str, ...],
        rules: Any,
        outer: Any = None,
    ) -> None:
        shared = cls.backward is not None
        # Whether `run` is all that there is to run: not where of shared gradients only some are wanted, or a user's
        # rule is to be checked.
        self.direct = not shared or (cls.owns_results and cls.shared == len(positions))
        self.owned = cls.owns_results
        self.single = len(positions) == 1
        self.positions = positions  # the inputs that get a gradient, in the order of the node's edges
        self.sources = sources  # where each kept array comes from: an input's position, or RESULT
        self.names = names  # the same by name, for messages
        self.link_kept: Any = None  # (node, edges, kept): `kept` as tensors with a history; made when first needed
        edges = _joined([f"args[{i}]._node or args[{i}]" for i in positions])
        keep = _joined(["out" if i == RESULT else f"arrays[{i}]" for i in sources])
        self.link = _tuple_of("args, arrays, out", [edges, keep])  # the node's edges, and what it keeps
        calls = [f"rule{k}({', '.join(['node', 'g', *[f'kept[{i}]' for i in w]])})" for k, (_, w) in enumerate(rules)]
        # `rules` are pairs: a rule and the indices of what it needs in `kept`; one for each edge, or a shared backward.
        known = {f"rule{k}": rule for k, (rule, _) in enumerate(rules)}
        if outer is not None:  # another such pair: what it makes of `g` is what the rules get
            known["outer"] = outer[0]
            first = f"(g := outer({', '.join(['node', 'g', *[f'kept[{i}]' for i in outer[1]]])})"
            calls[0] = calls[0].replace("(node, g", f"(node, {first})", 1)
        self.run = (_function_of if shared else _tuple_of)("node, g, kept", calls, known)

    def make_link_kept(self) -> Callable[..., tuple[Any, ...]]:
        """Make the function that a node uses to record its rules: see `Function.link_kept`."""
        items = []
        for i, source in enumerate(self.sources):
            if source == RESULT:
                items.append(f"node._linked_result(kept[{i}])")
            elif source in self.positions:
                items.append(f"linked(kept[{i}], edges[{self.positions.index(source)}])")
            else:
                items.append(f"kept[{i}]")
        self.link_kept = _tuple_of("node, edges, kept", items, {"linked": linked})
        return self.link_kept  # type: ignore[no-any-return]


def _tuple_of(params: str, items: list[str], names: dict[str, Any] | None = None) -> Callable[..., tuple[Any, ...]]:
    """Return the function of `params` that makes a tuple of these expressions."""
    return _function_of(params, [_joined(items)], names or {})


def _function_of(params: str, items: list[str], names: dict[str, Any]) -> Callable[..., Any]:
    """Return the function of `params` that computes the one expression in `items`."""
    return eval(f"lambda {params}: {items[0]}", names)  # type: ignore[no-any-return]


def _joined(items: list[str]) -> str:
    """Return the expression for a tuple of expressions."""
    return f"({''.join([f'{item}, ' for item in items])})"


class Function:
    """Base of all operations; an instance is a node. See the module's text for how to write one."""

    __slots__ = (
        "__dict__",
        "__weakref__",
        "dtype",
        "edges",
        "hooks",
        "kept",
        "plan",
        "saved",
        "seq",
        "shape",
        "where",
    )

    # What a subclass declares.
    names: ClassVar[str] = ""
    methods: ClassVar[str | None] = None  # names of methods where they differ from `names`
    operator: ClassVar[str] = ""
    inplace: ClassVar[bool] = False
    numpy: ClassVar[Any] = None
    view: ClassVar[bool] = False  # the result may share memory with the first input
    variadic: ClassVar[bool] = False  # `forward(self, *tensors, **options)`; the public form takes a sequence
    strict: ClassVar[int] = 0  # how many of the first arguments of the public function must be tensors, not numbers
    exact_out: ClassVar[bool] = False  # out= must have the result's dtype, not one that can hold it
    packs: ClassVar[int | None] = None  # ints from this position on may be written without a tuple
    promote: ClassVar[Callable[..., Any] | None] = None  # makes the arrays' dtypes agree before `forward`
    composite: ClassVar[Callable[..., Any] | None] = None  # the same in other operations: the second-order rule
    recorded: ClassVar[Callable[..., Any] | None] = None  # instead of a shared `backward`, when that is to be recorded
    outer: ClassVar[Callable[..., Any] | None] = None  # `outer(self, g, ...)`: what the rules get in place of `g`
    differentiable: ClassVar[tuple[str, ...]] = ()  # for a shared `backward`: the inputs it has gradients for
    backward: ClassVar[Callable[..., Any] | None] = None
    conjugates: ClassVar[bool] = True  # rules are as for real numbers; False: they are in PyTorch's complex convention
    owns_results: ClassVar[bool] = True  # new arrays that the rules return belong to the engine (not: users' rules)

    materialize: bool = True  # whether gradients of unused results (of several) are zeros, not None

    # What registration works out.
    params: ClassVar[tuple[str, ...]] = ()
    defaults: ClassVar[tuple[Any, ...]] = ()
    keyword_only: ClassVar[tuple[str, ...]] = ()
    rules: ClassVar[dict[int, Any]] = {}
    mask: ClassVar[int] = 0
    shared: ClassVar[int] = 0  # how many gradients a shared `backward` returns
    plans: ClassVar[dict[Any, Plan]] = {}

    dtype: Any
    edges: tuple[Any, ...]
    hooks: Hooks | None
    kept: Any
    plan: Any  # a Plan; None for nodes with a `run` of their own
    saved: Any
    seq: int
    shape: Any
    where: Any

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.plans = {}
        if "forward" in cls.__dict__:
            cls.params = _parameters(cls.forward)
            cls.defaults = cls.forward.__defaults__ or ()
            code = cls.forward.__code__
            cls.keyword_only = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
        cls.rules = {i: rule for i, name in enumerate(cls.params) if (rule := getattr(cls, f"grad_{name}", None))}
        shared = [cls.params.index(name) for name in cls.differentiable] if cls.backward else []
        cls.shared = len(shared)
        cls.mask = -1 if cls.variadic and cls.backward else sum(1 << i for i in {*cls.rules, *shared})
        if cls.__dict__.get("names"):  # its own, not inherited ones
            registry.register(cls)
        elif cls.__dict__.get("numpy") is not None:  # not public by itself, but rules call it: a kernel, mostly
            registry.NUMPY.setdefault(cls.numpy, cls.apply)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the result from raw arrays."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    @classmethod
    def public_function(cls) -> Callable[..., Any] | None:
        """Return the function to publish; None for the usual one, which `registry` makes."""
        return None

    @classmethod
    def apply_inplace(cls, target: Any, *args: Any, **options: Any) -> Any:
        """Write the result into `target` and rewrite its history; set by `inplace`, a module above this one."""
        raise NotImplementedError

    # -- Recording ---------------------------------------------------------------------------------------

    @classmethod
    def apply(cls, *args: Any, **options: Any) -> Any:
        """Run the operation on tensors (or anything array-like) and record it where a gradient is needed."""
        mask, bit = 0, 1
        arrays = []
        special = False
        for arg in args:
            if isinstance(arg, TensorBase):
                if arg._view is not None:
                    special = True
                    if cls.mask:  # x > 0 needs no history, so it may look at a view whose history is ambiguous
                        arg._view.refresh(arg)
                if arg._requires_grad:
                    mask |= bit
                arrays.append(arg._array)
            else:
                arrays.append(arg)
            bit <<= 1
        if mask:
            mask = mask & cls.mask if state.grad_enabled else 0
        if cls.promote is not None:
            arrays = cls.promote(*arrays)
        node = _new(cls)
        node.saved = None
        try:
            out = node.forward(*arrays, **options)
        except ValueError as error:
            raise_broadcast_error(error, arrays)
            raise
        except AttributeError:
            cls.check_tensors(args)
            raise
        if type(out) is tuple:
            return node.finish_many(mask, args, arrays, out, options, special)
        result = wrap(out)
        if mask:
            kind = result._array.dtype.kind
            if kind == "f" or kind == "c":
                if kind == "c":
                    modes.complex_anywhere = True
                node.record(mask, args, arrays, result._array, special)
                result._node = node
                result._requires_grad = True
        if cls.view and shares_memory(result._array, arrays[0]):
            View.attach(result, args[0], ViewStep(cls, args[1:], options))
        return result

    @classmethod
    def apply_plain(cls, mask: int, args: tuple[Any, ...], arrays: tuple[Any, ...]) -> Any:
        """Do what `apply` does, for callers that know more: a third of its time, for what small models spend theirs in.

        No input is a view, dtypes are floats and agree, the result is one array and no view, and `mask` says which of
        the differentiable inputs require grad.
        """
        node = _new(cls)
        node.saved = None
        try:
            result = wrap(node.forward(*arrays))
        except ValueError as error:
            raise_broadcast_error(error, arrays)
            raise
        if mask and state.grad_enabled:
            node.record(mask, args, arrays, result._array)
            result._node = node
            result._requires_grad = True
        return result

    @classmethod
    def apply_in_rule(cls, g: Any, *args: Any) -> Any:
        """Do what `apply` does, for a rule that is recorded: `g` and `args` are what the engine gave to it.

        Those are plain tensors, mostly, and arrays, whose dtypes agree. So it is `apply_plain` that runs.
        """
        args = (g, *args)
        mask, bit = 0, 1
        arrays = []
        for arg in args:
            if isinstance(arg, TensorBase):
                if arg._view is not None:
                    return cls.apply(*args)
                if arg._requires_grad:
                    mask |= bit
                arg = arg._array
            arrays.append(arg)
            bit <<= 1
        if arrays[0].dtype.kind != "f":
            return cls.apply(*args)
        return cls.apply_plain(mask & cls.mask, args, tuple(arrays))

    @classmethod
    def check_tensors(cls, args: tuple[Any, ...]) -> None:
        """Refuse anything but arrays where a gradient could flow, in PyTorch's words."""
        for i, arg in enumerate(args):
            if cls.mask >> i & 1 and i < len(cls.params) and not hasattr(arg, "dtype"):
                raise TypeError(
                    f"{cls.names.split()[0] if cls.names else cls.__name__}(): argument '{cls.params[i]}' "
                    f"(position {i + 1}) must be Tensor, not {type(arg).__name__}"
                )

    def record(self, mask: int, args: Any, arrays: Any, out: Any, special: bool = False) -> None:
        """Become a node: keep what the rules need and the edges to where the inputs came from."""
        plan = self.plans.get(mask) or self.make_plan(mask, len(args))
        try:
            self.edges, self.kept = plan.link(args, arrays, out)
        except IndexError:  # an argument was left out
            arrays = (*arrays, *self.defaults[len(arrays) - len(self.params) :])
            self.edges, self.kept = plan.link(args, arrays, out)
        self.plan = plan
        self.shape = out.shape
        self.dtype = out.dtype
        self.hooks = self.where = None
        self.seq = tick()
        if special and any(i >= 0 and getattr(args[i], "_view", None) is INFERENCE for i in plan.sources):
            raise RuntimeError(INFERENCE_SAVED)
        if modes.watched_anywhere:
            note_where(self)
            if state.saved_hooks and "results" not in plan.names:  # several results: `finish_many` sees to it
                self.pack_kept(args)

    def pack_kept(self, args: Any) -> None:
        """Replace what was kept by what the hooks on saved tensors make of it."""
        items = []
        for value, source in self._kept_and_sources():
            arg = args[source] if 0 <= source < len(args) else None
            if source == RESULT:
                linked_value = self._linked_result(value)
                items.append(tuple([pack(t) for t in linked_value]) if isinstance(value, tuple) else pack(linked_value))
            elif isinstance(arg, TensorBase) and arg._array is value:
                items.append(pack(arg))
            else:
                items.append(pack_all(value))
        pack_node(self, items)

    def finish_many(self, mask: int, args: Any, arrays: Any, outs: tuple[Any, ...], options: Any, special: bool) -> Any:
        """Wrap and record an operation with several results; each result's edge is an `Output` of this node."""
        results = tuple(wrap(out) for out in outs)
        if mask and any(result._array.dtype.kind in "fc" for result in results):
            self.record(mask, args, arrays, results[0]._array, special)
            if "results" in self.plan.names:
                every = tuple(result._array for result in results)
                self.kept = tuple(every if source == RESULT else a for a, source in self._kept_and_sources())
            # Rules of several results get the list of their gradients, zeros where none arrived.
            self.shape = [result._array.shape for result in results]
            self.dtype = [result._array.dtype for result in results]
            if modes.watched_anywhere and state.saved_hooks and "results" in self.plan.names:
                self.pack_kept(args)
            for i, result in enumerate(results):
                if result._array.dtype.kind == "c":
                    modes.complex_anywhere = True
                if result._array.dtype.kind in "fc":
                    result._node = Output(self, i, result._array)
                    result._requires_grad = True
        if self.view:
            for i, result in enumerate(results):
                if shares_memory(result._array, arrays[0]):
                    View.attach(result, args[0], ViewStep(type(self), args[1:], options, i))
        return results

    @classmethod
    def make_plan(cls, mask: int, count: int) -> Plan:
        """Work out, once for each set of inputs that require grad, what is kept and which rules run."""
        positions = tuple(i for i in range(count) if mask >> i & 1)
        rules = [cls.backward] if cls.backward else [cls.rules[i] for i in positions]
        if cls.outer is not None:
            rules.append(cls.outer)
        needed = [_parameters(rule)[1:] for rule in rules]  # without g
        names = tuple(dict.fromkeys(name for names in needed for name in names))
        sources = tuple(RESULT if name in ("result", "results") else cls.params.index(name) for name in names)
        calls = [(rule, [names.index(name) for name in wanted]) for rule, wanted in zip(rules, needed, strict=True)]
        outer = None if cls.outer is None else calls.pop()
        plan = cls.plans[mask] = Plan(cls, positions, sources, names, calls, outer)
        return plan

    # -- The backward pass -------------------------------------------------------------------------------

    def run(self, g: Any, create_graph: bool = False) -> Any:
        """Return the gradients for `edges`, given the gradient of the result.

        Arrays in, arrays out; with `create_graph`, tensors in and out, and the rule itself is recorded.
        """
        kept = self.kept
        if kept:
            if self.seq < clock.last_write:
                self.check_unmodified()
            if create_graph:
                kept = (self.plan.link_kept or self.plan.make_link_kept())(self, self.edges, kept)
        elif kept is not NOTHING:
            with self.unpacked():
                return self.run(g, create_graph)
        plan = self.plan
        if self.backward is not None:
            grads = (self.recorded if create_graph and self.recorded else self.backward)(g, *kept)
            if type(grads) is tuple and len(grads) == self.shared == len(plan.positions):
                return grads
            self.check_arity(grads)
            if len(plan.positions) == len(grads):
                return grads
            order = [self.params.index(name) for name in self.differentiable]
            return [grads[order.index(i)] for i in plan.positions]
        return plan.run(self, g, kept)

    def borrow_home(self, i: int) -> Any:
        """Return memory for a rule to compute the gradient of input `i` in (``out=``), or None.

        An optimizer has it for the gradients of its parameters (`TensorBase._home`), and would copy a large one there:
        for an MLP of 8 million parameters that is a tenth of its backward pass. Nothing is lent that someone else may
        see: a gradient that is there already, that hooks get, or that `autograd.grad` returns.
        """
        edge = self.edges[self.plan.positions.index(i)]
        home = edge._home if isinstance(edge, TensorBase) else None
        if type(home) is not np.ndarray or home.size < LARGE or home.dtype.kind != "f":
            return None
        if edge._grad is not None or edge._hooks is not None or self.hooks is not None or not state.lends:
            return None
        edge._home = Lent(home)
        return home

    def unpacked(self) -> AbstractContextManager[None]:
        """Have what hooks on saved tensors packed in `kept` for a while; raises RuntimeError once it is freed."""
        if self.kept is FREED:
            raise RuntimeError(SECOND_BACKWARD.format(node=self.name()))
        return self.kept.restored(self) if isinstance(self.kept, PackedKept) else nullcontext()

    def run_complex(self, g: Any, create_graph: bool = False) -> Any:
        """Run the rule where numbers may be complex: see `engine` for why gradients are conjugated around it."""
        if self.conjugates:
            return conjugated(self.run(conjugated(g), create_graph))
        return self.run(g, create_graph)

    def check_arity(self, grads: Any) -> None:
        """Refuse a shared `backward` that returned too few or too many gradients."""
        expected = len(self.plan.positions) if self.variadic else len(self.differentiable)
        if not isinstance(grads, (tuple, list)) or len(grads) != expected:
            got = len(grads) if isinstance(grads, (tuple, list)) else type(grads).__name__
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients (expected {expected}, got {got})"
            )

    def check_unmodified(self) -> None:
        """Refuse to go on when an array that was kept has been written to since."""
        hooked = isinstance(self.kept, Unpacked)
        for item, name in zip(self.kept, self.plan.names, strict=True):
            for array in item if isinstance(item, (tuple, list)) else (item,):
                if isinstance(array, Overwritten) or (
                    not hooked and hasattr(array, "dtype") and clock.written_at(array) > self.seq
                ):
                    shape = list(array.shape)
                    raise RuntimeError(
                        MODIFIED_IN_PLACE.format(dtype=array.dtype, shape=shape, node=self.name(), name=name)
                    )

    def link_kept(self) -> tuple[Any, ...]:
        """Return the kept arrays as tensors that lead back to where they came from."""
        return (self.plan.link_kept or self.plan.make_link_kept())(self, self.edges, self.kept)  # type: ignore[no-any-return]

    def _kept_and_sources(self) -> Any:
        return zip(self.kept, self.plan.sources, strict=True)

    def _linked_result(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(linked(array, Output(self, i, array)) for i, array in enumerate(value))
        return linked(value, self)

    def free(self) -> None:
        """Let go of what was kept; a second backward pass through this node is an error from now on."""
        if self.kept is not NOTHING or self.saved is not None:
            self.kept = FREED
            self.saved = None

    # -- What users see of `grad_fn` ---------------------------------------------------------------------

    @classmethod
    def name(cls) -> str:
        """Return PyTorch's name for the node, such as ``MulBackward0``."""
        return f"{cls.__name__}Backward0"

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """Where the gradients go: pairs of node (or `AccumulateGrad` of a leaf) and output index."""
        return tuple(_public_edge(edge) for edge in self.edges)

    @property
    def metadata(self) -> dict[Any, Any]:
        """A dict for the user's own notes on this node."""
        return vars(self).setdefault("_metadata", {})  # type: ignore[no-any-return]

    def register_hook(self, hook: Callable[..., Any]) -> Any:
        """Call ``hook(grad_inputs, grad_outputs)`` after this node ran; it may return new `grad_inputs`."""
        return self._hooks().add("post", hook)

    def register_prehook(self, hook: Callable[..., Any]) -> Any:
        """Call ``hook(grad_outputs)`` before this node runs; it may return new `grad_outputs`."""
        return self._hooks().add("pre", _on_tuples(hook))

    def _hooks(self) -> Hooks:
        if self.hooks is None:
            self.hooks = Hooks()
        return self.hooks

    def __repr__(self) -> str:
        return f"<{self.name()}>"


def _on_tuples(hook: Callable[..., Any]) -> Callable[..., Any]:
    """Adapt a hook on tuples of gradients to the list of hooks that tensors share, which get one tensor."""

    def adapted(g: Any) -> Any:
        several = isinstance(g, list)
        answer = hook(tuple(g) if several else (g,))
        if answer is None or several:
            return answer
        return answer[0] if isinstance(answer, (tuple, list)) else answer

    return adapted


def conjugated(g: Any) -> Any:
    """Return the complex conjugate of a gradient, or of each in a list; real ones and None as they are."""
    if isinstance(g, (list, tuple)):
        return [conjugated(x) for x in g]
    return np.conj(g) if g is not None and g.dtype.kind == "c" else g


class Output(Function):
    """One result of an operation that has several: hands its gradient to the operation at the right place."""

    __slots__ = ("index", "source")

    plan: Any = None

    def __init__(self, source: Function, index: int, array: Any) -> None:
        self.source, self.index = source, index
        self.seq = tick()
        self.edges = (source,)
        self.kept = ()
        self.shape, self.dtype = array.shape, array.dtype
        self.hooks = self.saved = None
        self.where = source.where

    def name(self) -> str:  # type: ignore[override]
        """Return the name of the operation that this is a result of."""
        return self.source.name()


class Alias(Function):
    """Leads on to `edge` and does nothing else.

    Stands between a leaf and a tensor that holds its values in another array (a cast or replaced one), and
    marks the border of a part of the graph (`engine.run_composite`).
    """

    conjugates = False
    plan: Any = None

    def __init__(self, edge: Any, array: Any) -> None:
        self.seq = tick()
        self.edges = (edge,)
        self.kept = ()
        self.shape, self.dtype = array.shape, array.dtype
        self.hooks = self.saved = self.where = None

    def run(self, g: Any, create_graph: bool = False) -> Any:
        """Pass the gradient on."""
        return (g,)


class AccumulateGrad:
    """What `next_functions` shows for a leaf, as PyTorch does."""

    def __init__(self, variable: TensorBase) -> None:
        self.variable = variable

    next_functions: tuple[()] = ()

    @property
    def metadata(self) -> dict[Any, Any]:
        """A dict for the user's own notes, which stays with the leaf."""
        return self.variable.__dict__.setdefault("_node_metadata", {})  # type: ignore[no-any-return]

    def register_prehook(self, hook: Callable[..., Any]) -> Any:
        """Call ``hook(grad_outputs)`` before the gradient is stored; it may return new ones."""
        if self.variable._hooks is None:
            self.variable._hooks = Hooks()
        return self.variable._hooks.add("pre", _on_tuples(hook))

    def name(self) -> str:
        """Return PyTorch's name of this node."""
        return "torch::autograd::AccumulateGrad"

    def __repr__(self) -> str:
        return "<AccumulateGrad>"


_new = object.__new__


def linked(value: Any, edge: Any) -> Any:
    """Return `value` as a tensor whose history is `edge`; constants stay what they are."""
    if edge is None or not hasattr(value, "dtype"):
        return value
    if isinstance(edge, TensorBase):
        if edge._array is value:
            return edge
        edge = Alias(edge, value)
    tensor = wrap(value)
    tensor._node = edge
    tensor._requires_grad = True
    return tensor


def raise_broadcast_error(error: ValueError, arrays: Any) -> None:
    """Turn NumPy's broadcasting error into PyTorch's, which names the sizes that do not meet."""
    if not str(error).startswith(("operands could not be broadcast", "shape mismatch: objects cannot be broadcast")):
        return
    shapes = [array.shape for array in arrays if hasattr(array, "shape")]
    for i, a in enumerate(shapes):
        for b in shapes[i + 1 :]:
            for back in range(1, min(len(a), len(b)) + 1):
                if a[-back] != b[-back] and 1 not in (a[-back], b[-back]):
                    raise RuntimeError(
                        f"The size of tensor a ({a[-back]}) must match the size of tensor b ({b[-back]}) at "
                        f"non-singleton dimension {max(len(a), len(b)) - back}\nThe shapes {list(a)} and {list(b)} do "
                        "not broadcast: sizes are compared from the last dim on, and must be equal or 1. See reshape, "
                        "unsqueeze and transpose."
                    ) from None


def shares_memory(out: Any, source: Any) -> bool:
    """Return whether `out` is a view of `source`; NumPy's `.base` is the owner, so one look is enough."""
    if out is source:
        return True  # np.squeeze returns the array itself when there is nothing to squeeze
    base = getattr(out, "base", None)
    return base is not None and (base is source or base is getattr(source, "base", None))


def note_where(node: Function) -> None:
    """Set `node.where`; replaced by the anomaly mode, which knows how to find the user's line."""
    hook = where_hook[0]
    node.where = hook() if hook and state.anomaly else None


where_hook: list[Callable[[], Any] | None] = [None]


def _parameters(function: Any) -> tuple[str, ...]:
    """Return the positional parameter names of a method without `self`: cheaper than `inspect`, at import."""
    code = function.__code__
    return code.co_varnames[1 : code.co_argcount]


def _public_edge(edge: Any) -> tuple[Any, int]:
    if isinstance(edge, TensorBase):
        return AccumulateGrad(edge), 0
    if isinstance(edge, Output):
        return edge.source, edge.index
    return edge, 0
