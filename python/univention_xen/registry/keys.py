# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Names of variables: which are allowed, and how names and values look to a shell."""

from __future__ import annotations

FORBIDDEN = frozenset("[]\r\n!\"#$%&'()+,;<=>?\\`{}§")
UMLAUTS = {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"}
WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
PLAIN = WORD | frozenset("@%+=:,./-")


def problem(key: str) -> str | None:
    """Return a sentence saying why *key* cannot name a variable ('' when it is empty), or None when it can."""
    if not key:
        return ""
    if ": " in key:
        return f'Please fix invalid ": " in config variable key "{key}".'
    for character in key:
        if character in FORBIDDEN:
            return f'Please fix invalid character "{character}" in config variable key "{key}".'
    return None


def advice(key: str) -> str | None:
    """Return a sentence about umlauts in *key*, which are allowed but unwise; None without them."""
    plain = "".join(UMLAUTS.get(character, character) for character in key)
    return None if plain == key else f'Please fix invalid umlaut in config variable key "{key}" to {plain}.'


def shell_name(key: str) -> str:
    """Return a name for *key* that a shell accepts."""
    name = "".join(character if character in WORD else "_" for character in key)
    return "_" + name if name[:1].isdigit() else name


def shell_quote(value: str) -> str:
    """Quote *value* for a shell, if it needs that; the same as shlex.quote(), which takes 8 ms to import."""
    if value and PLAIN.issuperset(value):
        return value
    return "'" + value.replace("'", "'\"'\"'") + "'"
