"""Transformers against PyTorch, beyond what its database of modules asks."""

from __future__ import annotations

import copy
import itertools
import pickle
import warnings

import numpy as np
import pytest

import tapeless as tl
from tapeless import nn

torch = pytest.importorskip("torch")

from tests.nn.module_pair import ours_of  # noqa: E402

SIZE, HEADS, HIDDEN, LENGTH, SOURCE, BATCH = 8, 2, 12, 5, 6, 3
quiet = pytest.mark.filterwarnings("ignore:enable_nested_tensor is True", "ignore:The PyTorch API of nested tensors")
pytestmark = quiet


def seed():
    tl.manual_seed(11)
    torch.manual_seed(11)


def both(make):
    """Return what `make` builds of each library, from the same seed."""
    built = []
    for lib in (tl, torch):
        seed()
        built.append(make(lib))
    return built


def numbers(*shape, seed=0):
    return torch.tensor(np.random.default_rng(seed).standard_normal(shape).astype("float32"))


def sequences(batch_first=False):
    src, tgt = numbers(SOURCE, BATCH, SIZE), numbers(LENGTH, BATCH, SIZE, seed=1)
    return (src.transpose(0, 1).contiguous(), tgt.transpose(0, 1).contiguous()) if batch_first else (src, tgt)


def close(ours, theirs, rtol=1e-4, atol=1e-5):
    assert tuple(ours.shape) == tuple(theirs.shape)
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=rtol, atol=atol)


def compare(ours, theirs, *args, **kwargs):
    """Compare the output from the same seed, and, in training mode, the gradients of inputs and parameters."""
    inputs, made = [x.clone().requires_grad_() for x in args], {}
    mine = ours_of(inputs, made)
    seed()
    out, expected = ours(*mine, **ours_of(kwargs, made)), theirs(*inputs, **kwargs)
    close(out, expected)
    found = tl.autograd.grad(out.sin().sum(), [*mine, *ours.parameters()])
    wanted = torch.autograd.grad(expected.sin().sum(), [*inputs, *theirs.parameters()])
    for g, expected_g in zip(found, wanted, strict=True):
        close(g, expected_g, rtol=1e-3, atol=1e-4)
    ours.eval(), theirs.eval()
    with torch.no_grad(), tl.no_grad():
        close(ours(*ours_of(args), **ours_of(kwargs)), theirs(*args, **kwargs))


def padding(length=SOURCE):
    mask = torch.zeros(BATCH, length, dtype=torch.bool)
    mask[0, 3:] = mask[1, length - 1 :] = True
    return mask


def causal(length=LENGTH):
    return torch.nn.Transformer.generate_square_subsequent_mask(length)


LAYER = [
    {},
    {"norm_first": True},
    {"activation": "gelu", "batch_first": True},
    {"bias": False, "layer_norm_eps": 0.1},
    {"dropout": 0.0, "norm_first": True, "batch_first": True, "activation": "gelu", "bias": False},
]


@pytest.mark.parametrize("options", LAYER, ids=str)
def test_encoder_layer(options):
    pair = both(lambda lib: lib.nn.TransformerEncoderLayer(SIZE, HEADS, HIDDEN, **options))
    assert repr(pair[0]) == repr(pair[1])
    for key, value in pair[1].state_dict().items():
        np.testing.assert_array_equal(pair[0].state_dict()[key].numpy(), value.numpy(), err_msg=key)
    src, _ = sequences(options.get("batch_first", False))
    for masks in ({}, {"src_mask": causal(SOURCE)}, {"src_key_padding_mask": padding()}):
        compare(*(copy.deepcopy(module) for module in pair), src, **masks)


@pytest.mark.parametrize("options", LAYER, ids=str)
def test_decoder_layer(options):
    pair = both(lambda lib: lib.nn.TransformerDecoderLayer(SIZE, HEADS, HIDDEN, **options))
    assert repr(pair[0]) == repr(pair[1])
    src, tgt = sequences(options.get("batch_first", False))
    masks = {
        "tgt_mask": causal(),
        "memory_mask": numbers(LENGTH, SOURCE, seed=3),
        "tgt_key_padding_mask": torch.zeros(BATCH, LENGTH),
        "memory_key_padding_mask": padding() * -2.0,
    }
    for given in ({}, masks, {"tgt_mask": causal(), "tgt_is_causal": True}):
        compare(*(copy.deepcopy(module) for module in pair), tgt, src, **given)


