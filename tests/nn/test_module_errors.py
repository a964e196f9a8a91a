"""Errors inside a model name the layer by its path from the root."""

from __future__ import annotations

import pickle

import pytest

import tapeless as tl
from tapeless import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
        self.heads = nn.ModuleList([nn.Linear(8, 1), nn.Linear(9, 1)])

    def forward(self, x, head=0):
        return self.heads[head](self.encoder(x))


def notes_of(action):
    with pytest.raises(Exception) as info:
        action()
    return getattr(info.value, "__notes__", [])


def test_the_path_is_one_line_from_the_root():
    net = Net()
    assert notes_of(lambda: net(tl.ones(5, 3))) == [
        "in module Net.encoder.0 (Linear(in_features=4, out_features=8, bias=True)), called with float32 [5, 3]"
    ]
    assert notes_of(lambda: net(tl.ones(5, 4), head=1)) == [
        "in module Net.heads.1 (Linear(in_features=9, out_features=1, bias=True)), called with float32 [5, 8]"
    ]


def test_a_single_layer_names_itself():
    notes = notes_of(lambda: nn.Linear(4, 8)(tl.ones(5, 3)))
    assert notes == ["in module Linear(in_features=4, out_features=8, bias=True), called with float32 [5, 3]"]


def test_a_container_that_fails_itself_is_named_without_its_children():
    class Broken(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Identity()

        def forward(self, x):
            raise ValueError("on purpose")

    assert notes_of(lambda: nn.Sequential(Broken())(1)) == ["in module Sequential.0 (Broken)"]


def test_an_unregistered_module_is_a_question_mark():
    hidden = nn.Linear(4, 8)

    class Hides(nn.Module):
        def forward(self, x):
            return hidden(x)

    (note,) = notes_of(lambda: Hides()(tl.ones(5, 3)))
    assert note.startswith("in module Hides.? (Linear(")


def test_other_notes_stay_and_the_error_can_be_pickled():
    class Noted(nn.Module):
        def forward(self, x):
            error = ValueError("on purpose")
            error.add_note("mine")
            raise error

    with pytest.raises(ValueError, match="on purpose") as info:
        nn.Sequential(nn.Sequential(Noted()))(1)
    assert info.value.__notes__ == ["mine", "in module Sequential.0.0 (Noted())"]
    assert pickle.loads(pickle.dumps(info.value)).__notes__ == info.value.__notes__


def test_a_broken_repr_does_not_hide_the_error():
    class BadRepr(nn.Module):
        def __repr__(self):
            raise RuntimeError("no repr")

        def forward(self, x):
            raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        BadRepr()(1)


def test_an_error_caught_inside_leaves_no_trace():
    class Tries(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 8)

        def forward(self, x):
            try:
                return self.layer(x)
            except Exception:
                raise KeyError("another error") from None

    assert notes_of(lambda: Tries()(tl.ones(5, 3))) == ["in module Tries, called with float32 [5, 3]"]
