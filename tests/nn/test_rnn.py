"""Recurrent layers and cells against PyTorch, beyond what its database of modules asks."""

from __future__ import annotations

import copy
import pickle
import random
from typing import Any

import numpy as np
import pytest

import tapeless as tl
from tapeless import nn

torch = pytest.importorskip("torch")

from torch.nn.utils import rnn as torch_rnn  # noqa: E402

from tests.nn.module_pair import leaves, ours_of  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")

LAYERS = ["RNN", "LSTM", "GRU"]
TOLERANCE = {"float64": {"rtol": 1e-9, "atol": 1e-11}, "float32": {"rtol": 2e-4, "atol": 2e-5}}


def close(ours: list[Any], theirs: list[Any], dtype: str = "float64") -> None:
    assert len(ours) == len(theirs)
    for k, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        assert (a is None) == (b is None), k
        if a is not None:
            assert str(b.dtype) == f"torch.{a.dtype}"
            assert tuple(a.shape) == tuple(b.shape)
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), err_msg=str(k), **TOLERANCE[dtype])


class Twin:
    """A layer here and there with the same parameters, an input and initial states for both."""

    def __init__(self, kind: str, seed: int, dtype: str) -> None:
        self.random, self.dtype = random.Random(f"{kind} {seed}"), dtype
        torch.manual_seed(seed)
        pick = self.random.choice
        self.options: dict[str, Any] = {
            "num_layers": pick([1, 2, 3]),
            "bias": pick([True, True, False]),
            "batch_first": pick([True, False]),
            "bidirectional": pick([True, False]),
        }
        if kind == "LSTM":
            self.options["proj_size"] = pick([0, 2])
        if kind == "RNN":
            self.options["nonlinearity"] = pick(["tanh", "relu"])
        self.theirs = getattr(torch.nn, kind)(4, 5, dtype=getattr(torch, dtype), **self.options)
        self.ours = getattr(nn, kind)(4, 5, dtype=getattr(tl, dtype), **self.options)
        self.ours.load_state_dict(ours_of(dict(self.theirs.state_dict())))
        self.batch = pick([1, 3])
        self.how = pick(["dense", "dense", "alone", "packed", "packed"])

    def numbers(self, *shape: int) -> Any:
        return torch.randn(*shape, dtype=getattr(torch, self.dtype), requires_grad=True)

    def states(self) -> Any:
        """Return initial states, or None."""
        if self.random.random() < 0.4:
            return None
        count = self.options["num_layers"] * (2 if self.options["bidirectional"] else 1)
        between = () if self.how == "alone" else (self.batch,)
        h = self.numbers(count, *between, self.options.get("proj_size") or 5)
        return (h, self.numbers(count, *between, 5)) if isinstance(self.theirs, torch.nn.LSTM) else h

    def arguments(self) -> tuple[tuple[Any, Any], tuple[Any, Any], list[Any], list[Any]]:
        """Return the arguments of the call here and there, and those of their leaves that require grad."""
        if self.how == "alone":
            x = self.numbers(6, 4)
        else:
            x = self.numbers(self.batch, 6, 4) if self.options["batch_first"] else self.numbers(6, self.batch, 4)
        made: dict[int, Any] = {}
        states = self.states()
        ours, theirs = ours_of((x, states), made), (x, states)
        wanted = list(leaves([x, states], torch.Tensor))
        mine = [made[id(leaf)] for leaf in wanted]
        if self.how == "packed":
            lengths = [self.random.randint(1, 6) for _ in range(self.batch)]
            options = {"batch_first": self.options["batch_first"], "enforce_sorted": False}
            if self.random.random() < 0.5:
                lengths.sort(reverse=True)
                options["enforce_sorted"] = True
            theirs = torch_rnn.pack_padded_sequence(x, lengths, **options), states
            ours = nn.utils.rnn.pack_padded_sequence(ours[0], lengths, **options), ours[1]
        return ours, theirs, mine, wanted


def weighted(results: list[Any], lib: Any) -> Any:
    """Return a sum of all results, with weights that differ from element to element."""
    total: Any = 0
    for x in results:
        weights = np.cos(np.arange(x.numel())).reshape(tuple(x.shape))
        total = total + (x * lib.tensor(weights, dtype=x.dtype)).sum()
    return total


