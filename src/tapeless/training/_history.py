"""What a training run reports: one number per epoch and quantity."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from . import _plot


class History(Mapping[str, list[float]]):
    """The numbers of a training run: ``history["loss"]`` is the list of them, one per epoch.

    Names are ``loss`` and the metrics, the same with ``val_`` in front for the validation data, ``lr`` and
    ``seconds``. Attributes: `epochs` (how many are done), `monitor` (the name by which the best epoch is chosen),
    `best_epoch` (from 1; 0 before the first) and `best_value`, and `stopped`: why the run ended, one of
    ``"finished"``, ``"early stopping"``, ``"callback"``, ``"interrupted"``, or ``""`` while it goes on.

    >>> from tapeless.training import History
    >>> history = History("loss")
    >>> history.append({"loss": 0.5, "accuracy": 0.75})
    >>> history["accuracy"], history.epochs, history.last
    ([0.75], 1, {'loss': 0.5, 'accuracy': 0.75})
    """

    def __init__(self, monitor: str = "loss") -> None:
        self._columns: dict[str, list[float]] = {}
        self.monitor = monitor
        self.best_epoch = 0
        self.best_value = float("nan")
        self.stopped = ""

    def __getitem__(self, name: str) -> list[float]:
        """Return the numbers under `name`, first epoch first."""
        try:
            return self._columns[name]
        except KeyError:
            there = ", ".join(self._columns) or "no epochs yet"
            raise KeyError(f"{name!r} was not recorded; there are {there}") from None

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._columns)

    def __len__(self) -> int:
        """Return the number of names, not of epochs (see `epochs`)."""
        return len(self._columns)

    @property
    def epochs(self) -> int:
        """How many epochs are done."""
        return max(map(len, self._columns.values()), default=0)

    @property
    def last(self) -> dict[str, float]:
        """The numbers of the last epoch."""
        return {name: values[-1] for name, values in self._columns.items() if values}

    def append(self, row: Mapping[str, float]) -> None:
        """Add the numbers of one epoch."""
        done = self.epochs
        for name in (*self._columns, *(n for n in row if n not in self._columns)):
            # A name that comes late, or is missing once, must not shift the others.
            column = self._columns.setdefault(name, [float("nan")] * done)
            column.append(float(row.get(name, "nan")))

    def chart(self, width: int = 70, height: int = 12, ascii: bool = False, color: bool = False) -> str:
        """Return a drawing of the loss in characters, `width` columns wide; `ascii` for old terminals."""
        curves = {name: self[name] for name in ("loss", "val_loss") if name in self}
        values = [value for column in curves.values() for value in column if value > 0]
        log = bool(values) and max(values) > 30 * min(values)
        return _plot.line_chart(curves, width, height, title="loss", log=log, ascii=ascii, color=color)

    def save_picture(self, path: str | os.PathLike[str], title: str = "") -> None:
        """Draw loss and metrics over the epochs into a picture file (PNG, SVG or PDF by the suffix of `path`).

        Raises `ModuleNotFoundError` without matplotlib, `ValueError` before the first epoch.
        """
        _plot.save_loss_curve(self, path, title)

    def state_dict(self) -> dict[str, Any]:
        """Return everything, for a checkpoint."""
        columns = {name: list(values) for name, values in self._columns.items()}
        return {
            "columns": columns,
            "monitor": self.monitor,
            "best_epoch": self.best_epoch,
            "best_value": self.best_value,
            "stopped": self.stopped,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` returned."""
        self._columns = {name: list(values) for name, values in state["columns"].items()}
        self.monitor, self.stopped = state["monitor"], state["stopped"]
        self.best_epoch, self.best_value = state["best_epoch"], state["best_value"]

    def __repr__(self) -> str:
        plural = "" if self.epochs == 1 else "s"
        text = f"History: {self.epochs} epoch{plural}" + (f", {self.stopped}" if self.stopped else "")
        if self.best_epoch:
            text += f"; best {self.monitor} {self.best_value:.4g} in epoch {self.best_epoch}"
        return text + "".join(f"\n  {name} {values[-1]:.4g}" for name, values in self._columns.items() if values)
