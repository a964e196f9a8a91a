"""What scripts ask besides maths: devices, switches, old constructors, mixed precision; answered as PyTorch answers."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tapeless as tl

torch = pytest.importorskip("torch")

SAME = """
t.cuda.is_available()
t.cuda.device_count()
t.cuda.is_initialized()
t.cuda.manual_seed(1)
t.cuda.manual_seed_all(1)
t.cuda.empty_cache()
t.cuda.memory_allocated()
t.cuda.max_memory_allocated()
t.cuda.get_rng_state_all()
t.cuda.get_arch_list()
t.cuda.is_bf16_supported()
t.cuda.synchronize()
t.cuda.current_device()
t.cuda.get_device_name(0)
t.cuda.get_device_properties(0)
t.cuda.init()
t.cuda.mem_get_info()
t.cuda.FloatTensor(2)
t.cuda.LongTensor([1])
isinstance(t.ones(1), t.cuda.FloatTensor)
t.ones(1).cuda()
t.ones(1).to("cuda")
t.ones(1).to("cuda:0")
t.ones(1).to("mps")
t.ones(1).to("xpu")
t.ones(1).to(0)
t.ones(1).to(device="cuda", dtype=t.float64)
t.nn.Linear(1, 1).cuda()
t.nn.Linear(1, 1).to("cuda:1")
t.nn.Linear(1, 1).to(t.device("mps"))
t.nn.Linear(1, 1, device="cuda")
t.device("cpu")
t.device("cuda")
t.device("cuda:1").index
t.device("cuda", 1)
t.device(type="cuda", index=1)
str(t.device("cuda:1"))
t.device("mps").type
t.device("cpu:0") == t.device("cpu")
t.device(t.device("cpu"))
t.device("foo")
t.device("cuda:x")
t.device("cuda:-1")
t.device("")
t.device("cuda:1", 1)
t.device(0)
t.accelerator.is_available()
t.accelerator.current_accelerator()
t.accelerator.device_count()
t.accelerator.synchronize()
t.accelerator.current_device_index()
t.backends.cudnn.is_available()
t.backends.cudnn.version()
t.backends.cudnn.benchmark
t.backends.cudnn.deterministic
t.backends.cudnn.enabled
t.backends.cudnn.foo
t.backends.mps.is_available()
t.backends.mps.is_built()
t.backends.cuda.is_built()
t.backends.cuda.matmul.allow_tf32
t.backends.cuda.flash_sdp_enabled()
t.mps.is_available()
t.mps.manual_seed(1)
t.mps.synchronize()
t.xpu.is_available()
t.xpu.synchronize()
t.mtia.is_available()
t.cpu.is_available()
t.cpu.device_count()
t.cpu.current_device()
t.get_default_device()
t.set_default_device("cpu")
t.are_deterministic_algorithms_enabled()
t.use_deterministic_algorithms(1)
t.set_deterministic_debug_mode("foo")
t.get_deterministic_debug_mode()
t.get_float32_matmul_precision()
t.FloatTensor(2, 3).shape
t.FloatTensor(5).shape
t.FloatTensor([1, 2]).tolist()
t.FloatTensor((2, 3)).tolist()
t.FloatTensor().shape
t.FloatTensor(t.Size([2, 3])).shape
t.FloatTensor(3.0)
t.FloatTensor(np.ones(2)).tolist()
t.FloatTensor([1], device="cpu").tolist()
t.LongTensor([1.5]).tolist()
t.LongTensor(np.ones(2)).tolist()
t.LongTensor(2, 3).shape
str(t.FloatTensor)
t.FloatTensor.is_cuda
isinstance(t.zeros(1), t.FloatTensor)
isinstance(t.zeros(1), t.LongTensor)
isinstance(t.nn.Parameter(t.ones(1)), t.FloatTensor)
t.zeros(1).type(t.LongTensor).tolist()
t.zeros(1).type("torch.LongTensor").type()
t.nn.Linear(1, 1).type(t.DoubleTensor).weight.type()
t.ByteTensor([1]).type()
t.BoolTensor([True]).type()
t.HalfTensor([1]).type()
t.Tensor().shape
t.Tensor(2, 3).shape
t.Tensor(t.Size([2, 3])).shape
t.Tensor([1, 2]).tolist()
t.Tensor(3.5)
t.ones(2).long().new([1.5, 2]).tolist()
t.ones(2).new(2, 3).shape, t.ones(2).new().shape, t.ones(2).double().new(3).type()
t.Tensor(t.ones(1).long()).type()
t.FloatTensor(t.ones(1).long())
t.set_default_tensor_type("torch.cuda.FloatTensor")
t.is_storage(1)
t.get_device(t.ones(1))
t.typename(3)
t.typename(t.ones(1))
t.typename(t.ones(1).long())
t.is_autocast_enabled()
t.is_autocast_enabled("cpu")
t.amp.is_autocast_available("cpu")
t.autocast("foo")
t.autocast(3)
t.amp.GradScaler("cpu").state_dict()
t.amp.GradScaler("cpu").get_scale()
t.amp.GradScaler("cpu", enabled=False).state_dict()
t.amp.GradScaler("cpu").update()
t.amp.GradScaler("cpu").load_state_dict({})
t.amp.GradScaler("cpu", growth_factor=1.0)
t.amp.GradScaler("cpu").scale([t.ones(1), t.ones(2)])[1].tolist()
t.compile(3)
t.compiler.is_compiling()
t.jit.is_scripting()
t.jit.is_tracing()
t.jit.annotate(int, 3)
t.jit.isinstance(3, int)
t.autograd.Variable(t.ones(2).long()).tolist()
t.autograd.Variable(t.ones(2), requires_grad=True).requires_grad
t.autograd.Variable(t.ones(2, requires_grad=True) * 2).requires_grad
t.autograd.Variable([1])
t.autograd.Variable().shape
isinstance(t.ones(1), t.autograd.Variable)
t.nn.DataParallel(t.nn.Linear(1, 1))
list(t.nn.DataParallel(t.nn.Linear(1, 1)).state_dict())
t.nn.DataParallel(t.nn.Linear(1, 1)).device_ids
t.nn.parallel.data_parallel(t.nn.Linear(1, 1), t.ones(1, 1))
t.multiprocessing.get_sharing_strategy()
sorted(t.multiprocessing.get_all_sharing_strategies())
t.spmm(t.eye(2), t.ones(2, 2)).tolist()
t.hub.get_dir()
t.version.cuda
t.version.hip
t.version.debug
t.is_warn_always_enabled()
t.distributed.is_initialized()
t.is_floating_point(t.ones(1)), t.is_floating_point(t.ones(1).long())
t.is_complex(t.ones(1)), t.is_inference(t.ones(1)), t.is_tensor(1), t.numel(t.ones(2, 3))
""".strip().splitlines()


def answer(lib: Any, expression: str) -> tuple[Any, ...]:
    """The result as text, or the error: its first line, and the kinds that it is of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ("is", repr(eval(expression, {"t": lib, "np": np})))
        except Exception as error:
            return ("raises", error, str(error).split("\n")[0])