def gradients(results: list[Any], wanted: list[Any], lib: Any, **options: Any) -> list[Any]:
    return list(lib.autograd.grad(weighted(results, lib), wanted, **options))


def floats(value: Any, kind: type) -> list[Any]:
    """Return the float tensors of a result (packed sequences also hold sizes and orders)."""
    return [x for x in leaves(value, kind) if x.is_floating_point()]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", LAYERS)
def test_random_cases(kind: str, seed: int, dtype: str) -> None:
    twin = Twin(kind, seed, dtype)
    ours_in, theirs_in, mine, wanted = twin.arguments()
    ours, theirs = twin.ours(*ours_in), twin.theirs(*theirs_in)
    assert repr(twin.ours) == repr(twin.theirs)
    if twin.how == "packed":
        for a, b in zip(ours[0][1:], theirs[0][1:], strict=True):
            assert (a is None) == (b is None)
            assert a is None or a.tolist() == b.tolist()
    ours, theirs = floats(ours, tl.Tensor), floats(theirs, torch.Tensor)
    close(ours, theirs, dtype)
    mine, wanted = [*mine, *twin.ours.parameters()], [*wanted, *twin.theirs.parameters()]
    second = dtype == "float64"
    first = gradients(ours, mine, tl, create_graph=second)
    expected = gradients(theirs, wanted, torch, create_graph=second)
    close(first, expected, dtype)
    if second:
        close(
            gradients(first, mine, tl, allow_unused=True, materialize_grads=True),
            gradients(expected, wanted, torch, allow_unused=True, materialize_grads=True),
        )


def test_random_cases_are_of_all_kinds() -> None:
    twins = [Twin(kind, seed, "float64") for kind in LAYERS for seed in range(12)]
    for kind in LAYERS:
        assert {t.how for t in twins if type(t.ours).__name__ == kind} == {"dense", "alone", "packed"}
    assert {t.options.get("proj_size") for t in twins} == {None, 0, 2}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", LAYERS)
def test_dropout_between_layers_is_that_of_the_seed(kind: str, packed: bool) -> None:
    torch.manual_seed(0)
    theirs = getattr(torch.nn, kind)(3, 4, 3, dropout=0.4, bidirectional=True, dtype=torch.float64)
    ours = getattr(nn, kind)(3, 4, 3, dropout=0.4, bidirectional=True, dtype=tl.float64)
    ours.load_state_dict(ours_of(dict(theirs.state_dict())))
    x = torch.randn(5, 2, 3, dtype=torch.float64)
    arguments = [ours_of(x), x]
    if packed:
        packs = nn.utils.rnn.pack_padded_sequence, torch_rnn.pack_padded_sequence
        arguments = [pack(a, [5, 3]) for pack, a in zip(packs, arguments, strict=True)]
    tl.manual_seed(7)
    torch.manual_seed(7)
    found, expected = floats(ours(arguments[0]), tl.Tensor), floats(theirs(arguments[1]), torch.Tensor)
    close(found, expected)
    plain = floats(ours.eval()(arguments[0]), tl.Tensor)
    close(plain, floats(theirs.eval()(arguments[1]), torch.Tensor))
    assert not np.allclose(plain[0].detach().numpy(), found[0].detach().numpy())


@pytest.mark.parametrize(
    "make",
    [
        lambda lib: lib.RNN(3, 4, 2, "relu", False, True, 0.5, True),
        lambda lib: lib.RNN(3, 4, 2, nonlinearity="relu", bias=False),
        lambda lib: lib.LSTM(3, 4, 2, False, True, 0.25, True, 2),
        lambda lib: lib.GRU(3, 4, 3, True, True, 0.25, True),
        lambda lib: lib.RNNBase("GRU", 3, 4, proj_size=2),
        lambda lib: lib.RNNCell(3, 4, False, "relu"),
        lambda lib: lib.LSTMCell(3, 4, bias=False),
        lambda lib: lib.GRUCell(3, 4),
        lambda lib: lib.modules.rnn.RNNCellBase(3, 4, True, 2),
    ],
)
def test_parameters_and_repr(make: Any) -> None:
    tl.manual_seed(3)
    torch.manual_seed(3)
    ours, theirs = make(nn), make(torch.nn)
    assert repr(ours) == repr(theirs)
    assert [name for name, _ in ours.named_parameters()] == [name for name, _ in theirs.named_parameters()]
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
    if isinstance(ours, nn.RNNBase):
        shapes = [[[tuple(p.shape) for p in group] for group in layer.all_weights] for layer in (ours, theirs)]
        assert shapes[0] == shapes[1]
        assert ours.flatten_parameters() is None
        assert ours._flat_weights_names == theirs._flat_weights_names


