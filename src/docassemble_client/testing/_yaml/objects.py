"""Makes docassemble objects as JSON, with the attributes of new ones."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docassemble_client._types import JSON

UTIL_MODULE = "docassemble.base.util."
OBJECT_CLASSES = frozenset(
    UTIL_MODULE + name
    for name in (
        "DAObject",
        "DAList",
        "DADict",
        "DAOrderedDict",
        "DASet",
        "DAFile",
        "DAFileList",
        "DAFileCollection",
        "DAStaticFile",
        "DAEmpty",
        "DAEmail",
        "Address",
        "City",
        "Event",
        "Individual",
        "IndividualName",
        "LatitudeLongitude",
        "Name",
        "Person",
        "Thing",
    )
)
_LOCATION = {"location": "LatitudeLongitude"}
_ATTRIBUTE_CLASSES: Mapping[str, Mapping[str, str]] = {
    "Individual": {"name": "IndividualName", "address": "Address", **_LOCATION},
    "Person": {"name": "Name", "address": "Address", **_LOCATION},
    "Event": {"address": "City", **_LOCATION},
    "Thing": {"name": "Name"},
    "Address": _LOCATION,
    "City": _LOCATION,
}
_Values: TypeAlias = "Mapping[str, JSON]"
_ADDRESS: _Values = {"_geocoded": False, "city_only": False, "geolocated": False}
_GROUP: _Values = {"auto_gather": True, "ask_number": False, "minimum_number": None}
_TYPED_GROUP: _Values = {
    **_GROUP,
    "ask_object_type": False,
    "complete_attribute": None,
    "object_type": None,
    "object_type_parameters": {},
}
_ATTRIBUTE_VALUES: Mapping[str, _Values] = {
    "IndividualName": {"uses_parts": True},
    "LatitudeLongitude": {"gathered": False, "known": False},
    "Address": _ADDRESS,
    "City": {**_ADDRESS, "city_only": True},
    "DAList": {**_TYPED_GROUP, "elements": []},
    "DADict": {**_TYPED_GROUP, "elements": {}},
    "DAOrderedDict": {**_TYPED_GROUP, "elements": {}},
    "DASet": {**_GROUP, "elements": []},
    "DAFileList": {
        **_TYPED_GROUP,
        "elements": [],
        "complete_attribute": "initialized",
        "object_type": {"_class": "type", "name": f"{UTIL_MODULE}DAFile"},
    },
}


def make_object(class_name: str, name: str) -> dict[str, JSON]:
    """
    Make an object with the attributes that the server gives to a new one.

    Args:
        class_name: Class, with or without the module.
        name: Name of the object.

    Returns:
        JSON of the object.
    """
    short_name = class_name.rpartition(".")[2]
    attribute_classes = _ATTRIBUTE_CLASSES.get(short_name, {})
    attributes: dict[str, JSON] = {
        attribute: make_object(attribute_class, f"{name}.{attribute}")
        for attribute, attribute_class in attribute_classes.items()
    }
    base: dict[str, JSON] = {"_class": UTIL_MODULE + short_name, "instanceName": name}
    return {**base, **copy.deepcopy(dict(_ATTRIBUTE_VALUES.get(short_name, {}))), **attributes}
