"""
Sessions for developers.

`nox` runs all checks without a server, in a few minutes. `nox -t all` runs them on every Python and
HTTP library. `nox -s live` runs the tests on real servers.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"

ROOT = Path(__file__).parent
PYPROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)
OLDEST, NEWEST = PYTHONS[0], PYTHONS[-1]
# The tested versions of docassemble; the exchanges with the first are recorded.
SERVERS = ("1.10.14", "1.9.13", "1.8.18")
ALL = ["all"]
# Slow tests run on one Python and HTTP library only.
QUICK_TESTS = ("-m", "not slow", "--hypothesis-profile=few")


def _read_group(name: str) -> tuple[str, ...]:
    return nox.project.dependency_groups(PYPROJECT, name)


def _install(session: nox.Session, *groups: str, resolution: str = "highest") -> None:
    """Install the built wheel and dependency groups."""
    wheel = _build_wheel(session)
    requirements = sorted({name for group in groups for name in _read_group(group)})
    session.install(
        "--resolution",
        resolution,
        "--reinstall-package",
        "docassemble-client",
        wheel,
        *requirements,
    )


def _build_wheel(session: nox.Session) -> str:
    folder = Path(session.create_tmp()) / "dist"
    session.run_install(
        "uv", "build", "--wheel", "--quiet", "--clear", "--out-dir", str(folder), external=True
    )
    return str(next(folder.glob("*.whl")))


@nox.session(tags=ALL)
def lint(session: nox.Session) -> None:
    """Check style, names and layers, and the GitHub Actions and workflows."""
    session.install(*_read_group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports", "--no-cache", env={"PYTHONPATH": "src"})
    session.run("zizmor", "--offline", "--quiet", "actions", ".github")


@nox.session(tags=ALL)
def typing(session: nox.Session) -> None:
    """Check types with mypy and pyright, both strict."""
    _install(session, "typing")
    session.install("nox")
    session.run("mypy")
    session.run("pyright")


@nox.session(tags=ALL)
def codegen(session: nox.Session) -> None:
    """Check that the generated files are up to date; `-- --write` writes them."""
    session.install(*_read_group("codegen"))
    session.run("python", "-m", "codegen", *([] if "--write" in session.posargs else ["--check"]))


@nox.session
def tests(session: nox.Session) -> None:
    """Run the offline tests, but not the slow ones, with the wheel on the current Python."""
    _install(session, "tests")
    _run_tests(session, *QUICK_TESTS)


@nox.session(default=False, tags=ALL)
@nox.parametrize(
    ("python", "http"),
    # Other HTTP libraries are tested on one Python.
    [*((python, "httpx") for python in PYTHONS), (NEWEST, "httpx2"), (NEWEST, "aiohttp")],
)
def matrix(session: nox.Session, http: str) -> None:
    """Run the offline tests on every Python and HTTP library; slow tests on one of them."""
    _install(session, "tests")
    if session.python == NEWEST and http == "httpx":
        # Coverage is measured once, because it takes half as long again.
        _run_tests(session, *([] if session.posargs else ["--cov", "--cov-report=term"]))
    elif http == "aiohttp" and not session.posargs:
        # Most tests mock httpx or httpx2. The API tests use a local server with aiohttp.
        _run_tests(session, f"--http={http}", *QUICK_TESTS, "tests/api")
    else:
        # The generated files do not depend on the Python.
        _run_tests(session, f"--http={http}", *QUICK_TESTS, "--ignore=tests/codegen")


@nox.session(python=OLDEST, name="tests-lowest", default=False, tags=ALL)
def tests_lowest(session: nox.Session) -> None:
    """Run the offline tests with the lowest dependencies that pyproject.toml allows."""
    _install(session, "tests", resolution="lowest-direct")
    _run_tests(session, *QUICK_TESTS)


def _run_tests(session: nox.Session, *arguments: str, env: dict[str, str] | None = None) -> None:
    parallel = ("--numprocesses=auto", "--dist=worksteal")
    session.run("pytest", *parallel, *arguments, *session.posargs, env=env)


@nox.session(tags=ALL)
def build(session: nox.Session) -> None:
    """Build wheel and sdist; the wheel must contain only the package and be importable."""
    folder = Path(session.create_tmp())
    session.run_install(
        "uv", "build", "--quiet", "--clear", "--out-dir", str(folder), external=True
    )
    wheel = str(next(folder.glob("*.whl")))
    session.install("--reinstall-package", "docassemble-client", wheel)
    names = session.run("python", "-m", "zipfile", "--list", wheel, silent=True)
    paths = [line.split()[0] for line in str(names).splitlines()[1:]]
    prefixes = ("docassemble_client/", "docassemble_client-")
    unexpected = [path for path in paths if not path.startswith(prefixes)]
    required = ("py.typed", ".agents/skills/docassemble-client/SKILL.md")
    missing = [name for name in required if f"docassemble_client/{name}" not in paths]
    if unexpected or missing:
        session.error(f"the wheel is invalid: unexpected {unexpected}, missing {missing}")
    session.run("python", "-I", "-c", "import docassemble_client as d; d.AsyncDocassemble, d.User")


@nox.session(tags=ALL)
def conformance(session: nox.Session) -> None:
    """Run the live tests on the fake server."""
    _install(session, "live")
    parallel = ("--numprocesses=auto", "--dist=loadfile")
    session.run("pytest", "tests/live", "--server=fake", *parallel, *session.posargs)


@nox.session(default=False, tags=ALL)
def openapi(session: nox.Session) -> None:
    """Check the OpenAPI documents with validators, generated clients and Schemathesis."""
    if shutil.which("npm") is None:
        session.error("npm is missing; install Node.js 20 or newer, which contains it")
    _install(session, "openapi")
    folder = session.create_tmp()
    shutil.copy(ROOT / "tests" / "openapi" / "package.json", folder)
    npm = ("npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", folder)
    session.run_install(*npm, external=True)
    _run_tests(session, "tests/openapi", env={"OPENAPI_NODE_FOLDER": str(Path(folder).resolve())})


@nox.session(default=False)
@nox.parametrize("server", SERVERS)
def live(session: nox.Session, server: str) -> None:
    """Run the live tests on a real server, which is started once; `-- --stop` stops it."""
    _install(session, "live")
    if "--stop" in session.posargs:
        session.run("python", "-m", "tests.live.server", "stop", "--version", server)
        return
    session.run("pytest", "tests/live", "--server", server, *session.posargs)


@nox.session(default=False, tags=ALL)
def corpus(session: nox.Session) -> None:
    """Run public interviews on a real server and write docs/corpus.md; `-- --stop` stops it."""
    _install(session, "live")
    session.run("python", "-m", "tests.corpus", *session.posargs)


@nox.session(default=False, tags=ALL)
def docs(session: nox.Session) -> None:
    """Build the documentation site into site/, and check its links and its search."""
    _install(session, "docs")
    folder = str(ROOT / "site")
    config = "docs/site/mkdocs.yml"
    # Material prints an advertisement for another program otherwise.
    environment = {"NO_MKDOCS_2_WARNING": "1"}
    session.run("mkdocs", "build", "--quiet", "-f", config, "-d", folder, env=environment)
    session.run("python", "docs/site/check.py", folder)


@nox.session(default=False, tags=ALL)
def compatibility(session: nox.Session) -> None:
    """Compare the public names with those of the last release."""
    session.install(*_read_group("compatibility"))
    git = ("git", "tag", "--list", "v*", "--sort=-version:refname", "--merged", "HEAD")
    tags = str(session.run(*git, external=True, silent=True)).split()
    if not tags:
        session.skip("there is no release yet")
    session.run("griffe", "check", "docassemble_client", "--search", "src", "--against", tags[0])


@nox.session(python=NEWEST, default=False, tags=ALL)
def bench(session: nox.Session) -> None:
    """Compare this client with others and write docs/benchmarks.md; `-- --quick` only prints."""
    _install(session, "bench")
    options = session.posargs if "--quick" in session.posargs else ["--write", *session.posargs]
    session.run("python", "-m", "benchmarks", *options)


@nox.session(default=False)
def quickstart(session: nox.Session) -> None:
    """Run examples/quickstart.py on the server of the environment variables or the live server."""
    script = "examples/quickstart.py"
    if session.env.get("DOCASSEMBLE_URL"):
        _install(session)
        session.run("python", script)
    else:
        _install(session, "live")
        session.run("python", "-m", "tests.live.server", "exec", "python", script)
