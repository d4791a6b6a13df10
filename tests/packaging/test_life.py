# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The life of the packages with the real apt and dpkg: installed, used, upgraded, removed, purged, installed again."""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conftest import PROJECT

if TYPE_CHECKING:
    from throwaway import Throwaway

pytestmark = pytest.mark.throwaway
Roots = Callable[[str], "Throwaway"]

OURS = ("univention-xen", "univention-xen-registry", "python3-univention-xen")
DEBIANS = ("/etc/xen/xl.conf", "/etc/default/xendomains")
SXP = "/etc/xen/xend-config.sxp"
XEND = """\
#!/bin/sh
echo "$1" >>/var/log/xend.calls
[ "$1" != status ] || exit "$(cat /etc/xend.status)"
"""
INFO = PROJECT / "debian" / "univention-xen.univention-config-registry"
GENERATED = INFO.read_text(encoding="utf-8").count("\nFile: ")
FIREWALL, GUEST = "/etc/init.d/univention-firewall", "/etc/xen/web.cfg"
OPENED = "security/packetfilter/package/univention-xen/tcp/5900/all"
# What dpkg and apt remember of having worked is not ours.
TRACES = tuple(f"/{path}/" for path in ("var/lib/dpkg", "var/lib/apt", "var/log", "var/cache", "tmp", "srv", "dev"))


def snapshot(root: Throwaway) -> dict[str, str]:
    """Return kind, mode, owner and digest of everything in the root, the traces of apt's and dpkg's work left out."""
    kinds = root("find", "/", "-xdev", "-printf", r"%p\t%y %m %u:%g %l\n")
    digests = root("sh", "-c", "find / -xdev -type f -not -path '/proc/*' -print0 | xargs -0 sha256sum")
    found = dict(line.split("\t", 1) for line in kinds.splitlines() if "\t" in line)
    for line in digests.splitlines():
        digest, _, path = line.partition("  ")
        found[path] = f"{found.get(path, '')} {digest}"
    return {path: what for path, what in found.items() if not (path + "/").startswith(TRACES)}


def shipped(root: Throwaway, package: str, path: str) -> bytes:
    """Return a file as its package ships it, from the .deb in apt's cache."""
    (deb,) = root.path("/var/cache/apt/archives").glob(f"{package}_*.deb")
    data = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=BytesIO(data)) as archive:
        file = archive.extractfile(f".{path}")
        assert file
        return file.read()


def install(root: Throwaway, debs: list[Path]) -> str:
    return root.apt_get("install", *root.bring(*debs))


def diversions(root: Throwaway) -> list[str]:
    return [line for line in root("dpkg-divert", "--list").splitlines() if "/etc/" in line]


def status(root: Throwaway, package: str) -> str:
    return root("sh", "-c", f"dpkg-query -W -f '${{db:Status-Abbrev}}' {package} 2>/dev/null || true").strip()


