"""`fit`: what it learns, what it records, how it stops, and that a resumed run ends in the same weights."""

from __future__ import annotations

import json
import math
import os
import re
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest

import tapeless as tl
from tapeless import datasets, nn, optim, training
from tapeless.training import _progress
from tapeless.training._metrics import AccuracyRule
from tapeless.utils.data import DataLoader, IterableDataset, TensorDataset

X, Y = datasets.moons(n=120)
VAL = datasets.moons(n=60, seed=1)
LOSS = nn.CrossEntropyLoss()


def make(seed=0, dropout=0.2, optimizer=optim.Adam, **options):
    tl.manual_seed(seed)
    model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, 2))
    return model, optimizer(model.parameters(), **({"lr": 0.02} | options))


def run(model, optimizer, data=(X, Y), **options):
    defaults = {"loss": LOSS, "epochs": 3, "batch_size": 16, "progress": False}
    if isinstance(data, DataLoader):
        del defaults["batch_size"]
    return training.fit(model, data, optimizer=optimizer, **(defaults | options))


def weights(model):
    return {name: value.numpy().copy() for name, value in model.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


# The package silences these for its own frames, which pytest's filters undo.
overflows = pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")


class Halve:
    """A scheduler of the smallest kind."""

    def __init__(self, optimizer):
        self.optimizer = optimizer

    def step(self):
        for group in self.optimizer.param_groups:
            group["lr"] *= 0.5

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


# --- learning ------------------------------------------------------------------------------------------------


def test_learns_and_records() -> None:
    model, optimizer = make(dropout=0)
    history = run(model, optimizer, epochs=30, validation=VAL, metrics="accuracy")
    assert history["loss"][-1] < 0.1 < history["loss"][0] and history["val_accuracy"][-1] > 0.95
    assert list(history) == ["loss", "accuracy", "val_loss", "val_accuracy", "lr", "seconds"]
    assert history.epochs == 30 and history.stopped == "finished" and history.monitor == "val_loss"
    assert history.best_value == min(history["val_loss"]) == history["val_loss"][history.best_epoch - 1]
    assert all(type(value) is float for value in history.last.values())


def test_is_the_plain_loop() -> None:
    model, optimizer = make()
    loader = DataLoader(TensorDataset(X, Y), batch_size=16, shuffle=True)
    losses = []
    for _ in range(3):
        model.train()
        total = 0.0
        for x, y in loader:
            loss = LOSS(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
            total += loss.item() * len(y)
        losses.append(total / len(Y))
    plain = weights(model)
    model, optimizer = make()
    history = run(model, optimizer, clip_grad_norm=0.5, metrics="accuracy", validation=VAL)
    assert same(plain, weights(model)), "metrics and validation change nothing"
    assert history["loss"] == pytest.approx(losses, rel=1e-12)


@pytest.mark.parametrize("kind", ["loader", "dataset", "tensors", "ndarrays", "list of batches"])
def test_kinds_of_data(kind: str) -> None:
    rows = TensorDataset(X, Y)
    data = {
        "loader": DataLoader(rows, batch_size=16, shuffle=True),
        "dataset": rows,
        "tensors": (X, Y),
        "ndarrays": (X.numpy(), Y.numpy()),
        "list of batches": [(X[i : i + 16], Y[i : i + 16]) for i in range(0, 120, 16)],
    }[kind]
    model, optimizer = make(dropout=0)
    history = run(model, optimizer, data, shuffle=False, validation=data, metrics="accuracy")
    result = training.evaluate(model, data, loss=LOSS)
    assert result == pytest.approx({"loss": history["val_loss"][-1], "accuracy": history["val_accuracy"][-1]})


def test_a_stream_of_samples() -> None:
    class Stream(IterableDataset):
        def __iter__(self):
            return iter(zip(X, Y, strict=True))

    model, optimizer = make()
    assert run(model, optimizer, Stream()).epochs == 3


def test_two_inputs() -> None:
    class Add(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(2, 2)

        def forward(self, a, b):
            return self.layer(a) + self.layer(b)

    model = Add()
    history = run(model, optim.SGD(model.parameters(), lr=0.1), TensorDataset(X, X, Y))
    assert history["loss"][-1] < history["loss"][0]


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (X, TypeError, r"train: expected a DataLoader, a Dataset, or tensors \(X, y\), got Tensor alone"),
        ((X,), TypeError, "is the target missing"),
        ((X, Y[:5]), ValueError, "X and y of equal length, got 120 and 5"),
        (iter([(X, Y)]), TypeError, "an iterator is used up after one epoch"),
        (3, TypeError, "got int"),
        ([], ValueError, "expected at least one batch per epoch, got none"),
        (TensorDataset(X[:0], Y[:0]), ValueError, "with at least one sample, got an empty TensorDataset"),
        ([X], TypeError, "is the target missing|each batch to be"),
        ([{"x": X}], TypeError, r"each batch to be \(inputs, target\).* got dict"),
    ],
)
def test_wrong_data(data, error, message) -> None:
    model, optimizer = make()
    with pytest.raises(error, match=message):
        run(model, optimizer, data)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "epochs to be a whole number of at least 1, got 0"),
        ({"epochs": 2.5}, ValueError, "epochs to be a whole number"),
        ({"batch_size": -1}, ValueError, "batch_size to be a whole number of at least 1, or None, got -1"),
        ({"early_stopping": 0}, ValueError, "early_stopping to be"),
        ({"clip_grad_norm": 0}, ValueError, "clip_grad_norm > 0"),
        ({"resume": True}, ValueError, "checkpoint=path together with resume=True"),
        ({"metrics": "acuracy"}, ValueError, "expected \"accuracy\" or a function .* got 'acuracy'"),
        ({"metrics": [3]}, TypeError, "as a metric, got int"),
        ({"monitor": "val_loss"}, ValueError, "monitor to be one of 'loss', 'lr', 'seconds', got 'val_loss'"),
        ({"checkpoint": "no/such/folder/x.npz"}, FileNotFoundError, "does not exist; make it first"),
        ({"checkpoint": "."}, IsADirectoryError, "expected a file name, got the folder '.'"),
        ({"loss": nn.CrossEntropyLoss(reduction="none")}, ValueError, r"shape \[16\]; is reduction=\"mean\" missing"),
        ({"loss": lambda out, y: 1.0}, ValueError, "a tensor with one number, got float"),
    ],
)
def test_wrong_arguments(options, error, message, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    model, optimizer = make()
    with pytest.raises(error, match=message):
        run(model, optimizer, **options)


def test_a_loader_has_its_own_batch_size() -> None:
    model, optimizer = make()
    with pytest.raises(ValueError, match=r"no batch_size together with a DataLoader, which has its own \(8\)"):
        run(model, optimizer, DataLoader(TensorDataset(X, Y), 8), batch_size=16)


def test_modes_are_put_back() -> None:
    model, optimizer = make()
    model.eval()
    seen = []
    model.register_forward_hook(lambda module, args, out: seen.append((module.training, tl.is_grad_enabled())))
    run(model, optimizer, validation=VAL, epochs=1)
    assert not model.training and not model[2].training
    assert seen[0] == (True, True) and seen[-1] == (False, False)


def test_seed() -> None:
    results = []
    for before in (1, 2):
        model, optimizer = make()
        tl.manual_seed(before)
        run(model, optimizer, seed=5)
        results.append(weights(model))
    assert same(*results)


# --- metrics -------------------------------------------------------------------------------------------------


def test_metric_functions() -> None:
    def error_rate(output, target):
        assert not tl.is_grad_enabled()
        return (output.argmax(1) != target).float().mean()

    model, optimizer = make(dropout=0)
    history = run(model, optimizer, metrics={"accuracy": "accuracy", "wrong": error_rate}, validation=VAL)
    assert history["wrong"] == pytest.approx([1 - a for a in history["accuracy"]])
    assert history["val_wrong"] == pytest.approx([1 - a for a in history["val_accuracy"]])
    assert "error_rate" in run(model, optimizer, metrics=["accuracy", error_rate])


@pytest.mark.parametrize(
    ("loss", "output", "target", "expected"),
    [
        (nn.CrossEntropyLoss(), [[1.0, 2], [3, 1], [0, 1]], [1, 0, 0], (2, 3)),
        (nn.CrossEntropyLoss(), [[1.0, 2], [3, 1], [0, 1]], [1, -100, 0], (1, 2)),
        (nn.CrossEntropyLoss(ignore_index=1), [[1.0, 2], [3, 1], [0, 1]], [1, 0, 0], (1, 2)),
        (nn.CrossEntropyLoss(), [[1.0, 2], [3, 1]], [[0.1, 0.9], [0.2, 0.8]], (1, 2)),
        (nn.CrossEntropyLoss(), np.eye(3)[None], [[0, 1, 1]], (2, 3)),
        (nn.BCEWithLogitsLoss(), [[0.3], [-0.1]], [[1.0], [1.0]], (1, 2)),
        (nn.BCEWithLogitsLoss(), [[0.3], [-0.1]], [1, 0], (2, 2)),
        (nn.BCELoss(), [0.3, 0.8], [0.0, 1.0], (2, 2)),
        (nn.BCEWithLogitsLoss(), [[0.3, -1], [-0.1, 2]], [[1.0, 1], [0, 1]], (3, 4)),
    ],
)
def test_accuracy(loss, output, target, expected) -> None:
    assert AccuracyRule(loss)(np.asarray(output, np.float32), np.asarray(target)) == expected


def test_accuracy_of_shapes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"accuracy: expected .* output \[4, 3\] and target \[2\]"):
        AccuracyRule(LOSS)(np.zeros((4, 3), np.float32), np.zeros(2, np.int64))


