"""Lists the source files of a folder, without caches, secrets and files in .gitignore."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field, frozen

from docassemble_client.workflows.packages.ignore_rules import RuleSet

if TYPE_CHECKING:
    from collections.abc import Iterator

_IGNORE_FILE = ".gitignore"
# Ignored in every folder. A .gitignore can include such files again with "!".
_DEFAULT_PATTERNS = """
__pycache__/
*.py[cod]
*.egg-info/
.eggs/
/build/
/dist/
.hg/
.svn/
.tox/
.nox/
.*_cache/
.cache/
.hypothesis/
.coverage
.coverage.*
htmlcov/
.ipynb_checkpoints/
node_modules/
.venv/
.direnv/
.idea/
.vscode/
.history/
*.sw[op]
*~
*.bak
*.tmp
~$*
._*
.~lock.*
.#*
\\#*#
.DS_Store
Thumbs.db
desktop.ini
"""
# Files that usually hold secrets, whatever their capital letters.
_CONFIDENTIAL_PATTERNS = """
.env
.env.*
!.env.example
!.env.sample
!.env.template
.envrc
.netrc
_netrc
.pypirc
.npmrc
.yarnrc.yml
.git-credentials
.htpasswd
.pgpass
.my.cnf
.s3cfg
.boto
.vault_pass
.docassemblecli
.ssh/
.aws/
.azure/
.gcloud/
.gnupg/
.kube/
.docker/
id_*
!id_*.*
id_rsa*
id_dsa*
id_ecdsa*
id_ed25519*
!id_*.pub
*.pem
*.key
*.ppk
*.p12
*.pfx
*.jks
*.keystore
*.kdbx
"""
_GIT = ".git"
_VIRTUAL_ENVIRONMENT_FILE = "pyvenv.cfg"


@frozen(kw_only=True)
class SourceTree:
    """
    The source files of a folder.

    Attributes:
        root: Absolute path of the folder.
        files: Paths of the source files relative to `root`, with slashes, sorted.
        ignored: Paths that were ignored. A folder is one entry that ends with a slash.
    """

    root: Path
    files: tuple[str, ...]
    ignored: tuple[str, ...]


def scan_sources(root: Path) -> SourceTree:
    """
    List the source files of a folder.

    Internal files of Git, Python and editors, virtual environments and files that usually hold
    secrets are ignored. So are paths that a .gitignore excludes: in the folder, or above it up to
    the root of the repository. A .gitignore can include ignored files again (`!cert.pem`), except
    `.git`. A symbolic link is included if its target is an included file; links to folders are
    ignored.

    Args:
        root: The folder.

    Returns:
        The included and the ignored paths.

    Raises:
        OSError: A folder cannot be read.
    """
    root = root.resolve()
    repository = _find_repository(root) or root
    prefix = _as_prefix(root, repository)
    outer_rules: list[RuleSet] = []
    parents = [parent for parent in root.parents if parent.is_relative_to(repository)][::-1]
    for parent in parents:
        outer_rules += _read_ignore_file(parent, _as_prefix(parent, repository))
    # If the outer rules ignore the folder itself, they do not apply: the caller asked for it.
    folders = [folder.relative_to(repository).as_posix() for folder in (*parents[1:], root)]
    if any(_is_ignored(outer_rules, folder, is_folder=True) for folder in folders):
        outer_rules = []
    default_rules = [
        RuleSet(prefix, _DEFAULT_PATTERNS),
        RuleSet(prefix, _CONFIDENTIAL_PATTERNS, ignores_case=True),
    ]
    scanner = _Scanner(root, prefix)
    scanner.scan_folder(root, prefix, [*default_rules, *outer_rules])
    return scanner.make_tree()


def _find_repository(root: Path) -> Path | None:
    return next((folder for folder in (root, *root.parents) if (folder / _GIT).exists()), None)


def _as_prefix(folder: Path, repository: Path) -> str:
    """Return a folder's path relative to the repository: empty, or with a slash at the end."""
    path = folder.relative_to(repository).as_posix()
    return "" if path == "." else f"{path}/"


@frozen
class _Scanner:
    """Collects the paths of a folder, relative to its repository."""

    root: Path
    prefix: str
    files: list[str] = field(factory=list[str])
    links: list[str] = field(factory=list[str])
    ignored: list[str] = field(factory=list[str])

    def scan_folder(self, folder: Path, base: str, rule_sets: list[RuleSet]) -> None:
        rule_sets = [*rule_sets, *_read_ignore_file(folder, base)]
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                path = f"{base}{entry.name}"
                is_folder = entry.is_dir(follow_symlinks=False)
                ignored = _is_ignored(rule_sets, path, is_folder=is_folder)
                if ignored or not _is_valid_text(entry.name):
                    self.ignored.append(f"{path}/" if is_folder else path)
                elif not is_folder:
                    self._add_file(entry, path)
                elif entry.name == _GIT or (Path(entry.path) / _VIRTUAL_ENVIRONMENT_FILE).exists():
                    self.ignored.append(f"{path}/")
                else:
                    self.scan_folder(Path(entry.path), f"{path}/", rule_sets)

    def _add_file(self, entry: os.DirEntry[str], path: str) -> None:
        if entry.is_symlink():
            self.links.append(path)
        elif entry.is_file() and entry.name != _GIT:  # a file in worktrees and submodules
            self.files.append(path)
        else:
            self.ignored.append(path)

    def make_tree(self) -> SourceTree:
        files = {self._strip_prefix(path) for path in self.files}
        links = {
            self._strip_prefix(path) for path in self.links if self._resolve_link(path) in files
        }
        ignored = {self._strip_prefix(path) for path in (*self.ignored, *self.links)}
        return SourceTree(
            root=self.root,
            files=tuple(sorted(files | links)),
            ignored=tuple(
                os.fsencode(path).decode(errors="replace") for path in sorted(ignored - links)
            ),
        )

    def _strip_prefix(self, path: str) -> str:
        return path[len(self.prefix) :]

    def _resolve_link(self, path: str) -> str:
        """Return a link's target relative to the folder; empty if it is outside or missing."""
        try:
            target = (self.root / self._strip_prefix(path)).resolve(strict=True)
            return target.relative_to(self.root).as_posix()
        except (OSError, RuntimeError, ValueError):  # missing, a cycle, or outside the folder
            return ""


def _is_valid_text(name: str) -> bool:
    """Whether a file name is valid Unicode; on Linux it may be any bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_ignored(rule_sets: list[RuleSet], path: str, *, is_folder: bool) -> bool:
    for rule_set in reversed(rule_sets):
        ignored = rule_set.is_ignored(path, is_folder=is_folder)
        if ignored is not None:
            return ignored
    return False


def _read_ignore_file(folder: Path, base: str) -> Iterator[RuleSet]:
    file = folder / _IGNORE_FILE
    if file.is_file() and not file.is_symlink():
        # Not in text mode, which ends a line also at a carriage return.
        yield RuleSet(base, file.read_bytes().decode("utf-8-sig", errors="surrogateescape"))
