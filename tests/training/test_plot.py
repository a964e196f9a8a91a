"""Pictures say what they should: extremes in their rows, names in legends, classes in place, sane files."""

from __future__ import annotations

import io
import math
import re
import struct
import subprocess
import sys

import numpy as np
import pytest

from tapeless.training import _plot
from tapeless.training._plot import (
    NOTHING_TO_DRAW,
    class_grid,
    decision_map,
    line_chart,
    matplotlib_available,
    save_decision_boundary,
    save_loss_curve,
    terminal_abilities,
)

needs_matplotlib = pytest.mark.skipif(not matplotlib_available(), reason="matplotlib is not installed")
both_alphabets = pytest.mark.parametrize("ascii", [False, True], ids=["unicode", "ascii"])


def plain(text):
    """The text without its colour codes."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def area(chart, height):
    """The drawing area: what stands right of the vertical axis, as `height` equally long strings."""
    lines = [line for line in plain(chart).split("\n") if re.match(r"^ *[-+.e\d]* [|│┤]", line)]
    assert len(lines) == height, chart
    rows = [re.split(r"[|│┤]", line, maxsplit=1)[1] for line in lines]
    return [row.ljust(max(map(len, rows))) for row in rows]


def ink(row):
    return [column for column, character in enumerate(row) if character != " "]


def axis_numbers(chart):
    return [float(m) for m in re.findall(r"^ *([-+.e\d]+) [|│┤]", plain(chart), flags=re.M)]


# --- line_chart


@both_alphabets
def test_extremes_sit_in_the_top_and_bottom_rows(ascii):
    values = [1.0, 2.0, 9.0, 2.0, -9.0, 1.0]
    rows = area(line_chart({"a": values}, width=60, height=9, ascii=ascii), 9)
    width = max(max(ink(row), default=0) for row in rows)
    assert ink(rows[0]) and ink(rows[-1])
    assert np.mean(ink(rows[0])) / width == pytest.approx(2 / 5, abs=0.03), "the third of six values"
    assert np.mean(ink(rows[-1])) / width == pytest.approx(4 / 5, abs=0.03), "the fifth of six values"


@both_alphabets
def test_a_falling_curve_falls_without_holes(ascii):
    rows = area(line_chart({"loss": np.exp(-np.arange(40) / 4)}, width=70, height=12, ascii=ascii), 12)
    starts = [min(ink(row)) for row in rows]
    assert starts == sorted(starts), "each row begins right of the one above"
    covered = {column for row in rows for column in ink(row)}
    assert covered == set(range(max(covered) + 1)), "every column is drawn"


@both_alphabets
def test_axes_and_legend_carry_numbers_and_names(ascii):
    chart = line_chart(
        {"train loss": [4.0, 2.0, 1.0], "test loss": [5.0, 3.0, 2.5]}, title="Loss on digits", ascii=ascii
    )
    lines = chart.split("\n")
    assert lines[0].strip() == "Loss on digits"
    assert axis_numbers(chart)[0] == 5.0 and axis_numbers(chart)[-1] == 1.0
    assert "train loss: last 1" in lines[-1] and "test loss: last 2.5" in lines[-1]
    assert lines[-2].strip() == "epoch"
    assert lines[-3].split() == ["1", "2", "3"]


@both_alphabets
@pytest.mark.parametrize("width", [24, 40, 70, 120])
def test_no_line_is_wider_than_asked(ascii, width):
    series = {"a rather long name, longer than a narrow chart": np.geomspace(1e-9, 1e9, 1000), "b": [1]}
    chart = line_chart(series, width=width, title="t" * 200, ascii=ascii)
    assert max(map(len, chart.split("\n"))) <= width


def test_ascii_is_ascii_and_braille_is_finer():
    series = {"a": np.sin(np.arange(100) / 10), "b": [0.0, math.nan], "c": [1]}
    assert line_chart(series, ascii=True, title="x").isascii()
    assert any(0x2800 < ord(character) < 0x2900 for character in line_chart(series))


def test_braille_dots_are_where_the_values_are():
    # Two values over one row of characters per level: the line runs from the lowest dot to the highest.
    rows = area(line_chart({"a": [0, 1]}, width=24, height=2), 2)
    assert rows[-1][0] in "⡀⣀⡠⣠⡄", "starts in the lowest dot row at the left"
    assert ord(rows[0].rstrip()[-1]) - 0x2800 & 0x09, "ends in the highest dot row at the right"


def test_log_scale_makes_a_geometric_fall_straight():
    values = np.geomspace(1, 1e-4, 30)
    chart = line_chart({"loss": values}, height=9, log=True, ascii=True)
    assert axis_numbers(chart)[0] == 1.0 and axis_numbers(chart)[-1] == pytest.approx(1e-4)
    middles = [np.mean(ink(row)) for row in area(chart, 9)]
    np.testing.assert_allclose(np.diff(middles)[1:-1], np.diff(middles)[1:-1].mean(), atol=1.0)
    assert "log scale" in chart and "last 0.0001" in chart


def test_log_scale_leaves_out_and_counts_what_has_no_logarithm():
    chart = line_chart({"loss": [1.0, 0.0, -1.0, 0.1]}, log=True)
    assert "2 of 4 not drawable" in chart and "last 0.1" in chart


@both_alphabets
def test_gaps_are_left_open_and_counted(ascii):
    values = [1.0] * 10 + [math.nan, math.inf, -math.inf, None] * 5 + [1.0, 2.0] * 5
    chart = line_chart({"loss": values}, width=60, height=5, ascii=ascii)
    assert "20 of 40 not drawable" in chart
    columns = sorted({column for row in area(chart, 5) for column in ink(row)})
    gap = np.diff(columns).max()
    assert gap > 20, "the twenty missing values leave their half of the width empty"


@both_alphabets
def test_a_point_between_gaps_is_still_seen_in_any_line_style(ascii):
    for position in range(9):
        lonely = [math.nan] * 9
        lonely[position] = 5.0
        series = {name: [math.nan] for name in "abc"} | {"lonely": lonely}
        rows = area(line_chart(series, width=30, height=3, ascii=ascii), 3)
        assert sum(len(ink(row)) for row in rows) == 1, position


@both_alphabets
def test_constant_and_single_values_lie_in_the_middle(ascii):
    for values in ([3.0] * 20, [3.0], [0.0, 0.0], [-2.5]):
        chart = line_chart({"a": values}, height=5, ascii=ascii)
        drawn = [index for index, row in enumerate(area(chart, 5)) if ink(row)]
        assert drawn == [2]
        high, low = axis_numbers(chart)[0], axis_numbers(chart)[-1]
        assert low < values[0] < high


@pytest.mark.parametrize("series", [{}, {"a": []}, {"a": [math.nan, math.inf, None]}])
def test_nothing_to_draw_is_said(series):
    assert line_chart(series, title="Loss").split("\n") == ["Loss".center(70).rstrip(), NOTHING_TO_DRAW]
    assert NOTHING_TO_DRAW in line_chart(series, log=True, ascii=True)


def test_extreme_numbers_do_not_overflow():
    chart = line_chart({"a": [-1e308, 1e308, 0.0], "b": [5e-324]}, height=5)
    rows = area(chart, 5)
    assert ink(rows[0]) and ink(rows[-1]) and axis_numbers(chart)[0] == 1e308


def test_axis_labels_have_enough_digits_to_differ():
    numbers = axis_numbers(line_chart({"a": [0.99991, 0.99993]}))
    assert len(set(numbers)) == len(numbers)


def test_more_values_than_columns_keep_a_lonely_spike():
    values = np.zeros(10_000)
    values[7_000] = 1
    rows = area(line_chart({"a": values}, width=60, height=6), 6)
    assert len(ink(rows[0])) == 1 and abs(ink(rows[0])[0] / len(rows[0]) - 0.7) < 0.05


def test_colors_mark_series_and_change_nothing_else():
    series = {"a": [1, 2, 3], "b": [3, 2, 1]}
    for ascii in (False, True):
        colored = line_chart(series, color=True, ascii=ascii)
        assert plain(colored) == line_chart(series, ascii=ascii)
        assert "\x1b[38;5;32m" in colored and "\x1b[38;5;208m" in colored
        assert colored.count("\x1b[0m") == len(re.findall(r"\x1b\[38", colored)), "each colour is closed"


@pytest.mark.parametrize(
    "draw",
    [
        lambda **size: line_chart({"a": [1]}, **size),
        lambda **size: decision_map(np.zeros((2, 2), int), [[0, 0]], [0], (-1, 1), (-1, 1), **size),
    ],
)
def test_too_small_is_refused(draw):
    with pytest.raises(ValueError, match=r"expected width >= 24 and height >= 2 .*got width=10, height=14"):
        draw(width=10, height=14)
    with pytest.raises(ValueError, match=r"got width=70, height=1"):
        draw(width=70, height=1)


# --- decision_map and class_grid

QUADRANTS = np.array([[0, 1], [2, 3]])  # row 0 is the bottom: 0 lower left, 1 lower right, 2 and 3 above


def test_regions_stand_the_right_way_up():
    picture = decision_map(QUADRANTS, [[0, 0]], [0], (-1, 1), (-1, 1), width=40, height=10, ascii=True)
    rows = area(picture, 10)
    half = len(rows[0]) // 2
    shades = [rows[9][0], rows[9][half + 2], rows[0][0], rows[0][half + 2]]
    assert shades == list(" .:-")


@both_alphabets
def test_points_are_drawn_at_their_places(ascii):
    points, labels = [[-1, -1], [1, -1], [-1, 1], [1, 1]], [0, 1, 2, 3]
    picture = decision_map(QUADRANTS, points, labels, (-1, 1), (-1, 1), width=40, height=10, ascii=ascii)
    rows = area(picture, 10)
    corners = [rows[9][0], rows[9].rstrip()[-1], rows[0][0], rows[0].rstrip()[-1]]
    assert corners == (list("0123") if ascii else list("●○▲◇"))


def test_color_shows_two_pixels_per_character():
    grid = np.array([[0], [1], [0], [1]])
    picture = decision_map(grid, [[9, 9]], [0], (-1, 1), (-1, 1), width=24, height=2, color=True)
    rows = picture.split("\n")[:2]
    for row in rows:  # class 1 above class 0 in each character
        assert re.findall(r"\x1b\[([\d;]+)m▀", row) == ["38;5;223;48;5;152"] * len(re.findall("▀", row))
        assert row.count("▀") >= 15


def test_color_and_plain_agree_on_points():
    rng = np.random.default_rng(0)
    points, labels = rng.uniform(-1, 1, size=(40, 2)), rng.integers(0, 4, size=40)
    pictures = [
        area(decision_map(QUADRANTS, points, labels, (-1, 1), (-1, 1), color=color), 24) for color in (False, True)
    ]
    for plain_row, color_row in zip(*pictures):
        assert re.sub("[^●○▲◇]", " ", plain_row).rstrip() == re.sub("[^●○▲◇]", " ", color_row).rstrip()


def test_a_misclassified_point_is_drawn_over_others():
    grid = np.zeros((4, 4), int)
    rows = area(decision_map(grid, [[0, 0]] * 3, [0, 1, 0], (-1, 1), (-1, 1), ascii=True), 24)
    assert "1" in "".join(rows) and "0" not in "".join(rows)


def test_points_outside_the_limits_are_left_out():
    rows = area(decision_map(QUADRANTS * 0, [[5, 0], [0, -5]], [0, 1], (-1, 1), (-1, 1), ascii=True), 24)
    assert not "".join(rows).strip()


@both_alphabets
def test_map_has_limits_title_and_legend(ascii):
    picture = decision_map(
        QUADRANTS, [[0, 0], [1, 1]], [0, 3], (-1.5, 2.5), (-3, 4), width=50, title="xor", ascii=ascii
    )
    lines = picture.split("\n")
    assert lines[0].strip() == "xor"
    assert axis_numbers(picture) == [4.0, -3.0]
    assert lines[-2].split() == ["-1.5", "2.5"]
    assert "class 0" in lines[-1] and "class 3" in lines[-1] and "class 1" not in lines[-1]
    assert max(map(len, lines)) <= 50
    assert picture.isascii() == ascii


def test_map_refuses_wrong_shapes():
    with pytest.raises(ValueError, match=r"expected grid_classes of shape \(H, W\), got \(4,\)"):
        decision_map(np.zeros(4), [[0, 0]], [0], (0, 1), (0, 1))
    with pytest.raises(ValueError, match=r"expected points of shape \(N, 2\) with N >= 1, got \(1, 3\)"):
        decision_map(QUADRANTS, [[0, 0, 0]], [0], (0, 1), (0, 1))
    with pytest.raises(ValueError, match=r"expected one label per point, shape \(1,\), got \(2,\)"):
        decision_map(QUADRANTS, [[0, 0]], [0, 1], (0, 1), (0, 1))
    with pytest.raises(ValueError, match=r"expected limits \(low, high\) with low < high, got xlim=\(1, 1\)"):
        decision_map(QUADRANTS, [[0, 0]], [0], (1, 1), (0, 1))


def test_class_grid_covers_the_data_with_row_zero_at_the_bottom():
    seen = []

    def predict(points):
        seen.append(points)
        return (points[:, 1] > 0).astype(np.int64)

    classes, xlim, ylim = class_grid(predict, [[0, -1], [10, 1]], shape=(200, 150))
    assert classes.shape == (200, 150) and classes.dtype == np.int64
    assert (classes[0] == 0).all() and (classes[-1] == 1).all()
    assert xlim == pytest.approx((-0.8, 10.8)) and ylim == pytest.approx((-1.16, 1.16))
    assert all(chunk.dtype == np.float32 and chunk.shape[1] == 2 for chunk in seen)
    assert len(seen) == 2, "30,000 nodes are asked for in two chunks"


def test_class_grid_refuses_scores_and_bad_points():
    with pytest.raises(ValueError, match=r"integer class numbers of shape .*float64 of shape .*argmax\(1\)"):
        class_grid(lambda p: np.zeros((len(p), 2)), [[0, 0], [1, 1]])
    with pytest.raises(ValueError, match="expected finite points"):
        class_grid(lambda p: np.zeros(len(p), int), [[0, math.nan], [1, 1]])


def test_class_grid_of_a_single_point_has_room():
    _, xlim, ylim = class_grid(lambda p: np.zeros(len(p), int), [[3, 4]])
    assert xlim == (2, 4) and ylim == (3, 5)


# --- the terminal


def test_abilities_follow_the_stream(monkeypatch):
    class Terminal(io.TextIOWrapper):
        def isatty(self):
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert terminal_abilities(Terminal(io.BytesIO(), encoding="utf-8")) == (True, True)
    assert terminal_abilities(Terminal(io.BytesIO(), encoding="latin-1")) == (False, True)
    assert terminal_abilities(io.TextIOWrapper(io.BytesIO(), encoding="utf-8")) == (True, False)
    assert terminal_abilities(io.StringIO()) == (False, False)
    monkeypatch.setenv("NO_COLOR", "1")
    assert terminal_abilities(Terminal(io.BytesIO(), encoding="utf-8")) == (True, False)


# --- files

HISTORY = {
    "epoch": [1, 2, 3],
    "loss": [2.0, 1.0, 0.5],
    "test_loss": [2.1, 1.3, 1.4],
    "accuracy": [0.5, 0.8, 0.9],
    "test_accuracy": [0.4, None, 0.7],
    "lr": [0.1, 0.1, 0.1],
}


@pytest.fixture
def figures(monkeypatch):
    """The matplotlib figures that the code under test makes, in order."""
    made, make = [], _plot._new_figure

    def make_and_keep(width, height):
        made.append(make(width, height))
        return made[-1]

    monkeypatch.setattr(_plot, "_new_figure", make_and_keep)
    return made


def png_pixels(path):
    """Width, height and the RGB array of a PNG file."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    from matplotlib.image import imread

    return width, height, imread(path)[..., :3]


