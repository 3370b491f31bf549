"""Generates the client from spec/: `python -m codegen` writes files, `--check` compares them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from codegen.build import build
from codegen.check import check
from codegen.load import Problem, load, load_proven
from codegen.render import render
from codegen.write import compare, write

if TYPE_CHECKING:
    from codegen.ir import Spec

ROOT = Path(__file__).parent.parent
FOLDERS = ("src/docassemble_client", "docs")


class SpecificationError(Exception):
    """The specification has problems; `problems` lists all of them."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def read(folder: Path) -> Spec:
    """Read and check a specification."""
    documents, problems = load(folder)
    if not problems:
        problems = check(documents)
    if problems:
        raise SpecificationError(sorted(set(problems)))
    return build(documents, load_proven(folder / "proven"))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m codegen", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only; do not write files")
    parser.add_argument("--root", type=Path, default=ROOT, help="folder of the project")
    options = parser.parse_args(arguments)
    root: Path = options.root
    try:
        files = render(read(root / "spec"))
    except SpecificationError as error:
        sys.stderr.write(f"{error}\n{len(error.problems)} problem(s) in the specification\n")
        return 1
    if options.check:
        differences = compare(root, files, FOLDERS)
        sys.stderr.write("".join(f"{difference}\n" for difference in differences))
        return 1 if differences else 0
    sys.stdout.write("".join(f"{change}\n" for change in write(root, files, FOLDERS)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
