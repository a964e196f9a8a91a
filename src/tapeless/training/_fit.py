"""`fit`: the training loop, and `evaluate`."""

from __future__ import annotations

import copy
import inspect
import math
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from tapeless import _random
from tapeless._core.modes import no_grad
from tapeless.nn import Module
from tapeless.nn.utils import clip_grad_norm_

from ._best import Best
from ._checkpoint import check_writable, load_checkpoint, save_checkpoint
from ._data import as_loader, split_batch, steps_in
from ._guard import Guard, gradients_are_finite
from ._history import History
from ._metrics import Meter, Metric, as_metrics, loss_number
from ._progress import Progress
from ._random_state import check_generators, random_state, set_random_state
from ._snapshot import Snapshot

Callback = Callable[[int, dict[str, float]], Any]


def fit(
    model: Module,
    train: Any,
    *,
    loss: Callable[[Any, Any], Any],
    optimizer: Any,
    epochs: int,
    validation: Any = None,
    metrics: Any = None,
    batch_size: int | None = None,
    shuffle: bool = True,
    scheduler: Any = None,
    clip_grad_norm: float | None = None,
    early_stopping: int | None = None,
    monitor: str | None = None,
    restore_best: bool | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: bool = True,
    callbacks: Iterable[Callback] | Callback = (),
    seed: int | None = None,
) -> History:
    """Train `model` for `epochs` epochs and return the numbers of each one as a `History`.

    Args:
        train, validation: a `DataLoader`, a `Dataset`, or tensors ``(X, y)``. Batches are ``(inputs, target)``
            or ``(input, ..., target)``. A DataLoader's own order and batch size hold.
        loss: a loss module or function of ``(output, target)`` that returns one number.
        metrics: ``"accuracy"``, a function of ``(output, target)``, or a list or dict of these.
        batch_size, shuffle: for data that come without a loader; 32 unless given.
        scheduler: its ``step()`` is called after every epoch, with the monitored number if it takes one.
        clip_grad_norm: the largest norm that the gradients of a step may have together.
        early_stopping: stop when the monitored number has not improved for this many epochs.
        monitor: which number says what is best, ``"val_loss"`` (``"loss"`` without validation data) unless
            given. Smaller is better, for accuracies larger; a minus sign in front turns it around.
        restore_best: end with the weights of the best epoch rather than the last; with `early_stopping` the
            default is True.
        checkpoint: a file written after every epoch, with all that is needed to go on and the best weights
            (`load_weights` reads those).
        resume: go on from `checkpoint` where it exists; weights come out as those of a run that wrote checkpoints
            and was never interrupted, to the bit.
        progress: show a bar on the standard error.
        callbacks: functions of ``(epoch, row)``, called after every epoch with its numbers; one that returns
            True ends the training.
        seed: start the default random stream here (``manual_seed``).

    Ctrl-C ends the training early and keeps what was learned. Raises `FloatingPointError` when the loss or a
    gradient is no longer finite, before the optimizer takes it, naming epoch, step and the first layer with NaN or
    infinity (the batch runs a second time to find it; user's hooks see it twice); `TypeError` and `ValueError` for
    wrong arguments, `OSError` when the checkpoint cannot be written.

    >>> import tapeless as tl
    >>> _ = tl.manual_seed(0)
    >>> X, y = tl.datasets.blobs()
    >>> model = tl.nn.Linear(2, 3)
    >>> optimizer = tl.optim.Adam(model.parameters(), lr=0.1)
    >>> history = tl.training.fit(model, (X, y), loss=tl.nn.CrossEntropyLoss(), optimizer=optimizer, epochs=5,
    ...                           metrics="accuracy", progress=False)
    >>> history.epochs, history["accuracy"][-1] > 0.95
    (5, True)
    """
    _check(epochs, batch_size, clip_grad_norm, early_stopping, checkpoint, resume)
    if seed is not None:
        _random.manual_seed(seed)
    run = _Run(
        model=model,
        loader=as_loader(train, batch_size, shuffle, "train"),
        validation=None if validation is None else as_loader(validation, _large(batch_size), False, "validation"),
        loss=loss,
        metrics=as_metrics(metrics),
        optimizer=optimizer,
        scheduler=scheduler,
        clip_grad_norm=clip_grad_norm,
        patience=early_stopping,
        restore_best=early_stopping is not None if restore_best is None else restore_best,
        checkpoint=checkpoint,
        callbacks=[callbacks] if callable(callbacks) else list(callbacks),
        best=Best(monitor or ("loss" if validation is None else "val_loss")),
    )
    if resume and checkpoint is not None and os.path.exists(checkpoint):
        run.resume()
    return run.run(epochs, progress)


