"""Fields of datatypes that a package of the server defines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import AnswerPolicy, DAObject, MissingAnswer, Question
from docassemble_client._core.deserialize import strict_mode, structure
from tests.live.documents import make_package_files
from tests.live.interviews import get_heading, temporary_interview

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from docassemble_client import AsyncDocassemble

pytestmark = [pytest.mark.since("1.10"), pytest.mark.unrecorded]
# The price has options of its own, and becomes a mapping; the day becomes an object.
MODULE = """\
from docassemble.base.util import CustomDataType, DAObject


class Price(CustomDataType):
    name = "price_{unique}"
    parameters = ["unit"]
    code_parameters = ["most"]
    mako_parameters = ["explanation"]

    @classmethod
    def transform(cls, item):
        return {{"cents": int(item) * 100}}


class Day(CustomDataType):
    name = "day_{unique}"
    is_object = True

    @classmethod
    def transform(cls, item):
        day = DAObject("day")
        day.year = int(item[:4])
        return day
"""
INTERVIEW = """\
question: Order
fields:
  - Price: price
    datatype: price_{unique}
    unit: euro
    most: 2 * 50
    explanation: Up to ${{ 1 + 1 }} digits
  - Day: day
    datatype: day_{unique}
  - Note: note
    required: False
---
mandatory: True
question: ${{ price['cents'] }} ${{ day.year + 1 }} ${{ repr(note) }}
"""
# What the package adds to the description of a field.
OWN_KEYS = {"unit": "euro", "most": 100, "explanation": "Up to 2 digits"}


@pytest.fixture(autouse=True)
def strict_decoding() -> Iterator[None]:
    """Let the test decode strictly: only it knows the keys of the datatypes."""
    return iter([None])


async def test_datatypes_of_a_package_take_what_transform_returns(
    da: AsyncDocassemble, unique: str, tmp_path: Path
) -> None:
    """They are never generated; the keys that they add to a field are in `extra`."""
    name = f"docassemble.{unique}"
    files = make_package_files(unique, "0.1.0", modules=True)
    files[f"docassemble/{unique}/datatypes.py"] = MODULE.format(unique=unique)
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")

    # The server reads datatypes of packages when it starts.
    await da.deploy(tmp_path)
    try:
        async with temporary_interview(da, INTERVIEW.format(unique=unique)) as i:
            await check_fields(da, i, unique)
            await check_answers(da, i, unique)
    finally:
        await da.wait_for_task(await da.packages.uninstall(name, restart=False), timeout=300)


async def check_fields(da: AsyncDocassemble, i: str, unique: str) -> None:
    """Check that only the package's own keys are unknown."""
    async with da.interview(i).session() as s:
        question = await s.question()
        arguments = {"i": i, "session": s.id, "secret": s.secret.reveal() if s.secret else None}
        response = await da.request("GET", "/api/session/question", params=arguments)

    assert isinstance(question, Question)
    price, day, note = question.fields or []
    assert (price.datatype, day.datatype) == (f"price_{unique}", f"day_{unique}")
    assert [field.extra for field in (price, day, note)] == [OWN_KEYS, {}, {}]
    screen: Any = response.json()
    for key in OWN_KEYS:
        del screen["fields"][0][key]
    with strict_mode():
        structure(screen, Question)


async def check_answers(da: AsyncDocassemble, i: str, unique: str) -> None:
    """Check that the caller's values are sent as they are, and that no policy has any."""
    answers: Mapping[str, Any] = {
        "price": {"cents": 1200},
        "day": DAObject("DAObject", year=2026),
    }
    async with da.interview(i).session() as s:
        transcript = await s.run(answers)
    assert get_heading(transcript.final) == "1200 2027 ''"

    for missing in answers:
        others = {name: value for name, value in answers.items() if name != missing}
        async with da.interview(i).session() as s:
            with pytest.raises(MissingAnswer, match=r"Add the value that .* transform") as caught:
                await s.run(others, policy=AnswerPolicy.generated)
        assert (caught.value.variable, caught.value.datatype) == (missing, f"{missing}_{unique}")
