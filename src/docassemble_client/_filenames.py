"""Safe file names, made from names that the server sent."""

from __future__ import annotations

import re
from contextlib import suppress
from email.message import Message
from email.utils import collapse_rfc2231_value
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

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
    if name.partition(".")[0].rstrip().upper() in _WINDOWS_DEVICES:
        name = f"_{name}"
    stem, dot, extension = name.rpartition(".")
    max_stem_bytes = MAX_NAME_BYTES - len(f".{extension}".encode())
    if dot and max_stem_bytes > 0:
        return f"{_truncate(stem, max_stem_bytes)}.{extension}"
    return _truncate(name, MAX_NAME_BYTES).rstrip(" .") or None


def _truncate(text: str, max_bytes: int) -> str:
    return text.encode()[:max_bytes].decode(errors="ignore")


def parse_filename(headers: Mapping[str, str]) -> str | None:
    """Return the file name in the Content-Disposition header, made safe."""
    header = Message()
    header["content-disposition"] = re.sub(
        _HIDDEN_CHARACTERS, "", headers.get("content-disposition", "")
    )
    params = header.get_params([], "content-disposition")[1:]
    values = [value for name, value in params if name.lower() == "filename"]
    # A tuple is the value of `filename*=`, which wins in any order: section 4.3 of RFC 6266.
    for value in sorted(values, key=lambda value: isinstance(value, str)):
        with suppress(ValueError):  # the charset exists, but cannot decode the name
            filename = sanitize_filename(collapse_rfc2231_value(value).strip())
            if filename is not None:
                return filename
    return None
