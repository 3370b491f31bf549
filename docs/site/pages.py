"""Makes pages of the documentation site from the specification, classes and examples."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import yaml
from mkdocs.structure.files import File

from docassemble_client import testing

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # codegen is no package of the wheel

from codegen.__main__ import read  # noqa: E402

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

    from codegen.ir import Spec

# The modules of public names on each page of the reference; a trailing dot stands for a folder.
REFERENCE = {
    "client": ("The client", ["client", "config", "_core.retry"]),
    "blocking": ("The blocking client", ["blocking."]),
    "errors": ("Errors", ["errors", "workflows.errors"]),
    "events": ("Events", ["events"]),
    "lists-and-tasks": ("Lists and tasks", ["pagination", "tasks"]),
    "files-and-responses": ("Files and responses", ["transfer", "responses"]),
    "interviews": ("Interviews and documents", ["workflows.interviews."]),
    "batches": ("Batches", ["workflows.batch."]),
    "packages": ("Packages", ["workflows.packages."]),
    "playground": ("The Playground", ["workflows.playground."]),
    "accounts": ("Accounts and stored sessions", ["workflows.accounts."]),
    "server": ("The server", ["workflows.server."]),
    "operations": ("Operations and JSON", ["operation", "_types"]),
    "testing": ("Tests without a server", ["testing"]),
}
EXAMPLES = {
    "quickstart.py": "A first program",
    "fastapi_app.py": "A FastAPI back end",
    "test_fastapi_app.py": "Its tests",
    "aiohttp_app.py": "An aiohttp back end",
    "test_aiohttp_app.py": "Its tests",
    "django_view.py": "A Django view",
    "test_django_view.py": "Its tests",
    "celery_task.py": "A Celery task",
    "test_celery_task.py": "Its tests",
    "custom_front_end.py": "A front end of your own for an interview",
    "test_custom_front_end.py": "Its tests",
    "aldashboard_jobs.py": "Jobs of ALDashboard",
    "test_aldashboard_jobs.py": "Its tests",
    "test_interviews.py": "A test for each interview",
    "dask_assemble.py": "A batch on many machines with Dask",
}
_PACKAGE = "docassemble_client"
_LINK = re.compile(r"\]\((?P<target>[^)#\s]+)(?P<anchor>#[^)\s]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the generated pages to the navigation."""
    tags = sorted(path.stem for path in (ROOT / "spec").glob("*.yaml") if path.stem != "common")
    pages = {
        "API": ["api/README.md", *(f"api/{tag}.md" for tag in tags)],
        "Reference": ["reference/README.md", *(f"reference/{name}.md" for name in REFERENCE)],
    }
    for section in config.nav or ():
        for title in pages.keys() & section.keys():
            section[title] = pages[title]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages to the files of the site."""
    for path, text in render_pages().items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Let links to files outside docs/ lead to their pages on the site."""
    depth = page.file.src_uri.count("/")

    def replace(match: re.Match[str]) -> str:
        target, anchor = match["target"], match["anchor"] or ""
        if "examples/" in target:
            name = target.rpartition("/")[2]
            return f"]({'../' * depth}examples.md#{name.replace('.', '-')})"
        if target.endswith("CHANGELOG.md"):
            return f"]({'../' * depth}changelog.md{anchor})"
        return match[0]

    return _LINK.sub(replace, markdown)


def render_pages() -> dict[str, str]:
    """Render every generated page, by its path on the site."""
    spec = read(ROOT / "spec")
    public_names = _read_public_names()
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    pages = {
        "changelog.md": changelog.replace("](docs/", "]("),
        "examples.md": _render("examples", examples=_read_examples()),
        "api/README.md": _render("api-index", spec=spec),
        "reference/README.md": _render("reference-index", pages=REFERENCE, names=public_names),
    }
    for tag in spec.tags:
        pages[f"api/{tag.name}.md"] = _render("api", tag=tag, differences=_find_differences(spec))
    for page, (title, _) in REFERENCE.items():
        pages[f"reference/{page}.md"] = _render("reference", title=title, names=public_names[page])
    return pages


def _find_differences(spec: Spec) -> dict[tuple[str, str], list[Any]]:
    """Return the notes with a source by tag and operation; those of models have operation ""."""
    differences: dict[tuple[str, str], list[Any]] = {}
    for tag in spec.tags:
        for note in filter(lambda note: note.source, tag.notes):
            operation = note.path[1] if note.path[0] == "operations" else ""
            differences.setdefault((tag.name, operation), []).append(note)
    return differences


def _read_public_names() -> dict[str, list[str]]:
    """Return the full names of the public classes on each page of the reference."""
    text = (ROOT / "codegen" / "public_names.yaml").read_text(encoding="utf-8")
    names_by_module: dict[str, list[str]] = yaml.safe_load(text)
    names_by_page: dict[str, list[str]] = {page: [] for page in REFERENCE}
    for module, names in names_by_module.items():
        page = next((name for name in REFERENCE if _belongs_to(module, name)), None)
        if page is None:
            message = f"{module} is on no page of the reference: add it to REFERENCE"
            raise ValueError(message)
        names_by_page[page] += [f"{_PACKAGE}.{module}.{name}" for name in names]
    names_by_page["testing"] = [f"{_PACKAGE}.testing.{name}" for name in testing.__all__]
    return names_by_page


def _belongs_to(module: str, page: str) -> bool:
    modules = REFERENCE[page][1]
    return any(module == name or (name[-1] == "." and module.startswith(name)) for name in modules)


def _read_examples() -> list[tuple[str, str, str]]:
    texts = {name: (ROOT / "examples" / name).read_text(encoding="utf-8") for name in EXAMPLES}
    return [(name, title, texts[name]) for name, title in EXAMPLES.items()]


def _render(template: str, **names: object) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - the output is Markdown
    )
    environment.filters["escape_cell"] = lambda text: text.replace("|", "\\|")
    return environment.get_template(f"{template}.md.jinja").render(**names)