def first_line(function: Any, *args: Any) -> tuple[type, str]:
    with pytest.raises(Exception) as caught:
        function(*args)
    return caught.type, str(caught.value).split("\n")[0]


@pytest.mark.parametrize(
    "make",
    [
        lambda lib: lib.RNN(3, 4, nonlinearity="sine"),
        lambda lib: lib.RNN(3, 4, proj_size=2),
        lambda lib: lib.GRU(3, 4, proj_size=2),
        lambda lib: lib.LSTM(3, 4, proj_size=4),
        lambda lib: lib.LSTM(3, 4, proj_size=-1),
        lambda lib: lib.LSTM(3, 4, 0),
        lambda lib: lib.LSTM(0, 4),
        lambda lib: lib.LSTM(3, 0),
        lambda lib: lib.LSTM(3.0, 4),
        lambda lib: lib.LSTM(3, 4.0),
        lambda lib: lib.LSTM(3, 4, bias=1),
        lambda lib: lib.LSTM(3, 4, batch_first=None),
        lambda lib: lib.LSTM(3, 4, 2, dropout=1.5),
        lambda lib: lib.LSTM(3, 4, 2, dropout=True),
        lambda lib: lib.RNNBase("ELMAN", 3, 4),
    ],
)
def test_constructor_errors(make: Any) -> None:
    assert first_line(make, nn) == first_line(make, torch.nn)


def test_dropout_of_one_layer_warns() -> None:
    with pytest.warns(UserWarning, match="dropout option adds dropout after all but last recurrent layer") as ours:
        nn.GRU(3, 4, dropout=0.5)
    with pytest.warns(UserWarning) as theirs:
        torch.nn.GRU(3, 4, dropout=0.5)
    assert str(ours[0].message) == str(theirs[0].message)
    assert ours[0].filename == __file__


WRONG_CALLS = [
    lambda lib: (lib.zeros(3),),
    lambda lib: (lib.zeros(1, 2, 2, 3),),
    lambda lib: (lib.zeros(5, 2, 4),),
    lambda lib: (lib.zeros(5, 2, 3, dtype=lib.float64),),
    lambda lib: (lib.zeros(0, 2, 3),),
    lambda lib: (lib.zeros(0, 3),),
]
WRONG_STATES = [
    lambda lib: (lib.zeros(5, 2, 3), lib.zeros(2, 4)),
    lambda lib: (lib.zeros(5, 2, 3), lib.zeros(1, 1, 4)),
    lambda lib: (lib.zeros(5, 2, 3), lib.zeros(1, 2, 3)),
    lambda lib: (lib.zeros(5, 3), lib.zeros(1, 1, 4)),
    lambda lib: (lib.zeros(5, 3), lib.zeros(2, 4)),
]


@pytest.mark.parametrize("arguments", WRONG_CALLS + WRONG_STATES)
@pytest.mark.parametrize("kind", LAYERS)
def test_call_errors(kind: str, arguments: Any) -> None:
    def call(lib: Any) -> None:
        x, *states = arguments(lib)
        if states and kind == "LSTM":
            states = [(states[0], states[0])]
        getattr(lib.nn, kind)(3, 4)(x, *states)

    assert first_line(call, tl) == first_line(call, torch)


@pytest.mark.parametrize("kind", LAYERS)
def test_no_sequences(kind: str) -> None:
    ours, theirs = (getattr(lib.nn, kind)(3, 4, 2, bidirectional=True)(lib.zeros(5, 0, 3)) for lib in (tl, torch))
    shapes = [[tuple(x.shape) for x in leaves(r, k)] for r, k in ((ours, tl.Tensor), (theirs, torch.Tensor))]
    assert shapes[0] == shapes[1]
    layer = getattr(nn, kind)(3, 4)
    layer(tl.zeros(5, 0, 3))[0].sum().backward()
    assert all(not p.grad.numpy().any() for p in layer.parameters())