def test_sums_are_not_weighed_twice() -> None:
    model, _ = make(dropout=0)
    mean = training.evaluate(model, (X, Y), loss=LOSS, metrics=None)["loss"]
    total = training.evaluate(model, (X, Y), loss=nn.CrossEntropyLoss(reduction="sum"), metrics=None)["loss"]
    assert total == pytest.approx(mean, rel=1e-5)


# --- schedules, stopping, callbacks --------------------------------------------------------------------------


def test_schedulers() -> None:
    model, optimizer = make(lr=0.08)
    assert run(model, optimizer, scheduler=Halve(optimizer))["lr"] == pytest.approx([0.08, 0.04, 0.02])

    class Plateau:
        seen: list[float] = []

        def step(self, metrics, epoch=None):
            self.seen.append(metrics)

    assert run(model, optimizer, scheduler=Plateau(), validation=VAL)["val_loss"] == Plateau.seen


def test_early_stopping_restores_the_best() -> None:
    model, optimizer = make(lr=0.3, dropout=0.5)
    kept = {}
    history = run(
        model,
        optimizer,
        epochs=100,
        validation=VAL,
        early_stopping=3,
        callbacks=lambda epoch, row: kept.update({epoch: weights(model)}),
    )
    assert history.stopped == "early stopping" and history.epochs == history.best_epoch + 3 < 100
    assert same(weights(model), kept[history.best_epoch])
    assert training.evaluate(model, VAL, loss=LOSS)["loss"] == history.best_value
    model, optimizer = make(lr=0.3, dropout=0.5)
    run(model, optimizer, epochs=100, validation=VAL, early_stopping=3, restore_best=False)
    assert same(weights(model), kept[history.epochs])