def evaluate(
    model: Module, data: Any, *, loss: Any = None, metrics: Any = "accuracy", batch_size: int | None = None
) -> dict[str, float]:
    """Return the mean loss (where one is given) and metrics of `model` on `data`, in evaluation mode.

    `data`, `loss` and `metrics` are as in `fit`. The model's modes are as before afterwards.

    >>> import tapeless as tl
    >>> X, y = tl.datasets.blobs()
    >>> sorted(tl.training.evaluate(tl.nn.Linear(2, 3), (X, y), loss=tl.nn.CrossEntropyLoss()))
    ['accuracy', 'loss']
    """
    loader = as_loader(data, _large(batch_size), False, "data")
    result = _evaluate(model, loader, loss, as_metrics(metrics))
    if loss is None:
        del result["loss"]
    return result


def _evaluate(model: Module, loader: Any, loss: Any, metrics: Mapping[str, Metric | None]) -> dict[str, float]:
    meter = Meter(loss, metrics)
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with no_grad():
            for batch in loader:
                inputs, target = split_batch(batch)
                output = model(*inputs)
                meter.add(0.0 if loss is None else loss_number(loss(output, target)), output, target)
    finally:
        for module, mode in modes:
            module.training = mode
    return meter.result()


def _large(batch_size: int | None) -> int:
    """Samples per batch where nothing is learned: more at once is faster."""
    return max(256, batch_size or 0)


