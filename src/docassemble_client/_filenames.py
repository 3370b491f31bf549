"""Safe file names, made from names that the server sent."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from docassemble_client._header_params import MAX_HEADER_LENGTH, find_values

if TYPE_CHECKING:
    from collections.abc import Mapping

# Control characters, characters that change the direction of text, and lone surrogates.
_HIDDEN_CHARACTERS = r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
_WINDOWS_FORBIDDEN = r'[<>:"|?*]'  # on Windows
# Windows reserves these names for devices, even with an extension.
_WINDOWS_DEVICES = frozenset(
    {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}
    | {f"{name}{n}" for name in ("COM", "LPT") for n in "123456789¹²³"}
)
MAX_NAME_BYTES = 200  # file systems allow 255


def sanitize_filename(name: str | None) -> str | None:
    """
    Make a safe file name from a name that the server sent.

    Args:
        name: The name; may contain folders, control characters or a device name.

    Returns:
        A name without folders, or None if no valid character is left.
    """
    if not name:
        return None
    name = PurePosixPath(re.sub(_HIDDEN_CHARACTERS, "", name).replace("\\", "/")).name
    # Without leading dots, so that no hidden file such as .bashrc is created.
    name = re.sub(_WINDOWS_FORBIDDEN, "_", name).strip(" .")
    if is_device_name(name):
        name = f"_{name}"
    stem, dot, extension = name.rpartition(".")
    max_stem_bytes = MAX_NAME_BYTES - len(f".{extension}".encode())
    if dot and max_stem_bytes > 0:
        return f"{_truncate(stem, max_stem_bytes)}.{extension}"
    return _truncate(name, MAX_NAME_BYTES).rstrip(" .") or None


def is_device_name(name: str) -> bool:
    """Whether Windows reserves the name for a device, such as CON or nul.txt."""
    return name.partition(".")[0].rstrip().upper() in _WINDOWS_DEVICES


def _truncate(text: str, max_bytes: int) -> str:
    return text.encode()[:max_bytes].decode(errors="ignore")


def parse_filename(headers: Mapping[str, str]) -> str | None:
    """Return the file name in the Content-Disposition header, made safe."""
    header = re.sub(
        _HIDDEN_CHARACTERS, "", headers.get("content-disposition", "")[:MAX_HEADER_LENGTH]
    )
    # `filename*=` wins in any order: section 4.3 of RFC 6266.
    names = (sanitize_filename(value.strip()) for value in find_values(header, "filename"))
    return next((name for name in names if name is not None), None)
