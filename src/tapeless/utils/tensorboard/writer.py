"""`SummaryWriter`: what programs log, as event files, and on request as lines of JSON."""

from __future__ import annotations

import importlib
import json
import os
import socket
import time
import warnings
from datetime import datetime
from typing import Any

import numpy as np

from . import _summaries as summaries
from ._files import EventFile

_NOT_WRITTEN = "Tapeless writes no {what} into event files: SummaryWriter.{name} does nothing."


def _plain(number: Any) -> Any:
    """Return a Python number for a tensor or an array with one element; texts and numbers stay."""
    return number.item() if hasattr(number, "item") else number


def _array(values: Any) -> Any:
    """Return the NumPy array of a tensor or of what NumPy takes for one."""
    return values.detach().numpy() if hasattr(values, "detach") else np.asarray(values)


class SummaryWriter:
    """Writes scalars, histograms, images, texts and hyperparameters to an event file in a folder (``runs/...``).

    With ``jsonl=True``, an addition, scalars also go to ``scalars.jsonl`` there, one object a line. Audio, video,
    meshes, embeddings and graphs are not written: those methods warn.
    See https://docs.pytorch.org/docs/stable/tensorboard.html

    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder, SummaryWriter(folder) as writer:
    ...     writer.add_scalar("loss", 0.5, 1)
    ...     [name.startswith("events.out.tfevents.") for name in os.listdir(folder)]
    [True]
    """

    def __init__(
        self,
        log_dir: Any = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: float = 120,
        filename_suffix: str = "",
        *,
        jsonl: bool = False,
    ) -> None:
        if not log_dir:
            now = datetime.now().strftime("%b%d_%H-%M-%S")
            log_dir = os.path.join("runs", f"{now}_{socket.gethostname()}{comment}")
        self.log_dir, self.purge_step = os.fspath(log_dir), purge_step
        self._options = flush_secs, filename_suffix
        self.file_writer: EventFile = EventFile(self.log_dir, *self._options)
        self.all_writers: dict[str, EventFile] = {self.log_dir: self.file_writer}
        self._lines = open(os.path.join(self.log_dir, "scalars.jsonl"), "a") if jsonl else None  # noqa: SIM115

    def get_logdir(self) -> str:
        """Return the folder."""
        return self.log_dir

    def _file(self, folder: str) -> EventFile:
        """Return the file of a folder below this one's: each line of `add_scalars` is a run of its own."""
        if folder not in self.all_writers:
            self.all_writers[folder] = EventFile(folder, *self._options)
        return self.all_writers[folder]

    def add_scalar(
        self,
        tag: str,
        scalar_value: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        new_style: bool = False,
        double_precision: bool = False,
    ) -> None:
        """Write a number: a Python number, or a tensor or array with one element."""
        number = float(_plain(scalar_value))
        self.file_writer.add(summaries.scalar(tag, number, new_style, double_precision), global_step, walltime)
        self._line(tag, number, global_step, walltime)

    def _line(self, tag: str, number: float, step: int | None, walltime: float | None) -> None:
        if self._lines is not None:
            now = time.time() if walltime is None else walltime
            row = {"tag": tag, "step": step, "value": number, "time": now}
            self._lines.write(json.dumps(row) + "\n")

    def add_scalars(
        self,
        main_tag: str,
        tag_scalar_dict: dict[str, Any],
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """Write several numbers into one chart, each as a run in a folder of its own."""
        walltime = time.time() if walltime is None else walltime
        for tag, scalar_value in tag_scalar_dict.items():
            file = self._file(os.path.join(self.log_dir, f"{main_tag.replace('/', '_')}_{tag}"))
            number = float(_plain(scalar_value))
            file.add(summaries.scalar(main_tag, number), global_step, walltime)
            self._line(f"{main_tag}/{tag}", number, global_step, walltime)

    def add_histogram(
        self,
        tag: str,
        values: Any,
        global_step: int | None = None,
        bins: Any = "tensorflow",
        walltime: float | None = None,
        max_bins: int | None = None,
    ) -> None:
        """Write the distribution of all elements; `bins` are NumPy's, or TensorFlow's fixed ones."""
        self.file_writer.add(summaries.histogram(tag, _array(values), bins, max_bins), global_step, walltime)

    def add_histogram_raw(
        self,
        tag: str,
        min: float,
        max: float,
        num: int,
        sum: float,
        sum_squares: float,
        bucket_limits: Any,
        bucket_counts: Any,
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """Write a distribution that was counted already."""
        if len(bucket_limits) != len(bucket_counts):
            raise ValueError("len(bucket_limits) != len(bucket_counts), see the document.")
        counted = summaries.histogram_raw(tag, min, max, num, sum, sum_squares, bucket_limits, bucket_counts)
        self.file_writer.add(counted, global_step, walltime)

    def add_image(
        self,
        tag: str,
        img_tensor: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:
        """Write an image: uint8, or floats from 0 to 1, its axes named by `dataformats`."""
        pixels = summaries.as_pixels(_array(img_tensor), dataformats)
        self.file_writer.add(summaries.picture(tag, pixels), global_step, walltime)

    def add_images(
        self,
        tag: str,
        img_tensor: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        dataformats: str = "NCHW",
    ) -> None:
        """Write several images of one size as one picture, eight in a row."""
        self.add_image(tag, img_tensor, global_step, walltime, dataformats)

    def add_figure(
        self,
        tag: str,
        figure: Any,
        global_step: int | None = None,
        close: bool = True,
        walltime: float | None = None,
    ) -> None:
        """Write a figure of matplotlib, or a list of figures of one size, as an image."""
        agg, pyplot = (importlib.import_module(f"matplotlib.{m}") for m in ("backends.backend_agg", "pyplot"))
        drawn = []
        for one in figure if isinstance(figure, list) else [figure]:
            canvas = agg.FigureCanvasAgg(one)
            canvas.draw()
            drawn.append(np.asarray(canvas.buffer_rgba())[:, :, :3])
            if close:
                pyplot.close(one)
        self.add_image(tag, np.stack(drawn), global_step, walltime, "NHWC")

    def add_text(
        self, tag: str, text_string: str, global_step: int | None = None, walltime: float | None = None
    ) -> None:
        """Write a text, which TensorBoard shows as Markdown."""
        self.file_writer.add(summaries.words(tag, str(text_string)), global_step, walltime)

    def add_hparams(
        self,
        hparam_dict: dict[str, Any],
        metric_dict: dict[str, Any],
        hparam_domain_discrete: Any = None,
        run_name: str | None = None,
        global_step: int | None = None,
    ) -> None:
        """Write hyperparameters and what they led to, as a run in a folder of its own."""
        if not isinstance(hparam_dict, dict) or not isinstance(metric_dict, dict):
            raise TypeError("hparam_dict and metric_dict should be dictionary.")
        file = self._file(os.path.join(self.log_dir, run_name or str(time.time())))
        plain = {name: _plain(parameter) for name, parameter in hparam_dict.items()}
        for summary in summaries.hyperparameters(plain, metric_dict):
            file.add(summary, None, None)
        for name, metric in metric_dict.items():
            file.add(summaries.scalar(name, float(_plain(metric))), global_step, None)

    def flush(self) -> None:
        """Hand over to the operating system what is still in memory."""
        for file in self.all_writers.values():
            file.flush()
        if self._lines is not None:
            self._lines.flush()

    def close(self) -> None:
        """Close all files."""
        for file in self.all_writers.values():
            file.close()
        if self._lines is not None:
            self._lines.close()
            self._lines = None

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()


def _skipped(name: str, what: str) -> Any:
    def skip(self: SummaryWriter, *args: Any, **kwargs: Any) -> None:
        warnings.warn(_NOT_WRITTEN.format(what=what, name=name), stacklevel=2)

    skip.__name__, skip.__qualname__ = name, f"SummaryWriter.{name}"
    skip.__doc__ = f"Warn, and do nothing: {what} are not written."
    return skip


_SKIPPED = {"audio": "sounds", "video": "videos", "graph": "graphs", "embedding": "embeddings", "mesh": "meshes"}
_SKIPPED |= {"pr_curve": "precision-recall curves", "custom_scalars": "layouts of charts"}
for _name, _what in _SKIPPED.items():
    setattr(SummaryWriter, f"add_{_name}", _skipped(f"add_{_name}", _what))
