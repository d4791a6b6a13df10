# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What xend 3.2 to 4.4 makes of a whole xend-config.sxp: its options in effect, and what is wrong.

xend complains only about values it cannot read, and only when it reads them. This reader also tells what xend
passes over in silence: unknown, repeated, empty and surplus forms.
"""

from __future__ import annotations

import os.path
import re
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

from univention_xen.host import sxp

if TYPE_CHECKING:
    from collections.abc import Callable

    from univention_xen.host.sxp import Value

VERSIONS = ("3.2", "3.4", "4.1", "4.4")
SCRIPTS = "/etc/xen/scripts"
TRUE = frozenset(("yes", "y", "1", "on", "true", "t"))
FALSE = frozenset(("no", "n", "0", "off", "false", "f"))
MEANINGFUL = "AbBdDsSwWZafnrtvx"
"""Letters that mean something to Python 2 behind the backslash of an expression."""


class Refused(Exception):
    """xend stops when it reads this option."""


class Option(NamedTuple):
    """One option: how its value is read, what holds without it, and the first Xen that knows it.

    ``required``: xend of 4.0 and later stops when it reads the option and there is none.
    """

    name: str
    read: Callable[[str, Any], Any]
    default: Any
    since: str = "3.2"
    required: bool = False


def text(name: str, value: Any) -> Any:
    """Return any value as it is."""
    return value


def truth(name: str, value: Any) -> bool:
    """Return xend's idea of a truth value, which is not the registry's: there is y, but no "enabled"."""
    word = str(value).lower()
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise Refused(f"invalid xend config {name}: expected bool: {word}")


def number(name: str, value: Any) -> int:
    """Return what Python 2's int() makes of the value."""
    if isinstance(value, int):
        return value
    if isinstance(value, str) and re.fullmatch(r"[ \t\n\r\f\v]*[+-]?[0-9]+[ \t\n\r\f\v]*", value):
        return int(value)
    raise Refused(f"invalid xend config {name}: expected int: {value}")


def script(name: str, value: Any) -> list[str] | None:
    """Return the words of a script's command line, cut at every single blank."""
    if not value:
        return None
    if not isinstance(value, str):
        raise Refused("'list' object has no attribute 'split'")
    first, *arguments = value.split(" ")
    return [os.path.join(SCRIPTS, first), *arguments]


OPTIONS = (
    Option("logfile", text, "/var/log/xen/xend.log"),
    Option("loglevel", text, "DEBUG"),
    Option("xen-api-server", text, [["unix"]]),
    Option("xend-http-server", truth, False),
    Option("xend-unix-server", truth, False),
    Option("xend-tcp-xmlrpc-server", truth, False),
    Option("xend-tcp-xmlrpc-server-address", text, "localhost"),
    Option("xend-tcp-xmlrpc-server-port", number, 8006),
    Option("xend-tcp-xmlrpc-server-ssl-key-file", text, None),
    Option("xend-tcp-xmlrpc-server-ssl-cert-file", text, None),
    Option("xend-unix-xmlrpc-server", truth, True),
    Option("xend-unix-path", text, "/var/lib/xend/xend-socket"),
    Option("xend-address", text, ""),
    Option("xend-port", number, 8000),
    Option("xend-relocation-server", truth, False),
    Option("xend-relocation-port", number, 8002),
    Option("xend-relocation-address", text, ""),
    Option("xend-relocation-hosts-allow", text, ""),
    Option("xend-relocation-ssl-server", truth, False, "3.3"),
    Option("xend-relocation-ssl-port", number, 8003, "3.3"),
    Option("xend-relocation-ssl", truth, False, "3.3"),
    Option("xend-relocation-server-ssl-key-file", text, None, "3.3", required=True),
    Option("xend-relocation-server-ssl-cert-file", text, None, "3.3", required=True),
    Option("xend-udev-event-server", truth, False, "3.4"),
    Option("xend-domains-path", text, "/var/lib/xend/domains"),
    Option("xend-state-path", text, "/var/lib/xend/state"),
    Option("xend-storage-path", text, "/var/lib/xend/storage"),
    Option("xend-security-path", text, "/var/lib/xend/security"),
    Option("console-limit", number, 1024),
    Option("network-script", script, None),
    Option("vif-script", text, "vif-bridge"),
    Option("dom0-min-mem", number, 0),
    Option("enable-dom0-ballooning", truth, None, "3.3"),
    Option("total_available_memory", number, 0, "4.0"),
    Option("dom0-cpus", number, 0),
    Option("enable-dump", truth, False),
    Option("external-migration-tool", text, ""),
    Option("vnc-listen", text, "127.0.0.1"),
    Option("vncpasswd", text, None),
    Option("vnc-tls", text, 0),
    Option("vnc-x509-cert-dir", text, "/etc/xen/vnc"),
    Option("vnc-x509-verify", text, 0),
    Option("keymap", text, None),
    Option("resource-label-change-script", text, None),
    Option("qemu-dm-logrotate-count", number, 10, "3.3"),
    Option("xsm_module_name", text, "dummy", "3.4"),
    Option("device-create-timeout", number, 100, "4.0"),
    Option("device-destroy-timeout", number, 100, "4.0"),
    Option("pci-passthrough-strict-check", truth, True, "4.0"),
    Option("pscsi-device-mask", text, ["*"], "4.1"),
)