CELL_CALLS = [
    lambda lib: (lib.zeros(2, 2, 3),),
    lambda lib: (lib.zeros(2, 4),),
    lambda lib: (lib.zeros(2, 3), lib.zeros(1, 4)),
    lambda lib: (lib.zeros(2, 3), lib.zeros(2, 5)),
    lambda lib: (lib.zeros(2, 3), lib.zeros(4)),
    lambda lib: (lib.zeros(3), lib.zeros(1, 4)),
    lambda lib: (lib.zeros(2, 3), lib.zeros(1, 1, 4)),
]


@pytest.mark.parametrize("arguments", CELL_CALLS)
@pytest.mark.parametrize("kind", LAYERS)
def test_cell_errors(kind: str, arguments: Any) -> None:
    def call(lib: Any) -> None:
        x, *states = arguments(lib)
        if states and kind == "LSTM":
            states = [(states[0], states[0])]
        getattr(lib.nn, f"{kind}Cell")(3, 4)(x, *states)

    assert first_line(call, tl) == first_line(call, torch)


def test_unknown_nonlinearity_of_a_cell() -> None:
    def call(lib: Any) -> None:
        lib.nn.RNNCell(3, 4, nonlinearity="sine")(lib.zeros(2, 3))

    assert first_line(call, tl) == first_line(call, torch)


@pytest.mark.parametrize("shape", [(2, 3), (3,), (0, 3)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", LAYERS)
def test_cells(kind: str, bias: bool, shape: tuple[int, ...]) -> None:
    theirs = getattr(torch.nn, f"{kind}Cell")(3, 4, bias=bias, dtype=torch.float64)
    ours = getattr(nn, f"{kind}Cell")(3, 4, bias=bias, dtype=tl.float64)
    ours.load_state_dict(ours_of(dict(theirs.state_dict())))
    x = torch.randn(shape, dtype=torch.float64)
    once, theirs_once = ours(ours_of(x)), theirs(x)
    found, expected = ours(ours_of(x), once), theirs(x, theirs_once)
    mine, wanted = list(leaves(found, tl.Tensor)), list(leaves(expected, torch.Tensor))
    close(mine, wanted)
    parameters = list(ours.parameters()), list(theirs.parameters())
    first = gradients(mine, parameters[0], tl, create_graph=True)
    expected_first = gradients(wanted, parameters[1], torch, create_graph=True)
    close(first, expected_first)
    close(gradients(first, parameters[0], tl), gradients(expected_first, parameters[1], torch))


@pytest.mark.parametrize("kind", LAYERS)
def test_a_loop_of_cells_is_a_layer(kind: str) -> None:
    layer, cell = getattr(nn, kind)(3, 4), getattr(nn, f"{kind}Cell")(3, 4)
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in layer.state_dict().items()})
    x, state = tl.randn(6, 2, 3), None
    for step, expected in zip(x, layer(x)[0], strict=True):
        state = cell(step, state)
        h = state[0] if kind == "LSTM" else state
        np.testing.assert_allclose(h.detach().numpy(), expected.detach().numpy(), rtol=1e-5, atol=1e-6)


# -- Functions -------------------------------------------------------------------------------------------


def function_arguments(lib: Any, kind: str, **options: Any) -> tuple[Any, ...]:
    theirs = getattr(torch.nn, kind)(3, 4, **options)
    weights = list(theirs.parameters())
    x, h = torch.ones(5, 2, 3), torch.full((len(theirs.all_weights), 2, 4), 0.5)
    translate = ours_of if lib is tl else (lambda value: value)
    return translate(x), translate((h, h) if kind == "LSTM" else h), translate(weights)


@pytest.mark.parametrize(("name", "kind"), [("lstm", "LSTM"), ("gru", "GRU"), ("rnn_tanh", "RNN"), ("rnn_relu", "RNN")])
def test_functions(name: str, kind: str) -> None:
    found: list[Any] = []
    for lib in (tl, torch):
        torch.manual_seed(0)
        x, h, weights = function_arguments(lib, kind, num_layers=2, bidirectional=True)
        function = getattr(lib, name)
        results = list(function(x, h, weights, True, 2, 0.0, False, True, False))
        keywords = {"has_biases": True, "num_layers": 2, "dropout": 0.0, "train": False, "bidirectional": True}
        results += function(input=x, hx=h, params=weights, batch_first=False, **keywords)
        sizes, data = lib.tensor([2, 2, 1]), x.reshape(10, 3)[:5]
        results += function(data, sizes, h, weights, True, 2, 0.0, False, True)
        results += function(data=data, batch_sizes=sizes, hx=h, params=weights, **keywords)
        found.append(results)
    close(*found, dtype="float32")