@dataclass
class _Run:
    """One training run: what was asked for, and where it stands."""

    model: Module
    loader: Iterable[Any]
    validation: Iterable[Any] | None
    loss: Callable[[Any, Any], Any]
    metrics: dict[str, Metric | None]
    optimizer: Any
    scheduler: Any
    clip_grad_norm: float | None
    patience: int | None
    restore_best: bool
    checkpoint: str | os.PathLike[str] | None
    callbacks: list[Callback]
    best: Best
    history: History = field(init=False)
    epoch: int = 0  # how many are done
    step: int = 0  # the batch of the current epoch, from 1

    def __post_init__(self) -> None:
        self.history = History(self.best.monitor)
        self.parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        self.guard = Guard(self.model, self.loss, self.optimizer)

    def run(self, epochs: int, progress: bool) -> History:
        """Train until `epochs` epochs are done, or something ends it before."""
        bar = Progress(progress, epochs, self.epoch + 1, steps_in(self.loader))
        modes = [(module, module.training) for module in self.model.modules()]
        reason = "finished"
        self.history.stopped = ""
        try:
            while self.epoch < epochs and reason == "finished":
                if self._is_stuck():
                    reason = "early stopping"
                    break
                reason = self._one_epoch(bar, epochs)
        except KeyboardInterrupt:
            reason = "interrupted"
        finally:
            bar.close()
            for module, mode in modes:
                module.training = mode
        self.history.stopped = reason
        if reason == "interrupted":
            print(self._interruption(), file=sys.stderr)
        if self.restore_best:
            self.best.restore(self.model)
        return self.history

    def _is_stuck(self) -> bool:
        return self.patience is not None and self.best.epoch > 0 and self.epoch - self.best.epoch >= self.patience

    def _one_epoch(self, bar: Progress, epochs: int) -> str:
        """Train, validate, note and save; return "finished", or why the run is to end here."""
        start = perf_counter()
        rate = float(self.optimizer.param_groups[0]["lr"])
        row = self._train(bar)
        if self.validation is not None:
            result = _evaluate(self.model, self.validation, self.loss, self.metrics)
            row |= {f"val_{name}": value for name, value in result.items()}
        row |= {"lr": rate, "seconds": perf_counter() - start}
        value = self.best.value_in(row)
        self._step_scheduler(value)
        self.epoch += 1
        self.history.append(row)
        keeps_weights = self.restore_best or self.checkpoint is not None
        if self.best.update(value, self.epoch, self.model if keeps_weights else None):
            self.history.best_epoch, self.history.best_value = self.best.epoch, self.best.value
        # A list, so that every callback is called even when the first one wants to stop.
        stops = any([callback(self.epoch, dict(row)) is True for callback in self.callbacks])
        if self.checkpoint is not None:
            self.save()
        reason = "callback" if stops else "early stopping" if self._is_stuck() else "finished"
        bar.end_epoch(self.epoch, row, last=reason != "finished" or self.epoch == epochs)
        return reason

    def _train(self, bar: Progress) -> dict[str, float]:
        """Go through the training data once; return the means."""
        model, loss, optimizer, clip = self.model, self.loss, self.optimizer, self.clip_grad_norm
        meter = Meter(loss, self.metrics)
        model.train()
        self.step = 0
        for batch in self.loader:
            self.step += 1
            inputs, target = split_batch(batch)
            self.guard.before_forward(self.step)
            output = model(*inputs)
            value = loss(output, target)
            self.guard.after_forward(self.step)
            number = loss_number(value)
            optimizer.zero_grad()
            if not math.isfinite(number):
                self.guard.loss_is_bad(number, value, inputs, target, self._where())
            value.backward()
            if not gradients_are_finite(optimizer):
                self.guard.gradient_is_bad(number, inputs, target, self._where())
            if clip is not None:
                clip_grad_norm_(self.parameters, clip)
            optimizer.step()
            meter.add(number, output, target)
            if perf_counter() >= bar.due:
                bar.show(self.epoch + 1, self.step, meter.result())
        if self.step == 0:
            raise ValueError(
                "expected at least one batch per epoch, got none; is the data empty, or smaller than a batch with "
                "drop_last?"
            )
        return meter.result()

    def _where(self) -> str:
        return f"epoch {self.epoch + 1}, step {self.step}"

    def _step_scheduler(self, value: float) -> None:
        if self.scheduler is None:
            return
        if "metrics" in inspect.signature(self.scheduler.step).parameters:  # ReduceLROnPlateau
            self.scheduler.step(value)
        else:
            self.scheduler.step()

    def _interruption(self) -> str:
        done = f"Stopped by Ctrl-C in epoch {self.epoch + 1}, step {self.step}, after {self.epoch} whole epochs."
        if self.restore_best and self.best.weights is not None:
            kept = f" The model has its best weights, those of epoch {self.best.epoch}."
        else:
            kept = " The model keeps what it has learned so far."
        if self.checkpoint is not None and self.epoch:
            kept += f" To go on after epoch {self.epoch}: resume=True (from {os.fspath(self.checkpoint)})."
        return done + kept

    # --- checkpoints -----------------------------------------------------------------------------------------

    def save(self) -> None:
        """Write the checkpoint of the finished epoch."""
        assert self.checkpoint is not None
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "optimizer_class": _class_of(self.optimizer),
            "scheduler": None if self.scheduler is None else self.scheduler.state_dict(),
            "scheduler_class": _class_of(self.scheduler),
            "epoch": self.epoch,
            "history": self.history.state_dict(),
            "best": self.best.state_dict(self.epoch),
            "random": random_state((self.loader, self.validation)),
        }
        save_checkpoint(state, self.checkpoint)

    def resume(self) -> None:
        """Continue from the checkpoint."""
        assert self.checkpoint is not None
        state = load_checkpoint(self.checkpoint)
        expected = ("model", "optimizer", "scheduler", "epoch", "history", "best", "random")
        missing = [name for name in expected if not isinstance(state, dict) or name not in state]
        if missing:
            raise ValueError(
                f"cannot resume: {os.fspath(self.checkpoint)!r} is no checkpoint of fit (without {', '.join(missing)})"
            )
        for part, value in (("optimizer", self.optimizer), ("scheduler", self.scheduler)):
            now = _class_of(value)
            was = state.get(f"{part}_class", now)  # files of earlier versions do not say
            if was != now:
                raise ValueError(f"cannot resume: the checkpoint was made with {part} {was}, now it is {now}")
        # A load that fails halfway has written the first tensors already.
        before = Snapshot([self.model], self.optimizer, (self.loader, self.validation))
        rates = None if self.scheduler is None else copy.deepcopy(self.scheduler.state_dict())
        try:
            self._load(state)
        except BaseException:
            before.restore()
            if rates is not None:
                self.scheduler.load_state_dict(rates)
            raise

    def _load(self, state: dict[str, Any]) -> None:
        """Take over a checkpoint; what can be refused without writing anything comes first."""
        monitor = self.best.monitor
        if monitor != state["best"]["monitor"]:
            raise ValueError(
                f"cannot resume: the checkpoint was made with monitor={state['best']['monitor']!r}, now it is "
                f"{monitor!r}"
            )
        check_generators(state["random"], (self.loader, self.validation))
        assert self.checkpoint is not None
        try:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError) as error:
            path = os.fspath(self.checkpoint)
            error.add_note(f"while resuming from {path!r}: model and optimizer must be built as they were then")
            raise
        if self.scheduler is not None and state["scheduler"] is not None:
            self.scheduler.load_state_dict(state["scheduler"])
        self.epoch = state["epoch"]
        self.history.load_state_dict(state["history"])
        self.best.load_state_dict(state["best"], state["model"])
        set_random_state(state["random"], (self.loader, self.validation))


def _class_of(value: Any) -> str | None:
    return None if value is None else type(value).__name__


def _check(epochs: Any, batch_size: Any, clip: Any, patience: Any, checkpoint: Any, resume: bool) -> None:
    """Raise `ValueError` or `OSError` for arguments that cannot work, before anything else happens."""
    for name, value in (("epochs", epochs), ("batch_size", batch_size), ("early_stopping", patience)):
        optional = name != "epochs"
        if optional and value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            unless = ", or None" if optional else ""
            raise ValueError(f"expected {name} to be a whole number of at least 1{unless}, got {value!r}")
    if clip is not None and not clip > 0:
        raise ValueError(f"expected clip_grad_norm > 0, or None, got {clip!r}")
    if resume and checkpoint is None:
        raise ValueError("expected checkpoint=path together with resume=True: the file to go on from")
    if checkpoint is not None:
        check_writable(checkpoint)