def release(version: str) -> tuple[int, ...]:
    """Return a version number as numbers that compare."""
    return tuple(map(int, version.split(".")))


def known(version: str) -> dict[str, Option]:
    """Return the options that xend of *version* reads."""
    return {option.name: option for option in OPTIONS if release(option.since) <= release(version)}


class Slips(NamedTuple):
    """What xend passes over in silence."""

    unknown: list[str]
    duplicates: list[str]
    stray_atoms: list[Value]
    empty_forms: int
    extra_values_ignored: list[list[Value]]


class Judgement(NamedTuple):
    """What one version of xend makes of a text. ``patterns`` None: every host may send guests."""

    verdict: str
    error: str
    options: dict[str, Any]
    refused: dict[str, str]
    slips: Slips
    patterns: list[str] | None
    pattern_error: str

    @property
    def network_command(self) -> list[str] | None:
        """Return the command that prepares the network when xend starts, or None."""
        words = self.options.get("network-script")
        return [words[0], "start", *words[1:]] if words else None

    def may_send(self, address: str, name: str = "") -> bool:
        """Say whether a peer may send guests to this host; *name* is what its address resolves to."""
        if self.pattern_error or self.error:
            return False
        if self.patterns is None:
            return True
        return any(compiled(pattern).match(peer) for pattern in self.patterns for peer in (address, name) if peer)


def judge(config: str | bytes, version: str) -> Judgement:
    """Read a whole file as xend of *version* does; never raises.

    The verdict is "syntax", "refused value", "suspicious" or "good".
    """
    try:
        document = sxp.read(config, version)
    except sxp.SxpError as why:
        nothing = Slips([], [], [], 0, [])
        return Judgement("syntax", f"{why.kind}: {why}", {}, {}, nothing, [], "")
    given = document.options()
    options, refused = effective(given, version)
    slips = slips_in(document, version)
    patterns, pattern_error = relocation_patterns(options.get("xend-relocation-hosts-allow"))
    if document.dropped:
        verdict = "syntax"
    elif refused or pattern_error:
        verdict = "refused value"
    elif any(slips):
        verdict = "suspicious"
    else:
        verdict = "good"
    return Judgement(verdict, "", options, refused, slips, patterns, pattern_error)


def effective(given: dict[str, Value | None], version: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the value of every option that *version* reads, and why it would stop at some."""
    options: dict[str, Any] = {}
    refused: dict[str, str] = {}
    new = release(version) >= (4, 0)
    for name, option in known(version).items():
        value: Any = given.get(name)
        if value is None:
            if new and (option.required or name == "vnc-x509-cert-dir"):
                continue  # xend looks for the file, and stops if it needs it
            value = option.default
            if name == "enable-dom0-ballooning":
                value = options.get("dom0-min-mem") != 0
        if name == "total_available_memory" and not options.get("enable-dom0-ballooning"):
            continue  # read only then
        try:
            options[name] = option.read(name, value)
        except Refused as why:
            refused[name] = f"XendError: {why}"
    return options, refused


def slips_in(document: sxp.Document, version: str) -> Slips:
    """Return what xend of *version* passes over without a word."""
    forms = sxp.forms(document.values)
    names = [str(form[0]) for form in forms]
    options = known(version)
    return Slips(
        unknown=sorted({name for name in names if name not in options}),
        duplicates=sorted({name for name in names if names.count(name) > 1}),
        stray_atoms=[value for value in document.values if isinstance(value, str)],
        empty_forms=sum(value == [] for value in document.values),
        extra_values_ignored=[form for form in forms if len(form) > 2],
    )


def relocation_patterns(allow: Any) -> tuple[list[str] | None, str]:
    """Return the expressions in the option's value, and why they do not compile."""
    if not allow or not isinstance(allow, str):
        return None, ""
    found = allow.split(" ")
    for pattern in found:
        try:
            compiled(pattern)
        except (re.error, OverflowError, RecursionError) as why:
            return None, f"error: {why}"
    return found, ""


def compiled(pattern: str) -> re.Pattern[str]:
    """Return the expression as Python 2 understands it: a backslash before a letter without a meaning is nothing.

    Raises what re.compile() raises.
    """
    bare = re.sub(r"\\(.)", lambda m: m[1] if m[1].isalpha() and m[1] not in MEANINGFUL else m[0], pattern, flags=re.S)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return re.compile(bare)
