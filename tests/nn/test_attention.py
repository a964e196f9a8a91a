"""Attention, as a function and as a layer, against PyTorch, beyond what its database of modules asks."""

from __future__ import annotations

import copy
import itertools
import pickle

import numpy as np
import pytest

import tapeless as tl
from tapeless import nn

torch = pytest.importorskip("torch")

from tests.nn.module_pair import ours_of  # noqa: E402

LENGTH, SOURCE, BATCH, SIZE, HEADS = 5, 7, 3, 8, 2


def pair(**options):
    """Return a layer here and there, both from the same seed."""
    tl.manual_seed(11)
    torch.manual_seed(11)
    return nn.MultiheadAttention(SIZE, HEADS, **options), torch.nn.MultiheadAttention(SIZE, HEADS, **options)


def numbers(*shape, dtype="float32", seed=0):
    return torch.tensor(np.random.default_rng(seed).standard_normal(shape).astype(dtype))


def close(ours, theirs, rtol=1e-5, atol=1e-6):
    assert (ours is None) == (theirs is None)
    if ours is not None:
        assert tuple(ours.shape) == tuple(theirs.shape)
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=rtol, atol=atol)


def compare(ours, theirs, *args, dropout_seed=0, **kwargs):
    """Compare outputs, weights, and gradients of inputs and parameters."""
    inputs = [x.clone().requires_grad_() for x in args]
    made = {}
    mine = ours_of(inputs, made)
    tl.manual_seed(dropout_seed)
    torch.manual_seed(dropout_seed)
    out, weights = ours(*mine, **ours_of(kwargs, made))
    expected, expected_weights = theirs(*inputs, **kwargs)
    close(out, expected)
    close(weights, expected_weights)
    found = tl.autograd.grad(out.sin().sum(), [*mine, *ours.parameters()], allow_unused=True)
    wanted = torch.autograd.grad(expected.sin().sum(), [*inputs, *theirs.parameters()], allow_unused=True)
    for g, expected_g in zip(found, wanted, strict=True):
        close(g, expected_g, rtol=1e-4, atol=1e-5)


def tensors(batch_first=False, kdim=SIZE, vdim=SIZE, batched=True):
    shapes = [(LENGTH, BATCH, SIZE), (SOURCE, BATCH, kdim), (SOURCE, BATCH, vdim)]
    if batch_first:
        shapes = [(b, n, size) for n, b, size in shapes]
    if not batched:
        shapes = [(n, size) for n, size in ((LENGTH, SIZE), (SOURCE, kdim), (SOURCE, vdim))]
    return [numbers(*shape, seed=i) for i, shape in enumerate(shapes)]


