# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Turns the text of an old guest file into the new one: one edit per statement that has to change."""

from __future__ import annotations

import re

from univention_xen.guest import load_xl, xl_syntax, xm_names
from univention_xen.guest.program import Program, Setting
from univention_xen.guest.python2_values import Unclear, type_name
from univention_xen.guest.specs import hidden
from univention_xen.guest.words import BadSyntax, Place, Remark, Value, spelt
from univention_xen.guest.xl_choices import problem
from univention_xen.guest.xl_names import HVM_NUMBERS, NUMBERS
from univention_xen.guest.xl_names import KNOWN as XL_KNOWN
from univention_xen.guest.xm_syntax import Statement


class Editor:
    """Changes the old text statement by statement; offsets stay valid because the edits are applied at the end."""

    def __init__(self, program: Program, values: dict[str, Value | None], kind: str, remarks: list[Remark]) -> None:
        self.program, self.values, self.kind, self.remarks = program, dict(values), kind, remarks
        self.edits: list[tuple[int, int, str]] = []
        self.done: set[Statement] = set()
        self.written: set[str] = set()

    def tell(self, kind: str, place: Place, sentence: str) -> None:
        self.remarks.append(Remark(kind, place, hidden(sentence)))

    def text(self) -> str:
        """Return the new text."""
        self.other_names()
        self.renamed()
        for old, new in (("builder", "type"), ("bootargs", "bootloader_args"), ("cpu", "cpus"), ("extid", "viridian")):
            self.in_place_of(old, new)
        for statement in self.program.code:
            self.comment_out(statement)
            self.tell(
                "changed",
                statement.place,
                f"“{first_words(self.source(statement))}” is code that the guest does without",
            )
        for name, value in self.values.items():
            self.setting(name, value)
        text = self.program.text
        for start, stop, new in sorted(self.edits, reverse=True):
            text = text[:start] + new + text[stop:]
        if text and not text.endswith("\n"):
            text += "\n"
        return text + self.additions()

    def other_names(self) -> None:
        """Decide about every name that has no bearing on what *values* holds."""
        for name in self.program.givers:
            if name in self.values or name in xm_names.RENAMED:
                continue
            value = self.program.values.get(name)
            place = self.program.where(name)
            if isinstance(value, Unclear):
                self.values[name] = None
                matters = name in xm_names.KNOWN and name not in xm_names.QUIET
                if not matters and self.program.givers[name][-1].statement in self.program.code:
                    continue  # told with the code itself
                self.tell("lost" if matters else "changed", place, f"{name} {value.why}")
            elif (clean := plain(value)) is None:
                self.values[name] = None
                self.tell("changed", place, f"{name} is of the type {type_name(value)}, which xm ignored")
            else:
                self.values[name] = self.other_value(name, clean, place)

    def other_value(self, name: str, value: Value, place: Place) -> Value | None:
        """Return what becomes of a setting that is neither needed for the guest's meaning nor of a strange type."""
        if not re.fullmatch("[a-z][_0-9a-z]*", name):
            self.tell("changed", place, f"{name} is no name to xl, and xm ignored it")
            return None
        if name not in xm_names.KNOWN and name in XL_KNOWN[self.kind]:
            self.tell("changed", place, f"{name} was unknown to xm and would begin to matter")
            return None
        if refusal := problem(name, value, self.kind):
            self.tell("lost", place, refusal)
            return None
        if name in ("device_model", "vncviewer", "vif2"):  # xl complains about them
            self.tell("changed" if name in xm_names.QUIET else "lost", place, f"{name}: {xm_names.GONE[name]}")
            return None
        if name in NUMBERS | HVM_NUMBERS and name in XL_KNOWN[self.kind]:
            return self.number(name, value, place)
        if name in xm_names.GONE and value not in ("", 0, [], "0"):
            self.tell("lost", place, f"{name}: {xm_names.GONE[name]}")
        return value

    def number(self, name: str, value: Value, place: Place) -> Value | None:
        """Return a number that xl reads; text such as “yes” was true to old versions and an error to later ones."""
        worth = load_xl.worth(str(value)) if isinstance(value, str) else value
        if isinstance(worth, int):
            return value
        try:
            return int(str(value))
        except ValueError:
            self.tell("lost", place, f"{name} is “{value}” and should be a number, so xl uses its default")
            return None

    def renamed(self) -> None:
        """Carry over the settings that have another name now."""
        for old, new in xm_names.RENAMED.items():
            value = plain(self.program.values.get(old))
            if old in self.program.givers:
                self.values[old] = None
            if value is not None and new not in self.values:
                if refusal := problem(new, value, self.kind):
                    self.tell("lost", self.program.where(old), refusal)
                    continue
                self.values[new] = value
                self.in_place_of(old, new)

    def in_place_of(self, old: str, new: str) -> None:
        """Write the setting *new* where *old* stood, if there is such a place."""
        givers, value = self.program.givers.get(old), self.values.get(new)
        if not givers or not givers[-1].plain or value is None or self.program.givers.get(new):
            return
        statement = givers[-1].statement
        self.done.add(statement)
        self.edits.append((statement.start, statement.stop, f"{new} = {spelt(value)}"))
        self.tell(
            "changed",
            statement.place,
            f"{old}: {first_words(self.source(statement))} became {new} = {first_words(spelt(value))}",
        )
        self.written.add(new)

    def source(self, statement: Statement) -> str:
        return self.program.text[statement.start : statement.stop]

    def setting(self, name: str, value: Value | None) -> None:
        """Make the statements that give *name* something give it *value*, or nothing at all."""
        givers = self.program.givers.get(name, [])
        for each in givers[:-1] if givers else []:
            if (value is None or not self.readable(each)) and self.comment_out(each.statement, but=name):
                old = first_words(secretless(self.source(each.statement)))
                self.tell("changed", each.statement.place, f"“{old}” is part of a later line")
        if not givers:
            return
        last = givers[-1]
        if value is None:
            if self.comment_out(last.statement, but=name):
                self.tell_gone(name, last.statement.place)
        elif last.plain and self.readable(last) and self.same(name, last, value):
            return
        elif last.statement in self.program.code:
            del givers[:]  # added at the end
        elif last.plain:
            self.respell(last, value)
        else:
            self.write_again(last.statement)

    def tell_gone(self, name: str, place: Place) -> None:
        """Say why a setting is no longer there, unless that has been said."""
        if any(remark.place == place and remark.sentence.startswith(f"{name} ") for remark in self.remarks) or any(
            remark.place == place and remark.sentence.startswith(f"{name}:") for remark in self.remarks
        ):  # fmt: skip
            return
        value = self.program.values.get(name)
        if isinstance(value, Unclear):
            self.tell("changed", place, f"{name} {value.why}")
        elif plain(value) is None:
            self.tell("changed", place, f"{name} is of the type {type_name(value)}, which xm ignored")
        elif name in xm_names.GONE:
            self.tell("changed", place, f"{name}: {xm_names.GONE[name]}")
        elif name in xm_names.SCREEN:
            self.tell("changed", place, f"{name} was without effect for this kind of guest, and xl would heed it")
        elif name in xm_names.COMMANDLINE and self.values.get("cmdline"):
            self.tell("changed", place, f"{name} is in cmdline now")
        elif name in (*xm_names.COMMANDLINE, "ramdisk", "bootloader"):
            self.tell("changed", place, f"{name} was without effect")
        elif name == "kernel":
            self.tell("changed", place, "kernel: xl uses the firmware of its own host")
        else:
            self.tell("changed", place, f"{name} is not needed")

    def readable(self, setting: Setting) -> bool:
        """Whether xl reads the statement as it is written."""
        try:
            found = xl_syntax.parse(self.source(setting.statement) + "\n", "")
        except BadSyntax:
            return False
        return setting.plain and len(found) == 1

    def same(self, name: str, setting: Setting, value: Value) -> bool:
        """Whether xl reads *value* in the statement as it is written."""
        found = xl_syntax.parse(self.source(setting.statement) + "\n", "")[0].value
        if isinstance(value, int) and isinstance(found, str):
            return load_xl.worth(found) == value
        return numbers_as_text(found) == numbers_as_text(value) and isinstance(found, str) == isinstance(value, str)

    def respell(self, setting: Setting, value: Value) -> None:
        """Write *value* into a statement NAME = VALUE, item by item where that is possible."""
        statement, name = setting.statement, setting.name
        tokens = statement.tokens
        start = tokens[2].start
        old = self.program.text[start : statement.stop]
        items = self.program.items(statement)
        old_items = self.program.values.get(name)
        if isinstance(value, list) and isinstance(old_items, list) and len(items) == len(value) == len(old_items):
            for place, before, after in zip(items, old_items, value, strict=True):
                if before != after or not xl_reads(self.program.text[slice(*place)], after):
                    self.edits.append((*place, spelt(after)))
                    if before != after:
                        self.tell("changed", statement.place, f"{name}: “{before}” became “{after}”")
            between = self.program.text[tokens[0].start : start]
            if re.fullmatch(r"[a-z0-9_]+[ \t]*=[ \t]*", between) and not re.search(r"\\\n", old):
                return
            self.edits = [edit for edit in self.edits if not start <= edit[0] < statement.stop]
        else:
            shown = (
                "another spelling" if name == "vncpasswd" else f"{first_words(old)} became {first_words(spelt(value))}"
            )
            ignored = plain(old_items) is None and not isinstance(old_items, Unclear)
            why = f" (xm ignored the type {type_name(old_items)})" if ignored else ""
            self.tell("changed", statement.place, f"{name}: {shown}{why}")
        self.edits.append((statement.start, statement.stop, f"{name} = {spelt(value)}"))

    def write_again(self, statement: Statement) -> None:
        """Replace a statement that sets something in a roundabout way by plain settings, once for all its names."""
        if statement in self.done:
            return
        self.done.add(statement)
        lines = []
        for name, givers in self.program.givers.items():
            value = self.values.get(name)
            if givers and givers[-1].statement is statement and value is not None:
                lines.append(f"{name} = {spelt(value)}")
        old = self.source(statement)
        separator = "\n" if statement.alone else "; "
        self.edits.append((statement.start, statement.stop, separator.join(lines)))
        shown = " and ".join(map(first_words, map(secretless, lines)))
        self.tell(
            "changed", statement.place, f"“{first_words(secretless(old))}” is computed and became {shown or 'nothing'}"
        )

    def comment_out(self, statement: Statement, but: str = "") -> bool:
        """Keep a statement as a comment, if no other name needs it; say whether it has gone."""
        if statement in self.done:
            return False
        for name, givers in self.program.givers.items():
            if name != but and givers and givers[-1].statement is statement and self.values.get(name) is not None:
                self.write_again(statement)
                return False
        self.done.add(statement)
        old = self.source(statement)
        if not statement.alone:
            self.edits.append((statement.start, statement.stop, ""))
            return True
        start = self.program.text.rfind("\n", 0, statement.start) + 1
        self.edits.append((start, start, "# "))
        for found in re.finditer("\n", old):
            self.edits.append((statement.start + found.end(), statement.start + found.end(), "# "))
        return True

    def additions(self) -> str:
        """Return the lines that the old file does not have."""
        lines = []
        for name, value in self.values.items():
            if value is None or self.program.givers.get(name) or name in self.written:
                continue
            lines.append(f"{name} = {spelt(value)}\n")
            why = xm_names.DEFAULTS.get(name)
            shown = "***" if name == "vncpasswd" else first_words(spelt(value))
            self.tell(
                "changed", Place(self.program.source, 1), f"{name} = {shown} is new" + (f": {why}" if why else "")
            )
        return "\n# What xm assumed or named otherwise:\n" + "".join(lines) if lines else ""

    def rewritten(self) -> str:
        """Return the settings alone, with the old file as comments above them: for text that cannot be mended."""
        old = "".join(f"# {line}\n" for line in self.program.text.splitlines())
        self.tell("lost", Place(self.program.source, 1), "the layout is not kept, the old lines are there as comments")
        settings = {name: value for name, value in self.values.items() if value is not None}
        return old + "\n" + "".join(f"{name} = {spelt(value)}\n" for name, value in settings.items())


def plain(value: object) -> Value | None:
    """Return *value* when xm did not drop it and xl has a spelling for it, else None."""
    if type(value) is float:
        return int(value) if value.is_integer() and abs(value) < 2**62 else None
    if type(value) in (int, str):
        return value  # type: ignore[return-value]
    if isinstance(value, list):
        items = [str(item) if isinstance(item, str) else plain(item) for item in value]
        return None if None in items else [item for item in items if item is not None]
    return None


def numbers_as_text(value: object) -> object:
    """Return *value* with every number in it as text, as xl keeps them."""
    if isinstance(value, list):
        return [numbers_as_text(item) for item in value]
    return str(value)


def xl_reads(spelling: str, value: Value) -> bool:
    """Whether xl reads *value* where *spelling* stands."""
    try:
        return xl_syntax.parse(f"x={spelling}\n", "")[0].value == value
    except BadSyntax:
        return False


def secretless(line: str) -> str:
    """Return a setting without its value if that is a password."""
    return "vncpasswd = ***" if line.startswith("vncpasswd") else line


def first_words(text: str) -> str:
    """Return the beginning of *text* on one line."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:60] + "…"
