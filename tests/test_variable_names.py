"""Names that the server executes or compares."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docassemble_client._names import is_variable_name, normalize_package_name

VALID = [
    "fruit",
    "größe",
    "_internal[\"answers\"]['Question_1']",
    "client.name.first",
    "children[0].pets['it\\'s'].name",
    'x["a \\"b\\" (c)"]',
    "x['a.b[0]; c = f()']",
    "x['__class__']",
    "x['\\t\\xe4\\u2028\\U0001f600']",
    "x[i].y[-1]",
    "x[True][False][None]",
    "fruit[person.favorite]",
    "match.type.print",
]
INVALID = [
    *("", " ", " fruit", "fruit ", "fruit\n", "a b", "1a", "a.", ".a", "x[]", "a..b", "x [0]"),
    *("a[__import__('os').system('id')]", "f()", "x[f()]", "x.y().z", "(x)", "x[(f)]"),
    *("a = b", "a; b", "a, b", "*a", "a: int", "fruit # note", "x\\\ny", "a if b else c"),
    *("x['a' + b]", "x['a'b']", "x['a' 'b']", "x['a', 'b']", "x[a + b]", "x[-i]", "x[not a]"),
    *("x[1:2]", "x[:]", "x[...]", "x[(y := 1)]", "x[y := 1]", "x[lambda: 1]", "x[[1]]", "x[{}]"),
    *("x[[y for y in z]]", "x[f'{f()}']", "x[f'a']", "x[b'a']", "x[1.5]", "x[1j]", "x[y[0]]"),
    *("x[await y]", "x[`y`]", "x[y", "x]", "x['a]", "x['a\nb']", 'x["a\rb"]', "x['a\\\nb']"),
    *("x.__class__", "__builtins__", "x[y.__class__]", "x[__name__]", "x.__class__['a']"),
    *("None", "True", "x.None", "class", "x.if", "import", "x[True.a]", "x[lambda]", "None[0]"),
    *(
        "\uff45val",
        "x.__\uff43lass__",
        "ﬁle",
        "x[ªb]",
        "gro\u0308ße",
        "x²",
        "x[٣]",
        "a\u200bb",
        "\ud800",
    ),
    *("x[007]", "x[-00]", f"x[{'9' * 5000}]", r"x['\x']", r"x['\u12']", r"x['\U00110000']"),
    *(r"x['\N{']", r"x['\d']"),
    *("x\x00", "x\x0c", "x\x85y", "x\u2028y", "x['\u2028']", "x['\ud800']"),
]


@pytest.mark.parametrize("name", VALID)
def test_a_plain_target_is_a_variable_name(name: str) -> None:
    """Every variable, attribute and item of an interview can be set."""
    assert is_variable_name(name)


@pytest.mark.parametrize("name", [*INVALID, 7, None, b"x", ["x"]], ids=repr)
def test_other_expressions_are_not_variable_names(name: object) -> None:
    """The server executes names as Python, so nothing else is sent."""
    assert not is_variable_name(name)


@given(
    st.from_regex(r"[a-z_ªｅ.\[\]'\"\\(){}:=+\-0-9 \nNU]{1,12}", fullmatch=True)
    | st.lists(st.sampled_from([*VALID, *INVALID, ".", "[", "]", "'"]), max_size=3).map("".join)
)
def test_a_variable_name_is_a_plain_target_for_python(name: str) -> None:
    """Python parses it as names, attributes, and items by a constant or a variable: no call."""
    if not is_variable_name(name):
        return

    (statement,) = ast.parse(f"{name} = 1").body
    assert isinstance(statement, ast.Assign)
    (target,) = statement.targets
    assert _is_plain(target)


def _is_plain(node: ast.expr, *, is_item: bool = False) -> bool:
    if isinstance(node, ast.Name):
        return not node.id.startswith("__")
    if isinstance(node, ast.Attribute):
        return not node.attr.startswith("__") and _is_plain(node.value)
    if isinstance(node, ast.Subscript) and not is_item:
        return _is_plain(node.value) and _is_plain(node.slice, is_item=True)
    operand = node.operand if isinstance(node, ast.UnaryOp) else node
    return is_item and isinstance(operand, ast.Constant)


@pytest.mark.parametrize(
    ("name", "normalized"),
    [
        ("docassemble.AssemblyLine", "docassemble-assemblyline"),
        ("docassemble__-.x", "docassemble-x"),
        (" pip==1.0 ", "pip"),
        ("a[b]>2", "a"),
        ("a @ https://example.com/x_y", "a"),
        ("", ""),
    ],
)
def test_all_spellings_of_a_package_are_one(name: str, normalized: str) -> None:
    """Pip ignores case and the kind of separator; a version or extra is no part of the name."""
    assert normalize_package_name(name) == normalized