def test_what_is_best() -> None:
    model, optimizer = make(dropout=0)
    history = run(model, optimizer, epochs=8, metrics="accuracy", monitor="accuracy")
    assert history.best_value == max(history["accuracy"])
    assert history.best_epoch == history["accuracy"].index(max(history["accuracy"])) + 1, "the first of equals"
    assert run(model, optimizer, epochs=4, monitor="-loss").best_epoch == 1


def test_callbacks() -> None:
    model, optimizer = make()
    rows = []
    stop_at_2 = [lambda epoch, row: epoch == 2, lambda epoch, row: rows.append((epoch, row["loss"]))]
    history = run(model, optimizer, epochs=9, callbacks=stop_at_2)
    assert history.stopped == "callback" and rows == list(enumerate(history["loss"], 1)) and len(rows) == 2


# --- trouble -------------------------------------------------------------------------------------------------


@overflows
def test_not_finite_parameter() -> None:
    model, optimizer = make(optimizer=optim.SGD, lr=1e30, dropout=0)
    model[3].weight.register_hook(lambda grad: grad * 1e30)
    with pytest.raises(FloatingPointError, match="in epoch 1, step 2: parameter '3.weight' is not finite .*1e\\+30"):
        run(model, optimizer)


def test_not_finite_input() -> None:
    bad = X.clone()
    bad[50, 0] = math.nan
    model, optimizer = make()
    before = weights(model)
    with pytest.raises(FloatingPointError, match="loss is nan in epoch 1, step 1: the input of this batch has NaN"):
        run(model, optimizer, (bad, Y), batch_size=120)
    assert same(before, weights(model))


