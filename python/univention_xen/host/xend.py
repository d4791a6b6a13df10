# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The computed lines of /etc/xen/xend-config.sxp, for every xend from 3.2 to 4.4.

An option that some of these versions do not know is written only where its variable differs from what xend does
without it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from univention_xen import files, units
from univention_xen.host import conffile, vnc_password
from univention_xen.host.sxp import sxp
from univention_xen.settings.host import Devices, Dom0, Paths
from univention_xen.settings.kinds import Secret
from univention_xen.settings.network import Network
from univention_xen.settings.relocation import Relocation
from univention_xen.settings.server import Server
from univention_xen.settings.vnc import Vnc

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from univention_xen.settings.everything import Settings
    from univention_xen.settings.variable import Problem, Variable

LOCALHOST = r"^127\.0\.0\.1$"
"""The address alone: whoever runs a reverse zone can call any address localhost."""


class Xend(Devices, Dom0, Vnc, Relocation, Server, Paths, Network):
    """The variables behind xend-config.sxp."""


def text(registry: Mapping[str, str], template: str) -> str:
    """Return the template's text with the computed lines in it; what is wrong goes to stderr."""
    settings, root = conffile.settings(registry, Xend), getattr(registry, "root", "/")
    password, problems = vnc_password.find(settings, root)
    conffile.warn([*problems, *missing_files(settings, root)])
    return conffile.fill(template, blocks(settings, password))


def problems(settings: Xend | Settings, root: str | os.PathLike[str]) -> list[Problem]:
    """Return what is wrong with files of the host that settings name; it is not known before one looks at them."""
    return [*vnc_password.find(settings, root)[1], *missing_files(settings, root)]


def missing_files(settings: Xend | Settings, root: str | os.PathLike[str]) -> Iterator[Problem]:
    """Yield settings that are on and name a file or directory that is not there."""
    needed: list[Variable[str]] = []
    if settings.relocation_ssl:
        needed += [Relocation.relocation_ssl_key, Relocation.relocation_ssl_cert]
    if settings.xmlrpc_tcp and settings.xmlrpc_ssl_key and settings.xmlrpc_ssl_cert:
        needed += [Server.xmlrpc_ssl_key, Server.xmlrpc_ssl_cert]
    if settings.vnc_tls:
        needed.append(Vnc.vnc_x509_cert_dir)
    for variable in needed:
        if not os.path.exists(files.below(root, settings.values[variable.field])):
            why = "does not exist, and xend of Xen 4.0 and later does not work without it"
            yield variable.risk(settings, why, "create it")


def blocks(settings: Xend, password: Secret | None) -> dict[str, Iterator[str]]:
    """Return the lines of each block of the template; see vnc() for *password*."""
    return {
        "log": log(settings),
        "servers": servers(settings),
        "api": api(settings),
        "xmlrpc": xmlrpc(settings),
        "paths": paths(settings),
        "relocation": relocation(settings),
        "network": network(settings),
        "dom0": dom0(settings),
        "devices": devices(settings),
        "vnc": vnc(settings, password),
    }


def log(settings: Paths) -> Iterator[str]:
    """Yield where xend writes its log, and how much."""
    yield sxp("logfile", settings.log_file)
    yield sxp("loglevel", settings.log_level)


def paths(settings: Paths) -> Iterator[str]:
    """Yield where xend keeps its records."""
    yield sxp("xend-domains-path", settings.domains_path)
    yield sxp("xend-state-path", settings.state_path)
    yield sxp("xend-storage-path", settings.storage_path)


def servers(settings: Server) -> Iterator[str]:
    """Yield the local interfaces and the HTTP server."""
    yield sxp("xend-unix-server", settings.unix_server)
    yield sxp("xend-unix-xmlrpc-server", settings.xmlrpc_unix)
    yield sxp("xend-http-server", settings.http_server)
    yield sxp("xend-address", settings.address)
    yield sxp("xend-port", settings.port)
    if settings.udev_event:  # 3.4
        yield sxp("xend-udev-event-server", True)


def api(settings: Server) -> Iterator[str]:
    """Yield the interface of the Xen API, whose value is a list already."""
    yield f"(xen-api-server ({settings.api}))"


def xmlrpc(settings: Server) -> Iterator[str]:
    """Yield the XML-RPC server in the network; the key without the certificate is no use."""
    yield sxp("xend-tcp-xmlrpc-server", settings.xmlrpc_tcp)
    if not settings.xmlrpc_tcp:
        return
    yield sxp("xend-tcp-xmlrpc-server-address", settings.xmlrpc_address)
    yield sxp("xend-tcp-xmlrpc-server-port", settings.xmlrpc_port)
    if settings.xmlrpc_ssl_key and settings.xmlrpc_ssl_cert:
        yield sxp("xend-tcp-xmlrpc-server-ssl-key-file", settings.xmlrpc_ssl_key)
        yield sxp("xend-tcp-xmlrpc-server-ssl-cert-file", settings.xmlrpc_ssl_cert)


