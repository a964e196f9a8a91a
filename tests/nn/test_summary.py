"""nn.summary."""

from __future__ import annotations

import tapeless as tl
from tapeless import nn
from tapeless.nn import _hooks


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.Dropout())
        self.head = nn.Linear(8, 2, bias=False)
        self.unused = nn.Linear(1, 1).requires_grad_(False)
        self.register_buffer("steps", tl.tensor(0))

    def forward(self, x):
        hidden = self.body(x)
        return {"scores": self.head(hidden), "hidden": (hidden,)}


def test_table():
    text = str(nn.summary(Net(), (3, 4)))
    assert "{'scores': [3, 2], 'hidden': ([3, 8],)}" in text
    assert "58 parameters (56 trainable, 2 frozen)" in text
    assert "232 bytes of parameters, 8 bytes of buffers" in text


def test_numbers_and_inputs():
    net, hooks_before = Net().train(), _hooks.live
    for result in (nn.summary(net, tl.ones(3, 4)), nn.summary(net, input_data=[tl.ones(3, 4)])):
        by_name = {layer.name: layer for layer in result.layers}
        assert by_name["body.0"].output_shape == [3, 8] and by_name["body.0"].parameter_count == 40
        assert by_name["unused"].output_shape is None
        assert result.total_parameters == 58 and result.trainable_parameters == 56
    assert net.training and net.body[1].training and _hooks.live == hooks_before
    assert nn.summary(net).layers[0].output_shape is None


def test_shared_parameters_count_once():
    shared = nn.Linear(2, 2)
    tied = nn.Linear(2, 2)
    tied.weight = shared.weight
    result = nn.summary(nn.Sequential(shared, shared, tied))
    assert [layer.parameter_count for layer in result.layers] == [0, 6, 2]
    assert result.total_parameters == 8


def test_results_that_are_none_show_as_none():
    attention = nn.MultiheadAttention(4, 2)
    x = tl.zeros(3, 1, 4)
    shown = nn.summary(attention, input_data={"query": x, "key": x, "value": x, "need_weights": False})
    assert shown.layers[0].shape_text == "([3, 1, 4], None)"
