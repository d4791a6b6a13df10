# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""New guest files from templates, which are Jinja2; administrators can put their own before ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from univention_xen.errors import XenError
from univention_xen.guest import load_xl
from univention_xen.guest.cfg import NAME
from univention_xen.guest.model import Guest, differences
from univention_xen.guest.words import CannotRun, Value, spelt
from univention_xen.guest.xl_specs import written_disk, written_vif

if TYPE_CHECKING:
    import jinja2

SHIPPED = (
    "/etc/univention-xen/templates",
    "/usr/share/univention-xen/ucr-templates/guest",
    str(Path(__file__).resolve().parents[3] / "ucr-templates" / "guest"),
)
"""Where templates are looked for: the administrator's, the package's, those of a checkout."""

KINDS = {"hvm": "hvm.cfg.j2", "pv": "pv.cfg.j2", "pvh": "pvh.cfg.j2", "pv-installer": "pv-installer.cfg.j2"}


class Tag(str):
    """A comment that ties a line to a registry variable; the only thing that is written as it is."""

    __slots__ = ()


def render(
    guest: Guest, *, template: str = "", tags: Mapping[str, str] | None = None, directories: Sequence[str] = SHIPPED,
    more: Mapping[str, Value] | None = None,
) -> str:  # fmt: skip
    """Return the file of a new guest, made by the template of its kind or by another one.

    *tags* names the registry variable that a setting follows ({"vnclisten": "xen/vnc/listen"}), *more* holds further
    settings as they are. The result is read back: raises XenError when it does not describe *guest*.
    """
    import jinja2

    name = template or KINDS[guest.kind]
    try:
        text = environment(directories).get_template(name).render(variables(guest, tags or {}, more or {}))
    except jinja2.TemplateNotFound as why:
        raise XenError(f"there is no template {why}", hint="looked in " + ", ".join(directories)) from None
    except (jinja2.TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as why:
        line = getattr(why, "lineno", None)
        raise XenError(f"the template {name}{f':{line}' if line else ''} does not work: {why}") from None
    try:
        made = load_xl.load(text, name).guest
    except CannotRun as why:
        raise XenError(f"xl would refuse what the template {name} makes: {why}") from None
    for what, wanted, got in differences(guest, made):
        raise XenError(f"the template {name} makes {got} of {what}, which should be {wanted}")
    return text


def environment(directories: Sequence[str]) -> jinja2.Environment:
    """Return Jinja2 set up so that a value always comes out quoted, whoever writes the template."""
    import jinja2

    return jinja2.Environment(  # noqa: S701 - this is no HTML; `written` escapes for xl
        loader=jinja2.FileSystemLoader(list(directories)),
        undefined=jinja2.StrictUndefined,
        finalize=written,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def written(value: Any) -> str:
    """Return what ``{{ value }}`` puts into the file: xl's spelling, from which nothing can break out."""
    if isinstance(value, Tag):
        return str(value)
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, tuple | list):
        return spelt([each if isinstance(each, int) else str(each) for each in value])
    if isinstance(value, str | int):
        return spelt(value)
    if type(value).__name__.endswith("Undefined"):
        return str(value)  # in which Jinja2 says what is undefined, and where
    raise XenError(f"a template cannot write a {type(value).__name__}")


def variables(guest: Guest, tags: Mapping[str, str], more: Mapping[str, Value]) -> dict[str, Any]:
    """Return what a template can use: the guest, its devices as xl spells them, tags, further settings."""
    for name in more:
        if not NAME.fullmatch(name):
            raise XenError(f"“{name}” cannot be the name of a setting")
    return {
        "guest": guest,
        "disks": [written_disk(disk) for disk in guest.disks],
        "vifs": [written_vif(vif, guest.kind) for vif in guest.vifs],
        "vfb": vfb(guest),
        "tag": {name: Tag(f"  # ucr: {variable}") for name, variable in tags.items()},
        "no_tag": Tag(""),
        "more": dict(more),
        "name_of": Tag,
    }


def vfb(guest: Guest) -> str:
    """Return the screen of a guest that is not fully virtualised."""
    vnc = guest.vnc
    words = {
        "vnc": "1", "vnclisten": vnc.listen, "vncdisplay": "" if vnc.display is None else str(vnc.display),
        "vncunused": str(int(vnc.unused)), "vncpasswd": vnc.password,
    }  # fmt: skip
    for name, value in words.items():
        if "," in value:
            raise XenError(f"a comma cannot stand in {name}")
    return ",".join(f"{name}={value}" for name, value in words.items() if value)
