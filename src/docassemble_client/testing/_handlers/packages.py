"""Packages of the server."""

from __future__ import annotations

import ast
import re
from io import BytesIO
from typing import TYPE_CHECKING
from zipfile import BadZipFile, ZipFile

from docassemble_client import models
from docassemble_client.testing._state.packages import Installed

if TYPE_CHECKING:
    from collections.abc import Callable

    from docassemble_client.testing._server.body import Part
    from docassemble_client.testing._server.call import Call
    from docassemble_client.testing._state.tasks import Work

_UPDATES = "allow updates"
_PIP = re.compile(r"([^>=<]+)([>=<]+.+)")
_QUESTION = re.compile(r"/(data/questions/[^/]+)$")
_VERSION = re.compile(r"""^\s*version\s*=\s*\(?["']([^"']+)["']""", re.MULTILINE)
_NAME = re.compile(r"""^\s*name\s*=\s*\(?["']([^"']+)["']""", re.MULTILINE)


def _may_change(call: Call, package: Installed) -> bool:
    """Whether the caller may change a package: its own, or as an administrator any."""
    return call.caller.has("admin") or package.installed_by == call.caller.id


def _may_update(call: Call, package: Installed) -> bool:
    """Whether the caller may update a package; there is nothing newer than a ZIP file."""
    return _may_change(call, package) and not package.pinned and package.type != "zip"


def packages_list(call: Call) -> object:
    """List the packages."""
    call.require("manage_packages")
    if call.world.before("1.10") and not call.caller.holds("manage_packages"):
        call.deny()
    return [
        models.Package(
            name=one.name,
            type=one.type,
            can_update=_may_update(call, one),
            can_uninstall=_may_change(call, one) and not one.core,
            version=one.version or None,
            git_url=one.git_url,
            branch=one.branch,
            zip_file_number=one.zip_file_number,
        )
        for one in call.world.packages.installed.values()
    ]


def packages_install(call: Call) -> object:
    """Install a package."""
    _enabled(call)
    given = [one for one in ("pip", "github_url") if call.given(one)]
    parts = call.files("zip")
    wanted = len(given) + len(parts) + ("update" in call.data)
    if wanted == 0:
        call.refuse("No instructions")
    if wanted > 1:
        call.refuse("Only one package")
    if parts:
        package = _of_zip(call, parts[0])
    elif "pip" in given:
        text = call.value("pip")
        match = _PIP.match(text)
        package = Installed(re.sub(r"[^\w.-]", "", match[1] if match else text))
    else:
        package = _of_git(call)
    there = call.world.packages.installed.get(package.name)
    if there is not None and not _may_change(call, there):
        if package.type == "git":
            call.missing()  # the server forgets to return its refusal
        call.refuse("do not have permission")
    package.installed_by = call.caller.id
    call.world.packages.register(package)
    restart = call.flag("restart", default=True)
    return _begin(call, lambda: call.world.packages.install(package, restart=restart))


def _of_git(call: Call) -> Installed:
    url = str(call.value("github_url")).rstrip("/")
    egg = re.search(r"#egg=([^&]*)", url)
    stem = re.sub(r"\.git$", "", re.sub(r"#.*", "", url)).rpartition("/")[2]
    name = egg[1] if egg else re.sub(r"^docassemble-", "docassemble.", stem)
    branch = call.text("branch") or "main"
    return Installed(name, "git", git_url=re.sub(r"#.*", "", url), branch=branch)


def _of_zip(call: Call, part: Part) -> Installed:
    try:
        with ZipFile(BytesIO(part.content)) as archive:
            name, version = package_name(archive), _said(archive, _VERSION)
            broken = _broken(archive)
            questions = {
                match[1]: archive.read(path)
                for path in archive.namelist()
                if (match := _QUESTION.search(path))
            }
    except BadZipFile:
        call.refuse("error when installing", "BadZipFile: File is not a zip file")
    if name is None:
        call.refuse("error when installing", "DAException: Not a Python package zip file")
    file = call.world.files.add(part.filename, part.content)
    return Installed(
        name,
        "zip",
        version or "",
        zip_file_number=file.number,
        questions=questions,
        broken=broken,
    )


def _broken(archive: ZipFile) -> str:
    """What pip prints of a package whose setup.py is no Python; nothing else is run here."""
    path = min((one for one in archive.namelist() if one.endswith("setup.py")), key=len, default="")
    try:
        ast.parse(archive.read(path) if path else b"")
    except (SyntaxError, ValueError) as error:
        return (
            f"{type(error).__name__}: {error}\n"
            "ERROR: Getting requirements to build wheel exited with 1\n"
            "ERROR: Failed to build 'file.zip' when getting requirements to build wheel"
        )
    return ""


def package_name(archive: ZipFile) -> str | None:
    """Find the name a package gives itself in its setup.py or pyproject.toml."""
    return _said(archive, _NAME)


def _said(archive: ZipFile, pattern: re.Pattern[str]) -> str | None:
    for path in sorted(archive.namelist(), key=len):
        if path.rpartition("/")[2] in {"setup.py", "pyproject.toml"}:
            match = pattern.search(archive.read(path).decode(errors="replace"))
            if match is not None:
                return match[1]
    return None


def packages_update(call: Call) -> object:
    """Update a package."""
    _enabled(call)
    package = _listed(call)
    if not _may_update(call, package):
        call.refuse("not allowed to update")
    return _begin(call, lambda: call.world.packages.update(package.name))


def packages_uninstall(call: Call) -> object:
    """Remove a package."""
    _enabled(call)
    if call.text("package") is None:
        call.refuse("Missing package name")
    package = _listed(call)
    if package.core or not _may_change(call, package):
        call.refuse("not allowed to uninstall")
    return _begin(call, lambda: call.world.packages.uninstall(package.name))


def _enabled(call: Call) -> None:
    call.require()
    call.enabled(_UPDATES)


def _listed(call: Call) -> Installed:
    found = call.world.packages.installed.get(str(call.text("package")))
    return found or call.refuse("Package not found")


def _begin(call: Call, work: Callable[[], Work]) -> object:
    restart = call.flag("restart", default=True)
    return {"task_id": call.world.tasks.install(work, restart=restart)}


def packages_get_update_status(call: Call) -> object:
    """Tell how far an installation is."""
    call.enabled(_UPDATES)
    call.require()
    number = call.text("task_id")
    if number is None:
        call.refuse("Missing task_id")
    tasks = call.world.tasks
    task = tasks.look("install", number)
    if task is None:
        return models.PackageUpdateStatus(status="unknown")
    if not tasks.over(task) or task.work is None:
        return models.PackageUpdateStatus(status="working")
    # Without a restart the server says that all is well, whatever pip said.
    if task.work.ok or not task.restarts:
        return models.PackageUpdateStatus(status="completed", ok=True, log=task.work.log)
    return models.PackageUpdateStatus(status="completed", ok=False, error_message=task.work.log)
