"""Playgrounds, where developers write interviews."""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple, get_args
from zipfile import BadZipFile, ZipFile

import docassemble_client.models as models
from docassemble_client.testing._handlers.file_response import make_file_response
from docassemble_client.testing._handlers.package_archive import (
    SETUP_FILES,
    parse_keywords,
    parse_project,
    read_files,
)
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
    from collections.abc import Mapping

    from docassemble_client.testing._server.api_call import ApiCall
    from docassemble_client.testing._server.request_body import UploadedFile
    from docassemble_client.testing._state.playground import Folder

FOLDERS = get_args(get_args(models.PlaygroundFolder)[0])
_PLAYGROUND_DIRECTIVE = "enable playground"
_NO_ROUTES_SINCE = "1.10"  # since then a disabled Playground has no routes
_PACKAGES_FOLDER = "packages"
_MODULES_FOLDER = "modules"
_STATIC_FOLDER = "static"
_PACKAGE_PARAMETER = "package"  # the server's other name of `filename`, for packages only
_MAX_NAME_LENGTH = 255  # characters of a file name
_GIT_ERROR = "fatal: could not read from the remote repository"


class _Location(NamedTuple):
    """
    Where a folder is.

    Attributes:
        user: ID of the account.
        project: Name of the project.
        folder: Name of the folder.
    """

    user: int
    project: str
    folder: str


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
    name: Any = call.get_value("project", DEFAULT_PROJECT)
    if not (isinstance(name, str) and call.state.playground.has_project(owner, name)):
        call.refuse("Invalid project.")
    return name


def _find_folder(call: ApiCall) -> _Location:
    """Find the folder of a call."""
    owner = _find_owner(call)
    name: Any = call.get_value("folder", _STATIC_FOLDER)
    if name not in FOLDERS:
        call.refuse("Invalid folder")
    return _Location(owner, _find_project(call, owner), name)


def playground_list_files(call: ApiCall) -> object:
    """List the files of a folder."""
    if _PACKAGE_PARAMETER in call.request.query and call.get_value("folder") == _PACKAGES_FOLDER:
        return playground_download_file(call)
    return sorted(_read_folder(call, _find_folder(call)))


def playground_download_file(call: ApiCall) -> object:
    """Return a file, or a package as a ZIP archive."""
    location = _find_folder(call)
    folder = _read_folder(call, location)
    query = call.request.query
    filename = predict_lookup_name(query.get("filename", query.get(_PACKAGE_PARAMETER, "")))
    modified = call.state.playground.modified
    if location.folder == _PACKAGES_FOLDER:
        package = "docassemble." + filename.removeprefix("docassemble.")
        if package not in folder:
            call.raise_not_found()
        disposition = f"attachment; filename=docassemble-{package.partition('.')[2]}.zip"
        return make_file_response(call, folder[package], "application/zip", disposition, modified)
    if filename not in folder:
        raise ApiRefusal(make_json_response("File not found", 404))
    disposition = f"inline; filename={filename}"
    return make_file_response(
        call, folder[filename], guess_mimetype(filename), disposition, modified
    )


def playground_upload_files(call: ApiCall) -> object:
    """Save files in a folder."""
    location = _find_folder(call)
    if location.folder == _PACKAGES_FOLDER:
        call.raise_not_found()
    uploads = call.get_files()
    if not uploads:
        call.refuse("No file found")
    files = {predict_stored_name(upload.filename): upload.content for upload in uploads}
    if any(not filename or len(filename) > _MAX_NAME_LENGTH for filename in files):
        call.refuse("Error saving")
    _change_folder(call, location).update(files)
    return _restart_if_needed(call, needed=location.folder == _MODULES_FOLDER)


def playground_delete_file(call: ApiCall) -> object:
    """Delete a file, if it exists."""
    if call.get_text("filename") is None:
        _find_owner(call)
        call.refuse("Missing filename")
    location = _find_folder(call)
    if location.folder == _PACKAGES_FOLDER:
        call.raise_not_found()
    filename = predict_lookup_name(str(call.get_text("filename")))
    if filename in _read_folder(call, location):
        del _change_folder(call, location)[filename]
    return _restart_if_needed(call, needed=location.folder == _MODULES_FOLDER)