class TestLife:
    """One root, from a Debian that has never heard of Xen to one that has forgotten us; the order matters."""

    @pytest.fixture(scope="class")
    def root(self, new_root: Roots) -> Throwaway:
        return new_root("bare")

    def test_apt_installs_it_where_there_is_neither_boot_loader_nor_init(
        self, root: Throwaway, debs: list[Path]
    ) -> None:
        said = install(root, debs)
        assert "Traceback" not in said
        assert {package: status(root, package) for package in OURS} == dict.fromkeys(OURS, "ii")
        for needed in ("xen-system-amd64", "qemu-system-xen", "xen-hypervisor-common", "bridge-utils"):
            assert status(root, needed) == "ii", needed
        assert root("sh", "-c", "dpkg --audit") == ""

    def test_the_files_are_generated_and_debians_own_are_set_aside(self, root: Throwaway) -> None:
        for path in DEBIANS:
            assert "xen" in root.read(path)
            assert root("dpkg-divert", "--truename", path).strip() == f"{path}.debian"
            assert root.path(f"{path}.debian").read_bytes() == shipped(root, "xen-utils-common", path)
        assert root("stat", "-c", "%a %U:%G", SXP) == "600 root:root\n"
        assert root("stat", "-c", "%a %U:%G", DEBIANS[0]) == "644 root:root\n"

    def test_a_variable_reaches_its_files(self, root: Throwaway) -> None:
        before = root.read(SXP), root.read("/etc/xen/xl.conf")
        said = root("ucr", "set", "xen/bridge/name=xenbr7", "xen/vnc/listen=192.0.2.1")
        assert "univention-xen host firewall plan" in said
        assert "192.0.2.1" in root.read(SXP)
        assert "xenbr7" in root.read("/etc/xen/xl.conf")
        assert (root.read(SXP), root.read("/etc/xen/xl.conf")) != before

    def test_a_wrong_value_is_refused(self, root: Throwaway) -> None:
        code, said = root.run("ucr", "set", "xen/relocation/port=http")
        assert code == 2
        assert "Traceback" not in said
        assert root("ucr", "get", "xen/relocation/port") == "8002\n"

    def test_the_descriptions_are_found(self, root: Throwaway) -> None:
        assert "xen/vnc/listen" in root("ucr", "search", "--category", "service-xen", "--brief")

    def test_the_commands_start(self, root: Throwaway) -> None:
        assert "6.0.0" in root("univention-xen", "--version")
        root("univention-xen", "host", "check", ok=(0, 1))

    def test_it_stays_while_a_change_of_the_network_waits_to_be_confirmed(self, root: Throwaway) -> None:
        root.write("/var/lib/univention-xen/bridge/pending.json", "{}")
        code, said = root.run("dpkg", "--remove", "univention-xen")
        assert code
        assert "univention-xen host bridge confirm" in said
        assert status(root, "univention-xen").endswith("i"), "installed, although somebody wants it gone"
        root.path("/var/lib/univention-xen/bridge/pending.json").unlink()

    def test_the_firewall_of_ucs_gets_variables(self, root: Throwaway) -> None:
        root.write(FIREWALL, "#!/bin/sh\nexit 0\n", 0o755)
        root.write(GUEST, 'name = "web"\ntype = "hvm"\nvnc = 1\nvnclisten = "0.0.0.0"\nvncunused = 0\n')
        assert OPENED in root("univention-xen", "host", "firewall", "apply", "--dry-run")
        assert root("ucr", "get", OPENED) == ""
        root("univention-xen", "host", "firewall", "apply")
        assert root("ucr", "get", OPENED) == "ACCEPT\n"
        assert root("ucr", "get", f"{OPENED}/de") == "Bildschirm von web\n"
        assert "lets through" in root("univention-xen", "host", "firewall", "apply")

    def test_removing_gives_debians_files_back(self, root: Throwaway) -> None:
        said = root.apt_get("remove", "univention-xen")
        assert "Traceback" not in said
        assert root("ucr", "search", "--brief", "security/packetfilter").strip() == "", "what was opened is closed"
        for path in (FIREWALL, GUEST):
            root.path(path).unlink()
        for path in DEBIANS:
            assert root.path(path).read_bytes() == shipped(root, "xen-utils-common", path)
            assert not root.path(f"{path}.debian").exists()
        assert not root.path(SXP).exists()
        assert diversions(root) == []
        assert root("dpkg", "--verify", "xen-utils-common") == ""
        assert root.path("/etc/univention/templates/removed/univention-xen.info").exists()
        assert not root.path("/etc/univention/templates/info/univention-xen.info").exists()

    def test_values_survive_removal_and_act_again_after_reinstallation(self, root: Throwaway, debs: list[Path]) -> None:
        root.apt_get("remove", *OURS)
        assert not root.path("/usr/sbin/ucr").exists()
        install(root, debs)
        assert root("ucr", "get", "xen/bridge/name") == "xenbr7\n"
        assert "xenbr7" in root.read("/etc/xen/xl.conf")
        assert "192.0.2.1" in root.read(SXP)

    def test_purging_forgets_the_values_but_not_those_of_others(self, root: Throwaway) -> None:
        root("ucr", "set", "other/variable=stays")
        root("ucr", "set", "--force", "xen/vnc/listen=127.0.0.1")
        root.apt_get("purge", "univention-xen")
        assert root("ucr", "search", "--brief", "--non-empty", "^xen/").strip() == ""
        assert root("ucr", "get", "other/variable") == "stays\n"
        find = "find /etc /run /var/lib -name '*univention-xen*' -not -name '*-registry*' -not -path '/var/lib/dpkg/*'"
        left = root("sh", "-c", find).split()
        assert not left

    def test_purging_the_registry_too_leaves_nothing(self, root: Throwaway, debs: list[Path]) -> None:
        install(root, debs)
        root.apt_get("purge", "univention-xen", "univention-xen-registry")
        assert not root.path("/etc/univention").exists()


