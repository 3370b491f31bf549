"""
Everything a developer runs.

`nox` is all that needs no server, in a few minutes; `nox -t all` the same on every Python and HTTP
library, `nox -s live` the tests on a real server.
"""

from __future__ import annotations

from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"

ROOT = Path(__file__).parent
PYPROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)
OLDEST, NEWEST = PYTHONS[0], PYTHONS[-1]
# The newest of each line of docassemble that is proven; the first one is recorded.
SERVERS = ("1.10.14", "1.9.13", "1.8.18")
ALL = ["all"]
# Of all Pythons and libraries, what takes long is tested on one.
FEW = ("-m", "not slow", "--hypothesis-profile=few")


def _group(name: str) -> tuple[str, ...]:
    return nox.project.dependency_groups(PYPROJECT, name)


def _install(session: nox.Session, *groups: str, resolution: str = "highest") -> None:
    """Install the built wheel, never the tree, and what the session needs beside it."""
    wheel = _wheel(session)
    needed = sorted({one for group in groups for one in _group(group)})
    session.install(
        "--resolution", resolution, "--reinstall-package", "docassemble-client", wheel, *needed
    )


def _wheel(session: nox.Session) -> str:
    built = Path(session.create_tmp()) / "dist"
    session.run_install(
        "uv", "build", "--wheel", "--quiet", "--clear", "--out-dir", str(built), external=True
    )
    return str(next(built.glob("*.whl")))


@nox.session(tags=ALL)
def lint(session: nox.Session) -> None:
    """Check style, names and the borders between modules."""
    session.install(*_group("codegen"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(tags=ALL)
def typing(session: nox.Session) -> None:
    """Check types with mypy and pyright, both strict."""
    _install(session, "typing")
    session.install("nox")
    session.run("mypy")
    session.run("pyright")


@nox.session(tags=ALL)
def codegen(session: nox.Session) -> None:
    """Check that the generated files are what the specification makes; `-- --write` makes them."""
    session.install(*_group("codegen"))
    session.run("python", "-m", "codegen", *([] if "--write" in session.posargs else ["--check"]))


@nox.session
def tests(session: nox.Session) -> None:
    """Run the offline tests on the wheel and the Python at hand."""
    _install(session, "tests")
    _test(session, *_coverage(session))


@nox.session(default=False, tags=ALL)
@nox.parametrize(
    ("python", "http"),
    # That another library does the same does not hang on the Python.
    [*((python, "httpx") for python in PYTHONS), (NEWEST, "httpx2"), (NEWEST, "aiohttp")],
)
def matrix(session: nox.Session, http: str) -> None:
    """Run the offline tests on every Python and HTTP library, and on one what takes long too."""
    _install(session, "tests")
    if session.python == NEWEST and http == "httpx":
        # One session runs every line, and measuring takes half as long again.
        _test(session, *_coverage(session))
    elif http == "aiohttp" and not session.posargs:
        # Most tests mock httpx or httpx2; a real server answers the contract over aiohttp.
        _test(session, f"--http={http}", *FEW, "tests/api")
    else:
        # What is generated is the same wherever the generator runs.
        _test(session, f"--http={http}", *FEW, "--ignore=tests/codegen")


@nox.session(python=OLDEST, name="tests-lowest", default=False, tags=ALL)
def tests_lowest(session: nox.Session) -> None:
    """Run the offline tests with the lowest dependencies that pyproject.toml allows."""
    _install(session, "tests", resolution="lowest-direct")
    _test(session, *FEW)


def _coverage(session: nox.Session) -> tuple[str, ...]:
    """Measure the coverage of a whole run; on older Pythons a few lines are not reached."""
    show = "import sys; print('{}.{}'.format(*sys.version_info))"
    version = str(session.run("python", "-c", show, silent=True)).strip()
    return () if session.posargs or version != NEWEST else ("--cov", "--cov-report=term")


def _test(session: nox.Session, *arguments: str) -> None:
    session.run("pytest", "--numprocesses=auto", "--dist=worksteal", *arguments, *session.posargs)


@nox.session(tags=ALL)
def build(session: nox.Session) -> None:
    """Build both archives; the wheel must import alone and hold nothing but the package."""
    folder = Path(session.create_tmp())
    session.run_install(
        "uv", "build", "--quiet", "--clear", "--out-dir", str(folder), external=True
    )
    wheel = str(next(folder.glob("*.whl")))
    session.install("--reinstall-package", "docassemble-client", wheel)
    names = session.run("python", "-m", "zipfile", "--list", wheel, silent=True)
    paths = [line.split()[0] for line in str(names).splitlines()[1:]]
    strange = [
        one for one in paths if not one.startswith(("docassemble_client/", "docassemble_client-"))
    ]
    if strange or "docassemble_client/py.typed" not in paths:
        session.error(f"the wheel is wrong: {strange or 'no py.typed'}")
    session.run("python", "-I", "-c", "import docassemble_client as d; d.AsyncDocassemble, d.User")


@nox.session(tags=ALL)
def conformance(session: nox.Session) -> None:
    """Run the tests of the real server on the fake one."""
    _install(session, "live")
    at_once = ("--numprocesses=auto", "--dist=loadfile")
    session.run("pytest", "tests/live", "--server=fake", *at_once, *session.posargs)


@nox.session(default=False)
@nox.parametrize("server", SERVERS)
def live(session: nox.Session, server: str) -> None:
    """Run the live tests on a real server, started once and reused; `-- --stop` stops it."""
    _install(session, "live")
    if "--stop" in session.posargs:
        session.run("python", "-m", "tests.live.server", "stop", "--version", server)
        return
    session.run("pytest", "tests/live", "--server", server, *session.posargs)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure this client beside others and write docs/benchmarks.md; `-- --quick` only prints."""
    _install(session, "bench")
    options = session.posargs if "--quick" in session.posargs else ["--write", *session.posargs]
    session.run("python", "-m", "benchmarks", *options)


@nox.session(default=False)
def quickstart(session: nox.Session) -> None:
    """Run examples/quickstart.py on the server of the environment, or else on the live one."""
    script = "examples/quickstart.py"
    if session.env.get("DOCASSEMBLE_URL"):
        _install(session)
        session.run("python", script)
    else:
        _install(session, "live")
        session.run("python", "-m", "tests.live.server", "exec", "python", script)
