# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Put a source package's registry files where UCR looks for them, when its packages are built.

The result is what ``dh --with ucr`` of UCS 5.2 makes of the same tree: the same files at the same places and the same
behaviour of the maintainer scripts. It is our own, so that the package builds where UCS is not; and it is stricter,
since a mistake that UCR's tool lets through is found on a customer's host otherwise. One thing is left out: UCR's tool
adds ``univention-config`` to ``${misc:Depends}``, which would make dpkg-gencontrol drop the alternative
``univention-config | univention-xen-registry`` as superfluous. Name that dependency in debian/control.
"""

from __future__ import annotations

import os
import re

from univention_xen import files
from univention_xen.registry import install_check as check
from univention_xen.registry.install_check import Mistake, Stanza

TEMPLATES = "/etc/univention/templates"
BESIDE = {
    "univention-config-registry-variables": "/etc/univention/registry.info/variables/{}.cfg",
    "univention-config-registry-categories": "/etc/univention/registry.info/categories/{}.cfg",
    "univention-config-registry-mapping": TEMPLATES + "/mapping/{}.univention-config-registry-mapping",
    "univention-service": "/etc/univention/service.info/services/{}.cfg",
}

# What the maintainer scripts of a package with templates do besides. The registry's failures never fail a package.
SNIPPETS = {
    "preinst": """\
if [ "$1" = install ] && [ -e {removed} ] && [ ! -e {info} ]; then
	mkdir -p {templates}/info
	mv {removed} {info}
fi
""",
    "postinst": """\
if [ "$1" = abort-remove ] && [ -e {removed} ] && [ ! -e {info} ]; then
	mv {removed} {info}
fi
if command -v univention-config-registry >/dev/null; then
	univention-config-registry register {package} || true
fi
""",
    "prerm": """\
if [ "$1" = remove ] && [ -e {info} ]; then
	if command -v univention-config-registry >/dev/null; then
		univention-config-registry unregister {package} || true
	fi
	mkdir -p {templates}/removed
	mv {info} {removed}
fi
""",
}


def packages(source: str) -> list[str]:
    """Return the binary packages that debian/control names, in its order."""
    return re.findall(r"^Package:[ \t]*(\S+)", read(f"{source}/debian/control"), re.MULTILINE)


def read(path: str) -> str:
    """Return a file's text. Raises Mistake when there is none or it is not UTF-8."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        raise Mistake(f"{path} does not exist") from None
    except UnicodeDecodeError as why:
        raise Mistake(f"{path} is not UTF-8: {why.reason} at byte {why.start}") from None


def source_of(source: str, path: str) -> str:
    """Return the file that becomes *path* (without leading slash), looked for where UCR's tool looks.

    Raises Mistake when it is nowhere: the build aborts.
    """
    places = [f"conffiles/{path}", path]
    if path.startswith("etc/"):
        places.append(f"conffiles/{path.removeprefix('etc/')}")
    for place in places:
        if os.path.isfile(f"{source}/{place}"):
            return f"{source}/{place}"
    raise Mistake(f"{path} is declared, but there is no such file", hint=f"create conffiles/{path}")


def templates(source: str, stanzas: list[Stanza]) -> dict[str, str]:
    """Return {path on the host: source file} of everything the *stanzas* name."""
    found: dict[str, str] = {}
    for stanza in stanzas:
        for key, directory in (("File", "files"), ("Subfile", "files"), ("Module", "modules"), ("Script", "scripts"),
                               ("Preinst", "modules"), ("Postinst", "modules")):  # fmt: skip
            for path in stanza.get(key, []):
                found[f"{TEMPLATES}/{directory}/{path}"] = source_of(source, path)
        for path in stanza.get("Multifile", []):
            if os.path.isfile(f"{source}/{path}"):  # a dummy that lends its mode; normally there is none
                found[f"{TEMPLATES}/files/{path}"] = f"{source}/{path}"
    return found


def check_templates(source: str, stanzas: list[Stanza]) -> None:
    """Raise Mistake when a template is not UTF-8 or a handler module lacks its function."""
    for stanza in stanzas:
        for key in ("File", "Subfile"):
            for path in stanza.get(key, []):
                read(source_of(source, path))
        for key, function in (("Module", "handler"), ("Preinst", "preinst"), ("Postinst", "postinst")):
            for path in stanza.get(key, []):
                file = source_of(source, path)
                if function not in check.module(read(file), file):
                    raise Mistake(f"{file} has no function {function}(), which its registration as {key} needs")


def contents(source: str, package: str) -> dict[str, str]:
    """Return {path on the host: source file} of all registry files of one binary package.

    Raises Mistake when a declaration is wrong or a file is missing, before anything has been written.
    """
    found: dict[str, str] = {}
    info = f"{source}/debian/{package}.univention-config-registry"
    if os.path.exists(info):
        stanzas = check.stanzas(read(info), info)
        found |= templates(source, stanzas)
        check_templates(source, stanzas)
        found[f"{TEMPLATES}/info/{package}.info"] = info
    for suffix, place in BESIDE.items():
        path = f"{source}/debian/{package}.{suffix}"
        if os.path.exists(path):
            check_beside(source, package, suffix, path)
            found[place.format(package)] = path
    return found


def check_beside(source: str, package: str, suffix: str, path: str) -> None:
    """Raise Mistake when a file of descriptions lacks something."""
    text = read(path)
    if suffix.endswith("-variables"):
        own = f"{source}/debian/{package}.univention-config-registry-categories"
        known = check.categories(read(own), own) if os.path.exists(own) else []
        check.variables(text, path, known)
    elif suffix.endswith("-categories"):
        check.categories(text, path)
    elif suffix.endswith("-service"):
        check.services(text, path)


def into_tree(source: str, package: str, tree: str) -> list[str]:
    """Copy the registry files of *package* below *tree*; return their paths on the host, sorted.

    Raises Mistake before anything is copied when something is wrong with them.
    """
    found = contents(source, package)
    for path, origin in sorted(found.items()):
        with open(origin, "rb") as file:
            data = file.read()
        executable = path.startswith(f"{TEMPLATES}/scripts/") or os.access(origin, os.X_OK)
        files.replace(files.below(tree, path), data, mode=0o755 if executable else 0o644)
    return sorted(found)


def snippets(package: str) -> dict[str, str]:
    """Return {maintainer script: shell text} of a package that has a registration file."""
    words = {
        "package": package,
        "templates": TEMPLATES,
        "info": f"{TEMPLATES}/info/{package}.info",
        "removed": f"{TEMPLATES}/removed/{package}.info",
    }
    return {script: text.format(**words) for script, text in SNIPPETS.items()}


def build(source: str) -> None:
    """Fill debian/PACKAGE and debian/PACKAGE.*.debhelper of every package; run again, it changes nothing."""
    for package in packages(source):
        into_tree(source, package, f"{source}/debian/{package}")
        if os.path.exists(f"{source}/debian/{package}.univention-config-registry"):
            for script, text in snippets(package).items():
                append(f"{source}/debian/{package}.{script}.debhelper", text)


def append(path: str, text: str) -> None:
    """Make the debhelper fragment *path* end with *text*, between the marks that debhelper's own tools write."""
    old = read(path) if os.path.exists(path) else ""
    marked = f"# Automatically added by dh-registry\n{text}# End automatically added section\n"
    if marked not in old:
        files.replace(path, old + marked)
