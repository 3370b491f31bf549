"""Computes digests that identify answers without revealing or keeping them."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Mapping

from docassemble_client.transfer import FileInput, Upload
from docassemble_client.workflows.interviews.answers import Answer, encode_answers


def compute_digest(answers: Mapping[str, Answer], salt: bytes) -> str:
    """
    Compute a digest of answers.

    Args:
        answers: Answers by variable.
        salt: Key of the digest, so that nobody can guess the answers.

    Returns:
        The digest in hexadecimal digits.

    Raises:
        UsageError: A value cannot be sent.
    """
    encoded = encode_answers(answers)
    files = {
        encoded.file_variables.get(part, part): [_fingerprint_file(file) for file in part_files]
        for part, part_files in encoded.files.items()
    }
    text = json.dumps([encoded.literal, encoded.converted, files], sort_keys=True)
    return hmac.new(salt, text.encode(), hashlib.sha256).hexdigest()


def _fingerprint_file(file: FileInput) -> str:
    """Return a text that identifies a file: a stream by its name only, as it is read once."""
    name = ""
    if isinstance(file, Upload):
        name = file.filename
        file = file.content
    if isinstance(file, bytes):
        return f"{name}:{hashlib.sha256(file).hexdigest()}"
    return f"{name}:{os.fspath(file)}" if isinstance(file, (str, os.PathLike)) else name