@pytest.mark.parametrize("expression", SAME)
def test_the_answer_is_pytorchs(expression: str) -> None:
    ours, theirs = answer(tl, expression), answer(torch, expression)
    assert ours[0] == theirs[0], (ours, theirs)
    if ours[0] == "is":
        assert ours[1] == theirs[1]
        return
    assert isinstance(ours[1], type(theirs[1])), (ours, theirs)
    line = ours[2].replace("tapeless", "torch")
    if not line.startswith("expected a tensor of dtype"):  # PyTorch prints its inner structures there
        assert line.startswith(theirs[2][:80]) or theirs[2].startswith(line), (line, theirs[2])


WARN = {
    "t.amp.GradScaler()": UserWarning,
    "t.cuda.amp.GradScaler(enabled=False)": FutureWarning,
    "t.cuda.amp.autocast(enabled=False)": FutureWarning,
    "t.autocast('cuda')": UserWarning,
    "t.set_float32_matmul_precision('x')": UserWarning,
    "t.jit.script(t.nn.Linear(1, 1))": (UserWarning, DeprecationWarning),
    "t.autograd.Variable(t.ones(1), volatile=True)": UserWarning,
}


@pytest.mark.parametrize("expression", WARN)
def test_both_warn(expression: str) -> None:
    for lib in (tl, torch):
        with pytest.warns(WARN[expression]):
            eval(expression, {"t": lib})


def test_switches_keep_what_is_set() -> None:
    from tapeless.backends import cudnn

    with cudnn.flags(benchmark=True, deterministic=True):
        assert cudnn.benchmark and cudnn.deterministic and not cudnn.enabled
    assert not cudnn.benchmark and not cudnn.deterministic and cudnn.enabled
    tl.use_deterministic_algorithms(True, warn_only=True)
    assert tl.are_deterministic_algorithms_enabled() and tl.is_deterministic_algorithms_warn_only_enabled()
    assert tl.get_deterministic_debug_mode() == 1
    tl.set_deterministic_debug_mode(0)
    assert not tl.are_deterministic_algorithms_enabled()
    tl.set_default_tensor_type(tl.DoubleTensor)
    assert tl.ones(1).dtype == tl.float64
    tl.set_default_tensor_type("torch.FloatTensor")
    assert tl.ones(1).dtype == tl.float32
    with pytest.raises(RuntimeError, match="on the CPU only"):
        tl.set_default_device("cuda")