@overflows
def test_not_finite_gradient() -> None:
    model, optimizer = make(dropout=0)
    with pytest.raises(FloatingPointError, match="loss is inf .* the first gradient that is not: '0.weight'"):
        run(model, optimizer, loss=lambda out, y: ((out * 0).sum() + 1e-30) ** -2)
    with pytest.raises(FloatingPointError, match="so it arises in the loss itself"):
        run(model, optimizer, loss=lambda out, y: out.sum() * 0 + tl.tensor(math.inf))


def test_interrupt_keeps_what_was_learned(capsys, tmp_path) -> None:
    model, optimizer = make()
    start, calls = weights(model), []

    def loss(output, target):
        calls.append(1)
        if len(calls) == 8 * 2 + 4:
            raise KeyboardInterrupt
        return LOSS(output, target)

    path = tmp_path / "run.npz"
    history = run(model, optimizer, loss=loss, checkpoint=path)
    assert history.stopped == "interrupted" and history.epochs == 2
    assert not same(start, weights(model))
    told = capsys.readouterr().err
    assert "Stopped by Ctrl-C in epoch 3, step 4, after 2 whole epochs. The model keeps what" in told
    assert f"resume=True (from {path})" in told
    assert run(model, optimizer, checkpoint=path, resume=True).epochs == 3


# --- checkpoints ---------------------------------------------------------------------------------------------


def random_crop(samples):
    """A collation that draws from NumPy's and Python's own streams, as users' augmentations do."""
    import random

    x, y = zip(*samples, strict=True)
    noise = np.random.normal(0, 0.01, (len(x), 2)).astype(np.float32) + np.float32(random.gauss(0, 0.01))
    return tl.from_numpy(np.stack([row.numpy() for row in x]) + noise), tl.tensor([int(label) for label in y])


def loaders(kind):
    if kind == "plain":
        return (X, Y)
    if kind == "own generator":
        return DataLoader(TensorDataset(X, Y), 16, shuffle=True, generator=tl.Generator().manual_seed(3))
    return DataLoader(TensorDataset(X, Y), 16, shuffle=True, collate_fn=random_crop)


