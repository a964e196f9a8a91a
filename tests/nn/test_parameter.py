"""Parameter and Buffer."""

from __future__ import annotations

import copy
import pickle

import pytest

import tapeless as tl
from tapeless import nn


def test_a_parameter_shares_memory_and_requires_grad():
    data = tl.zeros(2)
    with tl.no_grad():
        p = nn.Parameter(data)
    data.fill_(3)
    assert p.tolist() == [3.0, 3.0] and p.requires_grad and p.is_leaf and not data.requires_grad
    assert not nn.Parameter(data, requires_grad=False).requires_grad
    assert not nn.Parameter(data, False).requires_grad


def test_operations_give_plain_tensors():
    p = nn.Parameter(tl.ones(2))
    for result in (p * 2, p.detach(), p.data, p[0], p.clone(), p.reshape(2, 1)):
        assert type(result) is tl.Tensor


def test_a_parameter_of_a_computed_tensor_forgets_its_history():
    x = tl.ones(2, requires_grad=True)
    p = nn.Parameter(x * 2)
    assert p.is_leaf and p.grad_fn is None
    p.sum().backward()
    assert x.grad is None and p.grad.tolist() == [1.0, 1.0]


def test_repr():
    assert repr(nn.Parameter(tl.ones(2))) == "Parameter containing:\ntensor([1., 1.], requires_grad=True)"


def test_defaults_and_mistakes():
    assert nn.Parameter().shape == (0,)
    with pytest.raises(TypeError, match="Parameter expects a Tensor, but got list"):
        nn.Parameter([1.0, 2.0])
    with pytest.raises(RuntimeError, match="floating point"):
        nn.Parameter(tl.tensor([1, 2]))
    assert nn.Parameter(tl.tensor([1, 2]), requires_grad=False).tolist() == [1, 2]


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])
def test_copies_stay_parameters(clone):
    p = nn.Parameter(tl.ones(2), requires_grad=False)
    p.no_decay = True
    q = clone(p)
    assert type(q) is nn.Parameter and q.requires_grad is False and q.no_decay is True
    q.fill_(5)
    assert p.tolist() == [1.0, 1.0]


def test_deepcopy_keeps_sharing():
    p = nn.Parameter(tl.ones(2))
    q, r = copy.deepcopy([p, p])
    assert q is r


def test_buffer():
    b = nn.Buffer(tl.ones(2), persistent=False)
    assert isinstance(b, nn.Buffer) and b.persistent is False and not b.requires_grad
    assert nn.Buffer().shape == (0,)
    c = copy.deepcopy(b)
    assert isinstance(c, nn.Buffer) and c.persistent is False
    assert pickle.loads(pickle.dumps(b)).persistent is False
    assert nn.parameter.Buffer is nn.Buffer and nn.parameter.Parameter is nn.Parameter


def test_module_conversion():
    model = nn.Sequential(nn.Linear(2, 1))
    model.register_buffer("count", tl.tensor(3))
    weight = model[0].weight
    model(tl.ones(1, 2)).sum().backward()
    assert model.double() is model
    assert model[0].weight is weight and weight.dtype == tl.float64 and weight.grad.dtype == tl.float64
    assert weight.grad.tolist() == [[1.0, 1.0]] and weight.requires_grad and weight.is_leaf
    assert model.count.dtype == tl.int64
    assert model.half()[0].weight.dtype == tl.float16
    assert model.float()[0].weight.dtype == tl.float32
    assert model.to(tl.float64)[0].weight.dtype == tl.float64
    assert model.to("cpu", tl.float32)[0].weight.dtype == tl.float32
    assert model.to(device="cpu", dtype=tl.float64)[0].weight.dtype == tl.float64
    assert model.to(tl.ones(1))[0].weight.dtype == tl.float32
    assert model.to("cpu").cpu() is model
    assert model.type(tl.float64).count.dtype == tl.float64


def test_conversions_that_are_refused():
    layer = nn.Linear(1, 1)
    with pytest.raises(TypeError, match="only accepts floating point or complex dtypes"):
        layer.to(tl.int64)
    with pytest.raises(RuntimeError, match="CPU"):
        layer.cuda()
    with pytest.raises(NotImplementedError, match="no bfloat16"):
        layer.bfloat16()
    with pytest.raises(RuntimeError, match="(?i)cpu"):
        layer.to("cuda")
    with pytest.raises(TypeError, match="unexpected keyword argument 'dtpye'"):
        layer.to(dtpye=tl.float64)
