# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What is to be changed in a boot menu, and how that is done without losing the old one."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from univention_xen import files
from univention_xen.bootini import bcd, gplpv, hive, text
from univention_xen.bootini.look import BCD, Found, Inside, opened
from univention_xen.bootini.show import difference
from univention_xen.bootini.version import DriverVersion, switch_for
from univention_xen.errors import UsageError, XenError
from univention_xen.image.inside import Disk, write_back
from univention_xen.image.ntfs import Ntfs
from univention_xen.image.partitions import Partition
from univention_xen.image.users import refuse_in_use
from univention_xen.log import log
from univention_xen.plan import Machine, Plan


@dataclass(frozen=True)
class Wish:
    """What somebody wants of a boot menu; *entry* counts from 1."""

    version: DriverVersion | None = None
    entry: int | None = None
    make_default: bool = False
    undo: bool = False
    test_signing: bool = False


def plan_gplpv(found: Found, wish: Wish, on: Machine) -> Plan:
    """Return the plan for what is wished; nothing to do when it is so already.

    Raises UsageError, Busy when somebody uses the image, and XenError.
    """
    if wish.undo and (wish.version or wish.make_default or (wish.entry and not wish.test_signing)):
        raise UsageError("--undo takes away everything that was added; it goes with no other option")
    if wish.test_signing and (wish.version or wish.make_default):
        raise UsageError("--testsigning changes an entry and adds none; it goes with --entry and --undo only")
    new = changed_bcd(found, wish) if found.kind == BCD else changed_ini(found, wish)
    if new == found.data:
        return Plan.nothing(f"{found.source} has nothing to undo" if wish.undo else f"{found.source} has it already")
    if found.inside is not None:
        refuse_in_use(found.path, on.root)
    return Plan.of(ReplaceMenu(found, new, difference(found, new)))


def changed_ini(found: Found, wish: Wish) -> bytes:
    """Return the bytes that a boot.ini should have."""
    if wish.test_signing:
        raise XenError(f"{found.source}: test-signed drivers need no switch in Windows XP and 2003")
    ini = text.parse(found.data, found.source)
    if wish.undo:
        return gplpv.undo(ini).dump()
    ini = gplpv.add(ini, switch_for(wish.version), number=wish.entry, make_default=wish.make_default)
    warn_of_hidden_menu(found, ini.timeout(), wish)
    return ini.dump()


def changed_bcd(found: Found, wish: Wish) -> bytes:
    """Return the bytes that a BCD should have."""
    hive.check(found.data, found.source, found.log)
    tree = hive.read(found.data, found.source)
    menu = bcd.Bcd(tree, found.source)
    if wish.test_signing:
        bcd.sign_tests(menu, number=wish.entry, on=not wish.undo)
    elif wish.undo:
        bcd.undo(menu)
    else:
        bcd.add(menu, switch_for(wish.version), number=wish.entry, make_default=wish.make_default)
        warn_of_hidden_menu(found, menu.menu().timeout, wish)
    if menu.tree == tree:
        return found.data
    return former(found, menu.tree) or hive.write(found.data, menu.tree, found.source)


def warn_of_hidden_menu(found: Found, timeout: int | None, wish: Wish) -> None:
    """Say when nobody will be able to choose the new entry."""
    if timeout == 0 and not wish.make_default:
        log.warning("%s has a timeout of 0: Windows starts its default without showing the menu", found.source)


def former(found: Found, wanted: hive.Tree) -> bytes:
    """Return the very bytes of a backup that says what is *wanted*, b'' when there is none."""
    for backup in found.backups:
        with suppress(XenError):
            if hive.read(backup, found.source) == wanted:
                return backup
    return b""


@dataclass(frozen=True)
class ReplaceMenu:
    """Put *new* in the place of a boot menu, beside which the old one stays as a backup."""

    found: Found
    new: bytes = field(repr=False)
    diff: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.diff}\nreplace {self.found.source}; the old one is kept as {backup_name(self.found.kind)}"

    def apply(self, on: Machine) -> None:
        """Raise XenError or OSError when it does not work; then the old menu is still there."""
        log.say(self.diff)
        if self.found.inside is None:
            self.replace_file(self.found.path)
        else:
            self.replace_inside(self.found.inside, on)

    def replace_file(self, path: str) -> None:
        """Change a file of this host."""
        with open(path, "rb") as file:
            self.expect(file.read())
        status = os.stat(path)
        name = free_name(path, os.path.lexists)
        files.replace(name, self.found.data, mode=status.st_mode & 0o7777, owner=(status.st_uid, status.st_gid))
        files.replace(path, self.new)
        log.say(f"the old one is kept as {name}")

    def replace_inside(self, place: Inside, on: Machine) -> None:
        """Change a file in an image, through a copy of its partition."""
        path, disk = place.disk.image.path, replace(place.disk, shared=False)
        refuse_in_use(path, on.root)
        refuse_hibernated(disk, place.partition)
        with opened(disk, place.partition) as (system, file):
            system.check()
            self.expect(system.get(place.path))
            name = free_name(place.path, lambda name: bool(system.find(name)))
            system.add(name, self.found.data, like=place.path)
            system.put(place.path, self.new)
            if (system.get(place.path), system.get(name)) != (self.new, self.found.data):
                raise XenError(f"{path}: its partition does not hold what was written to it")
            wanted = file.changes()
        refuse_in_use(path, on.root)
        write_back(disk, wanted)
        log.say(f"the old one is kept in the guest as {name}")

    def expect(self, present: bytes) -> None:
        """Raise XenError when the menu is no longer what the plan was made for."""
        if present != self.found.data:
            raise XenError(f"{self.found.source} has changed in the meantime", hint="try again")


def refuse_hibernated(disk: Disk, but: Partition) -> None:
    """Raise XenError when Windows sleeps on another partition than *but*, such as C: beside a system partition."""
    for partition in disk.table().partitions:
        if partition != but and disk.filesystem(partition) == "ntfs":
            with opened(disk, partition) as (system, _):
                if isinstance(system, Ntfs):
                    system.check_awake()


def backup_name(path: str, number: int = 1) -> str:
    """Return the name of a copy of *path* made today: boot.ini.bak-20261231, the next one boot.ini.bak-20261231-2."""
    return f"{path}.bak-{time.strftime('%Y%m%d')}" + (f"-{number}" if number > 1 else "")


def free_name(path: str, taken: Callable[[str], bool]) -> str:
    """Return the first name for a backup of *path* that is not taken."""
    return next(name for number in itertools.count(1) if not taken(name := backup_name(path, number)))
