# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Where things lie below the root of a machine."""

from __future__ import annotations

import os

ETC = "/etc/univention"
INFO = ETC + "/templates/info"
FILES = ETC + "/templates/files"
MODULES = ETC + "/templates/modules"
SCRIPTS = ETC + "/templates/scripts"
VARIABLES = ETC + "/registry.info/variables"
CATEGORIES = ETC + "/registry.info/categories"
DISABLED = ETC + "/disable_config_registry"
DIVERTED = "/var/lib/univention-xen-registry/diverted"
DPKG = "/var/lib/dpkg"


def default_root() -> str:
    """Return the root that the environment names in UCR_ROOT; '/' without it."""
    return os.path.abspath(os.environ.get("UCR_ROOT") or "/")


def below(root: str, path: str) -> str:
    """Return where the absolute *path* of a machine lies when its tree hangs under *root*."""
    return path if root == "/" else root + path


def without(root: str, path: str) -> str:
    """Return *path* as a program inside the machine would name it."""
    return path[len(root) :] if root != "/" and path.startswith(root + "/") else path


def listing(directory: str, suffix: str) -> list[str]:
    """Return the sorted paths of the files in *directory* whose names end in *suffix*; none without a directory."""
    try:
        names = os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [os.path.join(directory, name) for name in sorted(names) if name.endswith(suffix)]
