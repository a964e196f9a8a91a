"""The progress of a training run: one tqdm bar in a terminal, a few lines anywhere else."""

from __future__ import annotations

import io
import math
import sys
import warnings
from collections.abc import Mapping
from time import perf_counter
from typing import Any

from ._metrics import show
from ._plot import terminal_abilities

SECONDS_BETWEEN = 0.1  # in a terminal; drawing more often costs time and cannot be read
MOST_LINES = 10  # elsewhere: this many lines, evenly over the epochs
FORMAT = "{l_bar}{bar}| {elapsed}<{remaining}{postfix}"


class Progress:
    """Shows how far a run is. The loop calls `show` once `due` has come; the time is read nowhere else.

    `steps` is the number of batches per epoch, None where it is not known: then epochs are counted. With
    `enabled` false, `due` never comes and nothing is written. tqdm is imported when the first bar is made.
    """

    def __init__(self, enabled: bool, epochs: int, first: int, steps: int | None) -> None:
        self.epochs, self.steps = epochs, steps
        self.due = math.inf
        self.bar: Any = None
        self.validation: dict[str, float] = {}
        self.lines: Any = None
        if not enabled or first > epochs:
            return
        stream = sys.stderr
        unicode, _ = terminal_abilities(stream)
        notebook = "ipykernel" in sys.modules
        live = notebook or stream.isatty()
        self.lines = None if live else stream
        self.bar = _new_bar(
            notebook,
            total=epochs * (steps or 1),
            initial=(first - 1) * (steps or 1),
            file=stream if live else io.StringIO(),
            ascii=not unicode,
            # In a log, lines of the same width look best and none is too long.
            **({"dynamic_ncols": True} if live else {"ncols": 110}),
        )
        self.due = perf_counter() + SECONDS_BETWEEN if live else math.inf

    def show(self, epoch: int, step: int, means: Mapping[str, float]) -> None:
        """Draw the bar: `step` batches of `epoch` are done, with these means so far."""
        done = (epoch - 1) * self.steps + step if self.steps else epoch - 1
        self._draw(epoch, done, show(means, self.validation))
        self.due = perf_counter() + SECONDS_BETWEEN

    def end_epoch(self, epoch: int, row: Mapping[str, float], last: bool) -> None:
        """Take in the numbers of a finished epoch; `last` says that no other one follows."""
        if self.bar is None:
            return
        means = {name: value for name, value in row.items() if name not in ("lr", "seconds") and name[:4] != "val_"}
        # The validation results stay on the bar during the next epoch, in which there are no newer ones.
        self.validation = {name[4:]: value for name, value in row.items() if name[:4] == "val_"}
        every = max(1, math.ceil(self.epochs / MOST_LINES))
        if self.lines is not None:
            if not (last or epoch % every == 0 or epoch == 1):
                return
        elif not last and perf_counter() < self.due:
            return
        self._draw(epoch, epoch * (self.steps or 1), show(means, self.validation))
        if self.lines is not None:
            print(str(self.bar).rstrip(), file=self.lines, flush=True)

    def _draw(self, epoch: int, done: int, text: str) -> None:
        bar = self.bar
        bar.set_description_str(f"epoch {epoch}/{self.epochs}", refresh=False)
        bar.set_postfix_str(text, refresh=False)
        bar.update(done - bar.n)
        bar.refresh()

    def close(self) -> None:
        """Leave the bar as it stands and go to the next line."""
        if self.bar is not None:
            self.bar.close()


def _new_bar(notebook: bool, **options: Any) -> Any:
    if notebook:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # without ipywidgets tqdm warns, and draws text instead
            from tqdm.auto import tqdm
    else:
        from tqdm import tqdm
    # No bar would draw by itself: `mininterval` keeps `update` from doing what `refresh` does anyway.
    return tqdm(bar_format=FORMAT, mininterval=1e9, leave=True, **options)