WRONG_FUNCTIONS = [
    lambda lib, x, h, w: lib.gru(x, h, w[:3], True, 1, 0.0, False, False, False),
    lambda lib, x, h, w: lib.gru(x, h, w, True, 2, 0.0, False, False, False),
    lambda lib, x, h, w: lib.gru(x, lib.zeros(2, 2, 4), w, True, 1, 0.0, False, False, False),
    lambda lib, x, h, w: lib.gru(x, h, w, False, 1, 0.0, False, False, False),
    lambda lib, x, h, w: lib.gru(x, h.double(), w, True, 1, 0.0, False, False, False),
    lambda lib, x, h, w: lib.gru(x[0], lib.tensor([2], dtype=lib.int32), h, w, True, 1, 0.0, False, False),
    lambda lib, x, h, w: lib.gru_cell(x[0], h[0, :1], w[0], w[1]),
    lambda lib, x, h, w: lib.gru_cell(x[0, 0], h[0, 0], w[0], w[1]),
    lambda lib, x, h, w: lib.rnn_tanh_cell(x[0], h[0], w[0], w[1]),
    lambda lib, x, h, w: lib.lstm_cell(x[0], h[0], w[0], w[1]),
    lambda lib, x, h, w: lib.lstm_cell(x[0], (h[0],), w[0], w[1]),
    lambda lib, x, h, w: lib.lstm(x, (h,), w, True, 1, 0.0, False, False, False),
]


@pytest.mark.parametrize("call", WRONG_FUNCTIONS)
def test_function_errors(call: Any) -> None:
    raised = [first_line(call, lib, *function_arguments(lib, "GRU")) for lib in (tl, torch)]
    assert raised[0] == raised[1]


def test_too_few_arguments_of_a_function() -> None:
    x, h, weights = function_arguments(tl, "GRU")
    with pytest.raises(TypeError, match=r"^gru\(\) received an invalid combination of arguments"):
        tl.gru(x, h, weights, True)
    with pytest.raises(RuntimeError, match="batch_sizes do not fit the data of a packed sequence"):
        tl.gru(x[0], tl.tensor([1, 2]), h, weights, True, 1, 0.0, False, False)


# -- Packed sequences ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", LAYERS)
def test_packed_sequences_give_what_each_gives_alone(kind: str) -> None:
    layer = getattr(nn, kind)(3, 4, 2, bidirectional=True, dtype=tl.float64)
    sequences = [tl.randn(n, 3, dtype=tl.float64) for n in (2, 5, 1, 5)]
    packed = nn.utils.rnn.pack_sequence(sequences, enforce_sorted=False)
    out, last = layer(packed)
    h = last[0] if kind == "LSTM" else last
    outs = nn.utils.rnn.unpack_sequence(out)
    for k, sequence in enumerate(sequences):
        alone, ends = layer(sequence)
        np.testing.assert_allclose(outs[k].detach().numpy(), alone.detach().numpy(), rtol=1e-10)
        end = ends[0] if kind == "LSTM" else ends
        np.testing.assert_allclose(h[:, k].detach().numpy(), end.detach().numpy(), rtol=1e-10)


@pytest.mark.parametrize("kind", ["RNN", "GRU"])
def test_states_of_other_sequences(kind: str) -> None:
    def call(lib: Any) -> None:
        packed = lib.nn.utils.rnn.pack_padded_sequence(lib.zeros(4, 3, 2), [4, 2, 1])
        getattr(lib.nn, kind)(2, 3)(packed, lib.zeros(1, 2, 3))

    assert first_line(call, tl) == first_line(call, torch)


def test_states_of_other_sequences_for_an_lstm() -> None:
    packed = nn.utils.rnn.pack_padded_sequence(tl.zeros(4, 3, 2), [4, 2, 1])
    with pytest.raises(RuntimeError, match=r"^Expected hidden\[0\] size \(1, 3, 3\), got \[1, 2, 3\]"):
        nn.LSTM(2, 3)(packed, (tl.zeros(1, 2, 3), tl.zeros(1, 2, 3)))


