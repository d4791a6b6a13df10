# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What a package declares to the registry, read strictly: a mistake stops the build, with file and line."""

from __future__ import annotations

import ast
import configparser
import re

from univention_xen.errors import XenError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

Stanza = dict[str, list[str]]

RENDERED = {"Variables", "User", "Group", "Mode", "Preinst", "Postinst"}
# Type of a stanza: keys that it must have, keys that it may have. Only Variables may come more than once.
STANZAS: dict[str, tuple[set[str], set[str]]] = {
    "file": ({"File"}, RENDERED),
    "multifile": ({"Multifile"}, RENDERED),
    "subfile": ({"Multifile", "Subfile"}, {"Variables"}),
    "module": ({"Module", "Variables"}, set()),
    "script": ({"Script", "Variables"}, set()),
}
PATHS = ("File", "Multifile", "Subfile", "Script")
MODULES = ("Module", "Preinst", "Postinst")

TYPES = {
    "str", "bool", "int", "uint", "pint", "portnumber", "ipv4address", "ipv6address", "ipaddress",
    "url_http", "url_proxy", "json", "cron", "list",
}  # fmt: skip
VARIABLE_KEYS = {
    "description", "type", "categories", "default", "readonly", "min", "max", "regex", "elementtype", "separator",
}  # fmt: skip
SERVICE_KEYS = {"description", "programs", "start_type", "systemd", "icon", "name", "init_script"}
LOCALISED = re.compile(r"(\w+)\[(\w+)\]$")

# The categories of UCS 5.2. UCR accepts others silently, and then shows the variable nowhere.
CATEGORIES = {
    "management-umc", "oidc", "portal", "service-adcon", "service-apache", "service-bind", "service-cups",
    "service-dhcp", "service-dovecot", "service-heimdal", "service-kerberos", "service-ldap", "service-ln",
    "service-mail", "service-misc", "service-pkgdb", "service-s4con", "service-samba", "service-security",
    "service-software-management", "service-ssh", "service-udm", "service-webproxy", "system-base", "system-kernel",
    "system-locale", "system-network", "system-password", "system-repository", "system-services", "system-ssl",
    "system-statistics",
}  # fmt: skip


class Mistake(XenError):
    """The source package declares something that cannot work; the build must stop."""


def stanzas(text: str, source: str) -> list[Stanza]:
    """Return the stanzas of a registration file (``debian/PACKAGE.univention-config-registry``)."""
    found = [stanza for _, stanza in paragraphs(text, source)]
    if not found:
        raise Mistake(f"{source} holds no stanza")
    return found


def paragraphs(text: str, source: str) -> Iterator[tuple[int, Stanza]]:
    """Yield each paragraph with the number of its first line, checked."""
    first = 1
    stanza: Stanza = {}
    for number, line in enumerate([*text.splitlines(), ""], 1):
        if line.strip():
            key, colon, value = line.partition(": ")
            if not colon or not key.isidentifier() or not value.strip():
                raise Mistake(f"{source}:{number}: not 'Key: value'", hint="UCR knows no comments and no long lines")
            stanza.setdefault(key, []).append(value.strip())
        elif stanza:
            check_stanza(stanza, f"{source}:{first}")
            yield first, stanza
            stanza = {}
        if not stanza:
            first = number + 1


def check_stanza(stanza: Stanza, where: str) -> None:
    """Raise Mistake when UCR would ignore a stanza or do something else than what it says."""
    kind = stanza.get("Type", [""])[0]
    if kind not in STANZAS:
        raise Mistake(f"{where}: unknown Type {kind!r}", hint="it is one of " + ", ".join(STANZAS))
    must, may = STANZAS[kind]
    if missing := must - stanza.keys():
        raise Mistake(f"{where}: a {kind} needs {' and '.join(sorted(missing))}")
    if unknown := stanza.keys() - must - may - {"Type"}:
        raise Mistake(f"{where}: a {kind} has no {' and no '.join(sorted(unknown))}")
    if repeated := [key for key, values in stanza.items() if key != "Variables" and len(values) > 1]:
        raise Mistake(f"{where}: {repeated[0]} comes twice")
    for path in (value for key in PATHS for value in stanza.get(key, [])):
        if path.startswith("/") or ".." in path.split("/"):
            raise Mistake(f"{where}: {path} must be a path below / without its leading slash")
    for module in (value for key in MODULES for value in stanza.get(key, [])):
        if "/" in module:
            raise Mistake(f"{where}: {module}: UCR finds handler modules only at the top of conffiles/")
    for mode in stanza.get("Mode", []):
        if not re.fullmatch(r"[0-7]{3,4}", mode) or not int(mode, 8):
            raise Mistake(f"{where}: {mode} is no file mode that UCR would set")
    for pattern in stanza.get("Variables", []):
        check_pattern(pattern, f"{where}: Variables")


