"""Playgrounds: where interviews are developed."""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING, get_args
from zipfile import BadZipFile, ZipFile

from docassemble_client import models
from docassemble_client.testing._handlers.files import sent
from docassemble_client.testing._handlers.packages import package_name
from docassemble_client.testing._handlers.server import begun
from docassemble_client.testing._server.messages import Refusal, json_answer, page
from docassemble_client.testing._state.files import mimetype_of
from docassemble_client.testing._state.playground import DEFAULT
from docassemble_client.workflows.playground.filenames import found_name, stored_name

if TYPE_CHECKING:
    from docassemble_client.testing._server.body import Part
    from docassemble_client.testing._server.call import Call
    from docassemble_client.testing._state.playground import Folder

FOLDERS = get_args(get_args(models.PlaygroundFolder)[0])
_PLAYGROUND = "enable playground"
_NO_ROUTES_SINCE = "1.10"  # where the Playground is switched off
_PACKAGES = "packages"
_MODULES = "modules"
_STATIC = "static"
_LONGEST = 255  # characters of a file name
_FAILED = "fatal: could not read from the remote repository"


def _owner(call: Call) -> int:
    if call.world.before(_NO_ROUTES_SINCE):
        call.enabled(_PLAYGROUND)
    elif not call.allows(_PLAYGROUND):
        raise Refusal(page(404))
    call.require()
    owner = call.integer("user_id", call.caller.id)
    others = call.caller.may("admin", permission="playground_control")
    if owner is None or not (others or owner == call.caller.id):
        call.refuse("Invalid user_id")
    return owner


def _project(call: Call, owner: int) -> str:
    name = call.text("project") or DEFAULT
    if name != DEFAULT and name not in call.world.playground.projects(owner):
        call.refuse("Invalid project.")
    return name


def _place(call: Call) -> tuple[Folder, str]:
    """The folder a call is about, and its name."""
    owner = _owner(call)
    name = call.text("folder") or _STATIC
    if name not in FOLDERS:
        call.refuse("Invalid folder")
    return call.world.playground.folder(owner, _project(call, owner), name), name


def playground_list_files(call: Call) -> object:
    """List the files of a folder."""
    return sorted(_place(call)[0])


def playground_download_file(call: Call) -> object:
    """Bring a file, or a package as an archive."""
    folder, name = _place(call)
    filename = found_name(str(call.text("filename")))
    if name == _PACKAGES:
        package = "docassemble." + filename.removeprefix("docassemble.")
        if package not in folder:
            call.missing()
        disposition = f"attachment; filename=docassemble-{package.partition('.')[2]}.zip"
        return sent(folder[package], "application/zip", disposition)
    if filename not in folder:
        raise Refusal(json_answer("File not found", 404))
    return sent(folder[filename], mimetype_of(filename), f"inline; filename={filename}")


def playground_upload_files(call: Call) -> object:
    """Put files into a folder."""
    folder, name = _place(call)
    if name == _PACKAGES:
        call.missing()
    parts = call.files()
    if not parts:
        call.refuse("No file found")
    files = {stored_name(one.filename): one.content for one in parts}
    if any(not one or len(one) > _LONGEST for one in files):
        call.refuse("Error saving")
    folder |= files
    return _restarted(call, needed=name == _MODULES)


def playground_delete_file(call: Call) -> object:
    """Delete a file, or nothing if there is none."""
    if call.text("filename") is None:
        _owner(call)
        call.refuse("Missing filename")
    folder, name = _place(call)
    if name == _PACKAGES:
        call.missing()
    folder.pop(found_name(str(call.text("filename"))), None)
    return _restarted(call, needed=name == _MODULES)


def _restarted(call: Call, *, needed: bool) -> object:
    if needed and call.flag("restart", default=True):
        return begun(call.world.tasks.restart())
    return None


def playground_list_projects(call: Call) -> object:
    """List the projects but the one that always exists."""
    return call.world.playground.projects(_owner(call))


def playground_create_project(call: Call) -> None:
    """Make a project."""
    owner = _owner(call)
    name = call.value("project")
    if name is None:
        call.refuse("Project not provided")
    if re.search(r"^[0-9]|[^A-Za-z0-9]", name):
        call.refuse("Invalid project name")
    if name == DEFAULT or name in call.world.playground.projects(owner):
        call.refuse("Invalid project.")
    call.world.playground.create(owner, name)


def playground_delete_project(call: Call) -> None:
    """Delete a project."""
    owner = _owner(call)
    name = call.text("project")
    if name is None:
        call.refuse("Project not provided")
    if name not in call.world.playground.projects(owner):
        call.refuse("Invalid project.")
    call.world.playground.delete(owner, name)


def playground_install_packages(call: Call) -> object:
    """Take packages apart into the Playground."""
    owner = _owner(call)
    project = _project(call, owner)
    parts = call.files()
    if not parts:
        call.refuse("No package found")
    try:
        modules = [_unpack(call, owner, project, one) for one in parts]
    except (BadZipFile, UnicodeDecodeError):
        call.refuse("Error installing")
    return _restarted(call, needed=any(modules))


def _unpack(call: Call, owner: int, project: str, part: Part) -> bool:
    """Put the files of a package where they belong; whether there is a module among them."""
    playground = call.world.playground
    with ZipFile(BytesIO(part.content)) as archive:
        paths = [one for one in archive.namelist() if not one.endswith("/")]
        if not any(
            re.search(r"(^|/)(setup\.py|setup\.cfg|pyproject\.toml)$", one) for one in paths
        ):
            call.refuse("Not a docassemble package")
        name = (package_name(archive) or "unknown").removeprefix("docassemble.")
        playground.folder(owner, project, _PACKAGES)[f"docassemble.{name}"] = part.content
        modules = False
        for path in paths:
            folder, filename = _target(path)
            if folder:
                playground.folder(owner, project, folder)[filename] = archive.read(path)
                modules |= folder == _MODULES
    return modules


def _target(path: str) -> tuple[str, str]:
    """Folder a file of a package belongs to, empty if to none."""
    directory, _, filename = path.rpartition("/")
    match = re.search(r"data/(templates|static|sources|questions)$", directory)
    if match is not None and filename != "README.md":
        return match[1], filename
    deep = directory.count("/") >= 1 and not {"tests", "data"} & set(directory.split("/"))
    if deep and filename.endswith(".py") and filename not in {"__init__.py", "setup.py"}:
        return _MODULES, filename
    return "", filename


def playground_pull_package(call: Call) -> object:
    """Fetch a package into the Playground; only those that pip would find can be fetched."""
    owner = _owner(call)
    project = _project(call, owner)
    url, pip = call.text("github_url"), call.text("pip")
    if url is None and pip is None:
        call.refuse("Either github_url or pip")
    if url is not None:
        call.refuse("Pull process", _FAILED)
    name = re.split(r"[>=<]", str(pip))[0]
    if name not in call.world.packages.offered:
        call.refuse("Pull process", f"ERROR: No matching distribution found for {name}")
    short = name.removeprefix("docassemble.")
    call.world.playground.folder(owner, project, _PACKAGES)[f"docassemble.{short}"] = b""
    return _restarted(call, needed=True)
