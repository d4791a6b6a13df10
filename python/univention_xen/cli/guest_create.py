# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""`univention-xen guest create`: from a name to a running guest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from univention_xen.errors import UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from univention_xen.cli.verbs import Noun
    from univention_xen.plan import Machine, Plan

CREATE = """\
Write the file of a new guest, /etc/xen/NAME.cfg, and make its images below
/var/lib/xen/NAME; they are sparse. Nothing that exists is ever touched. What is
not said comes from the registry: the bridge, and the address on which the screen
is shown; lines that follow a variable say so.

  univention-xen guest create winxp --type hvm --disk 8G --cdrom winxp.iso --vnc

Without --type a guest with --kernel or --bootloader is pvh where processor and
kernel can do that and pv below that, any other hvm.

A Linux is installed into a paravirtual guest by its installer's kernel and
initrd, which `initrd build` makes ready:

  univention-xen guest create web --type pv-install --disk 8G --nic \\
    --kernel /boot/vmlinuz-VERSION --initrd /root/initrd-xen-VERSION --start --console
  univention-xen guest finish-install web

writes the installer's file, /etc/xen/NAME.cfg, and beside it that of the guest as
it will be, NAME.cfg.after-install, which nothing takes for a guest. It boots from
its own disk by --bootloader (pygrub), or by the --installed-kernel on this host.
pvh-install is the same for a guest that is pvh: better where the processor and
the system to be installed can do that, which UCS 2 and 3 cannot."""
FINISH = """\
Let the guest that has been installed take the place of its installer: the file
NAME.cfg.after-install becomes /etc/xen/NAME.cfg, in one step. Refused while the
installer runs, and while nothing was ever written to the guest's disks."""
TYPES = ("hvm", "pv", "pvh", "pv-install", "pvh-install")


def add_create_verb(noun: Noun) -> None:
    """Declare the verb."""
    create = noun.verb("create", plan_create, help="make a new guest", description=CREATE, locks=locks)
    create.argument("name", metavar="NAME")
    create.argument("--type", dest="kind", choices=TYPES, default="", help="how it is virtualised")
    create.argument("--memory", default="1G", metavar="SIZE", help="such as 512M or 2G (default: 1G)")
    create.argument("--vcpus", type=int, default=1, metavar="N", help="processors (default: 1)")
    create.argument("--disk", dest="disks", action="append", default=[], metavar="SIZE|PATH",
                    help="a new image of that size, or an existing image or device; may be repeated")  # fmt: skip
    create.argument("--cdrom", default="", metavar="ISO", help="an image of a CD to be inserted")
    create.argument("--nic", dest="nics", action="append", nargs="?", const="", default=[],
                    metavar="bridge=…,mac=…,model=…", help="a network card; may be repeated")  # fmt: skip
    create.argument("--kernel", default="", metavar="FILE", help="a kernel on this host")
    create.argument("--initrd", default="", metavar="FILE", help="its initrd")
    create.argument("--cmdline", default="", metavar="WORDS", help="its command line")
    create.argument("--bootloader", choices=("pygrub", "pvgrub"), default="", help="the kernel is in the guest's disk")
    create.argument("--installed-kernel", default="", metavar="FILE",
                    help="a kernel on this host that starts the installed guest, instead of --bootloader")  # fmt: skip
    create.argument("--installed-initrd", default="", metavar="FILE", help="its initrd")
    create.argument("--installed-cmdline", default="", metavar="WORDS", help="its command line")
    create.argument("--boot", default="", metavar="cdn", help="order of drives: c disk, d CD, n network")
    screen = create.one_of()
    screen.argument("--vnc", nargs="?", const="", metavar="LISTEN", help="show the screen, at this address")
    screen.argument("--sdl", action="store_true", help="show the screen in a window on this host")
    screen.argument("--no-graphics", dest="graphics", action="store_false", help="without a screen")
    create.argument("--autostart", action="store_true", help="start it with the host")
    create.argument("--start", action="store_true", help="start it now")
    create.argument("--console", action="store_true", help="start it and connect to its console")
    finish = noun.verb(
        "finish-install", plan_finish, help="let an installed guest take its installer's place", description=FINISH,
        locks=locks,
    )  # fmt: skip
    finish.argument("name", metavar="NAME")


def locks(args: Namespace, _on: Machine) -> tuple[str, ...]:
    """Return what others must leave alone: all guests, since addresses must differ."""
    return ("guest files", f"guest {args.name}")


def plan_create(args: Namespace, on: Machine) -> Plan:
    """Return the plan for a new guest."""
    from univention_xen.toolstack import choose, installing, new_guest

    start = args.start or args.console
    if start:
        choose.must_be_here(on)
    wish = new_guest.Wish(
        args.name, args.kind, args.memory, args.vcpus, tuple(args.disks), args.cdrom, tuple(args.nics), args.kernel,
        args.initrd, args.cmdline, args.bootloader, args.boot, args.vnc, args.sdl, args.graphics, args.autostart,
        start, args.console, args.installed_kernel, args.installed_initrd, args.installed_cmdline,
    )  # fmt: skip
    if args.kind in installing.KINDS:
        return installing.plan_create(wish, choose.toolstack(on), on)
    if args.installed_kernel or args.installed_initrd or args.installed_cmdline:
        raise UsageError("what starts the installed guest is for --type pv-install and pvh-install only")
    return new_guest.plan(wish, choose.toolstack(on), on)


def plan_finish(args: Namespace, on: Machine) -> Plan:
    """Return the plan that ends an installation."""
    from univention_xen.toolstack import choose, installing

    return installing.plan_finish(args.name, choose.toolstack(on), on)