def share_of(pixels, color):
    """The share of pixels that have this "#RRGGBB" colour."""
    wanted = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return float((np.abs(pixels - wanted).max(axis=-1) < 0.01).mean())


@needs_matplotlib
def test_loss_curve_is_a_png_with_two_panels_in_two_colors(tmp_path):
    path = tmp_path / "loss.png"
    save_loss_curve(HISTORY, path, title="digits")
    width, height, pixels = png_pixels(path)
    assert 1000 < width < 2500 and 400 < height < 1500
    assert path.stat().st_size < 500_000
    for half in (pixels[:, : width // 2], pixels[:, width // 2 :]):
        assert share_of(half, _plot.COLORS[0]) > 5e-4 and share_of(half, _plot.COLORS[1]) > 3e-4
        assert share_of(half, "#FFFFFF") > 0.8


@needs_matplotlib
def test_loss_curve_names_metrics_splits_and_best_epochs(tmp_path, figures):
    save_loss_curve(HISTORY, tmp_path / "a.png")
    rows = [{name: values[i] for name, values in HISTORY.items()} for i in range(3)]
    save_loss_curve(rows, tmp_path / "b.png")
    for figure in figures:
        loss, accuracy = figure.axes
        assert (loss.get_xlabel(), loss.get_ylabel(), accuracy.get_ylabel()) == ("epoch", "loss", "accuracy")
        texts = [[text.get_text() for text in axes.get_legend().get_texts()] for axes in figure.axes]
        assert texts == [
            ["train: best 0.5 (epoch 3)", "test: best 1.3 (epoch 2)"],
            ["train: best 90.0% (epoch 3)", "test: best 70.0% (epoch 3)"],
        ]
        np.testing.assert_array_equal(loss.lines[0].get_ydata(), HISTORY["loss"])
        assert loss.get_yscale() == "linear"


@needs_matplotlib
def test_a_loss_that_falls_far_gets_a_log_scale(tmp_path, figures):
    save_loss_curve({"loss": [3.0, 0.01]}, tmp_path / "a.png")
    save_loss_curve({"loss": [3.0, 0.0]}, tmp_path / "b.png")
    assert [figure.axes[0].get_yscale() for figure in figures] == ["log", "linear"]


@needs_matplotlib
def test_loss_curve_writes_the_format_of_the_suffix(tmp_path):
    save_loss_curve({"loss": [1.0]}, str(tmp_path / "loss.svg"))
    assert "<svg" in (tmp_path / "loss.svg").read_text(encoding="utf-8")


@needs_matplotlib
@pytest.mark.parametrize("history, said", [({}, "an empty mapping"), ([], "0 rows"), ({"loss": [None]}, "'loss'")])
def test_a_history_without_numbers_is_refused(history, said, tmp_path):
    with pytest.raises(ValueError, match=rf"expected a history with at least one number .*got .*{said}"):
        save_loss_curve(history, tmp_path / "x.png")
    assert not (tmp_path / "x.png").exists()


@needs_matplotlib
def test_decision_boundary_fills_regions_and_draws_points(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(60, 2)).astype(np.float32)
    y = (X[:, 0] > 0).astype(np.int64)
    path = tmp_path / "boundary.png"
    save_decision_boundary(lambda p: (p[:, 0] > 0).astype(int), X, y, path, title="halves")
    width, height, pixels = png_pixels(path)
    assert 600 < width < 1500 and 600 < height < 1500 and path.stat().st_size < 1_000_000
    left, right = pixels[:, : width // 2], pixels[:, width // 2 :]
    assert share_of(left, _plot.PALE_COLORS[0]) > 0.4 > 0.1 > share_of(right, _plot.PALE_COLORS[0])
    assert share_of(right, _plot.PALE_COLORS[1]) > 0.4 > 0.1 > share_of(left, _plot.PALE_COLORS[1])
    assert share_of(pixels, _plot.COLORS[0]) > 1e-3 and share_of(pixels, _plot.COLORS[1]) > 1e-3


@needs_matplotlib
def test_decision_boundary_counts_and_rings_mistakes(tmp_path, figures):
    X, y = np.array([[-1, 0], [1, 0], [2, 1], [-2, 1]]), np.array([0, 1, 1, 1])
    save_decision_boundary(lambda p: (p[:, 0] > 0).astype(int), X, y, tmp_path / "b.png", title="t")
    (axes,) = figures[0].axes
    assert axes.get_title() == "t\n3 of 4 points right (75.0%)"
    assert axes.get_xlabel() and axes.get_ylabel()
    legend = [text.get_text() for text in figures[0].legends[0].get_texts()]
    assert legend == ["class 0", "class 1", "misclassified"]


def test_files_need_matplotlib_and_say_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setattr(_plot, "matplotlib_available", lambda: False)
    with pytest.raises(ModuleNotFoundError, match=r"needs matplotlib.*pip install 'tapeless\[plot\]'"):
        save_loss_curve({"loss": [1.0]}, tmp_path / "x.png")
    with pytest.raises(ModuleNotFoundError, match=r"needs matplotlib"):
        save_decision_boundary(lambda p: np.zeros(len(p), int), [[0, 0]], [0], tmp_path / "x.png")


def test_availability_is_asked_without_importing(monkeypatch):
    monkeypatch.setattr(_plot.importlib.util, "find_spec", lambda name: None)
    assert matplotlib_available() is False


@needs_matplotlib
def test_pyplot_is_never_imported(tmp_path):
    code = (
        "import sys; from tapeless.training import _plot\n"
        "assert 'matplotlib' not in sys.modules\n"
        "_plot.matplotlib_available()\n"
        "assert 'matplotlib' not in sys.modules\n"
        f"_plot.save_loss_curve({{'loss': [1.0, 0.5]}}, {str(tmp_path / 'x.png')!r})\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    path = [entry for entry in sys.path if entry]
    code = f"import sys; sys.path[:0] = {path!r}\n{code}"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