def test_layers_of_one_sequence():
    src, tgt = numbers(SOURCE, SIZE), numbers(LENGTH, SIZE, seed=1)
    compare(*both(lambda lib: lib.nn.TransformerEncoderLayer(SIZE, HEADS, HIDDEN)), src, src_mask=causal(SOURCE))
    compare(
        *both(lambda lib: lib.nn.TransformerDecoderLayer(SIZE, HEADS, HIDDEN, batch_first=True)),
        tgt,
        src,
        memory_key_padding_mask=padding()[0],
    )


@pytest.mark.parametrize("activation", ["tanh", "relu", "module"])
def test_activations_given_as_functions(activation):
    def make(lib):
        functions = {"tanh": lib.tanh, "relu": lib.nn.functional.relu, "module": lib.nn.GELU()}
        return lib.nn.TransformerEncoderLayer(SIZE, HEADS, HIDDEN, activation=functions[activation])

    ours, theirs = both(make)
    assert ours.activation_relu_or_gelu == theirs.activation_relu_or_gelu
    assert repr(ours) == repr(theirs)
    compare(ours, theirs, sequences()[0])


# -- Stacks ----------------------------------------------------------------------------------------------


def stack(lib, norm=False, batch_first=True, dropout=0.1, norm_first=False, **options):
    layer = lib.nn.TransformerEncoderLayer(SIZE, HEADS, HIDDEN, dropout, batch_first=batch_first, norm_first=norm_first)
    return lib.nn.TransformerEncoder(layer, 2, lib.nn.LayerNorm(SIZE) if norm else None, **options)


@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize("options", [{}, {"batch_first": False}, {"enable_nested_tensor": False}, {"norm_first": True}])
def test_encoder(options, norm):
    """Padded positions are zero in evaluation mode without gradients where PyTorch makes nested tensors."""
    ours, theirs = both(lambda lib: stack(lib, norm, **options))
    assert repr(ours) == repr(theirs)
    assert ours.use_nested_tensor == theirs.use_nested_tensor == (not options)
    src, _ = sequences(options.get("batch_first", True))
    scattered = padding().flip(1)
    for masks in ({"src_key_padding_mask": padding()}, {"src_key_padding_mask": scattered}, {"mask": causal(SOURCE)}):
        compare(copy.deepcopy(ours), copy.deepcopy(theirs), src, **masks)


def test_padded_positions_are_zero_only_without_gradients():
    ours, _ = both(stack)
    src, hidden = ours_of(sequences(True)[0]), ours_of(padding())
    ours.eval()
    assert ours(src, src_key_padding_mask=hidden)[0, 3:].all()
    with tl.no_grad():
        assert not ours(src, src_key_padding_mask=hidden)[0, 3:].any()
        assert ours(src, src_key_padding_mask=hidden)[0, :3].all()
        assert ours.train()(src, src_key_padding_mask=hidden)[0, 3:].all()
    ours.eval().requires_grad_(False)
    assert not ours(src, src_key_padding_mask=hidden)[0, 3:].any()


def test_sequences_that_are_all_padding():
    ours, theirs = (module.eval() for module in both(stack))
    hidden = padding()
    hidden[2] = True
    with torch.no_grad(), tl.no_grad():
        src, _ = sequences(True)
        close(ours(ours_of(src), src_key_padding_mask=ours_of(hidden)), theirs(src, src_key_padding_mask=hidden))


