"""Splits an interview into blocks and reads their YAML; every value knows its line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NoReturn, TypeGuard

import yaml
from attrs import frozen

from docassemble_client.testing._yaml.yaml_errors import InterviewSyntaxError, UnsupportedInterview

if TYPE_CHECKING:
    from collections.abc import Iterator

# Errors of libyaml have the same texts as those of docassemble's parser.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SEPARATOR = re.compile(r"^--- *$", re.MULTILINE)
_FINAL_DOTS = re.compile(r"[\n\r]+\.\.\.$")
_CONSTANTS = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
}
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+")
# Plain texts that a version of YAML reads as something else; docassemble uses another parser.
_AMBIGUOUS = re.compile(
    r"y|n|yes|no|on|off|<<|=|[-+.]?[0-9][0-9a-f_.:+-]*|0[ox].*|[-+]?\.(inf|nan)"
)
_INSTEAD = (
    "Script the interview (FakeServer.add_interview), record it on a real server (Recorder), "
    "or use a real server."
)


@frozen
class Node:
    """
    A value of YAML.

    Attributes:
        value: Text, number, truth value, None, or a list or mapping of nodes.
        line: Line of the value; in a mapping, the line of its key.
        text_line: Line on which a text begins.
        source: The interview.
    """

    value: Any
    line: int
    text_line: int
    source: Source

    def refuse(self, description: str, *, line: int | None = None) -> NoReturn:
        """Refuse the interview because of what this node contains."""
        self.source.refuse(description, self.line if line is None else line)

    def read_text(self, description: str) -> str:
        """Return the text of the node."""
        if not isinstance(self.value, str):
            self.refuse(f"{description} that is not a text")
        return self.value

    def read_pattern(self, description: str, pattern: re.Pattern[str]) -> str:
        """Return the text of the node; refuse texts that do not match the pattern."""
        text = self.read_text(description)
        if not pattern.fullmatch(text):
            self.refuse(f"{description} such as {text!r}")
        return text

    def read_flag(self, description: str) -> bool:
        """Return the truth value of the node."""
        if not isinstance(self.value, bool):
            self.refuse(f"{description} that is not True or False")
        return self.value

    def read_list(self, description: str) -> list[Node]:
        """Return the items of the node."""
        if not is_node_list(self.value):
            self.refuse(f"{description} that is not a list")
        return self.value

    def read_mapping(self, description: str, keys: frozenset[str] | None = None) -> dict[str, Node]:
        """Return the nodes by key; refuse other keys than these."""
        if not is_node_mapping(self.value):
            self.refuse(f"{description} that is not a mapping")
        for key, node in self.value.items():
            if keys is not None and key not in keys:
                node.refuse(f"the key {key!r} of {description}")
        return self.value


def is_node_list(value: object) -> TypeGuard[list[Node]]:
    """Whether the value of a node is a list."""
    return isinstance(value, list)


def is_node_mapping(value: object) -> TypeGuard[dict[str, Node]]:
    """Whether the value of a node is a mapping."""
    return isinstance(value, dict)


@frozen
class Source:
    """
    The text of an interview.

    Attributes:
        filename: File name of the interview.
    """

    filename: str

    def refuse(self, description: str, line: int) -> NoReturn:
        """Refuse the interview because of a part that is not supported."""
        message = (
            f"The fake server does not support {description}: "
            f"{self.filename}, line {line}. {_INSTEAD}"
        )
        raise UnsupportedInterview(message)

    def read_blocks(self, content: bytes) -> Iterator[BlockSource]:
        """
        Read the blocks.

        Args:
            content: Text of the interview.

        Yields:
            The blocks.

        Raises:
            InterviewSyntaxError: A block is not valid YAML.
            UnsupportedInterview: The YAML has a form that is not supported.
        """
        try:
            text = content.decode()
        except UnicodeDecodeError:
            self.refuse("an encoding other than UTF-8", 1)
        if text.startswith(("# use jinja", "\ufeff")):
            self.refuse("Jinja and byte order marks", 1)
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        line = 1
        for block_text in _SEPARATOR.split(text):
            source_text = _FINAL_DOTS.sub("", block_text).replace("\t", "  ")
            node = self._read_block(source_text, line)
            if node is not None:
                yield BlockSource(self, line, source_text, node)
            line += block_text.count("\n")

    def _read_block(self, text: str, line: int) -> Node | None:
        try:
            for event in yaml.parse(text, _Loader):
                if getattr(event, "anchor", None) or getattr(event, "tag", None):
                    mark = event.start_mark
                    self.refuse("anchors and tags of YAML", line + (mark.line if mark else 0))
            root = yaml.compose(text, _Loader)
            return None if root is None else self._read_node(root, line, root)
        except yaml.MarkedYAMLError as error:
            marks = [
                self._format_mark(mark, line) for mark in (error.context_mark, error.problem_mark)
            ]
            # The server does not print a mark twice.
            context_mark = marks[0] if marks[0] != marks[1] else ""
            lines = [error.context, context_mark, error.problem, marks[1], error.note]
            reason = "\n".join(filter(None, lines))
        except yaml.YAMLError as error:  # a character that YAML does not allow
            reason = str(error)
        message = (
            f"Error reading YAML file {self.filename} in the block on line {line}\n\n"
            f"Document source code was:\n\n---\n{text.strip()}\n---\n\nError was:\n\n{reason}\n"
        )
        raise InterviewSyntaxError(message)

    def _format_mark(self, mark: yaml.Mark | None, first_line: int) -> str:
        if mark is None:
            return ""
        return f"  in {self.filename}, line {first_line + mark.line}, column {mark.column + 1}"

    def _read_node(self, node: yaml.Node, first_line: int, key: yaml.Node) -> Node:
        value: Any
        if isinstance(node, yaml.MappingNode):
            value = {}
            for key_node, value_node in node.value:
                name = self._read_key(key_node, first_line)
                if name in value:
                    raise _describe_duplicate(node, key_node, value_node, value[name])
                value[name] = self._read_node(value_node, first_line, key_node)
        elif isinstance(node, yaml.SequenceNode):
            value = [self._read_node(item, first_line, item) for item in node.value]
        else:
            value = self._read_scalar(node, first_line)
        text_line = node.start_mark.line + (1 if getattr(node, "style", None) in {"|", ">"} else 0)
        return Node(value, first_line + key.start_mark.line, first_line + text_line, self)

    def _read_key(self, node: yaml.Node, first_line: int) -> str:
        name = self._read_scalar(node, first_line)
        if not isinstance(name, str):
            self.refuse("keys that are not texts", first_line + node.start_mark.line)
        return name

    def _read_scalar(self, node: yaml.Node, first_line: int) -> Any:
        text: Any = node.value
        if not isinstance(node, yaml.ScalarNode):
            return None
        if node.style:  # quoted or a block
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if _INTEGER.fullmatch(text):
            return int(text)
        if _DECIMAL.fullmatch(text):
            return float(text)
        if _AMBIGUOUS.fullmatch(text.lower()):
            line = first_line + node.start_mark.line
            self.refuse(f"{text!r} without quotation marks, because its type depends on YAML", line)
        return text


def _describe_duplicate(
    node: yaml.Node, key: yaml.Node, value: yaml.Node, first: Node
) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(
        "while constructing a mapping",
        node.start_mark,
        f'found duplicate key "{key.value}" with value "{value.value}" '
        f'(original value: "{first.value}")',
        key.start_mark,
        "\nTo suppress this check see:\n    https://yaml.dev/doc/ruamel.yaml/api/#Duplicate_keys\n",
    )


@frozen
class BlockSource:
    """
    The text of a block.

    Attributes:
        source: The interview.
        line: Line on which the block begins.
        text: The YAML.
        node: Its value.
    """

    source: Source
    line: int
    text: str
    node: Node

    def make_error(self, message: str) -> InterviewSyntaxError:
        """Make the server's error for a block that it refuses."""
        data = to_plain(self.node)
        content = yaml.safe_dump(  # pyright: ignore[reportUnknownMemberType]  # untyped there
            data, default_flow_style=None, allow_unicode=True
        ).strip()
        if not isinstance(data, dict):
            return InterviewSyntaxError(f"{message}{content}\n")
        return InterviewSyntaxError(f"{message}\n{self._place}:\n\n{content}\n")

    def make_code_error(self, error: SyntaxError) -> InterviewSyntaxError:
        """Make the server's error for code that is not valid Python."""
        return InterviewSyntaxError(f"Syntax Error: {error}\n\n{self._place}:\n{self.text}")

    @property
    def _place(self) -> str:
        filename = self.source.filename
        package = filename.partition(":")[0]
        return f"In file {filename} in the block on line {self.line} from package {package}"


def to_plain(node: Node) -> Any:
    """Convert a node to lists, mappings and values."""
    if is_node_mapping(node.value):
        return {name: to_plain(item) for name, item in node.value.items()}
    if is_node_list(node.value):
        return [to_plain(item) for item in node.value]
    return node.value