@pytest.mark.parametrize("kind", ["plain", "own generator", "augmented"])
@pytest.mark.parametrize("optimizer", [optim.SGD, optim.Adam, optim.AdamW])
def test_resume_is_exact(kind, optimizer, tmp_path) -> None:
    import random

    options = {"momentum": 0.9} if optimizer is optim.SGD else {"weight_decay": 0.01}

    def train(epochs, name, seed, resume=False):
        model, steps = make(seed, optimizer=optimizer, **options)
        np.random.seed(seed)
        random.seed(seed)
        history = run(
            model,
            steps,
            loaders(kind),
            epochs=epochs,
            checkpoint=tmp_path / name,
            resume=resume,
            scheduler=Halve(steps),
            validation=VAL,
            metrics="accuracy",
        )
        return weights(model), history, weights_of(tmp_path / name)

    def weights_of(path):
        best, _ = make(9)
        training.load_weights(best, path)
        return weights(best)

    whole, history, best = train(5, "whole.npz", 0)
    train(2, "parts.npz", 0)
    train(3, "parts.npz", 7, resume=True)  # another seed: all that matters is in the checkpoint
    parts, parts_history, parts_best = train(5, "parts.npz", 8, resume=True)
    assert same(whole, parts) and same(best, parts_best)
    for name in ("loss", "accuracy", "val_loss", "val_accuracy", "lr"):
        assert history[name] == parts_history[name]
    assert (history.best_epoch, history.best_value) == (parts_history.best_epoch, parts_history.best_value)


def test_resume_after_the_process_died_in_an_epoch(tmp_path) -> None:
    def train(resume=False, dies=0):
        model, optimizer = make()
        calls = []

        def loss(output, target):
            calls.append(1)
            if len(calls) == dies:
                raise MemoryError
            return LOSS(output, target)

        run(model, optimizer, loss=loss, epochs=4, checkpoint=tmp_path / f"{dies or resume}.npz", resume=resume)
        return weights(model)

    with pytest.raises(MemoryError):
        train(dies=8 * 2 + 5)
    os.rename(tmp_path / "21.npz", tmp_path / "True.npz")
    assert same(train(resume=True), train())


def test_resume_of_a_run_that_stopped_early(tmp_path) -> None:
    def train(epochs, resume):
        model, optimizer = make(lr=0.3, dropout=0.5)
        options = {"validation": VAL, "early_stopping": 3, "checkpoint": tmp_path / "run.npz", "resume": resume}
        return weights(model) if epochs == 0 else (run(model, optimizer, epochs=epochs, **options), weights(model))

    whole, first = train(100, False)
    again, second = train(100, True)
    assert again.stopped == "early stopping" and again.epochs == whole.epochs and same(first, second)


def test_resume_without_a_file_starts_anew(tmp_path) -> None:
    model, optimizer = make()
    assert run(model, optimizer, checkpoint=tmp_path / "new.npz", resume=True).epochs == 3
    assert run(model, optimizer, checkpoint=tmp_path / "new.npz", resume=True).stopped == "finished"


def test_resume_into_another_model(tmp_path) -> None:
    path = tmp_path / "run.npz"
    run(*make(), checkpoint=path)
    other = nn.Linear(2, 2)
    with pytest.raises(RuntimeError, match="Error.s. in loading state_dict for Linear") as caught:
        run(other, optim.Adam(other.parameters()), checkpoint=path, resume=True)
    assert "while resuming from" in caught.value.__notes__[-1]
    with pytest.raises(ValueError, match="made with monitor='loss', now it is 'val_loss'"):
        run(*make(), checkpoint=path, resume=True, validation=VAL)


def test_checkpoint_has_the_best_weights(tmp_path) -> None:
    model, optimizer = make(lr=0.5)
    kept = {}
    callback = lambda epoch, row: kept.update({epoch: weights(model)})
    path = tmp_path / "run.npz"
    history = run(model, optimizer, epochs=12, validation=VAL, checkpoint=path, callbacks=callback)
    assert history.best_epoch < 12, "else this shows nothing"
    assert same(weights(model), kept[12])
    training.load_weights(model, path)
    assert same(weights(model), kept[history.best_epoch])