@pytest.mark.filterwarnings("default:enable_nested_tensor is True")
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"batch_first": True},
        {"batch_first": True, "norm_first": True},
        {"batch_first": True, "bias": False},
        {"batch_first": True, "nhead": 1},
        {"batch_first": True, "activation": abs},
    ],
    ids=str,
)
def test_warnings_of_layers_that_are_not_nested(options):
    said = []
    for lib in (tl, torch):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            lib.nn.TransformerEncoder(lib.nn.TransformerEncoderLayer(**({"d_model": 4, "nhead": 2} | options)), 1)
        said.append([(warning.category, str(warning.message)) for warning in caught])
    assert said[0] == said[1]


def test_layers_of_a_stack_are_copies():
    layer = nn.TransformerEncoderLayer(SIZE, HEADS, HIDDEN, batch_first=True)
    encoder = nn.TransformerEncoder(layer, 2)
    first, second = (dict(part.named_parameters()) for part in encoder.layers)
    for key, value in layer.named_parameters():
        assert tl.equal(first[key], value) and tl.equal(second[key], value)
        assert not np.shares_memory(first[key].detach().numpy(), second[key].detach().numpy())
        assert first[key] is not value


def test_decoder():
    def make(lib):
        layer = lib.nn.TransformerDecoderLayer(SIZE, HEADS, HIDDEN)
        return lib.nn.TransformerDecoder(layer, 2, lib.nn.LayerNorm(SIZE))

    ours, theirs = both(make)
    assert repr(ours) == repr(theirs)
    src, tgt = sequences()
    for masks in ({"tgt_mask": causal()}, {"tgt_mask": causal(), "memory_key_padding_mask": padding()}):
        compare(copy.deepcopy(ours), copy.deepcopy(theirs), tgt, src, **masks)


# -- Both ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", LAYER, ids=str)
def test_transformer(options):
    ours, theirs = both(lambda lib: lib.nn.Transformer(SIZE, HEADS, 2, 1, HIDDEN, **options))
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for key, value in theirs.state_dict().items():
        np.testing.assert_array_equal(ours.state_dict()[key].numpy(), value.numpy(), err_msg=key)
    masks = {
        "src_mask": causal(SOURCE),
        "tgt_mask": causal(),
        "memory_mask": numbers(LENGTH, SOURCE, seed=3),
        "src_key_padding_mask": torch.zeros(BATCH, SOURCE),
        "memory_key_padding_mask": torch.zeros(BATCH, SOURCE).masked_fill(padding(), -torch.inf),
    }
    for given in ({}, masks, {"tgt_mask": causal(), "tgt_is_causal": True}, {"src_key_padding_mask": padding()}):
        compare(copy.deepcopy(ours), copy.deepcopy(theirs), *sequences(options.get("batch_first", False)), **given)


def test_custom_stacks():
    def make(lib):
        class Encoder(lib.nn.Module):
            def forward(self, src, mask=None, src_key_padding_mask=None, is_causal=None):
                return src * 2

        decoder = lib.nn.TransformerDecoder(lib.nn.TransformerDecoderLayer(SIZE, HEADS, HIDDEN), 1)
        return lib.nn.Transformer(SIZE, HEADS, custom_encoder=Encoder(), custom_decoder=decoder)

    ours, theirs = both(make)
    assert repr(ours) == repr(theirs)
    compare(ours, theirs, *sequences())


def test_causal_masks_are_recognized(monkeypatch):
    """A stack finds out by itself whether its mask is causal, and tells its layers."""
    layer = nn.TransformerEncoderLayer(SIZE, HEADS, HIDDEN)
    encoder, seen = nn.TransformerEncoder(layer, 1), []
    monkeypatch.setattr(
        encoder.layers[0], "forward", lambda src, is_causal, **options: (seen.append(is_causal), src)[1]
    )
    src, mask = tl.ones(4, 1, SIZE), nn.Transformer.generate_square_subsequent_mask(4)
    short = nn.Transformer.generate_square_subsequent_mask(3)
    cases = [(None, None), (mask, None), (mask.t(), None), (mask + 1, None), (mask == -np.inf, None), (short, None)]
    for given, hint in [*cases, (mask, False), (mask + 1, True), (mask.expand(HEADS, 4, 4), None)]:
        encoder(src, mask=given, is_causal=hint)
    assert seen == [False, True, False, False, True, False, False, True, False]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_square_subsequent_mask(dtype):
    for size in (0, 1, 4):
        ours, theirs = (
            lib.nn.Transformer.generate_square_subsequent_mask(size, dtype=getattr(lib, dtype)) for lib in (tl, torch)
        )
        assert tl.equal(ours, ours_of(theirs))
        assert str(ours.dtype) == dtype


