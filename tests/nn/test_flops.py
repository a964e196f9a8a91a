"""FLOPs and memory in nn.summary: numbers worked out by hand, and those of PyTorch's own counter."""

from __future__ import annotations

import pytest

import tapeless as tl
from tapeless import nn
from tapeless.nn._flops import FLOP_RULES


class Block(nn.Module):
    """A block of a residual network, 4 channels."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.norm1, self.norm2, self.relu = nn.BatchNorm2d(4), nn.BatchNorm2d(4), nn.ReLU()

    def forward(self, x):
        return self.relu(x + self.norm2(self.second(self.relu(self.norm1(self.first(x))))))


def test_lenet():
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.AvgPool2d((2, 2)),
        nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Linear(84, 10),
    )  # fmt: skip
    result = nn.summary(model, (1, 1, 28, 28))
    maps = [6 * 28 * 28, 6 * 14 * 14, 16 * 10 * 10, 400]
    expected = [2 * maps[0] * 25, maps[0], 4 * maps[1], 2 * maps[2] * 150, maps[2], 4 * maps[3], 0]
    expected += [2 * 400 * 120, 120, 2 * 120 * 84, 2 * 84 * 10]
    assert [layer.flops for layer in result.layers] == [None, *expected] and result.flops == sum(expected)
    numbers = 2 * maps[0] + maps[1] + 2 * maps[2] + 2 * maps[3] + 2 * 120 + 84 + 10
    assert result.activation_bytes == 4 * numbers
    assert result.total_bytes == result.activation_bytes + 4 * result.total_parameters


def test_residual_block_uses_one_layer_twice():
    result = nn.summary(Block(), (2, 4, 5, 5))
    layers, size = {layer.name: layer for layer in result.layers}, 2 * 4 * 25
    assert layers["first"].flops == 2 * size * 4 * 9 and layers["norm1"].flops == 2 * size
    assert layers["relu"].calls == 2 and layers["relu"].flops == 2 * size
    assert layers["relu"].shape_text == "[2, 4, 5, 5] x 2"
    assert result.activation_bytes == 6 * size * 4


@pytest.mark.parametrize(
    ("kind", "args", "options", "shape"),
    [
        ("Linear", (7, 5), {}, (3, 2, 7)),
        ("Conv1d", (4, 6, 3), {"groups": 2, "stride": 2}, (2, 4, 11)),
        ("Conv2d", (4, 6, (3, 2)), {"dilation": 2, "padding": 1}, (2, 4, 9, 8)),
        ("Conv3d", (2, 3, 2), {}, (1, 2, 4, 5, 6)),
        ("ConvTranspose1d", (4, 6, 3), {"stride": 2}, (2, 4, 7)),
        ("ConvTranspose2d", (4, 6, 3), {"groups": 2, "stride": 2}, (2, 4, 5, 6)),
    ],
)
def test_as_pytorch_counts(kind, args, options, shape):
    torch = pytest.importorskip("torch")
    counter = pytest.importorskip("torch.utils.flop_counter").FlopCounterMode(display=False)
    with counter, torch.no_grad():
        getattr(torch.nn, kind)(*args, **options)(torch.zeros(shape))
    assert nn.summary(getattr(nn, kind)(*args, **options), shape).flops == counter.get_total_flops() > 0


def test_rules_of_recurrent_layers_and_attention_on_pytorchs_own():
    torch = pytest.importorskip("torch")
    x, rows = torch.zeros(7, 2, 3), 14
    lstm = torch.nn.LSTM(3, 5, num_layers=2, bidirectional=True)
    expected = 2 * rows * 2 * (20 * (3 + 5) + 20 * (10 + 5))
    assert FLOP_RULES["LSTM"](lstm, (x,), lstm(x)) == expected
    cell = torch.nn.GRUCell(3, 5)
    assert FLOP_RULES["GRUCell"](cell, (x[0],), cell(x[0])) == 2 * 2 * 15 * (3 + 5)
    attention = torch.nn.MultiheadAttention(8, 2, kdim=6, vdim=4, batch_first=True)
    query, key, value = torch.zeros(2, 7, 8), torch.zeros(2, 9, 6), torch.zeros(2, 9, 4)
    products = 2 * 2 * (7 * 8 * 8 + 9 * 6 * 8 + 9 * 4 * 8 + 2 * 7 * 9 * 8 + 7 * 8 * 8)
    assert FLOP_RULES["MultiheadAttention"](attention, (query, key, value), None) == products


def test_inputs_by_name_and_what_stays_as_it_was():
    class Draws(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.drop = nn.Linear(3, 2), nn.Dropout()

        def forward(self, x, *, other):
            return self.drop(self.layer(input=x)) + other * tl.rand(2)

    model, before = Draws(), tl.get_rng_state()
    result = nn.summary(model, {"x": (4, 3), "other": tl.ones(2)})
    assert result.flops == 2 * 4 * 2 * 3 and result.layers[0].output_shape == [4, 2]
    assert bool((tl.get_rng_state() == before).all()) and model.drop.training
    assert not model.layer._forward_hooks and not model.layer._forward_pre_hooks


def test_a_rule_of_ones_own_counts_what_is_inside():
    class Pair(nn.Sequential):
        pass

    model = nn.Sequential(Pair(nn.Linear(3, 3), nn.ReLU()), nn.Linear(3, 1))
    FLOP_RULES[Pair] = lambda module, args, output: 1000
    try:
        result = nn.summary(model, (2, 3))
    finally:
        del FLOP_RULES[Pair]
    assert [layer.flops for layer in result.layers] == [None, 1000, None, None, 12]
    assert nn.summary(model, (2, 3)).flops == 36 + 6 + 12


def test_pooling_in_a_subclass_and_bilinear_and_bags():
    class Pool(nn.MaxPool2d):
        pass

    assert nn.summary(Pool(3, 1), (1, 2, 5, 5)).flops == 18 * 9
    assert nn.summary(nn.Bilinear(3, 4, 5), [(2, 3), (2, 4)]).flops == 2 * 2 * 5 * (3 * 4 + 4)
    assert nn.summary(nn.EmbeddingBag(9, 4), (2, 3), dtype=tl.int64).flops == 6 * 4
