"""state_dict and load_state_dict."""

from __future__ import annotations

import re
from collections import OrderedDict

import pytest

import tapeless as tl
from tapeless import nn


def model():
    return nn.Sequential(OrderedDict(first=nn.Linear(2, 3), act=nn.ReLU(), last=nn.Linear(3, 1)))


def test_state_dict_shares_memory_and_has_versions():
    net = model()
    state = net.state_dict()
    assert type(state) is OrderedDict
    assert list(state) == ["first.weight", "first.bias", "last.weight", "last.bias"]
    assert state._metadata["first"] == {"version": 1}
    assert list(state._metadata) == ["", "first", "act", "last"]
    assert not state["first.bias"].requires_grad and type(state["first.bias"]) is tl.Tensor
    state["first.bias"].fill_(7)
    assert net.first.bias.tolist() == [7.0, 7.0, 7.0]
    assert net.state_dict(keep_vars=True)["first.bias"] is net.first.bias
    assert next(iter(net.state_dict(prefix="net."))) == "net.first.weight"
    into = {}
    assert net.state_dict(destination=into) is into
    with pytest.warns(FutureWarning, match="Positional args are being deprecated"):
        assert next(iter(net.state_dict({}, "p."))) == "p.first.weight"


def test_loading_copies_values():
    net, other = model(), model()
    result = net.load_state_dict(other.state_dict())
    assert repr(result) == "<All keys matched successfully>"
    assert result.missing_keys == [] and result.unexpected_keys == []
    assert net.first.weight.tolist() == other.first.weight.tolist()
    assert net.first.weight is not other.first.weight


def test_loading_with_assign_takes_the_tensors():
    net = model().requires_grad_(False)
    state = model().double().state_dict()
    net.load_state_dict(state, assign=True)
    assert net.first.weight.dtype == tl.float64
    assert isinstance(net.first.weight, nn.Parameter) and not net.first.weight.requires_grad
    state["first.weight"].fill_(3)
    assert net.first.weight.tolist() == [[3.0, 3.0]] * 3


def error_of(net, state, **options):
    with pytest.raises(RuntimeError) as info:
        net.load_state_dict(state, **options)
    return str(info.value)


def table_of(text):
    """Return the cells of the table at the end of the message."""
    _, _, table = text.partition("What does not match, side by side:\n")
    return [re.split(r"  +", line.strip()) for line in table.split("\n")]


def test_a_wrapper_prefix_is_recognised():
    state = {f"module.{key}": value for key, value in model().state_dict().items()}
    text = error_of(model(), state)
    assert text.startswith(
        "Error(s) in loading state_dict for Sequential:\n"
        '\tMissing key(s) in state_dict: "first.weight", "first.bias", "last.weight", "last.bias". \n'
        '\tUnexpected key(s) in state_dict: "module.first.weight", '
    )
    assert 'starts with "module."' in text and "key.removeprefix('module.')" in text
    wrapped = nn.ModuleDict({"module": model()})
    assert "pass {'module.' + key: value for key, value in state_dict.items()}" in error_of(
        wrapped, model().state_dict()
    )


def test_the_nearest_name_is_suggested():
    state = OrderedDict((key.replace("first", "frist"), v) for key, v in model().state_dict().items())
    text = error_of(model(), state)
    assert table_of(text) == [
        ["in the model", "in the state_dict"],
        ["first.weight", "[3, 2]", "frist.weight", "[3, 2]", "renamed?"],
        ["first.bias", "[3]", "frist.bias", "[3]", "renamed?"],
    ]
    result = model().load_state_dict(state, strict=False)
    assert result.missing_keys == ["first.weight", "first.bias"]
    assert result.unexpected_keys == ["frist.weight", "frist.bias"]
    assert repr(result).startswith("_IncompatibleKeys(missing_keys=['first.weight'")


def test_all_that_does_not_match_is_in_one_table():
    net = model()
    net.register_buffer("scale", tl.ones(1))
    state = net.state_dict()
    state["final.weight"] = state.pop("last.weight")[:, :2]
    state["first.weight"] = tl.zeros(3, 5)
    state["old"] = 3
    del state["scale"]
    assert table_of(error_of(net, state))[1:] == [
        ["first.weight", "[3, 2]", "first.weight", "[3, 5]", "other shape"],
        ["last.weight", "[1, 3]", "final.weight", "[1, 2]", "renamed and resized?"],
        ["scale", "[1]", "-", "missing"],
        ["-", "old", "int", "unexpected"],
    ]
    # Without strict only shapes are errors.
    assert [row[-1] for row in table_of(error_of(net, state, strict=False))[1:]] == ["other shape"]


def test_the_table_of_another_model_is_short():
    deep = nn.Sequential(*[nn.Linear(1, 1) for _ in range(30)])
    table = table_of(error_of(deep, {f"other{i}": tl.ones(1) for i in range(3)}))
    assert len(table) == 22 and table[-1] == ["... and 43 more"]