# -- What modules can do ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", LAYERS)
def test_copies(kind: str) -> None:
    layer = getattr(nn, kind)(3, 4, 2, bidirectional=True)
    x = tl.randn(5, 2, 3)
    expected = layer(x)[0].detach().numpy()
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        np.testing.assert_array_equal(other(x)[0].detach().numpy(), expected)
        assert [p is q for p, q in zip(other.parameters(), layer.parameters(), strict=True)].count(True) == 0
        with tl.no_grad():
            other.weight_hh_l0.zero_()  # it is this one that the copy uses
        assert not np.allclose(other(x)[0].detach().numpy(), expected)
    layer.weight_ih_l0 = nn.Parameter(tl.zeros_like(layer.weight_ih_l0))
    assert layer.all_weights[0][0] is layer.weight_ih_l0
    assert not np.allclose(layer(x)[0].detach().numpy(), expected)
    assert layer.double()(x.double())[0].dtype == tl.float64


def test_a_state_without_proj_size() -> None:
    layer = nn.LSTM(3, 4)
    state = layer.__getstate__()
    del state["proj_size"]
    other = nn.LSTM.__new__(nn.LSTM)
    other.__setstate__(state)
    assert other.proj_size == 0
    assert other(tl.ones(2, 3))[0].shape == (2, 4)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("kind", LAYERS)
def test_results_may_be_written_to(kind: str, batch_first: bool) -> None:
    found: list[Any] = []
    for lib in (tl, torch):
        layer = getattr(lib.nn, kind)(3, 4, batch_first=batch_first, dtype=lib.float64)
        values = [np.cos(np.arange(p.numel())).reshape(tuple(p.shape)) for p in layer.parameters()]
        with lib.no_grad():
            for p, value in zip(layer.parameters(), values, strict=True):
                p.copy_(lib.tensor(value))
        x = lib.ones(2, 5, 3, dtype=lib.float64)
        out, last = layer(x)
        h = last[0] if kind == "LSTM" else last
        out.mul_(2)
        h.add_(1)
        (out.sum() + (h * h).sum()).backward()
        found.append([out, h, *[p.grad for p in layer.parameters()]])
    close(*found)


def test_one_node_for_a_layer_and_direction() -> None:
    out, _ = nn.GRU(3, 4)(tl.ones(50, 2, 3))
    assert out.grad_fn.name() == "GruLayerBackward0"


@pytest.mark.parametrize("kind", LAYERS)
def test_frozen_parameters_and_repeated_passes(kind: str) -> None:
    layer, x = getattr(nn, kind)(3, 4), tl.randn(5, 2, 3, requires_grad=True)
    layer(x)[0].sum().backward()
    expected = {name: p.grad.numpy().copy() for name, p in layer.named_parameters()}
    for name, p in layer.named_parameters():
        layer.zero_grad()
        layer.requires_grad_(False)
        p.requires_grad_()
        total = layer(x.detach())[0].sum()
        total.backward(retain_graph=True)
        total.backward()
        np.testing.assert_allclose(p.grad.numpy(), 2 * expected[name], rtol=1e-5)
    layer.requires_grad_(False)
    wanted = x.grad.numpy().copy()
    x.grad = None
    layer(x)[0].sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), wanted, rtol=1e-5)


def test_no_graph_without_grad() -> None:
    layer = nn.LSTM(3, 4)
    with tl.no_grad():
        out, (h, c) = layer(tl.ones(5, 2, 3))
    assert not out.requires_grad and not h.requires_grad and not c.requires_grad


def test_saturated_gates_stay_finite() -> None:
    # Where a gate is neither open nor closed, float32 loses digits in PyTorch, too: not every seed will do.
    tl.manual_seed(0)
    for kind in LAYERS:
        layer = getattr(nn, kind)(3, 4)
        with tl.no_grad():
            for p in layer.parameters():
                p.fill_(200.0 if p.ndim == 2 else -400.0)
        x = tl.randn(5, 2, 3, requires_grad=True)
        theirs = getattr(torch.nn, kind)(3, 4)
        theirs.load_state_dict({name: torch.tensor(p.numpy()) for name, p in layer.state_dict().items()})
        y = torch.tensor(x.detach().numpy(), requires_grad=True)
        out, expected = layer(x)[0], theirs(y)[0]
        close([out], [expected], "float32")
        out.sum().backward()
        expected.sum().backward()
        close([x.grad], [y.grad], "float32")
