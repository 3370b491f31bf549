"""Finds the decoders of a tag and formats their names and checks, for decoders.py.jinja."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.ir import Enum
from codegen.names import to_snake_case

if TYPE_CHECKING:
    from codegen.ir import Spec, Tag, Type

_CLASSES = {
    **{kind: kind for kind in ("int", "bool", "str", "list")},
    **dict.fromkeys(("map", "object", "confidential"), "dict"),
    **dict.fromkeys(("named", "secret"), "str"),  # a named type that is checked is an enumeration
}


class Decoders:
    """
    The decoders of a tag.

    Most values are only checked. A model, a type with a wrapper, and a list or map of these have a
    function: that of a model is in the module of the model, any other in each module that uses it.
    """

    def __init__(self, tag: Tag, spec: Spec) -> None:
        self._tag = tag
        self._closed_enums: dict[str, tuple[str, ...]] = {
            enum.name: enum.values for owner in spec.tags for enum in owner.enums if enum.closed
        }
        self._owners: dict[str, str] = {
            model.name: owner.name
            for owner in spec.tags
            for model in owner.types
            if not isinstance(model, Enum)
        }

    @property
    def is_empty(self) -> bool:
        """Whether the tag needs no module of decoders."""
        return not (self._tag.models or self._tag.unions or self.unnamed_types)

    @property
    def unnamed_types(self) -> list[Type]:
        """Types without a model that have a function: all results, and parts of fields."""
        results = [result.decoded_type for call in self._tag.operations for result in call.results]
        fields = [field.type for model in self._tag.models for field in model.fields]
        parts = [part for type_ in (*results, *fields) if type_ for part in type_.chain]
        decoded = [(part, part.item) for part in parts if self.has_function(part)]
        types = dict.fromkeys([*results, *(type_ for pair in decoded for type_ in pair)])
        return [type_ for type_ in types if type_ and type_.name not in self._owners]

    def has_function(self, type_: Type) -> bool:
        """Whether a function decodes values of the type; otherwise they are only checked."""
        item = type_.item or type_
        is_nested = item.item is not None
        return is_nested or item.kind in {"secret", "confidential"} or item.name in self._owners

    def format_name(self, type_: Type) -> str:
        """Format the name of a function, such as decode_str_list."""
        if type_.name in self._owners:
            return self.format_model_name(type_.name)
        *containers, item = type_.chain
        words = [to_snake_case(item.name) or item.kind, *(part.kind for part in containers[::-1])]
        return f"decode_{'_'.join(words)}"

    def format_model_name(self, model: str) -> str:
        """Format the name of a model's function: decode_user, or decoders.users.decode_user."""
        owner = self._owners[model]
        prefix = "" if owner == self._tag.name else f"decoders.{owner}."
        return f"{prefix}decode_{to_snake_case(model)}"

    def format_mismatch(self, type_: Type, value: str) -> str:
        """Format the condition under which a value takes the slow path; empty for any JSON."""
        if type_.kind == "float":
            return f"type({value}) is not float and type({value}) is not int"
        if values := self._closed_enums.get(type_.name):
            return f"{value} not in {values}"
        name = _CLASSES.get(type_.kind)
        return f"type({value}) is not {name}" if name else ""
