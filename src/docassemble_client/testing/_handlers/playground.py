"""Playgrounds, where developers write interviews."""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING, get_args
from zipfile import BadZipFile, ZipFile

import docassemble_client.models as models
from docassemble_client.testing._handlers.files import make_file_response
from docassemble_client.testing._handlers.packages import find_package_name
from docassemble_client.testing._handlers.server import make_restart_response
from docassemble_client.testing._server.messages import (
    ApiRefusal,
    make_error_page,
    make_json_response,
)
from docassemble_client.testing._state.files import guess_mimetype
from docassemble_client.testing._state.playground import DEFAULT_PROJECT
from docassemble_client.workflows.playground.filenames import (
    predict_lookup_name,
    predict_stored_name,
)

if TYPE_CHECKING:
    from docassemble_client.testing._server.api_call import ApiCall
    from docassemble_client.testing._server.request_body import UploadedFile
    from docassemble_client.testing._state.playground import Folder

FOLDERS = get_args(get_args(models.PlaygroundFolder)[0])
_PLAYGROUND_DIRECTIVE = "enable playground"
_NO_ROUTES_SINCE = "1.10"  # since then a disabled Playground has no routes
_PACKAGES_FOLDER = "packages"
_MODULES_FOLDER = "modules"
_STATIC_FOLDER = "static"
_MAX_NAME_LENGTH = 255  # characters of a file name
_GIT_ERROR = "fatal: could not read from the remote repository"


def _find_owner(call: ApiCall) -> int:
    if call.state.is_older_than(_NO_ROUTES_SINCE):
        call.require_enabled(_PLAYGROUND_DIRECTIVE)
    elif not call.is_enabled(_PLAYGROUND_DIRECTIVE):
        raise ApiRefusal(make_error_page(404))
    call.require_privilege()
    owner = call.get_integer("user_id", call.user.id)
    may_control_others = call.user.may_use("admin", permission="playground_control")
    if owner is None or not (may_control_others or owner == call.user.id):
        call.refuse("Invalid user_id")
    return owner


def _find_project(call: ApiCall, owner: int) -> str:
    name = call.get_text("project") or DEFAULT_PROJECT
    if name != DEFAULT_PROJECT and name not in call.state.playground.list_projects(owner):
        call.refuse("Invalid project.")
    return name


def _find_folder(call: ApiCall) -> tuple[Folder, str]:
    """Return the folder of a call, and its name."""
    owner = _find_owner(call)
    name = call.get_text("folder") or _STATIC_FOLDER
    if name not in FOLDERS:
        call.refuse("Invalid folder")
    return call.state.playground.get_folder(owner, _find_project(call, owner), name), name


def playground_list_files(call: ApiCall) -> object:
    """List the files of a folder."""
    return sorted(_find_folder(call)[0])


def playground_download_file(call: ApiCall) -> object:
    """Return a file, or a package as a ZIP archive."""
    folder, name = _find_folder(call)
    filename = predict_lookup_name(str(call.get_text("filename")))
    if name == _PACKAGES_FOLDER:
        package = "docassemble." + filename.removeprefix("docassemble.")
        if package not in folder:
            call.raise_not_found()
        disposition = f"attachment; filename=docassemble-{package.partition('.')[2]}.zip"
        return make_file_response(folder[package], "application/zip", disposition)
    if filename not in folder:
        raise ApiRefusal(make_json_response("File not found", 404))
    return make_file_response(
        folder[filename], guess_mimetype(filename), f"inline; filename={filename}"
    )


def playground_upload_files(call: ApiCall) -> object:
    """Save files in a folder."""
    folder, name = _find_folder(call)
    if name == _PACKAGES_FOLDER:
        call.raise_not_found()
    uploads = call.get_files()
    if not uploads:
        call.refuse("No file found")
    files = {predict_stored_name(upload.filename): upload.content for upload in uploads}
    if any(not filename or len(filename) > _MAX_NAME_LENGTH for filename in files):
        call.refuse("Error saving")
    folder |= files
    return _restart_if_needed(call, needed=name == _MODULES_FOLDER)


