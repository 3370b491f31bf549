"""Prints the blocking client from the source of the asynchronous one and from blocking.yaml."""

from __future__ import annotations

import ast
import re
import textwrap
from copy import deepcopy
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from codegen.async_classes import (
    METHOD_NAMES,
    Member,
    Module,
    find_functions,
    find_members,
    parse_module,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from codegen.async_classes import Function

_PACKAGE = "docassemble_client"
_FOLDER = "blocking"
_BASES = "blocking._bases"
_ITERATORS = ("AsyncGenerator", "AsyncIterator", "ItemIterator", "PageIterator")
_ASYNCHRONOUS = re.compile(r"\b(Async\w+|Awaitable|Coroutine|coroutine|async|await|asyncio)\b")
_IGNORED_IMPORT = re.compile(rf"from (__future__|{_PACKAGE}\.api\.\w+) ")


class BlockingClientError(Exception):
    """A class cannot be printed; the message says which, and what to do."""


class BlockingPrinter:
    """
    Prints the blocking form of every public class that has coroutines.

    Attributes:
        modules: The names of these classes by module.
        unused_phrases: The phrases of blocking.yaml that no docstring has.
    """

    def __init__(self, read: Callable[[str], str], public: Mapping[str, list[str]]) -> None:
        """
        Find the classes.

        Args:
            read: Returns the source of a module of the package.
            public: The public names by module, with the classes of api/.
        """
        rules = yaml.safe_load(
            Path(__file__).with_name("blocking.yaml").read_text(encoding="utf-8")
        )
        self._read = read
        self._modules: dict[str, Module] = {}
        self._omitted_methods: dict[str, dict[str, str]] = rules["omitted_methods"]
        self._omitted_parameters: list[str] = rules["omitted_parameters"]
        self._await_methods: dict[str, list[str]] = rules["await_methods"]
        types: dict[str, str] = rules["types"]
        self._types = {ast.unparse(ast.parse(key)): value for key, value in types.items()}
        self._phrases = [(_compile(phrase), new) for phrase, new in rules["phrases"]]
        self.unused_phrases = {pattern.pattern for pattern, _ in self._phrases}
        self._bases = self._load(_BASES).classes
        self.modules = {
            module: names
            for module, listed in public.items()
            if not module.startswith(_FOLDER)
            and (names := [name for name in listed if self._is_asynchronous(module, name)])
        }
        self._wrapped = {name for names in self.modules.values() for name in names}

    @property
    def names_by_module(self) -> dict[str, list[str]]:
        """The names that the package exports, by module below it."""
        names = {
            self.get_target(module): [name.removeprefix("Async") for name in names]
            for module, names in self.modules.items()
            if not module.startswith("api.")
        }
        return names | {"_bases": ["BlockingOptions", "BlockingTransport", "ClosableIterator"]}

    def print_all(self) -> dict[str, str]:
        """Return the text of each module by its name below `blocking`."""
        return {
            self.get_target(module): self._print_module(module, names)
            for module, names in self.modules.items()
        }

    @staticmethod
    def get_target(module: str) -> str:
        """Return the name of the printed module below `blocking`."""
        return module if module.startswith("api.") else module.rpartition(".")[2]

    def _load(self, name: str) -> Module:
        if name not in self._modules:
            self._modules[name] = parse_module(name, self._read(name))
        return self._modules[name]

    def _is_asynchronous(self, module: str, name: str) -> bool:
        return name in self._load(module).classes and any(
            isinstance(node, ast.AsyncFunctionDef) or getattr(node, "name", "") == "__await__"
            for _, definition in self._iter_bases(module, name)
            for node in definition.body
        )

    def _iter_bases(self, module: str, name: str) -> Iterator[tuple[Module, ast.ClassDef]]:
        """Yield a class and those classes of the package that it inherits from."""
        source = self._load(module)
        definition = source.classes.get(name)
        if definition is None:
            return
        yield source, definition
        imported = {
            alias.name: (node.module or "").removeprefix(f"{_PACKAGE}.")
            for node in source.imports
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(_PACKAGE)
            for alias in node.names
        }
        for base in definition.bases:
            base_name = ast.unparse(base).partition("[")[0]
            if base_name in source.classes:
                yield from self._iter_bases(module, base_name)
            elif base_name in imported:
                yield from self._iter_bases(imported[base_name], base_name)

    def _print_module(self, module: str, names: list[str]) -> str:
        bodies = [self._print_class(module, name) for name in names]
        sources = {
            source.name: source for name in names for source, _ in self._iter_bases(module, name)
        }
        imports = [
            f"from {_PACKAGE}.{source.name} import {', '.join(own_names)}"
            for source in sources.values()
            if (own_names := [item for item in source.own_names if item not in names])
        ]
        imports += [
            f"from {_PACKAGE}.{module} import {name}"
            + ("" if name.startswith("Async") else f" as Async{name}")
            for name in names
        ]
        imports += [
            line
            for source in sources.values()
            for line in map(ast.unparse, source.imports)
            if not _IGNORED_IMPORT.match(line)
        ]
        namespaces = [
            f"    from {_PACKAGE}.{_FOLDER}.{name} import {', '.join(listed)}"
            for name, listed in self.modules.items()
            if name.startswith("api.") and "@cached_property" in "".join(bodies)
        ]
        bases = ", ".join(sorted({"BlockingTransport", *self._bases}))
        title = ast.get_docstring(self._load(module).tree) or ""
        return "\n".join(
            [
                f"# @generated by codegen from {module.replace('.', '/')}.py - do not edit",
                _format_doc(self._translate(title).partition("\n")[0], 0),
                "from __future__ import annotations",
                *imports,
                "from typing import TYPE_CHECKING, Any, Generic, cast",
                f"import {_PACKAGE}.{_FOLDER} as {_FOLDER}",
                f"from {_PACKAGE}._blocking import call_blocking, run_blocking",
                f"from {_PACKAGE}.{_BASES} import delegate, {bases}",
                *(["if TYPE_CHECKING:", *namespaces] if namespaces else []),
                *bodies,
            ]
        )

    def _print_class(self, module: str, name: str) -> str:
        definitions = [definition for _, definition in self._iter_bases(module, name)]
        title = name.removeprefix("Async")
        inner = _get_inner_name(name)
        own_base = f"{title}Base"
        variables = [
            ast.unparse(base)[len("Generic[") : -1]
            for base in definitions[0].bases
            if ast.unparse(base).startswith("Generic[")
        ]
        generic = [f"Generic[{variable}]" for variable in variables]
        base = f"BlockingObject[{inner}{''.join(f'[{item}]' for item in variables)}]"
        if own_base in self._bases:
            base = own_base
        skipped = {node.name for node in find_functions(self._bases.get(own_base))}
        skipped |= self._omitted_methods.get(name, {}).keys()
        doc = self._translate(ast.get_docstring(definitions[0]) or "")
        notes = [note for note in self._omitted_methods.get(name, {}).values() if note]
        first, *rest = doc.split("\n\n")
        doc = "\n\n".join([first, *(textwrap.fill(note, 96) for note in notes), *rest])
        lines = [f"class {title}({', '.join([base, *generic])}):", _format_doc(doc, 4)]
        members: dict[str, list[str]] = {}
        for definition in definitions:
            for member in find_members(definition, is_client=name == "AsyncDocassemble"):
                if member.name not in skipped and member.name not in members:
                    members[member.name] = self._print_member(name, inner, member)
        if name not in self._await_methods:
            members.pop("__await__", None)  # the method `read` does the same
        attributes = [text for text in members.values() if len(text) == 1]
        methods = [text for text in members.values() if len(text) > 1]
        return "\n".join([*lines, *(line for text in [*attributes, *methods] for line in text)])

    def _print_member(self, owner: str, inner: str, member: Member) -> list[str]:
        node = member.node
        if node is None:
            if member.annotation is None:
                message = f"{owner}.{member.name} has no type; annotate it in __init__"
                raise BlockingClientError(message)
            return [f"    {member.name}: {self._convert(member.annotation)} = delegate()"]
        place = f"{owner}.{member.name}"
        decorators = {ast.unparse(decorator) for decorator in node.decorator_list}
        if unknown := decorators - {"property", "cached_property", "classmethod"}:
            message = f"{place}: write the blocking form by hand; it is decorated with {unknown}"
            raise BlockingClientError(message)
        if node.name == "__await__" and owner in self._await_methods:
            return self._print_await(owner, node)
        doc = self._translate(self._drop_parameters(ast.get_docstring(node) or ""))
        signature = self._print_signature(node)
        returns = "None" if node.returns is None else self._convert(node.returns)
        if _ASYNCHRONOUS.search(f"{signature} {returns}"):
            message = f"{place}: write the blocking form by hand, in {_BASES}: {signature}"
            raise BlockingClientError(message)
        return [
            *(f"    @{decorator}" for decorator in decorators),
            f"    def {METHOD_NAMES.get(node.name, node.name)}({signature}) -> {returns}:",
            *([_format_doc(doc, 8)] if doc else []),
            *(f"        {line}" for line in self._print_body(place, inner, node, decorators)),
        ]

    def _print_body(
        self, place: str, inner: str, node: Function, decorators: set[str]
    ) -> list[str]:
        """Return the statements of a method."""
        call = f"self._inner.{node.name}"
        arguments = self._print_arguments(node)
        if node.name == "__init__":
            return [f"super().__init__(call_blocking(lambda: {inner}({arguments})))"]
        if node.name == "__aiter__":
            return ["return ClosableIterator(aiter(self._inner))"]
        if "property" in decorators:
            return [f"return {call}"]
        if "cached_property" in decorators:
            class_name = ast.unparse(node.returns) if node.returns else ""
            return [
                f"from {_PACKAGE}.{_FOLDER}.api.{node.name} import {class_name}",
                f"return {class_name}(call_blocking(lambda: {call}))",
            ]
        if "classmethod" in decorators:
            return [f"return cls._wrap(call_blocking(lambda: {inner}.{node.name}({arguments})))"]
        is_async = isinstance(node, ast.AsyncFunctionDef)
        run = "run_blocking(" if is_async else "call_blocking(lambda: "
        return self._print_return(place, node, f"{run}{call}({arguments}))")

    def _print_return(self, place: str, node: Function, call: str) -> list[str]:
        """Return the lines that make a call and wrap its result."""
        returns = node.returns
        text = "None" if returns is None else ast.unparse(returns)
        if text == "Self":
            if isinstance(node, ast.AsyncFunctionDef):
                return [call, "return self"]
            return [f"return self._derive({call})"]
        name, _, parameters = text.partition("[")
        if name.rpartition(".")[2] in self._wrapped:
            return [f"return {self._convert_text(name)}({call})"]
        if self._find_wrapped(parameters if name in _ITERATORS else text):
            message = f"{place} returns {text}, which cannot be wrapped; write it by hand"
            raise BlockingClientError(message)
        return [f"return {f'ClosableIterator({call})' if name in _ITERATORS else call}"]

    def _print_await(self, owner: str, node: Function) -> list[str]:
        """Return the method that replaces `await`."""
        name, doc = self._await_methods[owner]
        assert isinstance(node.returns, ast.Subscript)  # noqa: S101 - of a Generator
        result = ast.unparse(node.returns).rpartition("None, ")[2][:-1]
        return [
            f"    def {name}(self) -> {result}:",
            _format_doc(f"{doc}\n\nReturns:\n    The page.", 8),
            f"        async def wait() -> {result}:",
            "            return await self._inner",
            "        return run_blocking(wait())",
        ]

    def _print_signature(self, node: Function) -> str:
        arguments = deepcopy(node.args)
        kept = [
            (argument, default)
            for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
            if argument.arg not in self._omitted_parameters
        ]
        arguments.kwonlyargs = [argument for argument, _ in kept]
        arguments.kw_defaults = [default for _, default in kept]
        for argument in ast.walk(arguments):
            if isinstance(argument, ast.arg) and argument.annotation is not None:
                argument.annotation = ast.parse(self._convert(argument.annotation)).body[0].value  # type: ignore[attr-defined]  # an expression
        return ast.unparse(arguments)

    def _print_arguments(self, node: Function) -> str:
        positional = [*node.args.posonlyargs, *node.args.args][1:]
        names = [self._print_argument(argument) for argument in positional]
        names += [
            f"{argument.arg}={self._print_argument(argument)}"
            for argument in node.args.kwonlyargs
            if argument.arg not in self._omitted_parameters
        ]
        names += [f"**{self._print_argument(node.args.kwarg)}"] if node.args.kwarg else []
        return ", ".join(names)

    def _print_argument(self, argument: ast.arg) -> str:
        text = ast.unparse(argument.annotation) if argument.annotation else ""
        is_different = any(item in text for item in self._types)
        return f'cast("Any", {argument.arg})' if is_different else argument.arg

    def _convert(self, annotation: ast.expr) -> str:
        return self._convert_text(ast.unparse(annotation))

    def _convert_text(self, text: str) -> str:
        """Return an annotation of the blocking client."""
        for old, new in self._types.items():
            text = text.replace(old, new)
        for name in _ITERATORS:
            text = re.sub(rf"\b{name}\[", "ClosableIterator[", text)
        return re.sub(
            r"(?<![.\w])(?:workflows\.)?(\w+)",
            lambda match: f"{_FOLDER}.{match[1]}" if match[1] in self._public else match[0],
            text,
        )

    @cached_property
    def _public(self) -> set[str]:
        """The wrapped classes that the package `blocking` exports: not those of api/."""
        return {
            name
            for module, names in self.modules.items()
            if not module.startswith("api.")
            for name in names
        }

    def _find_wrapped(self, text: str) -> bool:
        return bool(set(re.findall(r"\w+", text)) & self._wrapped)

    def _drop_parameters(self, doc: str) -> str:
        for name in self._omitted_parameters:
            doc = re.sub(rf"^    {name}: .*(\n        .*)*\n?", "", doc, flags=re.MULTILINE)
        return doc

    def _translate(self, text: str) -> str:
        """Translate a docstring."""
        for pattern, new in self._phrases:
            if pattern.search(text):
                self.unused_phrases.discard(pattern.pattern)
                text = pattern.sub(lambda match, new=new: _keep_line_break(match[0], new), text)  # type: ignore[misc]  # a default
        if rest := _ASYNCHRONOUS.search(text):
            message = f"codegen/blocking.yaml has no phrase for {rest[0]!r} in: {text}"
            raise BlockingClientError(message)
        return text


def _get_inner_name(name: str) -> str:
    return name if name.startswith("Async") else f"Async{name}"


def _compile(phrase: str) -> re.Pattern[str]:
    """Compile a phrase; a space also matches a line break."""
    return re.compile(r"\s+".join(map(re.escape, phrase.split(" "))))


def _keep_line_break(old: str, new: str) -> str:
    """Return the new phrase, with a line break where the old one has it."""
    line_break = re.search(r"\n\s*", old)
    if line_break is None:
        return new
    words = new.split()
    position = len(old[: line_break.start()].split())
    position = min(position, max(len(words) - 1, 0))
    return " ".join(words[:position]) + line_break[0] + " ".join(words[position:])


def _format_doc(text: str, indent: int) -> str:
    margin = " " * indent
    body = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    is_short = len(body) + indent < 94  # noqa: PLR2004 - with its quotes
    if is_short and "\n" not in body and not body.endswith('"'):
        return f'{margin}"""{body}"""'
    return textwrap.indent(f'"""\n{body.strip()}\n"""', margin)