def test_decoding_position_by_position():
    """Greedy decoding with a causal mask chooses the same, position after position, here and in PyTorch."""
    ours, theirs = (m.eval() for m in both(lambda lib: lib.nn.Transformer(SIZE, HEADS, 1, 2, HIDDEN, batch_first=True)))
    src, tgt = sequences(True)
    chosen = []
    for lib, model, memory, table in ((tl, ours, ours_of(src), ours_of(tgt[0])), (torch, theirs, src, tgt[0])):
        ids = lib.zeros((BATCH, 1), dtype=lib.int64)
        with lib.no_grad():
            for _ in range(6):
                mask = model.generate_square_subsequent_mask(ids.shape[1])
                last = model(memory, table[ids], tgt_mask=mask)[:, -1]
                ids = lib.cat([ids, (last @ table.T).argmax(-1, keepdim=True)], 1)
        chosen.append(ids.tolist())
    assert chosen[0] == chosen[1]


def test_pickles():
    model = nn.Transformer(SIZE, HEADS, 1, 1, HIDDEN).eval()
    src, tgt = ours_of(sequences())
    again = pickle.loads(pickle.dumps(model))
    assert tl.equal(again(src, tgt), model(src, tgt))
    for layer in (model.encoder.layers[0], model.decoder.layers[0]):  # an old one, without its activation
        restored = type(layer).__new__(type(layer))
        restored.__setstate__({key: value for key, value in vars(layer).items() if key != "activation"})
        assert restored.activation is nn.functional.relu


def test_paths():
    for name in "Transformer TransformerEncoder TransformerDecoder".split():
        for full in (name, f"{name}Layer") if name != "Transformer" else (name,):
            assert getattr(nn.modules.transformer, full) is getattr(nn, full)


def transformer(lib, **options):
    return lib.nn.Transformer(SIZE, HEADS, 1, 1, HIDDEN, **options)


ERRORS = {
    "batch": lambda lib: transformer(lib)(lib.ones(5, 2, 8), lib.ones(4, 3, 8)),
    "batch first": lambda lib: transformer(lib, batch_first=True)(lib.ones(5, 2, 8), lib.ones(4, 2, 8)),
    "features": lambda lib: transformer(lib)(lib.ones(5, 2, 8), lib.ones(4, 2, 6)),
    "mask": lambda lib: transformer(lib)(lib.ones(5, 2, 8), lib.ones(4, 2, 8), tgt_mask=lib.zeros(3, 3)),
    "integer mask": lambda lib: transformer(lib)(lib.ones(5, 2, 8), lib.ones(4, 2, 8), lib.zeros(5, 5).int()),
    "integer padding": lambda lib: stack(lib)(lib.ones(2, 5, 8), src_key_padding_mask=lib.zeros(2, 5).int()),
    "activation": lambda lib: transformer(lib, activation="tanh"),
    "causal without a mask": lambda lib: stack(lib)(lib.ones(2, 5, 8), is_causal=True),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    raised = []
    for lib in (tl, torch):
        with pytest.raises((RuntimeError, AssertionError)) as caught:
            ERRORS[name](lib)
        raised.append((caught.type, str(caught.value).split("\n")[0]))
    assert raised[0] == raised[1]


def test_masks_of_two_dtypes_warn():
    for lib, name in itertools.product((tl, torch), ("mask", "src_mask")):
        module = stack(lib) if name == "mask" else stack(lib).layers[0]
        masks = {name: lib.zeros(5, 5), "src_key_padding_mask": lib.zeros(2, 5, dtype=lib.bool)}
        with pytest.warns(UserWarning, match=f"mismatched src_key_padding_mask and {name} is deprecated"):
            module(lib.ones(2, 5, 8), **masks)
