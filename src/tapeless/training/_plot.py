"""Pictures of a training run: in the terminal with nothing installed, in files when matplotlib is there.

Everything here takes plain numbers and ndarrays. Terminal drawings are strings of at most `width` columns
without a final newline; files are written through matplotlib's object-oriented interface, so no global
plotting state is touched. Colours are those of Okabe and Ito (https://jfly.uni-koeln.de/color/), which people
with any common colour blindness can tell apart; line style or marker tells the same again.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TextIO

import numpy as np

Predict = Callable[[np.ndarray], np.ndarray]
History = Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]]

# Strong colours for lines and points, pale ones of the same hue for the regions behind them.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7F7F7F")
PALE_COLORS = ("#B9D8EA", "#F5CDB4", "#B4E1D4", "#F1D9E6", "#F9E5B8", "#DDF0FA", "#BFBFBF", "#E6E6E6")
# The nearest of the 256 colours that nearly every terminal has; lines must show on black and on white.
ANSI_COLORS = (25, 166, 29, 132, 136, 31, 16, 240)
ANSI_LINE_COLORS = (32, 208, 36, 169, 178, 74, 244, 99)
ANSI_PALE_COLORS = (152, 223, 151, 225, 229, 195, 250, 254)

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
UNICODE_MARKS = "●○▲◇■△◆□"
REGION_SHADES, ASCII_REGION_SHADES = " ░▒▓", " .:-"
ASCII_LINE_MARKS = "*o+x#@%&"
# Series i draws in dot column k where DASHES[i][k modulo its length] is 1: solid, dashed, dotted, dash-dot.
DASHES = ("1", "11111000", "100", "1111101000")
LINE_STYLES = ("-", "--", ":", "-.")
# The bit of each dot of a braille character, by row and column; U+2800 has none set.
BRAILLE_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])

SMALLEST_WIDTH, SMALLEST_HEIGHT = 24, 2
NOTHING_TO_DRAW = "(nothing to draw: no finite values)"
NEEDS_MATPLOTLIB = "writing a picture needs matplotlib, which is not installed: pip install 'tapeless[plot]'"

SPLITS = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}
NOT_METRICS = ("epoch", "step", "time", "seconds", "lr", "learning_rate")
PREDICT_CHUNK = 16384  # rows given to `predict` at once, so that a fine grid does not need much memory


# --- in the terminal ----------------------------------------------------------------------------------------


def terminal_abilities(stream: TextIO) -> tuple[bool, bool]:
    """`(unicode, color)`: can `stream` take the characters used here, and does it want colours?

    Colours go to terminals only, and not where the environment sets `NO_COLOR` (https://no-color.org).

    >>> import io
    >>> from tapeless.training._plot import terminal_abilities
    >>> terminal_abilities(io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    (False, False)
    """
    try:
        "⣿▀░●┤└".encode(getattr(stream, "encoding", None) or "ascii")
        unicode = True
    except (UnicodeEncodeError, LookupError):
        unicode = False
    refused = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return unicode, stream.isatty() and not refused


def line_chart(
    series: Mapping[str, Sequence[float | None]],
    width: int = 70,
    height: int = 14,
    title: str = "",
    log: bool = False,
    ascii: bool = False,
    color: bool = False,
    xlabel: str = "epoch",
) -> str:
    """Draw named series of numbers over 1, 2, 3 ... as lines of text, with axes and a legend of last values.

    `width` counts all columns, `height` the rows of the drawing area; its top is the largest value, its
    bottom the smallest. Braille dots draw 2 x 4 points per character; `ascii=True` draws one mark per
    character, for terminals without Unicode. Values that cannot be drawn (None, NaN, infinities, on a `log`
    scale those not above 0) leave gaps, and the legend counts them. Raises `ValueError` for `width < 24` or
    `height < 2`.

    >>> from tapeless.training._plot import line_chart
    >>> print(line_chart({"loss": [4, 2, 1]}, width=24, height=4, ascii=True))
    4 |***
      |   *****
      |        ********
    1 |                *****
      ++---------+---------+
       1         2         3
               epoch
    * loss: last 1
    """
    _check_size(width, height)
    columns = {name: _transformed(values, log) for name, values in series.items()}
    finite = np.concatenate([np.zeros(0), *(values[np.isfinite(values)] for values in columns.values())])
    heading = [_centred(title, width)] if title else []
    if not len(finite):
        return "\n".join([*heading, NOTHING_TO_DRAW])
    scale = _Scale.around(finite, log)
    labels = _vertical_labels(scale, height)
    margin = max(map(len, labels)) + 2
    n = max(map(len, columns.values()))
    dots = (1, 1) if ascii else (4, 2)
    shape = (height * dots[0], (width - margin) * dots[1])
    masks = [_trace(values, scale, n, shape) for values in columns.values()]
    rows = _ascii_rows(masks, color) if ascii else _braille_rows(masks, color)
    note = f"{xlabel} (log scale)" if log else xlabel
    ticks = _count_ticks(n, width - margin)
    legend = [_line_entry(i, name, columns[name], ascii, color, log) for i, name in enumerate(columns)]
    return "\n".join(heading + _with_axes(rows, labels, ticks, note, width, ascii) + _flow(legend, width))


def decision_map(
    grid_classes: np.ndarray,
    points: np.ndarray,
    labels: np.ndarray,
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    width: int = 60,
    height: int = 24,
    color: bool = False,
    ascii: bool = False,
    title: str = "",
) -> str:
    """Draw the regions in which a classifier predicts each class as lines of text, with the data on top.

    `grid_classes` (H, W) holds the predicted class on an even grid over `xlim` x `ylim`, row 0 at `ylim[0]`
    as `np.meshgrid` and `class_grid` have it; `points` (N, 2) and `labels` (N,) are the data. With `color`
    each character shows two pixels as half blocks in ANSI colours; without, regions are shaded, and
    `ascii=True` keeps to ASCII with a point's class as its mark. A point whose mark does not fit its region
    is misclassified; these are drawn last. Raises `ValueError` for wrong shapes or limits, `width < 24` or
    `height < 2`.

    >>> import numpy as np
    >>> from tapeless.training._plot import decision_map
    >>> grid = np.array([[0, 1], [0, 1]])
    >>> print(decision_map(grid, [[-1, 0], [1, 0]], [0, 1], (-2, 2), (-1, 1), width=24, height=3, ascii=True))
     1 |          ..........
       |     0    .....1....
    -1 |          ..........
       ++------------------+
        -2                 2
    0 class 0   1 class 1
    """
    _check_size(width, height)
    grid, points, labels = np.asarray(grid_classes), np.asarray(points, dtype=float), np.asarray(labels)
    if grid.ndim != 2 or grid.size == 0:
        raise ValueError(f"expected grid_classes of shape (H, W), got {grid.shape}")
    _check_points(points, labels)
    if not (xlim[0] < xlim[1] and ylim[0] < ylim[1]):
        raise ValueError(f"expected limits (low, high) with low < high, got xlim={xlim}, ylim={ylim}")
    y_labels = [""] * height
    y_labels[0], y_labels[-1] = f"{ylim[1]:.3g}", f"{ylim[0]:.3g}"
    margin = max(map(len, y_labels)) + 2
    shape = (height, width - margin)
    marks = _place_points(points, labels, _resampled(grid, shape), xlim, ylim)
    if color and not ascii:
        rows = _colored_regions(_resampled(grid, (2 * shape[0], shape[1])), marks)
    else:
        rows = _shaded_regions(_resampled(grid, shape), marks, ascii)
    ticks = {0: f"{xlim[0]:.3g}", shape[1] - 1: f"{xlim[1]:.3g}"}
    entries = [_class_entry(label, ascii, color) for label in np.unique(labels).astype(int).tolist()]
    heading = [_centred(title, width)] if title else []
    return "\n".join(heading + _with_axes(rows, y_labels, ticks, "", width, ascii) + _flow(entries, width))


def class_grid(
    predict: Predict, X: Any, shape: tuple[int, int] = (96, 96)
) -> tuple[np.ndarray, tuple[float, float], tuple[float, float]]:
    """`(classes, xlim, ylim)`: what `predict` says on an even grid, `shape` (H, W), around points `X` (N, 2).

    `predict` maps a float32 ndarray (M, 2) to integer class numbers (M,). The grid reaches 8 % of the data's
    extent beyond it on each side; row 0 is the smallest y. Raises `ValueError` for wrong shapes.

    >>> import numpy as np
    >>> from tapeless.training._plot import class_grid
    >>> classes, xlim, ylim = class_grid(lambda p: (p[:, 0] > 0).astype(int), [[-1, 0], [1, 1]], shape=(2, 4))
    >>> classes.tolist(), xlim
    ([[0, 0, 1, 1], [0, 0, 1, 1]], (-1.16, 1.16))
    """
    X = np.asarray(X, dtype=np.float64)
    _check_points(X, np.zeros(len(X)))
    if not np.isfinite(X).all():
        raise ValueError("expected finite points, got NaN or infinity among them")
    limits = []
    for low, high in zip(X.min(axis=0).tolist(), X.max(axis=0).tolist()):
        room = 0.08 * (high - low) or 1.0
        limits.append((low - room, high + room))
    xlim, ylim = limits
    xs, ys = np.linspace(*xlim, shape[1]), np.linspace(*ylim, shape[0])
    nodes = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2).astype(np.float32)
    return _predicted(predict, nodes).reshape(shape), xlim, ylim


class _Scale(NamedTuple):
    """The vertical axis: transformed values `low..high` fill it; with `log` they are decimal logarithms."""

    low: float
    high: float
    log: bool

    @classmethod
    def around(cls, values: np.ndarray, log: bool) -> _Scale:
        """The scale that just holds these finite transformed values; a constant gets room on both sides."""
        low, high = float(values.min()), float(values.max())
        if low == high:
            room = 0.5 if log else abs(low) * 0.1 or 1.0
            low, high = low - room, high + room
        return cls(low, high, log)

    def fraction(self, values: np.ndarray) -> np.ndarray:
        """0 at the bottom, 1 at the top; all halved, so that `high - low` cannot overflow."""
        return (values / 2 - self.low / 2) / (self.high / 2 - self.low / 2)

    def value(self, fraction: float) -> float:
        """The number that stands at this fraction of the height."""
        value = self.low * (1 - fraction) + self.high * fraction
        return 10.0**value if self.log else value


def _check_size(width: int, height: int) -> None:
    if width < SMALLEST_WIDTH or height < SMALLEST_HEIGHT:
        raise ValueError(
            f"expected width >= {SMALLEST_WIDTH} and height >= {SMALLEST_HEIGHT} characters, "
            f"got width={width}, height={height}"
        )


def _check_points(points: np.ndarray, labels: np.ndarray) -> None:
    if points.ndim != 2 or points.shape[1] != 2 or len(points) == 0:
        raise ValueError(f"expected points of shape (N, 2) with N >= 1, got {points.shape}")
    if labels.shape != (len(points),):
        raise ValueError(f"expected one label per point, shape ({len(points)},), got {labels.shape}")


def _transformed(values: Sequence[float | None], log: bool) -> np.ndarray:
    """The values as float64, logarithms taken where asked, NaN for whatever cannot be drawn."""
    array = np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)
    usable = np.isfinite(array) & (array > 0 if log else True)
    array[~usable] = np.nan
    return np.log10(array) if log else array


def _trace(values: np.ndarray, scale: _Scale, n: int, shape: tuple[int, int]) -> np.ndarray:
    """Which dots of a (rows, columns) canvas the line through `values` covers; `n` values fill its width."""
    n_rows, n_columns = shape
    step = (n_columns - 1) / (n - 1) if n > 1 else 0.0
    x = np.arange(len(values)) * step if n > 1 else np.full(len(values), (n_columns - 1) / 2)
    y = (1 - scale.fraction(values)) * (n_rows - 1)
    # The points themselves, so that no extreme is missed, and the line between them at each column.
    between = np.arange(n_columns)[: int(x[-1]) + 1] if len(x) > 1 else np.zeros(0)
    xs = np.concatenate([x, between])
    ys = np.concatenate([y, np.interp(between, x, y)]) if len(between) else y
    valid = np.isfinite(ys)
    column, row = np.rint(xs[valid]).astype(int), np.rint(ys[valid]).astype(int)
    top, bottom = np.full(n_columns, n_rows), np.full(n_columns, -1)
    np.minimum.at(top, column, row)
    np.maximum.at(bottom, column, row)
    top, bottom = _joined(top, bottom)
    index = np.arange(n_rows)[:, None]
    return (index >= top) & (index <= bottom)


def _joined(top: np.ndarray, bottom: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Stretch neighbouring vertical strokes `top..bottom` towards each other until they touch half-way."""
    left, right = slice(None, -1), slice(1, None)
    both = (bottom[left] >= 0) & (bottom[right] >= 0)
    new_top, new_bottom = top.copy(), bottom.copy()
    falls = both & (top[right] > bottom[left] + 1)
    middle = (bottom[left] + top[right]) // 2
    new_bottom[left] = np.where(falls, middle, new_bottom[left])
    new_top[right] = np.where(falls, middle + 1, new_top[right])
    rises = both & (bottom[right] < top[left] - 1)
    middle = (top[left] + bottom[right]) // 2
    new_top[left] = np.where(rises, np.minimum(middle + 1, new_top[left]), new_top[left])
    new_bottom[right] = np.where(rises, np.maximum(middle, new_bottom[right]), new_bottom[right])
    return new_top, new_bottom


def _dashed(mask: np.ndarray, index: int) -> np.ndarray:
    """The mask in the line style of series `index`; columns that stand alone stay, else points vanish."""
    pattern = _cycle(DASHES, index)
    keep = np.array([pattern[k % len(pattern)] == "1" for k in range(mask.shape[1])])
    used = np.pad(mask.any(axis=0), 1)
    alone = ~used[:-2] & ~used[2:]
    return mask & (keep | alone)


def _braille_rows(masks: list[np.ndarray], color: bool) -> list[str]:
    masks = [_dashed(mask, index) for index, mask in enumerate(masks)]
    height, width = masks[0].shape[0] // 4, masks[0].shape[1] // 2
    cells = [mask.reshape(height, 4, width, 2) for mask in masks]
    bits = np.einsum("hrwc,rc->hw", np.logical_or.reduce(cells).astype(int), BRAILLE_BITS)
    owner = _last_to_draw([np.any(cell, axis=(1, 3)) for cell in cells])
    rows = [[chr(0x2800 + bit) if bit else " " for bit in row] for row in bits.tolist()]
    return _painted_rows(rows, owner, color)


def _ascii_rows(masks: list[np.ndarray], color: bool) -> list[str]:
    owner = _last_to_draw(masks)
    rows = [[_cycle(ASCII_LINE_MARKS, i) if i >= 0 else " " for i in row] for row in owner.tolist()]
    return _painted_rows(rows, owner, color)


def _last_to_draw(masks: list[np.ndarray]) -> np.ndarray:
    """For each character, the last series that has something in it, or -1."""
    owner = np.full(masks[0].shape, -1)
    for index, mask in enumerate(masks):
        owner[mask] = index
    return owner


def _painted_rows(rows: list[list[str]], owner: np.ndarray, color: bool) -> list[str]:
    """Join characters to strings, each in the colour of the series that it belongs to."""
    if not color:
        return ["".join(row) for row in rows]
    return [
        "".join(_painted(c, _cycle(ANSI_LINE_COLORS, i)) if i >= 0 else c for c, i in zip(row, indices))
        for row, indices in zip(rows, owner.tolist())
    ]


def _painted(text: str, foreground: int | None, background: int | None = None) -> str:
    """Text between ANSI colour codes (256 colours); None leaves a colour as it is."""
    codes = [] if foreground is None else [f"38;5;{foreground}"]
    codes += [] if background is None else [f"48;5;{background}"]
    return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if codes else text


def _with_axes(
    rows: list[str], labels: list[str], ticks: dict[int, str], note: str, width: int, ascii: bool
) -> list[str]:
    """Put the vertical axis before the rows, the horizontal axis with its ticks and its note below them."""
    bar, tick, corner, rule, mark = "||+-+" if ascii else "│┤└─┬"
    margin = max(map(len, labels)) + 2
    sides = [f"{label:>{margin - 2}} {tick if label else bar}" for label in labels]
    lines = [(side + row).rstrip() for side, row in zip(sides, rows)]
    span = width - margin
    lines.append(" " * (margin - 1) + corner + "".join(mark if c in ticks else rule for c in range(span)))
    text = [" "] * span
    for column, label in ticks.items():
        start = min(max(column - len(label) // 2, 0), span - len(label))
        text[start : start + len(label)] = label
    lines.append((" " * margin + "".join(text)).rstrip())
    return lines + ([" " * margin + _centred(note, span)] if note else [])


def _vertical_labels(scale: _Scale, height: int) -> list[str]:
    """One label or an empty string per row, with as many digits as it takes to tell them apart."""
    count = min(5, max(2, (height + 2) // 3))
    rows = np.unique(np.rint(np.linspace(0, height - 1, count)).astype(int)).tolist()
    values = [scale.value(1 - row / (height - 1)) for row in rows]
    texts: list[str] = []
    for digits in range(3, 9):
        texts = [f"{value:.{digits}g}" for value in values]
        if len(set(texts)) == len(texts):
            break
    labels = [""] * height
    for row, text in zip(rows, texts):
        labels[row] = text
    return labels


def _count_ticks(n: int, span: int) -> dict[int, str]:
    """Ticks of an axis that counts 1..n over `span` columns: column -> label."""
    if n == 1:
        return {(span - 1) // 2: "1"}
    count = min(n, max(2, min(5, span // (2 * len(str(n)) + 4))))
    numbers = np.rint(np.linspace(1, n, count)).astype(int).tolist()
    return {round((k - 1) / (n - 1) * (span - 1)): str(k) for k in numbers}


def _line_entry(index: int, name: str, values: np.ndarray, ascii: bool, color: bool, log: bool) -> str:
    """A legend entry: line style, name, last value, and how many values could not be drawn."""
    if ascii:
        sample = _cycle(ASCII_LINE_MARKS, index)
    else:
        strip = np.zeros((4, 8), dtype=bool)
        strip[2] = True
        sample = _dashed_sample(strip, index)
    drawn = values[np.isfinite(values)]
    text = f" {name}"
    if len(drawn):
        text += f": last {10 ** drawn[-1] if log else drawn[-1]:.4g}"
    if len(drawn) < len(values):
        text += f" ({len(values) - len(drawn)} of {len(values)} not drawable)"
    return _painted(sample, _cycle(ANSI_LINE_COLORS, index) if color else None) + text


def _dashed_sample(strip: np.ndarray, index: int) -> str:
    cells = _dashed(strip, index).reshape(4, -1, 2)
    bits = np.einsum("rwc,rc->w", cells.astype(int), BRAILLE_BITS)
    return "".join(chr(0x2800 + bit) if bit else " " for bit in bits.tolist())


def _flow(entries: list[str], width: int) -> list[str]:
    """Entries side by side, three spaces apart, on as many lines as they need; too long ones are cut."""
    lines: list[str] = []
    for entry in entries:
        entry = entry[: len(entry) - max(0, _visible_length(entry) - width)]
        if lines and _visible_length(lines[-1]) + 3 + _visible_length(entry) <= width:
            lines[-1] += "   " + entry
        else:
            lines.append(entry)
    return lines


def _visible_length(text: str) -> int:
    """Columns that `text` takes once its colour codes are gone."""
    return sum(len(part.split("m", 1)[1]) if i else len(part) for i, part in enumerate(text.split("\x1b[")))


def _centred(text: str, width: int) -> str:
    return text[:width].center(width).rstrip()


def _cycle(options: Sequence[Any], index: int) -> Any:
    return options[index % len(options)]


def _resampled(grid: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The grid's nearest values on a canvas of `shape`, turned so that row 0 is the top."""
    rows = ((np.arange(shape[0]) + 0.5) / shape[0] * grid.shape[0]).astype(int)
    columns = ((np.arange(shape[1]) + 0.5) / shape[1] * grid.shape[1]).astype(int)
    return grid[np.ix_(rows[::-1], columns)]


def _place_points(
    points: np.ndarray,
    labels: np.ndarray,
    regions: np.ndarray,
    xlim: tuple[float, float],
    ylim: tuple[float, float],
) -> dict[tuple[int, int], int]:
    """The class of the point to draw at each (row, column); points outside the limits are left out."""
    height, width = regions.shape
    across = (points[:, 0] - xlim[0]) / (xlim[1] - xlim[0])
    down = 1 - (points[:, 1] - ylim[0]) / (ylim[1] - ylim[0])
    inside = (across >= 0) & (across <= 1) & (down >= 0) & (down <= 1)
    columns = np.minimum((across[inside] * width).astype(int), width - 1)
    rows = np.minimum((down[inside] * height).astype(int), height - 1)
    kept = labels[inside].astype(int)
    # Points that do not fit their region come last: where several share a character, an error must show.
    order = np.argsort(regions[rows, columns] != kept, kind="stable")
    return {(int(rows[i]), int(columns[i])): int(kept[i]) for i in order}


def _point_mark(label: int, ascii: bool) -> str:
    return str(label % 10) if ascii else _cycle(UNICODE_MARKS, label)


def _class_entry(label: int, ascii: bool, color: bool) -> str:
    """A legend entry: the mark of a class, with `color` on the ground of its region."""
    mark = _point_mark(label, ascii)
    if color and not ascii:
        mark = _painted(f" {mark} ", _cycle(ANSI_COLORS, label), _cycle(ANSI_PALE_COLORS, label))
    return f"{mark} class {label}"


def _shaded_regions(regions: np.ndarray, marks: dict[tuple[int, int], int], ascii: bool) -> list[str]:
    shades = ASCII_REGION_SHADES if ascii else REGION_SHADES
    rows = [[_cycle(shades, label) for label in row] for row in regions.astype(int).tolist()]
    for (row, column), label in marks.items():
        rows[row][column] = _point_mark(label, ascii)
    return ["".join(row) for row in rows]


def _colored_regions(pixels: np.ndarray, marks: dict[tuple[int, int], int]) -> list[str]:
    """Two rows of `pixels` per line: the upper half block in one colour on the other as background."""
    lines = []
    for row in range(len(pixels) // 2):
        cells = []
        for column, (upper, lower) in enumerate(zip(*pixels[2 * row : 2 * row + 2].astype(int).tolist())):
            above, below = _cycle(ANSI_PALE_COLORS, upper), _cycle(ANSI_PALE_COLORS, lower)
            label = marks.get((row, column))
            if label is not None:
                cells.append(_painted(_point_mark(label, False), _cycle(ANSI_COLORS, label), above))
            else:
                cells.append(_painted("▀", above, below))
        lines.append("".join(cells))
    return lines


# --- in files, with matplotlib ------------------------------------------------------------------------------


def matplotlib_available() -> bool:
    """Is matplotlib installed? Does not import it, so the question is cheap.

    >>> from tapeless.training._plot import matplotlib_available
    >>> isinstance(matplotlib_available(), bool)
    True
    """
    return importlib.util.find_spec("matplotlib") is not None


def save_loss_curve(history: History, path: str | os.PathLike[str], title: str = "") -> None:
    """Write the curves of a training run, one panel per metric, to a picture file (PNG, SVG, PDF by suffix).

    `history` maps names to one number per epoch, or is a list with one such mapping per epoch. `train_`,
    `val_` or `test_` before a name says which curve of a panel it is (none: train), so `loss`, `test_loss`,
    `accuracy` and `test_accuracy` make two panels of two curves. A loss that falls more than thirtyfold gets
    a log scale. Raises `ValueError` when there is nothing to draw, `ModuleNotFoundError` without matplotlib.

    Example (writes a file)::

        save_loss_curve({"loss": [2.3, 0.9], "test_loss": [1.2, 0.8]}, "curves.png")
    """
    panels = _panels(_as_columns(history))
    if not panels:
        raise ValueError(f"expected a history with at least one number to draw, got {_brief(history)}")
    across = min(len(panels), 3)
    down = -(-len(panels) // across)
    figure = _new_figure(5.4 * across, 4.0 * down + 0.3 * bool(title))
    for index, (metric, curves) in enumerate(panels.items()):
        _draw_metric(figure.add_subplot(down, across, index + 1), metric, curves)
    if title:
        figure.suptitle(title)
    figure.savefig(path)


def save_decision_boundary(predict: Predict, X: Any, y: Any, path: str | os.PathLike[str], title: str = "") -> None:
    """Write a picture of the regions in which `predict` says each class, with points `X` (N, 2), `y` (N,).

    `predict` maps a float32 ndarray (M, 2) to integer class numbers (M,). Misclassified points are ringed,
    and the title tells how many there are. The suffix of `path` says the format (PNG, SVG, PDF ...). Raises
    `ValueError` for wrong shapes, `ModuleNotFoundError` without matplotlib.

    Example (writes a file)::

        save_decision_boundary(lambda p: (p[:, 0] > 0).astype(int), X, y, "boundary.png")
    """
    X, y = np.asarray(X, dtype=np.float32), np.asarray(y).astype(np.int64)
    _check_points(X, y)
    grid, xlim, ylim = class_grid(predict, X, shape=(400, 400))
    wrong = _predicted(predict, X) != y
    figure = _new_figure(6.0, 5.6)
    axes = figure.add_subplot()
    _draw_regions(axes, grid, xlim, ylim)
    for label in np.unique(y).tolist():
        chosen = y == label
        look = {"marker": _cycle(MARKERS, label), "color": _cycle(COLORS, label), "edgecolors": "white"}
        axes.scatter(*X[chosen].T, s=32, linewidths=0.6, label=f"class {label}", zorder=2, **look)
    if wrong.any():
        ring = {"facecolors": "none", "edgecolors": "black", "linewidths": 1.3}
        axes.scatter(*X[wrong].T, s=110, label="misclassified", zorder=3, **ring)
    axes.set(xlim=xlim, ylim=ylim, xlabel="$x_1$", ylabel="$x_2$")
    shape = (ylim[1] - ylim[0]) / (xlim[1] - xlim[0])
    axes.set_aspect("equal" if 1 / 3 < shape < 3 else "auto")
    summary = f"{len(y) - wrong.sum()} of {len(y)} points right ({1 - wrong.mean():.1%})"
    axes.set_title(f"{title}\n{summary}" if title else summary, fontsize=11)
    figure.legend(loc="outside lower center", ncols=min(5, len(np.unique(y)) + 1), frameon=False)
    figure.savefig(path)


def _new_figure(width: float, height: float) -> Any:
    """An empty figure of this size in inches, drawn by Agg, unknown to pyplot."""
    if not matplotlib_available():
        raise ModuleNotFoundError(NEEDS_MATPLOTLIB, name="matplotlib")
    # Imported late: matplotlib is optional and takes longer to import than all of Tapeless.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _as_columns(history: History) -> dict[str, np.ndarray]:
    """Name -> float64 values per epoch, NaN where there are none; what is not numbers is left out."""
    if isinstance(history, Mapping):
        table = {k: list(v) for k, v in history.items() if isinstance(v, Sequence | np.ndarray)}
    else:
        names = dict.fromkeys(name for row in history for name in row)
        table = {name: [row.get(name) for row in history] for name in names}
    columns = {}
    for name, values in table.items():
        try:
            columns[name] = np.array([np.nan if value is None else float(value) for value in values])
        except (TypeError, ValueError):
            continue
    return columns


def _panels(columns: dict[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """Metric -> split ("train", "validation", "test") -> values, without what is empty or no metric."""
    panels: dict[str, dict[str, np.ndarray]] = {}
    for name, values in columns.items():
        first, _, rest = name.partition("_")
        split, metric = (SPLITS[first], rest) if rest and first in SPLITS else ("train", name)
        if metric not in NOT_METRICS and np.isfinite(values).any():
            panels.setdefault(metric, {})[split] = values
    return panels


def _draw_metric(axes: Any, metric: str, curves: dict[str, np.ndarray]) -> None:
    """One panel: a metric's curves over the epochs; marks and legend say where each was best."""
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    rate = "acc" in metric
    for index, split in enumerate(curves):
        values = curves[split]
        epochs = np.arange(1, len(values) + 1)
        good = np.where(np.isfinite(values), values, -np.inf if rate else np.inf)
        best = int(good.argmax() if rate else good.argmin())
        form = ".1%" if rate else ".3g"
        label = f"{split}: best {values[best]:{form}} (epoch {best + 1})"
        color = _cycle(COLORS, index)
        axes.plot(epochs, values, _cycle(LINE_STYLES, index), color=color, linewidth=1.8, label=label)
        axes.plot(epochs[best], values[best], _cycle(MARKERS, index), color=color, markersize=6)
    values = np.concatenate([v[np.isfinite(v)] for v in curves.values()])
    if not rate and values.min() > 0 and values.max() > 30 * values.min():
        axes.set_yscale("log")
    if rate and values.max() <= 1:
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.xaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
    axes.set(xlabel="epoch", ylabel=metric.replace("_", " "))
    axes.grid(color="#DDDDDD", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)


def _draw_regions(axes: Any, grid: np.ndarray, xlim: tuple[float, float], ylim: tuple[float, float]) -> None:
    """Fill each class's region in its pale colour, with a thin line where the prediction changes."""
    from matplotlib.colors import to_rgb

    palette = np.array([to_rgb(color) for color in PALE_COLORS])
    axes.imshow(palette[grid % len(palette)], extent=(*xlim, *ylim), origin="lower", aspect="auto", zorder=0)
    xs, ys = np.linspace(*xlim, grid.shape[1]), np.linspace(*ylim, grid.shape[0])
    for label in np.unique(grid)[1:].tolist():
        inside = (grid >= label).astype(float)
        axes.contour(xs, ys, inside, levels=[0.5], colors="#555555", linewidths=0.9, zorder=1)


def _predicted(predict: Predict, points: np.ndarray) -> np.ndarray:
    """What `predict` says of float32 points (N, 2), asked in chunks and checked: int64 (N,)."""
    parts = []
    for start in range(0, len(points), PREDICT_CHUNK):
        chunk = points[start : start + PREDICT_CHUNK]
        classes = np.asarray(predict(chunk))
        if classes.shape != (len(chunk),) or classes.dtype.kind not in "iub":
            raise ValueError(
                f"expected predict to return integer class numbers of shape ({len(chunk)},) for points of "
                f"shape {chunk.shape}, got {classes.dtype} of shape {classes.shape}; is an argmax(1) missing?"
            )
        parts.append(classes.astype(np.int64))
    return np.concatenate(parts)


def _brief(history: History) -> str:
    if isinstance(history, Mapping):
        return f"columns {list(history)}" if history else "an empty mapping"
    return f"{len(history)} rows"
