# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Which kernel's modules go into an initrd."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel_tree import CONFIG, kernel_tree
from univention_xen.errors import XenError
from univention_xen.initrd.kernels import choose, installed, order


def test_versions_are_ordered_as_numbers() -> None:
    versions = [
        "6.1.0-9-amd64",
        "6.1.0-10-amd64",
        "6.1.0-10-cloud-amd64",
        "5.10.0-30-amd64",
        "6.10.0-1",
        "2.6.32-ucs37",
    ]
    assert sorted(versions, key=order) == [
        "2.6.32-ucs37", "5.10.0-30-amd64", "6.1.0-9-amd64", "6.1.0-10-amd64", "6.1.0-10-cloud-amd64", "6.10.0-1",
    ]  # fmt: skip


def test_the_newest_that_runs_under_xen_is_taken(tmp_path: Path) -> None:
    kernel_tree(tmp_path, "6.1.0-9")
    kernel_tree(tmp_path, "6.1.0-10")
    kernel_tree(tmp_path, "6.1.0-11", config="CONFIG_XEN=y\n# CONFIG_XEN_PV is not set\nCONFIG_XEN_PVH=y\n")
    kernel_tree(tmp_path, "6.1.0-12", config="# CONFIG_XEN is not set\n")
    assert [kernel.version for kernel in installed(tmp_path)] == ["6.1.0-9", "6.1.0-10", "6.1.0-11", "6.1.0-12"]
    assert choose(tmp_path).version == "6.1.0-10"
    assert choose(tmp_path).image == tmp_path / "boot/vmlinuz-6.1.0-10"
    assert choose(tmp_path, "6.1.0-12").version == "6.1.0-12"


def test_an_old_kernel_says_it_in_another_way(tmp_path: Path) -> None:
    kernel_tree(tmp_path, "2.6.32", config="CONFIG_PARAVIRT=y\nCONFIG_XEN=y\n")
    assert choose(tmp_path).version == "2.6.32"


def test_without_a_configuration_the_modules_tell(tmp_path: Path) -> None:
    directory = kernel_tree(tmp_path, config="")
    assert choose(tmp_path).directory == directory
    (directory / "kernel/drivers/block/xen-blkfront.ko").unlink()
    with pytest.raises(XenError, match="no kernel on this host runs as a paravirtual guest") as why:
        choose(tmp_path)
    assert "apt install" in why.value.hint
    (directory / "modules.builtin").write_text("kernel/drivers/block/xen-blkfront.ko\n")
    assert choose(tmp_path).directory == directory


def test_modules_may_come_from_a_directory_or_a_tree(tmp_path: Path) -> None:
    directory = kernel_tree(tmp_path / "tree", "5.10.0-1")
    for place in (directory, tmp_path / "tree"):
        kernel = choose(tmp_path / "nothing", modules=place)
        assert (kernel.version, kernel.directory) == ("5.10.0-1", directory)
        assert kernel.image == tmp_path / "tree/boot/vmlinuz-5.10.0-1"
    with pytest.raises(XenError, match=r"holds the modules of 5\.10\.0-1, not of 6"):
        choose(tmp_path, "6", directory)
    with pytest.raises(XenError, match="there are no modules of a kernel 6 below") as why:
        choose(tmp_path, "6", tmp_path / "tree")
    assert why.value.hint == "there are: 5.10.0-1"


def test_a_merged_usr_tree_has_its_boot_directory_one_step_higher(tmp_path: Path) -> None:
    directory = kernel_tree(tmp_path / "usr", "5.10.0-1")
    (tmp_path / "usr/boot").rename(tmp_path / "boot")
    assert choose(tmp_path, modules=directory).image == tmp_path / "boot/vmlinuz-5.10.0-1"


def test_a_kernel_is_believed_to_unpack_only_what_its_configuration_says(tmp_path: Path) -> None:
    kernel_tree(tmp_path, "1", config=CONFIG + "CONFIG_RD_ZSTD=y\n")
    kernel_tree(tmp_path, "2", config="")
    assert [choose(tmp_path, "1").unpacks(how) for how in ("gzip", "zstd", "lz4")] == [True, True, False]
    assert not choose(tmp_path, "2").unpacks("gzip")
