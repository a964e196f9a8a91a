"""Encoded summaries: scalars, histograms, images, texts, hyperparameters.

The fields are those of TensorBoard's summary.proto, tensor.proto and the plugin of hyperparameters (api.proto).
Source: https://github.com/tensorflow/tensorboard/tree/master/tensorboard/compat/proto
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np

from ._protobuf import double, doubles, integer, message, single, text

_FLOAT, _DOUBLE, _STRING = 1, 2, 7  # DataType


def value(tag: str, *fields: bytes) -> bytes:
    """Return a summary with one value."""
    return message(1, text(1, tag) + b"".join(fields))


def _plugin(name: str, content: bytes = b"") -> bytes:
    """Return the metadata that says which plugin shows a value."""
    return message(9, message(1, text(1, name) + (message(2, content) if content else b"")))


def scalar(tag: str, number: float, new_style: bool = False, double_precision: bool = False) -> bytes:
    """Return a number, in the old field or as a tensor of the plugin of scalars."""
    if not new_style:
        return value(tag, single(2, number))
    if double_precision:
        return value(tag, message(8, integer(1, _DOUBLE) + doubles(6, [number])), _plugin("scalars"))
    packed = single(5, number)[1:]
    return value(tag, message(8, integer(1, _FLOAT) + message(5, packed)), _plugin("scalars"))


def words(tag: str, content: str) -> bytes:
    """Return a text."""
    shape = message(2, message(2, integer(1, 1)))
    tensor = message(8, integer(1, _STRING) + shape + text(8, content))
    return value(f"{tag}/text_summary", tensor, _plugin("text"))


# --- histograms ----------------------------------------------------------------------------------------------------


def bucket_edges() -> Any:
    """Return TensorFlow's limits: 0 and both signs of 1e-12 times powers of 1.1."""
    positive = 1e-12 * 1.1 ** np.arange(774)
    return np.concatenate([-positive[::-1], [0.0], positive])


def histogram(tag: str, values: Any, bins: Any, max_bins: int | None = None) -> bytes:
    """Return a histogram of all elements. Raises ValueError when there are none."""
    values = np.asarray(values, "float64").ravel()
    if values.size == 0:
        raise ValueError("The input has no element.")
    edges = bucket_edges() if isinstance(bins, str) and bins == "tensorflow" else bins
    counts, limits = np.histogram(values, bins=edges)
    if max_bins is not None and len(counts) > max_bins:
        step = -(-len(counts) // max_bins)
        counts = np.add.reduceat(counts, np.arange(0, len(counts), step))
        limits = np.append(limits[:-1][::step], limits[-1])
    filled = np.flatnonzero(counts)
    if filled.size == 0:
        raise ValueError("The histogram is empty, please file a bug report: all elements are outside of the bins.")
    start, stop = filled[0], filled[-1] + 1
    # A bucket lies below its limit, so an empty one in front says where the first begins.
    limits, counts = limits[start : stop + 1], np.concatenate([[0], counts[start:stop]])
    return histogram_raw(
        tag, values.min(), values.max(), values.size, values.sum(), values @ values, limits.tolist(), counts.tolist()
    )


def histogram_raw(
    tag: str, low: float, high: float, num: int, total: float, squares: float, limits: Any, counts: Any
) -> bytes:
    """Return a histogram of known counts."""
    fields = [float(number) for number in (low, high, num, total, squares)]
    numbers = b"".join(double(field, number) for field, number in enumerate(fields, 1))
    return value(tag, message(5, numbers + doubles(6, limits) + doubles(7, counts)))


# --- images --------------------------------------------------------------------------------------------------------


def png(pixels: Any) -> bytes:
    """Return uint8 pixels (height, width, channels) as a PNG file; 1 to 4 channels.

    Source: https://www.w3.org/TR/png/
    """
    height, width, channels = pixels.shape
    color = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = np.zeros((height, 1 + width * channels), "uint8")  # each row starts with its filter, 0 for none
    rows[:, 1:] = pixels.reshape(height, width * channels)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows.tobytes(), 6)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


def as_pixels(image: Any, dataformats: str) -> Any:
    """Return an image, or several as a grid, as uint8 (height, width, channels); floats from 0 to 1 become 0 to 255."""
    image = np.asarray(image)
    order = dataformats.upper()
    if image.ndim != len(order) or len(set(order)) != len(order) or not set("HW") <= set(order) <= set("NHWC"):
        raise AssertionError(
            f"size of input tensor and input format are different: tensor shape {image.shape}, input_format {order}"
        )
    if image.dtype != np.uint8:
        image = np.clip(image.astype("float32") * 255.0, 0, 255).astype("uint8")
    for axis in "CN":
        if axis not in order:
            image, order = image[None], axis + order
    image = image.transpose([order.index(axis) for axis in "NHWC"])
    return _grid(image) if len(image) > 1 else image[0]


def _grid(images: Any) -> Any:
    """Lay images (n, height, width, channels) side by side, at most eight in a row."""
    n, height, width, channels = images.shape
    columns = min(n, 8)
    rows = -(-n // columns)
    grid = np.zeros((rows * height, columns * width, channels), "uint8")
    for index, image in enumerate(images):
        top, left = index // columns * height, index % columns * width
        grid[top : top + height, left : left + width] = image
    return grid


def picture(tag: str, pixels: Any) -> bytes:
    """Return uint8 pixels (height, width, channels) as an image."""
    height, width, channels = pixels.shape
    fields = integer(1, height) + integer(2, width) + integer(3, channels) + message(4, png(pixels))
    return value(tag, message(4, fields))


# --- hyperparameters -----------------------------------------------------------------------------------------------


def hyperparameters(parameters: dict[str, Any], metrics: dict[str, Any]) -> list[bytes]:
    """Return the three summaries that declare an experiment, start a session of it, and end it."""
    infos, start = b"", b""
    for name, parameter in parameters.items():
        kind, encoded = _parameter(parameter)
        infos += message(4, text(1, name) + integer(4, kind))
        start += message(1, text(1, name) + message(2, encoded))
    infos += b"".join(message(5, message(1, text(2, name))) for name in metrics)
    contents = {
        "_hparams_/experiment": message(2, infos),
        "_hparams_/session_start_info": message(3, start),
        "_hparams_/session_end_info": message(4, integer(1, 1)),
    }
    return [value(tag, _plugin("hparams", content)) for tag, content in contents.items()]


def _parameter(parameter: Any) -> tuple[int, bytes]:
    """Return the kind of a hyperparameter (text, truth, number) and its value."""
    if isinstance(parameter, bool):
        return 2, integer(4, parameter)
    if isinstance(parameter, (int, float)):
        return 3, double(2, parameter)
    if isinstance(parameter, str):
        return 1, text(3, parameter)
    raise ValueError("value should be one of int, float, str, bool, or torch.Tensor")