def relocation(settings: Relocation) -> Iterator[str]:
    """Yield who may send guests to this host.

    The list of hosts is written even while relocation is off: without it, xend lets everybody in.
    """
    yield sxp("xend-relocation-server", settings.relocation)
    if settings.relocation:
        yield sxp("xend-relocation-port", settings.relocation_port)
    if settings.relocation_ssl:  # 3.3; from 4.0 on xend dies without key and certificate
        yield sxp("xend-relocation-ssl-server", True)
        yield sxp("xend-relocation-ssl-port", settings.relocation_port_ssl)
        yield sxp("xend-relocation-server-ssl-key-file", settings.relocation_ssl_key)
        yield sxp("xend-relocation-server-ssl-cert-file", settings.relocation_ssl_cert)
    if settings.relocation_ssl_client:  # 3.3
        yield sxp("xend-relocation-ssl", True)
    if settings.relocation_address:
        yield sxp("xend-relocation-address", settings.relocation_address)
    yield sxp(
        "xend-relocation-hosts-allow", "" if settings.allow_all else " ".join(settings.hosts_allow or [LOCALHOST])
    )
    if settings.relocation_tool:
        yield sxp("external-migration-tool", settings.relocation_tool)


def network(settings: Network) -> Iterator[str]:
    """Yield the script that prepares the host's network once, and the one that connects each card of a guest.

    xend cuts both at every blank, and the scripts take NAME=VALUE as shell code.
    """
    mode, card = settings.mode, settings.bridge_interface
    if mode == "none":
        return
    netdev = f"netdev={card}" if card not in ("", "none") else ""
    bridge = f"bridge={settings.bridge_name}" if mode == "bridge" else ""
    if card != "none":
        yield sxp("network-script", " ".join(filter(None, (f"network-{mode}", netdev, bridge))))
    yield sxp("vif-script", " ".join(filter(None, (f"vif-{mode}", bridge or netdev))))


def dom0(settings: Dom0) -> Iterator[str]:
    """Yield what Dom0 keeps. Since 3.3 xend itself switches ballooning off where there is no minimum."""
    yield sxp("dom0-min-mem", settings.memory_min)
    yield sxp("dom0-cpus", settings.cpus)
    if not settings.ballooning and settings.memory_min:  # 3.3
        yield sxp("enable-dom0-ballooning", False)
    if settings.memory_available:  # 4.0
        yield sxp("total_available_memory", settings.memory_available)


def devices(settings: Devices) -> Iterator[str]:
    """Yield how consoles, crashes and devices are treated."""
    yield sxp("console-limit", settings.console_limit)
    yield sxp("enable-dump", settings.dump)
    newer: tuple[tuple[str, int | bool, int | bool], ...] = (
        ("qemu-dm-logrotate-count", settings.qemu_logrotate_count, Devices.qemu_logrotate_count.default),  # 3.3
        ("device-create-timeout", settings.create_timeout, Devices.create_timeout.default),  # 4.0
        ("device-destroy-timeout", settings.destroy_timeout, Devices.destroy_timeout.default),  # 4.0
        ("pci-passthrough-strict-check", settings.pci_strict_check, Devices.pci_strict_check.default),  # 4.0
    )
    for option, value, default in newer:
        if value != default:
            yield sxp(option, value)
    if not settings.is_default(Devices.pscsi_device_mask):  # 4.1
        yield sxp("pscsi-device-mask", settings.pscsi_device_mask.split())


def vnc(settings: Vnc, password: Secret | None) -> Iterator[str]:
    """Yield where guests show their screens, and the password for it.

    None is a password that was asked for and cannot be used; then screens stay on this host, because without a
    password the network could use them.
    """
    at_home = password is None and not units.is_loopback(settings.vnc_listen)
    yield sxp("vnc-listen", Vnc.vnc_listen.default if at_home else settings.vnc_listen)
    if password:
        yield sxp("vncpasswd", password.reveal())
    if settings.vnc_keymap:
        yield sxp("keymap", settings.vnc_keymap)
    if settings.vnc_tls:  # text: any, even 0, switches it on
        yield sxp("vnc-tls", 1)
        yield sxp("vnc-x509-cert-dir", settings.vnc_x509_cert_dir)
        if settings.vnc_x509_verify:
            yield sxp("vnc-x509-verify", 1)