def playground_delete_file(call: ApiCall) -> object:
    """Delete a file, if it exists."""
    if call.get_text("filename") is None:
        _find_owner(call)
        call.refuse("Missing filename")
    folder, name = _find_folder(call)
    if name == _PACKAGES_FOLDER:
        call.raise_not_found()
    folder.pop(predict_lookup_name(str(call.get_text("filename"))), None)
    return _restart_if_needed(call, needed=name == _MODULES_FOLDER)


def _restart_if_needed(call: ApiCall, *, needed: bool) -> object:
    if needed and call.get_flag("restart", default=True):
        return make_restart_response(call.state.tasks.restart())
    return None


def playground_list_projects(call: ApiCall) -> object:
    """List the projects, without the default project."""
    return call.state.playground.list_projects(_find_owner(call))


def playground_create_project(call: ApiCall) -> None:
    """Create a project."""
    owner = _find_owner(call)
    name = call.get_value("project")
    if name is None:
        call.refuse("Project not provided")
    if re.search(r"^[0-9]|[^A-Za-z0-9]", name):
        call.refuse("Invalid project name")
    if name == DEFAULT_PROJECT or name in call.state.playground.list_projects(owner):
        call.refuse("Invalid project.")
    call.state.playground.create_project(owner, name)


def playground_delete_project(call: ApiCall) -> None:
    """Delete a project."""
    owner = _find_owner(call)
    name = call.get_text("project")
    if name is None:
        call.refuse("Project not provided")
    if name not in call.state.playground.list_projects(owner):
        call.refuse("Invalid project.")
    call.state.playground.delete_project(owner, name)


def playground_install_packages(call: ApiCall) -> object:
    """Unpack packages into the Playground."""
    owner = _find_owner(call)
    project = _find_project(call, owner)
    uploads = call.get_files()
    if not uploads:
        call.refuse("No package found")
    try:
        have_modules = [_unpack(call, owner, project, upload) for upload in uploads]
    except (BadZipFile, UnicodeDecodeError):
        call.refuse("Error installing")
    return _restart_if_needed(call, needed=any(have_modules))


def _unpack(call: ApiCall, owner: int, project: str, upload: UploadedFile) -> bool:
    """Unpack the files of a package, and return whether they include a module."""
    playground = call.state.playground
    with ZipFile(BytesIO(upload.content)) as archive:
        paths = [path for path in archive.namelist() if not path.endswith("/")]
        if not any(
            re.search(r"(^|/)(setup\.py|setup\.cfg|pyproject\.toml)$", path) for path in paths
        ):
            call.refuse("Not a docassemble package")
        name = (find_package_name(archive) or "unknown").removeprefix("docassemble.")
        playground.get_folder(owner, project, _PACKAGES_FOLDER)[f"docassemble.{name}"] = (
            upload.content
        )
        has_module = False
        for path in paths:
            folder, filename = _find_target_folder(path)
            if folder:
                playground.get_folder(owner, project, folder)[filename] = archive.read(path)
                has_module |= folder == _MODULES_FOLDER
    return has_module


def _find_target_folder(path: str) -> tuple[str, str]:
    """Return the folder and name for a file of a package; the folder is empty if it has none."""
    directory, _, filename = path.rpartition("/")
    match = re.search(r"data/(templates|static|sources|questions)$", directory)
    if match is not None and filename != "README.md":
        return match[1], filename
    is_nested = directory.count("/") >= 1 and not {"tests", "data"} & set(directory.split("/"))
    if is_nested and filename.endswith(".py") and filename not in {"__init__.py", "setup.py"}:
        return _MODULES_FOLDER, filename
    return "", filename


def playground_pull_package(call: ApiCall) -> object:
    """Pull a package that pip can install into the Playground."""
    owner = _find_owner(call)
    project = _find_project(call, owner)
    url, pip = call.get_text("github_url"), call.get_text("pip")
    if url is None and pip is None:
        call.refuse("Either github_url or pip")
    if url is not None:
        call.refuse("Pull process", _GIT_ERROR)
    name = re.split(r"[>=<]", str(pip))[0]
    if name not in call.state.packages.available:
        call.refuse("Pull process", f"ERROR: No matching distribution found for {name}")
    short_name = name.removeprefix("docassemble.")
    call.state.playground.get_folder(owner, project, _PACKAGES_FOLDER)[
        f"docassemble.{short_name}"
    ] = b""
    return _restart_if_needed(call, needed=True)