def check_pattern(pattern: str, where: str) -> None:
    """Raise Mistake when Python does not understand a regular expression."""
    try:
        re.compile(pattern)
    except re.error as why:
        raise Mistake(f"{where}: {pattern} is no regular expression: {why}") from None


def sections(text: str, source: str) -> dict[str, Mapping[str, str]]:
    """Return the sections of an ini file; option names are in lower case, as UCR takes them."""
    parser = configparser.ConfigParser(interpolation=None, default_section="\0")
    try:
        parser.read_string(text, source)
    except configparser.Error as why:
        raise Mistake(str(why).replace("\n", " ")) from None
    return {name: parser[name] for name in parser.sections()}


def check_keys(section: Mapping[str, str], known: Collection[str], where: str) -> None:
    """Raise Mistake when a section holds an option that means nothing."""
    for key in section:
        plain = match[1] if (match := LOCALISED.match(key)) else key
        if plain not in known:
            raise Mistake(f"{where}: unknown option {key}", hint="it is one of " + ", ".join(sorted(known)))


def check_localised(section: Mapping[str, str], key: str, where: str) -> None:
    """Raise Mistake unless there is a German and an English text, or one for all languages.

    UCR's tool builds in German, and refuses what has an English text alone.
    """
    for language, name in (("de", "German"), ("en", "English")):
        if not (section.get(f"{key}[{language}]") or section.get(key)):
            raise Mistake(f"{where}: no {name} {key}", hint=f"add {key.capitalize()}[{language}]=…")


def variables(text: str, source: str, own_categories: Collection[str] = ()) -> dict[str, Mapping[str, str]]:
    """Return the described variables; a name with ``.*`` in it is a pattern and may be incomplete."""
    found = sections(text, source)
    for name, section in found.items():
        where = f"{source}: [{name}]"
        check_keys(section, VARIABLE_KEYS, where)
        if ".*" not in name:
            check_localised(section, "description", where)
            if missing := {"type", "categories"} - section.keys():
                raise Mistake(f"{where}: no {' and no '.join(sorted(missing))}")
        check_variable(section, where, CATEGORIES | set(own_categories))
    return found


def check_variable(section: Mapping[str, str], where: str, categories: Collection[str]) -> None:
    """Raise Mistake when the type of a variable is not what its description means."""
    for key in ("type", "elementtype"):
        if section.get(key, "str") not in TYPES:
            raise Mistake(f"{where}: unknown {key} {section[key]!r}: UCR would take it as str")
    if "elementtype" in section and section.get("type") != "list":
        raise Mistake(f"{where}: only a list has an elementtype")
    for key in ("min", "max"):
        if key in section and not re.fullmatch(r"-?\d+", section[key]):
            raise Mistake(f"{where}: {key} is not a number")
    if int(section.get("min", "0")) > int(section.get("max", section.get("min", "0"))):
        raise Mistake(f"{where}: min is greater than max")
    for key in ("regex", "separator"):
        if key in section:
            check_pattern(section[key], f"{where}: {key}")
    for category in section.get("categories", "").split(","):
        if category.strip() and category.strip().lower() not in categories:
            raise Mistake(f"{where}: nobody declares the category {category.strip()}")


def categories(text: str, source: str) -> list[str]:
    """Return the ids of the declared categories, in lower case as UCR compares them."""
    found = sections(text, source)
    for name, section in found.items():
        check_localised(section, "name", f"{source}: [{name}]")
        if "icon" not in section:
            raise Mistake(f"{source}: [{name}]: no icon")
    return [name.lower() for name in found]


def services(text: str, source: str) -> list[str]:
    """Return the names of the declared services."""
    found = sections(text, source)
    for name, section in found.items():
        where = f"{source}: [{name}]"
        check_keys(section, SERVICE_KEYS, where)
        check_localised(section, "description", where)
        if not section.get("programs", "").strip():
            raise Mistake(f"{where}: no programs")
    return list(found)


def module(text: str, source: str) -> set[str]:
    """Return the names at the top of a handler module; on a host UCR would drop one that is not Python."""
    try:
        tree = ast.parse(text, source)
    except SyntaxError as why:
        raise Mistake(f"{source}:{why.lineno}: {why.msg}") from None
    names: set[str] = set()
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name):
                names.add(name)
            case ast.ImportFrom(names=imported):
                names.update(alias.asname or alias.name for alias in imported)
            case ast.Assign(targets=[ast.Name(id=name)]):
                names.add(name)
    return names
