"""The command file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from docassemble_client.cli.common_options import COMMON, Common

app = App(name="file")


@app.command
async def get(
    number: int,
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o")] = Path(),
    extension: str | None = None,
    common: Common = COMMON,
) -> None:
    """
    Download a stored file.

    $ dactl file get 41 --extension pdf -o letters

    Args:
        number: Number of the file.
        output: Path of the file, or an existing folder.
        extension: Format of the file, if it is stored in several.
    """
    async with common.connect() as da:
        path = await da.files.download(number, extension=extension).save(output)
    common.show({"kind": "File", "path": path.as_posix()}, path.as_posix())


@app.command
async def fields(
    template: Path,
    /,
    *,
    format: Literal["json", "yaml"] = "yaml",
    common: Common = COMMON,
) -> None:
    """
    Find the fields of a PDF or DOCX template.

    $ dactl file fields letter.docx

    Args:
        template: The file.
        format: Format of the result: a list of fields, or a question block in YAML.
    """
    output_format = "json" if common.json else format
    async with common.connect() as da:
        common.show(await da.files.extract_fields(template, output_format=output_format))


@app.command
async def markdown(document: Path, /, *, common: Common = COMMON) -> None:
    """
    Convert a document to Markdown on the server.

    $ dactl file markdown letter.docx

    Args:
        document: The file.
    """
    async with common.connect() as da:
        common.show(await da.files.convert_to_markdown(document))
