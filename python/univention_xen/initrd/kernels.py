# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The kernels whose modules can go into an initrd, and which of them run under Xen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from univention_xen.errors import XenError

MODULE_DIRECTORIES = ("usr/lib/modules", "lib/modules")
XEN_MODULES = ("xen_blkfront", "xen_netfront")


@dataclass(frozen=True)
class Kernel:
    """A kernel version, the directory of its modules, and where its image and configuration would lie."""

    version: str
    directory: Path
    boot: Path

    @property
    def image(self) -> Path | None:
        """The file that a guest boots, if it is there."""
        image = self.boot / f"vmlinuz-{self.version}"
        return image if image.exists() else None

    @property
    def config(self) -> str:
        """What it was configured with; '' when nobody tells."""
        try:
            return (self.boot / f"config-{self.version}").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def unpacks(self, compression: str) -> bool:
        """Say whether it is known to understand an initrd in this compression (gzip, zstd …)."""
        return f"\nCONFIG_RD_{compression.upper()}=y\n" in self.config

    def runs_under_xen(self) -> bool:
        """Say whether it starts as a paravirtual guest.

        CONFIG_XEN_PV tells since Linux 4.12; before, CONFIG_XEN on x86 meant that. Without a configuration its
        modules tell.
        """
        config = self.config
        if not config:
            return self.has_xen_modules()
        if re.search(r"^(# )?CONFIG_XEN_PV\b", config, re.M):
            return "\nCONFIG_XEN_PV=y\n" in config
        return "\nCONFIG_XEN=y\n" in config

    def has_xen_modules(self) -> bool:
        """Say whether a disk and a network of Xen can be used."""
        known = {path.name.partition(".ko")[0].replace("-", "_") for path in self.directory.rglob("xen-*front.ko*")}
        built_in = self.directory / "modules.builtin"
        if built_in.exists():
            names = built_in.read_text(encoding="utf-8", errors="replace").split()
            known |= {Path(name).name.partition(".ko")[0].replace("-", "_") for name in names}
        return known.issuperset(XEN_MODULES)


def order(version: str) -> list[tuple[int, str]]:
    """Return what sorts kernel versions: 6.1.0-9 comes before 6.1.0-10."""
    return [(int(word), "") if word.isdigit() else (0, word) for word in re.findall(r"[0-9]+|[^0-9]+", version)]


def installed(root: Path) -> list[Kernel]:
    """Return the kernels whose modules lie below *root*, the newest last."""
    found: dict[str, Kernel] = {}
    for place in MODULE_DIRECTORIES:
        for directory in root.glob(f"{place}/*/kernel"):
            version = directory.parent.name
            found[version] = Kernel(version, directory.parent, root / "boot")
    return sorted(found.values(), key=lambda kernel: order(kernel.version))


def choose(root: Path, version: str = "", modules: Path | None = None) -> Kernel:
    """Return the wanted kernel: of this *version*, else the newest below *root* that runs under Xen.

    *modules* is a directory of modules (…/lib/modules/VERSION) or a tree that has some, instead of *root*.
    Raises XenError.
    """
    if modules and (modules / "kernel").is_dir():
        kernel = Kernel(modules.name, modules, boot_of(modules))
        if version and version != kernel.version:
            raise XenError(
                f"{modules} holds the modules of {kernel.version}, not of {version}",
                hint="leave out one of --modules and --kernel-version",
            )
        return kernel
    kernels = installed(modules or root)
    where = f"below {modules}" if modules else "on this host"
    if version:
        for kernel in kernels:
            if kernel.version == version:
                return kernel
        known = ", ".join(kernel.version for kernel in kernels) or "none"
        raise XenError(f"there are no modules of a kernel {version} {where}", hint=f"there are: {known}")
    for kernel in reversed(kernels):
        if kernel.runs_under_xen():
            return kernel
    raise XenError(
        f"no kernel {where} runs as a paravirtual guest",
        hint="apt install linux-image-amd64, or name one with --kernel-version or --modules",
    )


def boot_of(modules: Path) -> Path:
    """Return the boot directory of the tree that …/lib/modules/VERSION lies in."""
    tree = modules.absolute().parents
    top = 3 if modules.absolute().parts[-4:-3] == ("usr",) else 2
    return tree[min(top, len(tree) - 1)] / "boot"
