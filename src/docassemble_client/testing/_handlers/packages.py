"""Python packages on the server."""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING
from zipfile import ZipFile

import docassemble_client.models as models
from docassemble_client.testing._handlers.package_archive import (
    find_build_error,
    find_package_name,
    find_version,
    read_files,
)
from docassemble_client.testing._server.api_call import describe_error
from docassemble_client.testing._state.packages import InstalledPackage

if TYPE_CHECKING:
    from collections.abc import Callable

    from docassemble_client.testing._server.api_call import ApiCall
    from docassemble_client.testing._server.request_body import UploadedFile
    from docassemble_client.testing._state.tasks import InstallResult

_UPDATES_DIRECTIVE = "allow updates"
_PIP_REQUIREMENT = re.compile(r"([^>=<]+)([>=<]+.+)")
_INTERVIEW_PATH = re.compile(r"/(data/questions/[^/]+)$")


def _may_change(call: ApiCall, package: InstalledPackage) -> bool:
    """Whether the caller is an administrator or has installed the package."""
    return call.user.has_privilege("admin") or package.installed_by == call.user.id


def _may_update(call: ApiCall, package: InstalledPackage) -> bool:
    """Whether the caller may update a package; ZIP packages cannot be updated."""
    return _may_change(call, package) and not package.pinned and package.type != "zip"


def packages_list(call: ApiCall) -> object:
    """List the installed packages."""
    call.require_privilege("manage_packages")
    if call.state.is_older_than("1.10") and not call.user.has_permission("manage_packages"):
        call.deny()
    return [
        models.Package(
            name=package.name,
            type=package.type,
            can_update=_may_update(call, package),
            can_uninstall=_may_change(call, package) and not package.core,
            version=package.version or None,
            git_url=package.git_url,
            branch=package.branch,
            zip_file_number=package.zip_file_number,
        )
        for package in call.state.packages.installed.values()
    ]


def packages_install(call: ApiCall) -> object:
    """Install a package."""
    _check_enabled(call)
    sources = [name for name in ("pip", "github_url") if call.has_argument(name)]
    uploads = call.get_files("zip")
    count = len(sources) + len(uploads) + ("update" in call.data)
    if count == 0:
        call.refuse("No instructions")
    if count > 1:
        call.refuse("Only one package")
    if uploads:
        package = _read_zip_package(call, uploads[0])
    elif "pip" in sources:
        requirement = call.get_value("pip")
        match = _PIP_REQUIREMENT.match(requirement)
        package = InstalledPackage(re.sub(r"[^\w.-]", "", match[1] if match else requirement))
    else:
        package = _read_git_package(call)
    existing = call.state.packages.installed.get(package.name)
    if existing is not None and not _may_change(call, existing):
        if package.type == "git":
            call.raise_not_found()  # the real server does not return its refusal here
        call.refuse("do not have permission")
    package.installed_by = call.user.id
    call.state.packages.register(package)
    restart = call.get_flag("restart", default=True)
    return _start_install(call, lambda: call.state.packages.install(package, restart=restart))


def _read_git_package(call: ApiCall) -> InstalledPackage:
    url = str(call.get_value("github_url")).rstrip("/")
    egg = re.search(r"#egg=([^&]*)", url)
    stem = re.sub(r"\.git$", "", re.sub(r"#.*", "", url)).rpartition("/")[2]
    name = egg[1] if egg else re.sub(r"^docassemble-", "docassemble.", stem)
    branch = call.get_text("branch") or "main"
    return InstalledPackage(name, "git", git_url=re.sub(r"#.*", "", url), branch=branch)


def _read_zip_package(call: ApiCall, upload: UploadedFile) -> InstalledPackage:
    try:
        with ZipFile(BytesIO(upload.content)) as archive:
            name = find_package_name(archive)
            version, pip_error = find_version(archive), find_build_error(archive)
            interviews = {
                match[1]: content
                for path, content in read_files(archive).items()
                if (match := _INTERVIEW_PATH.search(path))
            }
    except Exception as error:
        call.refuse("error when installing", describe_error(error))
    file = call.state.files.add(upload.filename, upload.content)
    return InstalledPackage(
        name,
        "zip",
        version,
        zip_file_number=file.number,
        interviews=interviews,
        pip_error=pip_error,
    )


def packages_update(call: ApiCall) -> object:
    """Update a package."""
    _check_enabled(call)
    package = _find_package(call)
    if not _may_update(call, package):
        call.refuse("not allowed to update")
    return _start_install(call, lambda: call.state.packages.update(package.name))


def packages_uninstall(call: ApiCall) -> object:
    """Uninstall a package."""
    _check_enabled(call)
    if call.get_text("package") is None:
        call.refuse("Missing package name")
    package = _find_package(call)
    if package.core or not _may_change(call, package):
        call.refuse("not allowed to uninstall")
    return _start_install(call, lambda: call.state.packages.uninstall(package.name))


def _check_enabled(call: ApiCall) -> None:
    call.require_privilege()
    call.require_enabled(_UPDATES_DIRECTIVE)


def _find_package(call: ApiCall) -> InstalledPackage:
    package = call.state.packages.installed.get(str(call.get_text("package")))
    return package or call.refuse("Package not found")


def _start_install(call: ApiCall, run_pip: Callable[[], InstallResult]) -> object:
    restart = call.get_flag("restart", default=True)
    return {"task_id": call.state.tasks.install(run_pip, restart=restart)}


def packages_get_update_status(call: ApiCall) -> object:
    """Return the status of an installation."""
    call.require_enabled(_UPDATES_DIRECTIVE)
    call.require_privilege()
    task_id = call.get_text("task_id")
    if task_id is None:
        call.refuse("Missing task_id")
    tasks = call.state.tasks
    task = tasks.find("install", task_id)
    if task is None:
        return models.PackageUpdateStatus(status="unknown")
    if not tasks.check_completion(task) or task.result is None:
        return models.PackageUpdateStatus(status="working")
    # Without a restart the server reports success even if pip failed.
    if task.result.ok or not task.needs_restart:
        return models.PackageUpdateStatus(status="completed", ok=True, log=task.result.log)
    return models.PackageUpdateStatus(status="completed", ok=False, error_message=task.result.log)
