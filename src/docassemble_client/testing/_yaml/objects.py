"""Objects of the server as JSON, with what they have from the beginning."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docassemble_client._types import JSON

UTIL = "docassemble.base.util."
CLASSES = frozenset(
    UTIL + name
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
_PLACE = {"location": "LatitudeLongitude"}
_PARTS: Mapping[str, Mapping[str, str]] = {
    "Individual": {"name": "IndividualName", "address": "Address", **_PLACE},
    "Person": {"name": "Name", "address": "Address", **_PLACE},
    "Event": {"address": "City", **_PLACE},
    "Thing": {"name": "Name"},
    "Address": _PLACE,
    "City": _PLACE,
}
_Values: TypeAlias = "Mapping[str, JSON]"
_ADDRESS: _Values = {"_geocoded": False, "city_only": False, "geolocated": False}
_GROUP: _Values = {"auto_gather": True, "ask_number": False, "minimum_number": None}
_TYPED: _Values = {
    **_GROUP,
    "ask_object_type": False,
    "complete_attribute": None,
    "object_type": None,
    "object_type_parameters": {},
}
_VALUES: Mapping[str, _Values] = {
    "IndividualName": {"uses_parts": True},
    "LatitudeLongitude": {"gathered": False, "known": False},
    "Address": _ADDRESS,
    "City": {**_ADDRESS, "city_only": True},
    "DAList": {**_TYPED, "elements": []},
    "DADict": {**_TYPED, "elements": {}},
    "DAOrderedDict": {**_TYPED, "elements": {}},
    "DASet": {**_GROUP, "elements": []},
    "DAFileList": {
        **_TYPED,
        "elements": [],
        "complete_attribute": "initialized",
        "object_type": {"_class": "type", "name": f"{UTIL}DAFile"},
    },
}


def new_object(kind: str, name: str) -> dict[str, JSON]:
    """
    Make an object of the server with what it always has.

    Args:
        kind: Its class, with or without the module.
        name: Its name.

    Returns:
        Its JSON.
    """
    short = kind.rpartition(".")[2]
    parts: dict[str, JSON] = {
        part: new_object(of, f"{name}.{part}") for part, of in _PARTS.get(short, {}).items()
    }
    made: dict[str, JSON] = {"_class": UTIL + short, "instanceName": name}
    return {**made, **copy.deepcopy(dict(_VALUES.get(short, {}))), **parts}