def _read_folder(call: ApiCall, location: _Location) -> Mapping[str, bytes]:
    return call.state.playground.read_folder(*location)


def _change_folder(call: ApiCall, location: _Location) -> Folder:
    return call.state.playground.change_folder(*location)


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
    if not call.has_argument("project"):
        call.refuse("Project not provided")
    name = call.get_value("project")
    if re.search(r"^[0-9]|[^A-Za-z0-9]", name):
        call.refuse("Invalid project name")
    if name == DEFAULT_PROJECT or name in call.state.playground.list_projects(owner):
        call.refuse("Invalid project.")
    if name:
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
    except (BadZipFile, ValueError):
        call.refuse("Error installing")
    return _restart_if_needed(call, needed=any(have_modules))


def _unpack(call: ApiCall, owner: int, project: str, upload: UploadedFile) -> bool:
    """Unpack the files of a package, and return whether they include a module."""
    with ZipFile(BytesIO(upload.content)) as archive:
        files = read_files(archive)
        root = _find_root(archive)
    if root is None:
        call.refuse("Not a docassemble package")
    has_module = False
    for path, content in files.items():
        folder, filename = _find_target_folder(path, root)
        if folder:
            _change_folder(call, _Location(owner, project, folder))[filename] = content
            has_module |= folder == _MODULES_FOLDER
    name = _find_package_name(files, root).removeprefix("docassemble.")
    packages = _change_folder(call, _Location(owner, project, _PACKAGES_FOLDER))
    packages[f"docassemble.{name}"] = upload.content
    return has_module


def _find_root(archive: ZipFile) -> str | None:
    """Find the folder of the package: the shortest with a setup file or a docassemble folder."""
    roots: set[str] = set()
    for path in archive.namelist():
        directory, _, name = path.rpartition("/")
        if name in SETUP_FILES:
            roots.add(directory)
        elif f"/{path}".endswith("/docassemble/"):
            roots.add(directory.rpartition("/")[0])
    return min(roots, key=len, default=None)


def _find_package_name(files: Mapping[str, bytes], root: str) -> str:
    """Find the name in the setup files of the root folder, as the server does."""
    prefix = f"{root}/" if root else ""
    keywords = parse_keywords(files.get(f"{prefix}setup.py", b"").decode())
    project = files.get(f"{prefix}pyproject.toml")
    if project is not None:
        keywords["name"] = parse_project(project.decode()).get("name", "")
    return keywords.get("name", "unknown")


def _find_target_folder(path: str, root: str) -> tuple[str, str]:
    """Return the folder and name for a file of a package; the folder is empty if it has none."""
    directory, _, filename = path.rpartition("/")
    if filename.startswith("#") or filename.endswith("~") or ".git" in directory.split("/"):
        return "", filename
    match = re.search(r"data/(templates|static|sources|questions)$", directory)
    if match is not None and filename != "README.md":
        return match[1], filename
    is_nested = directory.count("/") >= 1 and not {"tests", "data"} & set(directory.split("/"))
    is_module = filename.endswith(".py") and filename != "__init__.py"
    if is_nested and directory != root and is_module:
        return _MODULES_FOLDER, filename
    return "", filename


def playground_pull_package(call: ApiCall) -> object:
    """Pull a package that pip can install into the Playground."""
    owner = _find_owner(call)
    project = _find_project(call, owner)
    if call.has_argument("github_url"):
        call.get_value("github_url").rstrip("/")
        call.refuse("Pull process", _GIT_ERROR)
    if not call.has_argument("pip"):
        call.refuse("Either github_url or pip")
    name = re.split(r"[>=<]", call.get_value("pip"))[0]
    if name not in call.state.packages.available:
        call.refuse("Pull process", f"ERROR: No matching distribution found for {name}")
    location = _Location(owner, project, _PACKAGES_FOLDER)
    _change_folder(call, location)[f"docassemble.{name.removeprefix('docassemble.')}"] = b""
    return _restart_if_needed(call, needed=True)