def test_lazy_parameters_have_no_shape_to_show():
    table = table_of(error_of(nn.LazyLinear(2), {"other": tl.ones(1)}))
    assert ["weight", "UninitializedParameter", "-", "missing"] in table


def test_shapes_that_differ_are_errors_even_without_strict():
    state = model().state_dict()
    state["last.weight"] = tl.zeros(2, 3)
    text = error_of(model(), state, strict=False)
    assert (
        "size mismatch for last.weight: copying a param with shape torch.Size([2, 3]) from checkpoint, "
        "the shape in current model is torch.Size([1, 3])." in text
    )


def test_what_is_not_a_tensor_is_refused():
    assert 'named "last.bias", expected torch.Tensor' in error_of(model(), {"last.bias": 3.0}, strict=False)
    with pytest.raises(TypeError, match="Expected state_dict to be dict-like"):
        model().load_state_dict([1, 2])


def test_old_one_element_vectors_load_into_scalars():
    net = nn.Module()
    net.register_buffer("count", tl.tensor(0.0))
    net.load_state_dict({"count": tl.tensor([4.0])})
    assert net.count.item() == 4.0


def test_messages_are_those_of_pytorch():
    torch = pytest.importorskip("torch")

    def story(lib):
        net = lib.nn.Sequential(lib.nn.Linear(2, 3), lib.nn.ReLU())
        state = {"0.weight": lib.zeros(3, 3), "1.extra": lib.zeros(1), "deep.er.name": lib.zeros(1)}
        with pytest.raises(RuntimeError) as info:
            net.load_state_dict(state)
        return str(info.value)

    ours, _, _ = story(tl).partition("\n\tWhat does not match")
    assert ours == story(torch)


def test_state_dicts_travel_between_libraries_by_name():
    torch = pytest.importorskip("torch")
    theirs = torch.nn.Sequential(OrderedDict(first=torch.nn.Linear(2, 3), last=torch.nn.Linear(3, 1)))
    ours = nn.Sequential(OrderedDict(first=nn.Linear(2, 3), last=nn.Linear(3, 1)))
    ours.load_state_dict({key: tl.from_numpy(value.numpy()) for key, value in theirs.state_dict().items()})
    assert ours.last.bias.tolist() == theirs.last.bias.tolist()


def test_extra_state():
    class Counts(nn.Module):
        count = 0

        def get_extra_state(self):
            return self.count

        def set_extra_state(self, state):
            self.count = state

    source, target = nn.Sequential(Counts()), nn.Sequential(Counts())
    source[0].count = 5
    state = source.state_dict()
    assert state == {"0._extra_state": 5}
    target.load_state_dict(state)
    assert target[0].count == 5
    assert 'Missing key(s) in state_dict: "0._extra_state"' in error_of(target, {})
    assert "Unexpected key(s)" in error_of(nn.Sequential(nn.Identity()), state)


def test_hooks():
    net, seen = model(), []
    net.first.register_state_dict_pre_hook(lambda m, prefix, keep: seen.append(("pre", prefix)))
    net.first.register_state_dict_post_hook(lambda m, state, prefix, meta: seen.append(("post", sorted(state))))
    net.first.register_load_state_dict_pre_hook(lambda m, *args: seen.append(("load", m is net.first, args[1])))
    net.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
    state = net.state_dict()
    del state["last.bias"]
    net.load_state_dict(state)
    assert seen == [
        ("pre", "first."),
        ("post", ["first.bias", "first.weight"]),
        ("load", True, "first."),
    ]


def test_wrong_hooks():
    net = model()
    net.register_load_state_dict_post_hook(lambda m, keys: keys)
    with pytest.raises(AssertionError, match="not expected to return new values"):
        net.load_state_dict(net.state_dict())
    net.register_state_dict_post_hook(lambda m, state, prefix, meta: state)
    with pytest.raises(RuntimeError, match="state_dict post-hook must return None"):
        net.state_dict()


def test_private_hook_replaces_the_result():
    net = model()
    handle = net._register_state_dict_hook(lambda m, state, prefix, meta: {"all": len(state)})
    assert net.state_dict() == {"all": 4}
    handle.remove()
    assert len(net.state_dict()) == 4


def test_old_versions_can_be_read():
    class Renamed(nn.Linear):
        _version = 2

        def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest):
            if local_metadata.get("version", 1) < 2:
                state_dict[prefix + "weight"] = state_dict.pop(prefix + "kernel")
            super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

    net = nn.Sequential(Renamed(1, 1))
    net.load_state_dict({"0.kernel": tl.full((1, 1), 4.0), "0.bias": tl.zeros(1)})
    assert net[0].weight.item() == 4.0
    assert net.state_dict()._metadata["0"] == {"version": 2}