def test_a_root_is_as_before_after_installation_and_purge(new_root: Roots, debs: list[Path]) -> None:
    root = new_root("ready")
    before = snapshot(root)
    install(root, debs)
    root("ucr", "set", "xen/bridge/name=xenbr7", "xen/vnc/listen=192.0.2.1", "xen/server/relocation=yes")
    root.apt_get("purge", *OURS)
    after = snapshot(root)
    assert {path: after.get(path) for path in after.keys() ^ before.keys()} == {}
    assert {path: (before[path], after[path]) for path in after if after[path] != before[path]} == {}


def test_an_upgrade_keeps_values_and_edited_templates(
    new_root: Roots, debs: list[Path], older_debs: list[Path]
) -> None:
    root = new_root("ready")
    install(root, older_debs)
    root("ucr", "set", "xen/bridge/name=xenbr7", "xen/bridge/interface=eth1")
    template = "/etc/univention/templates/files/etc/xen/xl.conf"
    root.write(template, root.read(template) + "# added by the administrator\n")
    said = install(root, debs)
    assert "Traceback" not in said
    assert status(root, "univention-xen") == "ii"
    assert root("ucr", "get", "xen/bridge/name") == "xenbr7\n"
    assert "xenbr7" in root.read("/etc/xen/xl.conf")
    assert "# added by the administrator" in root.read("/etc/xen/xl.conf")
    assert "eth1" in root.read(SXP)
    assert len(diversions(root)) == GENERATED
    root.apt_get("purge", *OURS)
    assert root("dpkg", "--verify", "xen-utils-common") == ""


def historic(root: Throwaway) -> str:
    """Build a package like the last one of this name, with the templates that are obsolete; return its path."""
    files = "/etc/univention/templates/files"
    tree = "/srv/historic"
    conffiles = {
        f"{files}/etc/xen/xend-config.sxp": "(vnc-listen '@%@xen/vnc/listen@%@')\n",
        f"{files}/etc/xen-tools/xen-tools.conf": "mirror = @%@xen/repository@%@\n",
        f"{files}/usr/lib/xen-tools/univention.d/20-setup-apt": "#!/bin/sh\n",
        "/etc/univention/templates/info/univention-xen.info": (
            "Type: file\nFile: etc/xen/xend-config.sxp\n\nType: file\nFile: etc/xen-tools/xen-tools.conf\n"
        ),
    }
    for path, text in conffiles.items():
        root.write(tree + path, text)
    root.write(f"{tree}/DEBIAN/conffiles", "".join(f"{path}\n" for path in conffiles))
    root.write(
        f"{tree}/DEBIAN/control",
        "Package: univention-xen\nVersion: 5.0.1-8\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\n"
        "Description: like the last package of this name\n",
    )
    root.write(f"{tree}/DEBIAN/postinst", "#!/bin/sh\nucr register univention-xen\n", 0o755)
    root("dpkg-deb", "-b", tree, "/srv/historic.deb")
    return "/srv/historic.deb"


def test_the_historic_package_is_upgraded_and_its_obsolete_templates_go(new_root: Roots, debs: list[Path]) -> None:
    root = new_root("ready")
    install(root, [deb for deb in debs if not deb.name.startswith("univention-xen_")])
    root("dpkg", "-i", historic(root))
    root("ucr", "set", "xen/vnc/listen=192.0.2.1", "xen/repository=somewhere")
    assert root.path("/etc/xen-tools/xen-tools.conf").exists()
    root.apt_get("install", "-o", "Dpkg::Options::=--force-confnew", *root.bring(*debs))
    assert "192.0.2.1" in root.read(SXP)
    for obsolete in ("etc/xen-tools/xen-tools.conf", "usr/lib/xen-tools/univention.d/20-setup-apt"):
        assert not root.path(f"/etc/univention/templates/files/{obsolete}").exists()
    assert not root.path("/etc/xen-tools/xen-tools.conf").exists()
    assert not [line for line in diversions(root) if "xen-tools" in line]


def test_what_the_administrator_had_before_comes_back_and_survives_the_purge(new_root: Roots, debs: list[Path]) -> None:
    root = new_root("ready")
    root.write(SXP, "(my-own yes)\n", 0o640)
    install(root, debs)
    assert "my-own" not in root.read(SXP)
    root.apt_get("purge", *OURS)
    assert root.read(SXP) == "(my-own yes)\n"
    assert root("stat", "-c", "%a", SXP) == "640\n"


