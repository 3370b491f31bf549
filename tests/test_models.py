"""Models: equal by their fields, frozen, and without secrets in their repr."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING
from unittest.mock import ANY

import attrs
import pytest

from docassemble_client.config import Secret
from docassemble_client.decoders.users import decode_new_user
from docassemble_client.models import Invitation, NewUser

if TYPE_CHECKING:
    from docassemble_client._types import JSON

DATA: JSON = {"user_id": 1, "password": "hunter2", "more": [1]}
USER = NewUser(user_id=1, password=Secret("hunter2"), extra={"more": [1]})


def test_models_with_equal_fields_are_equal() -> None:
    """Each field counts, also keys that the client does not know."""
    assert decode_new_user(DATA) == USER
    assert attrs.evolve(USER, user_id=2) != USER
    assert attrs.evolve(USER, extra={}) != USER


def test_models_of_other_classes_differ() -> None:
    """The other object may decide, as one that equals everything does."""
    assert Invitation(email="a@example.com") != USER
    assert USER != DATA
    assert USER == ANY


def test_models_cannot_be_keys() -> None:
    """Their field `extra` can be changed."""
    with pytest.raises(TypeError, match="unhashable type: 'NewUser'"):
        hash(USER)


def test_repr_hides_secrets_and_leaves_out_unknown_keys() -> None:
    """Each other field is shown."""
    assert repr(decode_new_user(DATA)) == "NewUser(user_id=1, password=Secret('**********'))"


@pytest.mark.parametrize("user", [USER, decode_new_user(DATA)], ids=["made", "decoded"])
def test_models_are_frozen(user: NewUser) -> None:
    """A decoder fills an object of another class, and returns a model."""
    assert type(user) is NewUser
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        user.user_id = 2  # type: ignore[misc]  # frozen
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        del user.user_id


@pytest.mark.parametrize("user", [USER, decode_new_user(DATA)], ids=["made", "decoded"])
def test_models_can_be_copied(user: NewUser) -> None:
    """By copy, attrs and pickle."""
    copies = [copy.copy(user), copy.deepcopy(user), attrs.evolve(user)]
    copies.append(pickle.loads(pickle.dumps(user)))  # noqa: S301 - our own bytes

    assert copies == [USER] * 4
