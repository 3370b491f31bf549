"""Stands in for the locale en_US.utf8: its way to write numbers and amounts of money."""

import locale

_localeconv = locale.localeconv
CONVENTIONS = {
    "currency_symbol": "$",
    "int_curr_symbol": "USD ",
    "decimal_point": ".",
    "mon_decimal_point": ".",
    "thousands_sep": ",",
    "mon_thousands_sep": ",",
    "grouping": [3, 3, 0],
    "mon_grouping": [3, 3, 0],
    "positive_sign": "",
    "negative_sign": "-",
    "frac_digits": 2,
    "int_frac_digits": 2,
    "p_cs_precedes": 1,
    "n_cs_precedes": 1,
    "p_sep_by_space": 0,
    "n_sep_by_space": 0,
    "p_sign_posn": 1,
    "n_sign_posn": 1,
}


def localeconv() -> dict[str, object]:
    """Return the conventions of the locale, or those of en_US.utf8 if it has none."""
    conventions: dict[str, object] = {**_localeconv()}
    return conventions if conventions["currency_symbol"] else conventions | CONVENTIONS


locale.localeconv = localeconv  # type: ignore[assignment]  # the server calls it
