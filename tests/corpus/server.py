"""The server of the corpus: the packages that are installed, and the programs it lacks."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from attrs import field, frozen

from tests.live.server import LiveServer, ensure_running, stop
from tests.live.server.environment import get_site_packages
from tests.live.server.paths import get_layout

if TYPE_CHECKING:
    from docassemble_client import AsyncDocassemble

PACKAGES_FILE = Path(__file__).with_name("packages.yaml")
INSTALL_SECONDS = 3600
# Programs by name, and what a real server uses them for.
PROGRAMS = {
    "libreoffice": "converts Word files to PDF",
    "pdflatex": "converts Markdown to PDF",
    "pdftk": "fills PDF forms and joins PDF files",
    "qpdf": "joins and encrypts PDF files",
    "gs": "converts PDF to PDF/A",
    "pdftoppm": "makes pictures of pages",
}


@frozen(kw_only=True)
class Corpus:
    """
    The packages and what is known about them.

    Attributes:
        packages: Versions by name.
        excluded: Why interviews are not run, by pattern of their names.
        custom_keys: Keys that custom datatypes add to a field, by datatype.
        custom_values: Answers for fields of custom datatypes, by datatype.
        answers: Answers for interviews that generated values cannot finish, by interview.
    """

    packages: Mapping[str, str]
    excluded: Mapping[str, str] = field(factory=dict)
    custom_keys: Mapping[str, frozenset[str]] = field(factory=dict)
    custom_values: Mapping[str, Any] = field(factory=dict)
    answers: Mapping[str, Mapping[str, Any]] = field(factory=dict)


def read_corpus() -> Corpus:
    """Read the list of packages."""
    data = yaml.safe_load(PACKAGES_FILE.read_text(encoding="utf-8"))
    return Corpus(
        packages=data["packages"],
        excluded=data["excluded"],
        custom_keys={name: frozenset(keys) for name, keys in data["custom_keys"].items()},
        custom_values=data["custom_values"],
        answers=data["answers"],
    )


def start_server() -> tuple[LiveServer, list[str]]:
    """
    Start the server with stand-ins for what the machine lacks.

    Returns:
        The server, and the names of the programs.
    """
    server = ensure_running()
    layout = get_layout(server.version)
    script = Path(__file__).with_name("stand_in.py").read_text(encoding="utf-8")
    names: list[str] = []
    for name in PROGRAMS:
        program = layout.environment / "bin" / name
        path = shutil.which(name)
        if path is None or Path(path) == program:
            program.write_text(f"#!{layout.python}\n{script}", encoding="utf-8")
            program.chmod(0o755)
            names.append(name)
    module = Path(__file__).with_name("stand_in_locale.py")
    copy = get_site_packages(layout) / module.name
    if not copy.exists() or copy.read_bytes() != module.read_bytes():
        shutil.copyfile(module, copy)
        copy.with_suffix(".pth").write_text(f"import {module.stem}\n", encoding="utf-8")
        server = restart_server(server)
    return server, names


def restart_server(server: LiveServer) -> LiveServer:
    """
    Restart all processes of the server.

    They read the datatypes of packages when they start. The API restarts the web server only, and
    not the worker, which runs background actions.
    """
    stop(server.version)
    return ensure_running()


def report_progress(text: str) -> None:
    """Write a line to stderr."""
    sys.stderr.write(f"{text}\n")


async def install_packages(da: AsyncDocassemble, packages: Mapping[str, str]) -> dict[str, str]:
    """
    Install the packages that are missing, and restart the server.

    Args:
        da: Client.
        packages: Versions by name.

    Returns:
        Why packages were not installed, by name.
    """
    versions = await _get_versions(da)
    missing = [
        f"{name}=={version}" for name, version in packages.items() if versions.get(name) != version
    ]
    for requirement in missing:
        report_progress(f"requesting {requirement}")
        await da.packages.install(pip=requirement, restart=False)
    if missing:
        # The server installs them one after the other. It lists the versions of packages that came
        # as dependencies only after another installation.
        await da.deploy(pip=missing[-1], timeout=INSTALL_SECONDS)
    versions = await _get_versions(da)
    return {
        name: f"the server lists version {versions.get(name)}"
        for name, version in packages.items()
        if versions.get(name) != version
    }


async def _get_versions(da: AsyncDocassemble) -> dict[str | None, str | None]:
    return {package.name: package.version for package in await da.packages.list()}


def get_packages_folder(server: LiveServer) -> Path:
    """Return the folder of the server that has a folder for each docassemble package."""
    return get_site_packages(get_layout(server.version)) / "docassemble"


def list_interviews(server: LiveServer, corpus: Corpus, package: str) -> list[str]:
    """List the files of a package that may be interviews, except those that are excluded."""
    folder = get_packages_folder(server) / package.removeprefix("docassemble.")
    questions = folder / "data" / "questions"
    files = sorted(path for path in questions.rglob("*.y*ml") if path.is_file())
    names = [f"{package}:data/questions/{path.relative_to(questions).as_posix()}" for path in files]
    return [
        name for name in names if not any(fnmatchcase(name, pattern) for pattern in corpus.excluded)
    ]