def test_purging_clears_away_what_the_registry_of_ucs_leaves_behind(new_root: Roots, debs: list[Path]) -> None:
    root = new_root("ready")
    install(root, debs)
    generated = root.read(SXP)
    root.apt_get("remove", "univention-xen")
    root.write(SXP, generated)
    root.apt_get("purge", "univention-xen")
    assert not root.path(SXP).exists()


def test_the_registry_registers_what_was_configured_before_it(new_root: Roots, debs: list[Path]) -> None:
    root = new_root("ready")
    by_name = {Path(path).name.split("_")[0]: path for path in root.bring(*debs)}
    root("dpkg", "--force-depends", "-i", by_name["python3-univention-xen"], by_name["univention-xen"])
    assert not root.path(SXP).exists()
    root("dpkg", "-i", by_name["univention-xen-registry"])
    assert root.path(SXP).exists()
    assert len(diversions(root)) == GENERATED


def test_ucs_own_registry_may_take_the_place_of_ours(new_root: Roots, debs: list[Path]) -> None:
    root = new_root("ready")
    install(root, debs)
    root("ucr", "set", "xen/bridge/name=xenbr7")
    root.write("/srv/ucs/usr/sbin/univention-config-registry", "#!/bin/sh\n", 0o755)
    root.write(
        "/srv/ucs/DEBIAN/control",
        "Package: univention-config\nVersion: 17.2.0\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\n"
        "Description: stands for UCS's own\n",
    )
    root("dpkg-deb", "-b", "/srv/ucs", "/srv/univention-config.deb")
    root.apt_get("install", "/srv/univention-config.deb")
    assert status(root, "univention-xen") == "ii"
    assert status(root, "univention-xen-registry") in ("rc", "")
    root.apt_get("purge", "univention-xen-registry")
    assert "xen/bridge/name: xenbr7" in root.read("/etc/univention/base.conf")
    assert "xenbr7" in root.read("/etc/xen/xl.conf")
    assert len(diversions(root)) == GENERATED


def test_debians_files_come_back_when_the_registry_was_torn_away_before(new_root: Roots, debs: list[Path]) -> None:
    root = new_root("ready")
    install(root, debs)
    root("dpkg", "--force-depends", "--purge", "univention-xen-registry")
    assert len(diversions(root)) == GENERATED
    root("dpkg", "--purge", "univention-xen", "python3-univention-xen")
    assert diversions(root) == []
    assert root("dpkg", "--verify", "xen-utils-common") == ""
    assert not root.path(SXP).exists()
    assert not root.path("/etc/univention").exists()
    assert not root.path("/var/lib/univention-xen-registry").exists()


@pytest.mark.parametrize("policy", ["denies", "is absent"])
@pytest.mark.parametrize("state", ["0", "3"], ids=["running", "stopped"])
def test_xend_is_never_started_by_the_packages(
    running_root: Throwaway, debs: list[Path], policy: str, state: str
) -> None:
    root = running_root
    root.write("/etc/init.d/xend", XEND, 0o755)
    root.write("/etc/xend.status", f"{state}\n")
    root.write("/var/log/xend.calls", "")
    if policy == "denies":
        root.write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755)
    install(root, debs)
    root("ucr", "set", "xen/vnc/listen=192.0.2.1")
    root("ucr", "commit", SXP)
    root.apt_get("purge", *OURS)
    calls = set(root.read("/var/log/xend.calls").split())
    assert not calls & {"start", "restart", "stop", "reload", "force-reload"}
    root("rm", "-f", "/usr/sbin/policy-rc.d")


@pytest.fixture(scope="module")
def running_root(new_root: Roots) -> Throwaway:
    """One root for all tests that leave nothing behind."""
    return new_root("ready")


@pytest.mark.parametrize("script", ["registry-alone", "dom0-settings"])
def test_the_tests_of_the_installed_packages_pass(running_root: Throwaway, debs: list[Path], script: str) -> None:
    root = running_root
    install(root, debs)
    root("sh", *root.bring(PROJECT / "debian" / "tests" / script))
    root("rm", "-rf", "/etc/univention/templates/info/sample.info", "/etc/univention/templates/files/etc/sample.conf")
    root.apt_get("purge", *OURS)
