"""Event files: read back by a small reader here, and by TensorBoard's own loader where it is installed."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

import tapeless as tl
from tapeless.utils.tensorboard import SummaryWriter, _files, _protobuf, _summaries


def records(path: Path) -> list[bytes]:
    """The data of all records; every checksum is computed anew."""
    raw, found, at = path.read_bytes(), [], 0
    while at < len(raw):
        (length,) = struct.unpack_from("<Q", raw, at)
        assert raw[at + 8 : at + 12] == _files.masked_crc(raw[at : at + 8])
        data = raw[at + 12 : at + 12 + length]
        assert raw[at + 12 + length : at + 16 + length] == _files.masked_crc(data)
        found.append(data)
        at += length + 16
    return found


def event_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("events.out.tfevents.*"))


def write_everything(folder: Path) -> None:
    with SummaryWriter(folder) as writer:
        writer.add_scalar("loss/train", tl.tensor(0.5), 3, walltime=12.5)
        writer.add_scalar("new", 2.0, 1, new_style=True)
        writer.add_scalar("exact", 0.1, 1, new_style=True, double_precision=True)
        writer.add_scalar("huge", 1e60, 1)
        writer.add_scalars("both", {"a": 1, "b": np.float32(2)}, 7)
        writer.add_histogram("weights", tl.tensor([-1.0, 0.0, 0.5, 0.5, 2.0]), 2)
        writer.add_histogram("few", np.arange(100.0), 2, bins=50, max_bins=5)
        writer.add_text("note", "größer als 1", 4)
        writer.add_image("picture", tl.rand(3, 4, 5), 1)
        writer.add_images("pictures", np.zeros((9, 1, 4, 4), "uint8"), 1)
        writer.add_hparams({"lr": 0.1, "name": "adam", "nesterov": True, "layers": 3}, {"accuracy": 0.9}, run_name="hp")


def test_the_files_are_records_with_right_checksums(tmp_path: Path) -> None:
    write_everything(tmp_path)
    files = event_files(tmp_path)
    assert len(files) == 4, files  # this one, a run for each line of add_scalars, and one for the hyperparameters
    first = records(next(file for file in files if file.parent == tmp_path))
    assert len(first) == 10 and first[0].endswith(b"brain.Event:2")
    assert first[1] == _protobuf.double(1, 12.5) + _protobuf.integer(2, 3) + _protobuf.message(
        5, _summaries.value("loss/train", _protobuf.single(2, 0.5))
    )


def test_crc32c_gives_the_values_of_rfc_3720() -> None:
    assert _files.crc32c(bytes(32)) == 0x8A9136AA
    assert _files.crc32c(b"\xff" * 32) == 0x62A8AB43
    assert _files.crc32c(bytes(range(32))) == 0x46DD794E


def test_png_files_hold_the_pixels() -> None:
    for channels in (1, 2, 3, 4):
        pixels = np.random.default_rng(0).integers(0, 256, (5, 7, channels)).astype("uint8")
        raw = _summaries.png(pixels)
        at = raw.index(b"IDAT")
        (length,) = struct.unpack(">I", raw[at - 4 : at])
        rows = np.frombuffer(zlib.decompress(raw[at + 4 : at + 4 + length]), "uint8").reshape(5, -1)
        assert (rows[:, 0] == 0).all() and (rows[:, 1:].reshape(5, 7, channels) == pixels).all()


def test_images_become_pixels() -> None:
    assert (_summaries.as_pixels([[0.0, 0.5], [1.0, 2.0]], "HW")[:, :, 0] == [[0, 127], [255, 255]]).all()
    assert _summaries.as_pixels(np.zeros((3, 4, 5)), "CHW").shape == (4, 5, 3)
    assert _summaries.as_pixels(np.zeros((4, 5, 3)), "HWC").shape == (4, 5, 3)
    assert _summaries.as_pixels(np.zeros((9, 3, 4, 5)), "NCHW").shape == (8, 40, 3)
    with pytest.raises(AssertionError, match="size of input tensor and input format are different"):
        _summaries.as_pixels(np.zeros((4, 5)), "CHW")


def test_lines_of_json(tmp_path: Path) -> None:
    writer = SummaryWriter(str(tmp_path), jsonl=True)
    writer.add_scalar("loss", 0.25, 1)
    writer.add_scalars("both", {"a": 1.0}, 2)
    writer.flush()
    rows = [json.loads(line) for line in (tmp_path / "scalars.jsonl").read_text().splitlines()]
    writer.close()
    assert [(row["tag"], row["step"], row["value"]) for row in rows] == [("loss", 1, 0.25), ("both/a", 2, 1.0)]


def test_the_folder_is_named_as_in_pytorch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    writer = SummaryWriter(comment="-lr1")
    writer.close()
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.endswith("-lr1") and str(folder).endswith(writer.get_logdir())
    writer.add_scalar("late", 1.0)  # the file opens again
    writer.close()
    assert len(records(event_files(folder)[0])) == 2


def test_what_is_not_written_says_so(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path) as writer:
        with pytest.warns(UserWarning, match=r"writes no graphs into event files: SummaryWriter.add_graph"):
            writer.add_graph(tl.nn.Linear(1, 1), tl.ones(1))
        with pytest.raises(ValueError, match="no element"):
            writer.add_histogram("none", [])
        with pytest.raises(ValueError, match="value should be one of int, float, str, bool"):
            writer.add_hparams({"layers": [1, 2]}, {})


def test_tensorboard_reads_the_files(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    write_everything(tmp_path)
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    (loss,) = events.Scalars("loss/train")
    assert (loss.value, loss.step, loss.wall_time) == (0.5, 3, 12.5)
    assert events.Scalars("huge")[0].value == float("inf")
    assert [events.Tensors(tag)[0].tensor_proto.dtype for tag in ("new", "exact")] == [1, 2]
    assert events.Tensors("exact")[0].tensor_proto.double_val[0] == 0.1
    (weights,) = events.Histograms("weights")
    histogram = weights.histogram_value
    assert (histogram.min, histogram.max, histogram.num, histogram.sum) == (-1, 2, 5, 2)
    assert sum(histogram.bucket) == 5 and len(histogram.bucket) == len(histogram.bucket_limit)
    assert len(events.Histograms("few")[0].histogram_value.bucket) == 6
    assert events.Tensors("note/text_summary")[0].tensor_proto.string_val == ["größer als 1".encode()]
    (image,) = events.Images("picture")
    assert (image.height, image.width) == (4, 5) and image.encoded_image_string.startswith(b"\x89PNG")
    run = EventAccumulator(str(tmp_path / "both_b"))
    run.Reload()
    assert run.Scalars("both")[0].value == 2


def test_hyperparameters_are_those_that_tensorboard_decodes(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams import plugin_data_pb2

    write_everything(tmp_path)
    events = EventAccumulator(str(tmp_path / "hp"))
    events.Reload()
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    start = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
    assert start["lr"].number_value == 0.1 and start["name"].string_value == "adam"
    assert start["nesterov"].bool_value and start["layers"].number_value == 3
    content = events.SummaryMetadata("_hparams_/experiment").plugin_data.content
    experiment = plugin_data_pb2.HParamsPluginData.FromString(content).experiment
    assert [info.name for info in experiment.hparam_infos] == ["lr", "name", "nesterov", "layers"]
    assert [info.name.tag for info in experiment.metric_infos] == ["accuracy"]
    assert events.Scalars("accuracy")[0].value == pytest.approx(0.9)