def test_state_survives(tmp_path) -> None:
    state = {
        "none": None,
        "numbers": [1, -2.5, True, math.inf, 2**70],
        "tuple": (1, (2, [3])),
        "text": "äöü $\u2028",
        3: {"step": tl.tensor(3.0), 4.5: np.arange(3, dtype=np.int16), None: 1, False: 0},
        "a/b": tl.zeros(0, 3),
        "a": {"b": tl.ones(2), "$odd": 1},
        "__tapeless__": tl.ones(1),
        "file": np.float32(0.1),
        "dtype": np.dtype("float16"),
        "strided": tl.arange(6).reshape(2, 3).T,
        "empty": {},
    }
    path = tmp_path / "state.npz"
    training.save_checkpoint(state, path)
    back = training.load_checkpoint(path)
    assert repr(back) == repr(state)
    assert type(back["file"]) is np.float32 and math.isnan(_roundtrip(math.nan, path))
    assert list(_roundtrip(nn.Linear(2, 1).state_dict(), path)._metadata.items()) == [("", {"version": 1})]


def _roundtrip(value, path):
    training.save_checkpoint(value, path)
    return training.load_checkpoint(path)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"model": nn.Linear(1, 1)}, r"cannot save the value at 'model': .* got Linear; save what its state_dict\(\)"),
        ({"a": [1, range(2)]}, "the value at 'a/1': expected tensors, .* got range"),
        (object(), "cannot save the state: .* got object"),
        ({"a": np.array([None])}, "the value at 'a': arrays of Python objects need pickle"),
        ({(1, tl.ones(1)): 3}, "expected keys that are strings or numbers"),
    ],
)
def test_what_cannot_be_saved(state, message, tmp_path) -> None:
    with pytest.raises(TypeError, match=message):
        training.save_checkpoint(state, tmp_path / "x.npz")
    assert not list(tmp_path.iterdir())


def test_weights_are_a_plain_archive(tmp_path) -> None:
    model, _ = make()
    path = tmp_path / "weights.npz"
    training.save_weights(model, path)
    first = path.read_bytes()
    with np.load(path, allow_pickle=False) as archive:
        assert same(dict(archive), weights(model))
    training.save_weights(model, path)
    assert path.read_bytes() == first, "the same weights are the same bytes"
    assert list(training.load_checkpoint(path)) == list(model.state_dict())
    with pytest.raises(RuntimeError, match="size mismatch|Missing key") as caught:
        training.load_weights(nn.Linear(2, 2), path)
    assert "weights.npz" in caught.value.__notes__[-1]
    assert training.load_weights(nn.Linear(2, 2), path, strict=False).missing_keys == ["weight", "bias"]


def test_extra_state(tmp_path) -> None:
    class Counter(nn.Linear):
        count = 0

        def get_extra_state(self):
            return {"count": self.count}

        def set_extra_state(self, state):
            self.count = state["count"]

    model, other = Counter(1, 1), Counter(1, 1)
    model.count = 5
    training.save_weights(model, tmp_path / "w.npz")
    training.load_weights(other, tmp_path / "w.npz")
    assert other.count == 5 and bool((other.weight == model.weight).all())


