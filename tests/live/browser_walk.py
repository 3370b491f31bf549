"""Answers the pages of an interview in a browser until it ends."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from tests.live.browser import fill_in, get_field_variable
from tests.live.web_page import decode_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.live.browser import Browser, Entry
    from tests.live.web_page import Page

_MAX_PAGES = 30


class Entries:
    """
    What a person enters, by variable.

    Web forms write `[i]` for the number of an item, and `x` for an object of a list; it counts how
    often the variable was asked.
    """

    def __init__(
        self,
        entries: Mapping[str, Entry],
        repeated: Mapping[str, Sequence[Entry]],
        list_name: str = "",
    ) -> None:
        """
        Prepare the entries.

        Args:
            entries: Entries by variable.
            repeated: Entries for each time that a variable is asked, by variable.
            list_name: The list whose items are `x`.
        """
        self._entries = entries
        self._repeated = repeated
        self._list_name = list_name
        self._counts: Counter[str] = Counter()

    def get(self, variable: str) -> Entry:
        """Return what is entered this time; None if the field is left alone."""
        count = self._counts[variable]
        self._counts[variable] += 1
        if variable in self._repeated:
            return self._repeated[variable][count]
        variable = re.sub(r"^x(?=[.\[])", f"{self._list_name}[i]", variable)
        return self._entries.get(variable.replace("[i]", f"[{count}]"))


async def answer_pages(browser: Browser, page: Page, entries: Entries) -> Page:
    """
    Answer pages until one cannot be answered.

    Args:
        browser: The browser.
        page: First page.
        entries: What a person enters.

    Returns:
        The last page.

    Raises:
        AssertionError: The page or the server refuses an entry, or there are too many pages.
    """
    for _ in range(_MAX_PAGES):
        variables = dict.fromkeys(map(get_field_variable, page.controls))
        values = {variable: entries.get(variable) for variable in variables if variable}
        buttons = [entries.get(decode_name(button.name)) for button in page.buttons[:1]]
        if not (values or buttons):
            return page
        button = buttons[0] if buttons else ""
        assert isinstance(button, str), page.heading
        filled = {variable: value for variable, value in values.items() if value is not None}
        submission = fill_in(page, filled, button=button)
        assert not submission.refused, (page.heading, submission.refused)
        page = await browser.post(page, submission)
        assert not page.errors, (page.heading, page.errors)
    message = "the interview has too many pages"
    raise AssertionError(message)
