"""Files that are there whole or not at all, whenever the process dies."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Callable
from typing import BinaryIO

Path = str | os.PathLike[str]


class NoFolderError(FileNotFoundError, RuntimeError):
    """The folder of a file to be written does not exist; PyTorch raises RuntimeError for that, Python the other."""


def write_atomically(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Let `write` fill a new file in the folder of `path`, then put it in the place of `path` in one step.

    The data are on the disk before the old file goes, and the new name is before this returns. Raises `OSError`
    where that fails; then, as for any other error, the old file is untouched and nothing is left behind. (A killed
    process leaves the file that it was writing, ``.NAME.*.tmp``, which nothing reads; after a day the next save
    removes it.)

    >>> write_atomically("file", lambda file: file.write(b"whole"))
    >>> from pathlib import Path
    >>> Path("file").read_bytes()
    b'whole'
    """
    target = os.path.realpath(path)
    if os.path.exists(target) and not os.path.isfile(target):
        # A device or a pipe has no old content to keep, and must not be replaced by a file. Folders raise here.
        with open(target, "wb") as file:
            write(file)
        return
    if not os.path.isdir(os.path.dirname(target)):
        raise NoFolderError(f"Parent directory {os.path.dirname(target)} does not exist.")
    temporary = _temporary_name(target)
    try:
        with open(temporary, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if os.path.exists(target):
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
    _sync_folder(os.path.dirname(target))
    _remove_old(target)


def check_writable(path: Path) -> None:
    """Raise the `OSError` that writing a file at `path` would raise; leaves nothing behind.

    Long work asks this first, so that it does not end in an error.

    >>> check_writable("weights.npz")
    """
    target = os.path.realpath(path)
    if os.path.isdir(target):
        raise IsADirectoryError(f"expected a file name, got the folder {os.fspath(path)!r}")
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"the folder {folder!r} does not exist; make it first")
    temporary = _temporary_name(target)
    try:
        open(temporary, "xb").close()
        os.unlink(temporary)
    except OSError as error:
        raise type(error)(f"cannot write into the folder {folder!r}: {error.strerror}") from error


def _temporary_name(target: str) -> str:
    folder, name = os.path.split(target)
    return os.path.join(folder, f".{name[:200]}.{secrets.token_hex(4)}.tmp")


def _remove_old(target: str) -> None:
    """Remove what processes that were killed have left; a save that still runs has written within the last day."""
    folder, name = os.path.split(target)
    pattern = re.compile(rf"\.{re.escape(name[:200])}\.[0-9a-f]{{8}}\.tmp")
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                if pattern.fullmatch(entry.name) and entry.stat().st_mtime < time.time() - 86_400:
                    os.unlink(entry.path)
            except OSError:
                pass  # another process was quicker


def _sync_folder(folder: str) -> None:
    """Bring the new name itself to the disk, where folders can be opened (not on Windows)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some network file systems cannot; the file's own data are safe
    finally:
        os.close(descriptor)
