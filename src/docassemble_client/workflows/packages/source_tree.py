"""Which files of a folder belong to what is made of it: no caches, no secrets, nothing ignored."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

_IGNORE_FILE = ".gitignore"
# What no package is made of, written as a .gitignore; a real one can take things back with "!".
_NEVER = """
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
_ENVIRONMENT = "pyvenv.cfg"
# What has a meaning of its own in a pattern of .gitignore, longest first.
_TOKEN = re.compile(r"(?P<deep>/\*\*(?=/))|(?P<star>\*+)|(?P<one>\?)|(?P<set>\[[!^]?\]?[^]]*\])")


@frozen(kw_only=True)
class Tree:
    """
    The files of a folder that count.

    Attributes:
        root: The folder.
        files: Their paths in it, with slashes, sorted.
        left_out: What does not count; of a folder only its name, with a slash at its end.
    """

    root: Path
    files: tuple[str, ...]
    left_out: tuple[str, ...]


@frozen
class _Rule:
    """A line of a .gitignore: what it matches below its folder."""

    pattern: re.Pattern[str]
    ignores: bool
    folders_only: bool


@frozen
class _Rules:
    """The lines of one .gitignore; `base` is its folder, seen from the top, empty or with a `/`."""

    base: str
    rules: tuple[_Rule, ...]

    def verdict(self, path: str, *, folder: bool) -> bool | None:
        """Whether the path is ignored: the last line that says anything wins; None if none does."""
        below = path[len(self.base) :]
        for rule in reversed(self.rules):
            if (folder or not rule.folders_only) and rule.pattern.fullmatch(below):
                return rule.ignores
        return None


def scan(root: Path) -> Tree:
    """
    Find the files of a folder that count.

    Left out are what Git, Python and editors keep for themselves, virtual environments, files
    that usually hold secrets, and what the .gitignore files say, also those above the folder up to
    the repository; they can take back what is left out otherwise (`!cert.pem`), but not `.git`.
    A symbolic link counts as the file it leads to, if that counts as well; never as a folder.

    Args:
        root: The folder.

    Returns:
        What counts and what does not.

    Raises:
        OSError: A folder cannot be read.
    """
    root = root.resolve()
    top = _repository(root) or root
    above = root.relative_to(top).as_posix()
    start = "" if above == "." else f"{above}/"
    walk = _Walk(root, start)
    outer: list[_Rules] = []
    parents = [one for one in root.parents if one.is_relative_to(top)][::-1]
    for parent in parents:
        base = parent.relative_to(top).as_posix()
        outer += _read(parent, "" if base == "." else f"{base}/")
    # Patterns above that ignore the folder itself do not count: whoever names it means it.
    way = [one.relative_to(top).as_posix() for one in (*parents[1:], root)]
    if any(_ignored(outer, one, folder=True) for one in way):
        outer = []
    walk.folder(root, start, [_Rules(start, _parsed(_NEVER)), *outer])
    return walk.result()


def _repository(root: Path) -> Path | None:
    return next((one for one in (root, *root.parents) if (one / _GIT).exists()), None)


@frozen
class _Walk:
    """One walk through a folder; paths are seen from the top of its repository."""

    root: Path
    start: str
    files: list[str] = field(factory=list[str])
    links: list[str] = field(factory=list[str])
    left_out: list[str] = field(factory=list[str])

    def folder(self, folder: Path, base: str, rules: list[_Rules]) -> None:
        rules = [*rules, *_read(folder, base)]
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda one: one.name):
                path = f"{base}{entry.name}"
                inside = entry.is_dir(follow_symlinks=False)
                if _ignored(rules, path, folder=inside) or not _sendable(entry.name):
                    self.left_out.append(f"{path}/" if inside else path)
                elif not inside:
                    self._file(entry, path)
                elif entry.name == _GIT or (Path(entry.path) / _ENVIRONMENT).exists():
                    self.left_out.append(f"{path}/")
                else:
                    self.folder(Path(entry.path), f"{path}/", rules)

    def _file(self, entry: os.DirEntry[str], path: str) -> None:
        if entry.is_symlink():
            self.links.append(path)
        elif entry.is_file() and entry.name != _GIT:  # also a file, in worktrees and submodules
            self.files.append(path)
        else:
            self.left_out.append(path)

    def result(self) -> Tree:
        known = {self._below(path) for path in self.files}
        followed = {self._below(path) for path in self.links if self._target(path) in known}
        left_out = [self._below(path) for path in (*self.left_out, *self.links)]
        return Tree(
            root=self.root,
            files=tuple(sorted(known | followed)),
            left_out=tuple(
                os.fsencode(one).decode(errors="replace")
                for one in sorted(set(left_out) - followed)
            ),
        )

    def _below(self, path: str) -> str:
        return path[len(self.start) :]

    def _target(self, path: str) -> str:
        """Find what a link leads to, seen from the folder; empty if it leads out of it."""
        try:
            target = (self.root / self._below(path)).resolve(strict=True)
            return target.relative_to(self.root).as_posix()
        except (OSError, RuntimeError, ValueError):  # nothing there, a circle, or outside
            return ""


def _sendable(name: str) -> bool:
    """Whether a name is text; on Linux it may be any bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _ignored(rules: list[_Rules], path: str, *, folder: bool) -> bool:
    for one in reversed(rules):
        verdict = one.verdict(path, folder=folder)
        if verdict is not None:
            return verdict
    return False


def _read(folder: Path, base: str) -> Iterator[_Rules]:
    file = folder / _IGNORE_FILE
    if file.is_file():
        yield _Rules(base, _parsed(file.read_text(encoding="utf-8-sig", errors="replace")))


def _parsed(text: str) -> tuple[_Rule, ...]:
    rules = (_rule(line) for line in text.splitlines())
    return tuple(rule for rule in rules if rule is not None)


def _rule(line: str) -> _Rule | None:
    """Read a line of a .gitignore; None if it is empty, a comment or cannot be read."""
    line = re.sub(r"(?<!\\)[ \t]+$", "", line)
    if not line or line.startswith("#"):
        return None
    ignores = not line.startswith("!")
    line = line if ignores else line[1:]
    folders_only = line.endswith("/")
    line = line.removesuffix("/")
    # A slash ties a pattern to its folder; without one it matches at every depth.
    depth = "" if "/" in line else "(?:.*/)?"
    try:
        pattern = re.compile(f"{depth}{_translated(line.removeprefix('/'))}", re.DOTALL)
    except re.error:
        return None
    return _Rule(pattern, ignores, folders_only)


def _translated(line: str) -> str:
    """Make a regular expression of a pattern."""
    if line == "**":
        return ".*"
    text, place = "", 0
    if line.startswith("**/"):
        text, place = "(?:.*/)?", 3
    while place < len(line):
        if line[place] == "\\" and place + 1 < len(line):
            text += re.escape(line[place + 1])
            place += 2
            continue
        token = _TOKEN.match(line, place)
        if token is None:
            text += re.escape(line[place])
            place += 1
            continue
        place = token.end()
        text += _meaning(token, last=place == len(line))
    return text


def _meaning(token: re.Match[str], *, last: bool) -> str:
    found = token[0]
    if token["deep"]:
        return "(?:/.*)?"
    if token["star"]:
        whole_part = token.string[token.start() - 1 : token.start()] == "/"
        return ".*" if last and whole_part and found == "**" else "[^/]*"
    if token["one"]:
        return "[^/]"
    inside = found[1:-1]
    negated = inside[:1] in {"!", "^"}
    inside = inside[negated:].replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return f"(?!/)[{'^' if negated else ''}{inside}]"