def test_damaged_files(tmp_path) -> None:
    good, bad = tmp_path / "good.npz", tmp_path / "bad.npz"
    run(*make(), checkpoint=good)
    data = good.read_bytes()
    middle = data[:3000] + bytes([data[3000] ^ 255]) + data[3001:]
    for content in (b"", b"text", data[: len(data) // 2], middle):
        bad.write_bytes(content)
        with pytest.raises(ValueError, match="cannot read .*bad.npz"):
            training.load_checkpoint(bad)
        with pytest.raises(ValueError, match="cannot read"):
            training.load_weights(nn.Linear(1, 1), bad)
    with pytest.raises(FileNotFoundError):
        training.load_checkpoint(tmp_path / "none.npz")
    np.savez(bad, x=np.array([None]))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        training.load_checkpoint(bad)
    np.savez(bad, __tapeless__=np.array(json.dumps({"format": 99, "state": 1})))
    with pytest.raises(ValueError, match="format 99, .* update Tapeless"):
        training.load_checkpoint(bad)
    training.save_checkpoint({"epoch": 3}, bad)
    with pytest.raises(ValueError, match="is no checkpoint of fit"):
        run(*make(), checkpoint=bad, resume=True)
    with pytest.raises(ValueError, match="expected weights in"):
        training.load_weights(nn.Linear(1, 1), bad)


def test_writing_is_atomic(tmp_path, monkeypatch) -> None:
    path = tmp_path / "state.npz"
    training.save_checkpoint({"a": 1}, path)
    os.chmod(path, 0o640)
    before = path.read_bytes()

    def fails(*args, **kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np.lib.format, "write_array_header_1_0", fails)
        with pytest.raises(OSError, match="No space left"):
            training.save_checkpoint({"a": 2}, path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["state.npz"]
    training.save_checkpoint({"a": 3}, path)
    assert training.load_checkpoint(path) == {"a": 3} and os.listdir(tmp_path) == ["state.npz"]
    assert os.name == "nt" or stat.S_IMODE(path.stat().st_mode) == 0o640
    assert zipfile.ZipFile(path).testzip() is None


def test_a_link_stays_a_link(tmp_path) -> None:
    (tmp_path / "real.npz").touch()
    try:
        (tmp_path / "link.npz").symlink_to("real.npz")
    except OSError:
        pytest.skip("no symbolic links here")
    training.save_checkpoint({"a": 1}, tmp_path / "link.npz")
    assert (tmp_path / "link.npz").is_symlink() and training.load_checkpoint(tmp_path / "real.npz") == {"a": 1}


# --- history and progress ------------------------------------------------------------------------------------


def test_history() -> None:
    history = training.History()
    assert repr(history) == "History: 0 epochs" and history.last == {}
    with pytest.raises(KeyError, match="'loss' was not recorded; there are no epochs yet"):
        history["loss"]
    history.append({"loss": 2})
    history.append({"loss": 1, "f1": 0.5})
    history.append({"f1": 0.25})
    assert np.array_equal(history["loss"], [2, 1, math.nan], equal_nan=True)
    assert np.array_equal(history["f1"], [math.nan, 0.5, 0.25], equal_nan=True)
    assert dict(history).keys() == {"loss", "f1"} and history.epochs == 3
    assert "loss" in history.chart(ascii=True)
    copy = training.History()
    copy.load_state_dict(history.state_dict())
    assert repr(copy) == repr(history)


def test_history_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    history = training.History()
    history.append({"loss": 2, "val_loss": 3})
    history.save_picture(tmp_path / "h.png", title="x")
    assert (tmp_path / "h.png").read_bytes().startswith(b"\x89PNG")


def test_progress_in_a_log(capsys) -> None:
    model, optimizer = make()
    run(model, optimizer, epochs=40, metrics="accuracy", validation=VAL, progress=True)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 11 and lines[0].startswith("epoch 1/40:") and lines[-1].startswith("epoch 40/40: 100%")
    assert all(re.search(r", loss [\d.e-]+, accuracy [\d.]+% \(val [\d.]+%\)$", line) for line in lines)
    assert not any("\r" in line for line in lines)


def test_progress_in_a_terminal(capsys, monkeypatch) -> None:
    monkeypatch.setattr(_progress, "SECONDS_BETWEEN", 0.0)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    model, optimizer = make()
    stream = [(X[i : i + 40], Y[i : i + 40]) for i in range(0, 120, 40)]
    run(model, optimizer, stream, epochs=2, metrics="accuracy", progress=True)
    drawn = [part.strip() for part in capsys.readouterr().err.split("\r") if part.strip()]
    assert any(part.startswith("epoch 1/2:  33%") for part in drawn)
    assert drawn[-1].startswith("epoch 2/2: 100%") and "accuracy" in drawn[-1]


def test_no_progress_writes_nothing(capsys) -> None:
    run(*make(), progress=False)
    assert capsys.readouterr() == ("", "")