def test_a_variable_shares_memory() -> None:
    for lib in (tl, torch):
        x = lib.ones(2)
        lib.autograd.Variable(x)[0] = 5
        lib.Tensor(x)[1] = 6
        assert x.tolist() == [5, 6]


def train(lib: Any, bad_step: int) -> tuple[list[float], dict[str, Any]]:
    """Five steps with a scaler; the gradient of one is infinite, so that step is left out."""
    w = lib.tensor([1.0, 2.0], requires_grad=True)
    optimizer = lib.optim.SGD([w], lr=0.1)
    scaler = lib.amp.GradScaler("cpu", init_scale=8.0, growth_interval=2)
    for step in range(5):
        optimizer.zero_grad()
        loss = (w * w).sum() * (float("inf") if step == bad_step else 1.0)
        scaler.scale(loss).backward()
        if step % 2:
            scaler.unscale_(optimizer)
            with pytest.raises(RuntimeError, match="has already been called on this optimizer"):
                scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
    return w.tolist(), scaler.state_dict()


@pytest.mark.parametrize("bad_step", [-1, 0, 2, 3])
def test_the_scaler_scales_as_pytorchs(bad_step: int) -> None:
    (ours, state), (theirs, theirs_state) = train(tl, bad_step), train(torch, bad_step)
    assert ours == pytest.approx(theirs) and state == theirs_state


def test_autocast_decorates_and_changes_nothing() -> None:
    @tl.autocast("cpu", dtype=tl.bfloat16)
    def product(x: Any) -> Any:
        """Return a product."""
        return x @ x

    assert product(tl.eye(2)).dtype == tl.float32 and product.__name__ == "product"


def test_bfloat16_has_a_name_and_makes_no_tensors() -> None:
    assert repr(tl.bfloat16) == "torch.bfloat16" and tl.bfloat16 != tl.float32
    for use in (
        lambda: tl.ones(1, dtype=tl.bfloat16),
        lambda: tl.ones(1).to(tl.bfloat16),
        lambda: tl.nn.Linear(1, 1).to(tl.bfloat16),
        lambda: tl.nn.Linear(1, 1, dtype=tl.bfloat16),
        lambda: tl.set_default_dtype(tl.bfloat16),
    ):
        with pytest.raises(TypeError, match="NumPy has no bfloat16"):
            use()


def test_downloads_are_refused() -> None:
    for name in ("load", "load_state_dict_from_url", "download_url_to_file"):
        with pytest.raises(RuntimeError, match=rf"torch.hub.{name}: Tapeless downloads nothing.*'owner/repo'"):
            getattr(tl.hub, name)("owner/repo", "model")


def test_scripted_functions_are_what_they_were() -> None:
    with pytest.warns(UserWarning, match="Tapeless has no TorchScript: torch.jit.script returns what it gets"):
        assert tl.jit.script(print) is print
    with pytest.warns(UserWarning, match="torch.jit.trace returns"):
        assert tl.jit.trace(print, tl.ones(1)) is print
    assert tl.jit.ignore(print) is print and tl.jit.ignore(drop=True)(print) is print


def _fail(index: int) -> None:
    raise SystemExit(index)


def test_processes_are_started_and_waited_for() -> None:
    assert tl.multiprocessing.spawn(_fail, nprocs=1, start_method="fork") is None
    with pytest.raises(tl.multiprocessing.ProcessRaisedException, match="process 1 terminated with exit code 1"):
        tl.multiprocessing.spawn(_fail, nprocs=2, start_method="fork")


def test_modules_of_layers_hold_the_layers_that_they_hold_in_pytorch() -> None:
    for file in "activation batchnorm container conv dropout linear loss normalization pooling rnn sparse".split():
        ours, theirs = getattr(tl.nn.modules, file), getattr(torch.nn.modules, file)
        missing = {n for n in theirs.__all__ if not hasattr(ours, n)} - {"SyncBatchNorm", "Container"}
        assert not missing, file
    assert tl.nn.modules.Linear is tl.nn.Linear


def test_prefixes_are_consumed_as_in_pytorch() -> None:
    for lib in (tl, torch):
        wrapped, plain = lib.nn.DataParallel(lib.nn.Linear(2, 1)), lib.nn.Linear(2, 1)
        state = wrapped.state_dict()
        lib.nn.modules.utils.consume_prefix_in_state_dict_if_present(state, "module.")
        assert list(state) == ["weight", "bias"] and sorted(state._metadata) == [""]
        plain.load_state_dict(state)
    for name in ("_single", "_pair", "_triple", "_quadruple"):
        ours, theirs = (getattr(lib.nn.modules.utils, name) for lib in (tl, torch))
        assert ours(3) == theirs(3) and ours([1, 2]) == theirs([1, 2])
