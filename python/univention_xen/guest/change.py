# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Settings by hand: key=value as people write it, put into a guest file so that xl heeds it, and nothing else moves."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from univention_xen.errors import UsageError, XenError
from univention_xen.guest import load_xl, xl_syntax
from univention_xen.guest.cfg import NAME, Cfg, item_edits
from univention_xen.guest.specs import hidden
from univention_xen.guest.words import BadSyntax, CannotRun, Trouble, Value, spelt
from univention_xen.guest.xl_names import EITHER, HVM_EITHER, HVM_NUMBERS, KNOWN, LISTS, NUMBERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

POSITIVE = ("memory", "maxmem", "vcpus", "maxvcpus")
LARGEST = (1 << 63) - 1
TAGGED = re.compile(r"[ \t]*#[ \t]*ucr:[ \t]*[A-Za-z0-9_./-]+")
PASSWORD = re.compile(r"((?:vnc|spice)passwd[ \t]*\+?=[ \t]*)[^\n]*")
SECRETS = ("vncpasswd", "spicepasswd")


def parse(words: Iterable[str]) -> dict[str, Value]:
    """Return the values that *words* (key=value) give, each of the type that xl wants for its key.

    A list is written as xl writes it (vif=["bridge=a","bridge=b"]), or as one word for each element
    (vif=bridge=a vif=bridge=b); an empty word is the empty list. Raises UsageError.
    """
    given: dict[str, list[str]] = {}
    for word in words:
        name, sign, text = word.partition("=")
        if not sign or not NAME.fullmatch(name):
            raise UsageError(f"{hidden(word)!r} is not key=value", hint="such as memory=1024; man xl.cfg explains them")
        given.setdefault(name, []).append(text)
    return {name: typed(name, texts) for name, texts in given.items()}


def typed(name: str, texts: list[str]) -> Value:
    """Return a list, number or text as xl wants it for *name*. Raises UsageError."""
    as_list = len(texts) == 1 and texts[0].lstrip().startswith("[")
    if name in LISTS or (as_list and name in EITHER | HVM_EITHER):
        return listed(name, texts[0]) if as_list else [text for text in texts if text]
    if len(texts) > 1:
        raise UsageError(f"{name} is given more than once, and it is no list")
    if name in NUMBERS | HVM_NUMBERS:
        return number(name, texts[0])
    return texts[0]


def listed(name: str, text: str) -> Value:
    """Return a list that is written down as xl reads it. Raises UsageError."""
    try:
        (found,) = xl_syntax.parse(f"x={text}\n", "")
    except (BadSyntax, ValueError):
        raise UsageError(f"{name} is no list that xl can read", hint=f'such as {name}=["one","two"]') from None
    return found.value


def number(name: str, text: str) -> int:
    """Return a number; decimal, whatever zeros it begins with, or 0x…. Raises UsageError."""
    if re.fullmatch(r"-?[0-9]{1,19}", text):
        value = int(text)
    elif re.fullmatch(r"0[xX][0-9a-fA-F]{1,16}", text):
        value = int(text, 16)
    else:
        hint = "1 is yes and 0 is no" if text.lower() in ("yes", "no", "true", "false", "on", "off") else ""
        raise UsageError(f"{name} takes a number, and “{text}” is none", hint=hint)
    if abs(value) > LARGEST or (name in POSITIVE and value < 1):
        raise UsageError(f"{name} cannot be {text}")
    return value


def changed(cfg: Cfg, values: dict[str, Value], unset: Iterable[str] = ()) -> Cfg:
    """Return the file with *values*, and without the settings *unset*; no other byte changes.

    A setting that is set by hand does not follow a registry variable any more: its tag goes. Raises XenError.
    """
    for name in unset:
        if name in cfg.computed:
            raise XenError(f"{cfg.source}: {name} is computed, so it cannot be changed here")
        cfg = cfg.without(name)
    for name, value in values.items():
        cfg = untagged(cfg, name).with_value(name, value)
    return cfg


def untagged(cfg: Cfg, name: str) -> Cfg:
    """Return the file in which no comment ties *name* to a registry variable; other words of a comment stay."""
    edits = []
    for each in cfg.places(name):
        end = cfg.text.find("\n", each.stop)
        end = len(cfg.text) if end < 0 else end
        places = [(each.stop, end)] if cfg.text[each.stop : end].lstrip(" \t").startswith("#") else []
        bounds = [each.start, *(offset for item in each.items for offset in item), each.stop]
        places += list(zip(bounds[::2], bounds[1::2], strict=True)) if each.items else []
        for start, stop in places:
            for found in TAGGED.finditer(cfg.text, start, stop):
                rest = cfg.text[found.end() : stop].partition("\n")[0].strip()
                edits.append((found.start(), found.end(), "  #" if rest and not rest.startswith("#") else ""))
    return cfg.edited(edits)


def with_items(cfg: Cfg, name: str, change: Callable[[str], str]) -> Cfg:
    """Return the file in which every text in *name*, a text or a list of them, is what *change* makes of it."""
    edits = []
    for each in cfg.places(name):
        if isinstance(each.value, list):
            new: Value = [change(item) if isinstance(item, str) else item for item in each.value]
            edits += item_edits(each, new) if new != each.value else []
        elif isinstance(each.value, str) and (text := change(each.value)) != each.value:
            edits += [(each.start, each.stop, spelt(text))]
    return cfg.edited(edits)


def refusals(before: str, after: str, source: str, names: Iterable[str]) -> list[str]:
    """Return why xl would refuse the changed file, or would ignore one of the *names* that have been set."""
    try:
        new = load_xl.load(after, source)
    except BadSyntax as why:
        return [str(why)]
    except CannotRun as why:
        return [each.sentence for each in why.reasons]
    found = [ignored(name, new.guest.kind) for name in names if name in new.ignored]
    old = remarks(before, source)
    return found + [each.sentence for each in new.remarks if each not in old]


def remarks(text: str, source: str) -> list[Trouble]:
    """Return what xl warns about in a file, if it reads it."""
    try:
        return load_xl.load(text, source).remarks
    except (BadSyntax, CannotRun):
        return []


def ignored(name: str, kind: str) -> str:
    """Return the sentence about a name that xl does not look for in a guest of this kind."""
    kinds = [each for each, known in KNOWN.items() if name in known]
    if kinds:
        return f"xl ignores {name} for a {kind} guest; it is for {' and '.join(kinds)}"
    near = difflib.get_close_matches(name, KNOWN[kind], 1, 0.6)
    return f"xl does not know {name} and ignores it" + (f"; is {near[0]} meant?" if near else "")


def secret(text: str) -> bool:
    """Whether a guest file must be kept from other users, because a password may be in it."""
    return any(name in text for name in SECRETS)


def shown(text: str) -> str:
    """Return a piece of a guest file without the passwords in it."""
    return PASSWORD.sub(r"\1***", text)
