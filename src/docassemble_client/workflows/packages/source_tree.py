"""Lists the source files of a folder, without caches, secrets and what .gitignore excludes."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field, frozen

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
.env
.env.*
!.env.example
!.env.sample
!.env.template
.envrc
.netrc
.pypirc
.htpasswd
.docassemblecli
id_rsa
id_dsa
id_ecdsa
id_ed25519
*.pem
*.key
*.p12
*.pfx
*.jks
*.keystore
*.kdbx
"""
_GIT = ".git"
_VIRTUAL_ENVIRONMENT_FILE = "pyvenv.cfg"
# The wildcards of .gitignore patterns, longest first.
_TOKEN = re.compile(r"(?P<deep>/\*\*(?=/))|(?P<star>\*+)|(?P<any>\?)|(?P<set>\[[!^]?\]?[^]]*\])")


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


@frozen
class _Rule:
    """One line of a .gitignore; the pattern matches paths relative to its folder."""

    pattern: re.Pattern[str]
    ignores: bool
    folders_only: bool


@frozen
class _RuleSet:
    """
    The rules of one .gitignore.

    Attributes:
        base: Its folder relative to the repository; empty, or with a slash at the end.
        rules: Its rules, in order.
    """

    base: str
    rules: tuple[_Rule, ...]

    def is_ignored(self, path: str, *, is_folder: bool) -> bool | None:
        """Whether the path is ignored: the last rule that matches wins; None if none matches."""
        relative_path = path[len(self.base) :]
        for rule in reversed(self.rules):
            if (is_folder or not rule.folders_only) and rule.pattern.fullmatch(relative_path):
                return rule.ignores
        return None


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
    outer_rules: list[_RuleSet] = []
    parents = [parent for parent in root.parents if parent.is_relative_to(repository)][::-1]
    for parent in parents:
        outer_rules += _read_ignore_file(parent, _as_prefix(parent, repository))
    # If the outer rules ignore the folder itself, they do not apply: the caller asked for it.
    folders = [folder.relative_to(repository).as_posix() for folder in (*parents[1:], root)]
    if any(_is_ignored(outer_rules, folder, is_folder=True) for folder in folders):
        outer_rules = []
    default_rules = _RuleSet(prefix, _parse_rules(_DEFAULT_PATTERNS))
    scanner = _Scanner(root, prefix)
    scanner.scan_folder(root, prefix, [default_rules, *outer_rules])
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

    def scan_folder(self, folder: Path, base: str, rule_sets: list[_RuleSet]) -> None:
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


def _is_ignored(rule_sets: list[_RuleSet], path: str, *, is_folder: bool) -> bool:
    for rule_set in reversed(rule_sets):
        ignored = rule_set.is_ignored(path, is_folder=is_folder)
        if ignored is not None:
            return ignored
    return False


def _read_ignore_file(folder: Path, base: str) -> Iterator[_RuleSet]:
    file = folder / _IGNORE_FILE
    if file.is_file():
        yield _RuleSet(base, _parse_rules(file.read_text(encoding="utf-8-sig", errors="replace")))


def _parse_rules(text: str) -> tuple[_Rule, ...]:
    rules = (_parse_rule(line) for line in text.splitlines())
    return tuple(rule for rule in rules if rule is not None)


def _parse_rule(line: str) -> _Rule | None:
    """Parse one line of a .gitignore; None if it is empty, a comment or invalid."""
    line = re.sub(r"(?<!\\)[ \t]+$", "", line)
    if not line or line.startswith("#"):
        return None
    ignores = not line.startswith("!")
    line = line if ignores else line[1:]
    folders_only = line.endswith("/")
    line = line.removesuffix("/")
    # A pattern with a slash matches relative to its folder; without one, at every depth.
    depth = "" if "/" in line else "(?:.*/)?"
    try:
        pattern = re.compile(f"{depth}{_translate_pattern(line.removeprefix('/'))}", re.DOTALL)
    except re.error:
        return None
    return _Rule(pattern, ignores, folders_only)


def _translate_pattern(line: str) -> str:
    """Translate a pattern into a regular expression."""
    if line == "**":
        return ".*"
    text, position = "", 0
    if line.startswith("**/"):
        text, position = "(?:.*/)?", 3
    while position < len(line):
        if line[position] == "\\" and position + 1 < len(line):
            text += re.escape(line[position + 1])
            position += 2
            continue
        token = _TOKEN.match(line, position)
        if token is None:
            text += re.escape(line[position])
            position += 1
            continue
        position = token.end()
        text += _translate_token(token, is_last=position == len(line))
    return text


def _translate_token(token: re.Match[str], *, is_last: bool) -> str:
    text = token[0]
    if token["deep"]:
        return "(?:/.*)?"
    if token["star"]:
        follows_slash = token.string[token.start() - 1 : token.start()] == "/"
        return ".*" if is_last and follows_slash and text == "**" else "[^/]*"
    if token["any"]:
        return "[^/]"
    characters = text[1:-1]
    negated = characters[:1] in {"!", "^"}
    characters = characters[negated:].replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return f"(?!/)[{'^' if negated else ''}{characters}]"