OPTIONS = {
    "plain": {},
    "no bias": {"bias": False},
    "learned position": {"add_bias_kv": True},
    "zeros": {"add_zero_attn": True},
    "both": {"add_bias_kv": True, "add_zero_attn": True},
    "other sizes": {"kdim": 6, "vdim": 10},
    "other sizes and all": {"kdim": 6, "vdim": 10, "add_bias_kv": True, "add_zero_attn": True, "batch_first": True},
    "batch first": {"batch_first": True},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_first_parameters_are_the_same(name):
    ours, theirs = pair(**OPTIONS[name])
    assert repr(ours) == repr(theirs)
    assert [key for key, _ in ours.named_parameters()] == [key for key, _ in theirs.named_parameters()]
    for key, value in theirs.state_dict().items():  # learned positions are normals, which agree within 1e-6
        np.testing.assert_allclose(ours.state_dict()[key].numpy(), value.numpy(), rtol=2e-6, err_msg=key)
    for key in ("in_proj_weight", "q_proj_weight", "in_proj_bias", "bias_k"):
        assert (getattr(ours, key) is None) == (getattr(theirs, key) is None), key


@pytest.mark.parametrize("batched", [True, False], ids=["batched", "unbatched"])
@pytest.mark.parametrize("need_weights", [True, False], ids=["weights", "no weights"])
@pytest.mark.parametrize("name", OPTIONS)
def test_options(name, need_weights, batched):
    options = OPTIONS[name]
    sizes = {key: value for key, value in options.items() if key in ("kdim", "vdim", "batch_first")}
    compare(*pair(**options), *tensors(**sizes, batched=batched), need_weights=need_weights)


def padding(kind):
    mask = torch.zeros(BATCH, SOURCE, dtype=torch.bool)
    mask[0, 4:] = mask[2, 1] = True
    return mask if kind == "bool" else numbers(BATCH, SOURCE, seed=5).masked_fill(mask, -torch.inf)


def mask_of(kind, dims):
    shape = (LENGTH, SOURCE) if dims == 2 else (BATCH * HEADS, LENGTH, SOURCE)
    mask = numbers(*shape, seed=6) > 0.8
    mask[..., 0] = False  # each sees something
    return mask if kind == "bool" else numbers(*shape, seed=7).masked_fill(mask, -torch.inf)


@pytest.mark.parametrize("extra", ["plain", "both"])
@pytest.mark.parametrize("dims", [None, 2, 3])
@pytest.mark.parametrize("kinds", [("bool", "bool"), ("float", "float")], ids=["bool", "float"])
def test_masks(kinds, dims, extra):
    options = {"key_padding_mask": padding(kinds[0]), "attn_mask": dims and mask_of(kinds[1], dims)}
    for need_weights, average in itertools.product((True, False), repeat=2):
        compare(*pair(**OPTIONS[extra]), *tensors(), **options, need_weights=need_weights, average_attn_weights=average)


def test_masks_of_one_sequence():
    options = {"key_padding_mask": padding("bool")[0], "attn_mask": mask_of("bool", 3)[:HEADS]}
    compare(*pair(), *tensors(batched=False), **options)
    compare(*pair(), *tensors(batched=False), **options, average_attn_weights=False)


def test_masks_of_two_dtypes_warn():
    options = {"key_padding_mask": padding("bool"), "attn_mask": mask_of("float", 2)}
    for lib, module, translate in zip((tl, torch), pair(), (ours_of, lambda x: x), strict=True):
        with pytest.warns(UserWarning, match="Support for mismatched key_padding_mask and attn_mask is deprecated"):
            module(*translate(tensors()), **translate(options))
        assert lib


def test_float_masks_have_gradients():
    (ours, theirs), mask = pair(), mask_of("float", 2).nan_to_num(neginf=-3.0)
    for need_weights in (True, False):
        there = mask.clone().requires_grad_()
        here = ours_of(there)
        ours(*ours_of(tensors()), attn_mask=here, need_weights=need_weights)[0].sin().sum().backward()
        theirs(*tensors(), attn_mask=there, need_weights=need_weights)[0].sin().sum().backward()
        close(here.grad, there.grad)


@pytest.mark.parametrize("same", ["query, key and value", "key and value"])
def test_the_same_tensor_several_times(same):
    ours, theirs = pair(batch_first=True)
    x, memory = numbers(BATCH, LENGTH, SIZE), numbers(BATCH, SOURCE, SIZE, seed=1)
    call = (lambda f: lambda x, m: f(x, x, x)) if same.startswith("query") else (lambda f: lambda x, m: f(x, m, m))
    with torch.no_grad():
        expected, weights = call(theirs)(x, memory)
    out, ours_weights = call(ours)(*ours_of([x, memory]))
    close(out, expected)
    close(ours_weights, weights)
    apart = ours(ours_of(x), *[ours_of(x if same.startswith("query") else memory) for _ in range(2)])[0]
    np.testing.assert_allclose(out.detach().numpy(), apart.detach().numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("need_weights", [True, False])
def test_dropout_from_the_same_seed(need_weights):
    compare(*pair(dropout=0.4), *tensors(), need_weights=need_weights, attn_mask=mask_of("bool", 2))


def test_dropout_of_the_function_from_the_same_seed():
    q, k, v = (numbers(2, 3, n, 4, seed=n) for n in (LENGTH, SOURCE, SOURCE))
    tl.manual_seed(1)
    torch.manual_seed(1)
    out = nn.functional.scaled_dot_product_attention(*ours_of([q, k, v]), dropout_p=0.3)
    close(out, torch.nn.functional.scaled_dot_product_attention(q, k, v, dropout_p=0.3))
    assert tl.equal(tl.rand(3), ours_of(torch.rand(3)))  # both streams went on by the same number of draws


def test_causal_hint():
    mask = torch.nn.Transformer.generate_square_subsequent_mask(LENGTH)
    x = numbers(LENGTH, BATCH, SIZE)
    for options in (
        {},
        {"need_weights": False},
        {"need_weights": False, "key_padding_mask": torch.zeros(BATCH, LENGTH)},
    ):
        compare(*pair(), x, x, x, attn_mask=mask, is_causal=True, **options)


def test_a_row_that_sees_nothing():
    """NaN beside the weights and zeros without them, as in PyTorch's training mode."""
    hidden = torch.zeros(LENGTH, SOURCE, dtype=torch.bool)
    hidden[2] = True
    for need_weights in (True, False):
        (ours, theirs), inputs = pair(), tensors()
        out, weights = ours(*ours_of(inputs), attn_mask=ours_of(hidden), need_weights=need_weights)
        expected, expected_weights = theirs(*inputs, attn_mask=hidden, need_weights=need_weights)
        assert out[2].isnan().all() == need_weights
        close(out, expected)
        close(weights, expected_weights)


def test_position_by_position_equals_all_at_once():
    """Decoding: each position, computed from those before it alone, equals the causal pass, here and in PyTorch."""
    ours, theirs = (module.eval() for module in pair(batch_first=True))
    x, mask = numbers(1, 6, SIZE), torch.nn.Transformer.generate_square_subsequent_mask(6)
    with torch.no_grad(), tl.no_grad():
        whole = ours(*ours_of([x, x, x]), attn_mask=ours_of(mask), is_causal=True, need_weights=False)[0]
        close(whole, theirs(x, x, x, attn_mask=mask, is_causal=True, need_weights=False)[0])
        for i in range(1, 7):
            last = ours_of(x[:, i - 1 : i])
            step = ours(last, *ours_of([x[:, :i], x[:, :i]]), need_weights=False)[0]
            np.testing.assert_allclose(step.numpy(), whole[:, i - 1 : i].numpy(), rtol=1e-5, atol=1e-6)


def test_evaluation_without_gradients():
    """PyTorch's fused inference gives what its training mode gives."""
    ours, theirs = (module.eval() for module in pair(batch_first=True))
    x, hidden = numbers(BATCH, LENGTH, SIZE), torch.ones(LENGTH, LENGTH).triu(1).bool()
    pad = torch.zeros(BATCH, LENGTH, dtype=torch.bool)
    pad[1, 3:] = True
    with torch.no_grad(), tl.no_grad():
        for options in (
            {},
            {"attn_mask": hidden},
            {"key_padding_mask": pad},
            {"attn_mask": hidden, "key_padding_mask": pad},
        ):
            for need_weights in (True, False):
                x_ours = ours_of(x)
                out, weights = ours(x_ours, x_ours, x_ours, **ours_of(options), need_weights=need_weights)
                expected, expected_weights = theirs(x, x, x, **options, need_weights=need_weights)
                close(out, expected)
                close(weights, expected_weights)


def test_copies_and_pickles():
    ours, _ = pair(kdim=6, add_bias_kv=True)
    inputs = ours_of(tensors(kdim=6))
    for other in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert tl.equal(other(*inputs)[0], ours(*inputs)[0])
        other.out_proj.weight.data.zero_()
        assert ours.out_proj.weight.any()
    old = ours.__getstate__() if hasattr(ours, "__getstate__") else vars(ours)
    state = {key: value for key, value in dict(old).items() if key != "_qkv_same_embed_dim"}
    restored = nn.MultiheadAttention.__new__(nn.MultiheadAttention)
    restored.__setstate__(state)
    assert restored._qkv_same_embed_dim is True


def test_the_output_layer_is_a_linear_layer():
    layer = pair()[0].out_proj
    assert type(layer) is nn.modules.linear.NonDynamicallyQuantizableLinear and isinstance(layer, nn.Linear)
    assert nn.modules.activation.MultiheadAttention is nn.MultiheadAttention


def ones(lib, *shape):
    return lib.ones(shape or (5, 2, 8))


ERRORS = {
    "heads": lambda lib, new: lib.nn.MultiheadAttention(8, 3),
    "sizes": lambda lib, new: lib.nn.MultiheadAttention(0, 3),
    "one dim": lambda lib, new: new()(ones(lib, 8), ones(lib, 8), ones(lib, 8)),
    "features": lambda lib, new: new()(ones(lib, 5, 2, 6), ones(lib), ones(lib)),
    "key and value": lambda lib, new: new()(ones(lib), ones(lib), ones(lib, 4, 2, 8)),
    "key and value of other sizes": lambda lib, new: new(vdim=4)(ones(lib), ones(lib), ones(lib, 4, 2, 4)),
    "unbatched query": lambda lib, new: new()(ones(lib, 5, 8), ones(lib), ones(lib)),
    "batched query": lambda lib, new: new()(ones(lib), ones(lib, 5, 8), ones(lib, 5, 8)),
    "padding's length": lambda lib, new: new()(*[ones(lib)] * 3, key_padding_mask=ones(lib, 2, 4)),
    "padding's batch": lambda lib, new: new()(*[ones(lib)] * 3, key_padding_mask=ones(lib, 3, 5)),
    "padding's dims": lambda lib, new: new()(*[ones(lib)] * 3, key_padding_mask=ones(lib, 5)),
    "padding's dims, unbatched": lambda lib, new: new()(*[ones(lib, 5, 8)] * 3, key_padding_mask=ones(lib, 1, 5)),
    "mask": lambda lib, new: new()(*[ones(lib)] * 3, attn_mask=ones(lib, 4, 5)),
    "mask of three dims": lambda lib, new: new()(*[ones(lib)] * 3, attn_mask=ones(lib, 2, 5, 5)),
    "mask of four dims": lambda lib, new: new()(*[ones(lib)] * 3, attn_mask=ones(lib, 1, 1, 5, 5)),
    "mask, unbatched": lambda lib, new: new()(*[ones(lib, 5, 8)] * 3, attn_mask=ones(lib, 3, 5, 5)),
    "integer mask": lambda lib, new: new()(*[ones(lib)] * 3, attn_mask=ones(lib, 5, 5).int()),
    "causal without a mask": lambda lib, new: new()(*[ones(lib)] * 3, is_causal=True),
    "double mask": lambda lib, new: new()(*[ones(lib)] * 3, attn_mask=ones(lib, 5, 5).double(), need_weights=False),
    "dropout": lambda lib, new: new(dropout=1.5)(*[ones(lib)] * 3),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    raised = []
    for lib in (tl, torch):
        with pytest.raises((RuntimeError, AssertionError, ValueError)) as caught:
            ERRORS[name](lib, lambda lib=lib, **options: lib.nn.MultiheadAttention(8, 2, **options))
        raised.append((caught.type, str(caught.value).split("\n")[0]))
    assert raised[0] == raised[1]


FUNCTION_ERRORS = {
    "features": ([(1, 2, 3, 4), (1, 2, 3, 5), (1, 2, 3, 4)], {}),
    "features of matrices": ([(3, 4), (3, 5), (3, 4)], {}),
    "sources": ([(3, 4), (3, 4), (5, 4)], {}),
    "batches": ([(2, 2, 3, 4), (3, 2, 3, 4), (3, 2, 3, 4)], {}),
    "dims": ([(4,), (4,), (4,)], {}),
    "heads": ([(1, 5, 3, 4), (1, 2, 3, 4), (1, 2, 3, 4)], {"enable_gqa": True}),
    "no heads": ([(3, 4)] * 3, {"enable_gqa": True}),
    "mask": ([(1, 2, 3, 4)] * 3 + [(3, 5)], {}),
    "wide mask": ([(1, 2, 3, 4)] * 3 + [(5, 2, 3, 3)], {}),
    "mask and causal": ([(3, 4)] * 3 + [(3, 3)], {"is_causal": True}),
    "dropout": ([(1, 2, 3, 4)] * 3, {"dropout_p": 1.5}),
}


@pytest.mark.parametrize("name", FUNCTION_ERRORS)
def test_errors_of_the_function(name):
    shapes, options = FUNCTION_ERRORS[name]
    raised = []
    for lib in (tl, torch):
        with pytest.raises((RuntimeError, IndexError)) as caught:
            lib.nn.functional.scaled_dot_product_attention(*[lib.ones(shape) for shape in shapes], **options)
        raised.append((caught.type, str(caught.value).split("\n")[0]))
    assert raised[0] == raised[1]


def test_choice_of_kernels_is_accepted():
    names = ["ERROR", "MATH", "FLASH_ATTENTION", "EFFICIENT_ATTENTION", "CUDNN_ATTENTION", "OVERRIDEABLE"]
    for name in names:
        assert int(nn.attention.SDPBackend[name]) == int(getattr(torch.nn.attention.SDPBackend, name))
    x = tl.ones(2, 3)
    plain = nn.functional.scaled_dot_product_attention(x, x, x)
    with nn.attention.sdpa_kernel([nn.attention.SDPBackend.MATH], set_priority=True):
        assert tl.equal(nn.functional.scaled_dot_product_attention(x, x, x), plain)
    with pytest.raises(AssertionError, match="Backend must be an instance of SDPBackend or a list of SDPBackend"):
        with nn.attention.sdpa_kernel("math"):
            pass
