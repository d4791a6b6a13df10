# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Which variables stand for which option of xend: the way back from host/xend.py."""

from __future__ import annotations

import os.path
import re
from typing import TYPE_CHECKING, Any

from univention_xen.host import sxp
from univention_xen.host.xend_meaning import (
    EVERYWHERE,
    certificate,
    lets_everybody_in,
    meaning,
    without_needless_escapes,
    word,
)
from univention_xen.host.xend_options import SCRIPTS
from univention_xen.settings.host import Devices, Dom0, Paths
from univention_xen.settings.network import Network
from univention_xen.settings.relocation import Relocation
from univention_xen.settings.server import BARE, Server
from univention_xen.settings.vnc import Vnc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import TypeAlias

    from univention_xen.settings.variable import Variable

    Options: TypeAlias = Mapping[str, Any]
    Wishes: TypeAlias = Iterator[tuple[Variable[Any], str]]
    Translator: TypeAlias = Callable[[Options], Wishes]

STRAIGHT: dict[str, Variable[Any]] = {
    "logfile": Paths.log_file,
    "loglevel": Paths.log_level,
    "xend-domains-path": Paths.domains_path,
    "xend-state-path": Paths.state_path,
    "xend-storage-path": Paths.storage_path,
    "xend-http-server": Server.http_server,
    "xend-unix-server": Server.unix_server,
    "xend-unix-xmlrpc-server": Server.xmlrpc_unix,
    "xend-tcp-xmlrpc-server": Server.xmlrpc_tcp,
    "xend-tcp-xmlrpc-server-address": Server.xmlrpc_address,
    "xend-tcp-xmlrpc-server-port": Server.xmlrpc_port,
    "xend-udev-event-server": Server.udev_event,
    "xend-port": Server.port,
    "xend-relocation-server": Relocation.relocation,
    "xend-relocation-port": Relocation.relocation_port,
    "xend-relocation-ssl-server": Relocation.relocation_ssl,
    "xend-relocation-ssl-port": Relocation.relocation_port_ssl,
    "xend-relocation-ssl": Relocation.relocation_ssl_client,
    "xend-relocation-address": Relocation.relocation_address,
    "external-migration-tool": Relocation.relocation_tool,
    "dom0-min-mem": Dom0.memory_min,
    "dom0-cpus": Dom0.cpus,
    "total_available_memory": Dom0.memory_available,
    "console-limit": Devices.console_limit,
    "enable-dump": Devices.dump,
    "qemu-dm-logrotate-count": Devices.qemu_logrotate_count,
    "device-create-timeout": Devices.create_timeout,
    "device-destroy-timeout": Devices.destroy_timeout,
    "pci-passthrough-strict-check": Devices.pci_strict_check,
    "keymap": Vnc.vnc_keymap,
    "vnc-x509-cert-dir": Vnc.vnc_x509_cert_dir,
}
"""Options whose value is that of a variable."""


def address(options: Options) -> Wishes:
    """Yield where the HTTP server listens; nothing means everywhere."""
    yield Server.address, options["xend-address"] or EVERYWHERE


def vnc_listen(options: Options) -> Wishes:
    """Yield where screens are shown."""
    yield Vnc.vnc_listen, word(meaning("vnc-listen", options["vnc-listen"], options))


def tls(options: Options) -> Wishes:
    """Yield whether screens are encrypted: any text says yes, even 0."""
    yield Vnc.vnc_tls, word(bool(options["vnc-tls"]))


def verify(options: Options) -> Wishes:
    """Yield whether viewers need a certificate: any text says yes, even 0."""
    yield Vnc.vnc_x509_verify, word(bool(options["vnc-x509-verify"]))


def ballooning(options: Options) -> Wishes:
    """Yield whether Dom0 gives memory; without a minimum it does not, whatever the variable says."""
    if options["enable-dom0-ballooning"] or options.get("dom0-min-mem"):
        yield Dom0.ballooning, word(options["enable-dom0-ballooning"])


def hosts_allow(options: Options) -> Wishes:
    """Yield who may send guests. Everybody may only if somebody may at all: no door is left open for later."""
    allow = options["xend-relocation-hosts-allow"]
    if not lets_everybody_in(allow):
        yield Relocation.allow_all, "no"
        yield Relocation.hosts_allow, without_needless_escapes(allow)
    elif options.get("xend-relocation-server") or options.get("xend-relocation-ssl-server"):
        yield Relocation.allow_all, "yes"


def device_mask(options: Options) -> Wishes:
    """Yield the SCSI devices that guests may be given."""
    mask = options["pscsi-device-mask"]
    yield Devices.pscsi_device_mask, " ".join(map(str, mask)) if isinstance(mask, list) else word(mask)


def certificates(option: str, variable: Variable[Any]) -> Translator:
    """Return what yields the full path of a key or certificate."""

    def path(options: Options) -> Wishes:
        if options[option]:
            yield variable, word(certificate(options[option], options))

    return path


def api(options: Options) -> Wishes:
    """Yield the interfaces of the Xen API in the notation of the variable."""
    interfaces = options["xen-api-server"]
    if isinstance(interfaces, list):
        yield Server.api, " ".join(map(notation, interfaces))
    else:
        yield Server.api, word(interfaces)


def notation(value: Any) -> str:
    """Return a list of words, each without quotes where possible."""
    if isinstance(value, list):
        return "(" + " ".join(map(notation, value)) + ")"
    text = str(value)
    return text if re.fullmatch(BARE, text) else sxp.quoted(text)


def network(options: Options) -> Wishes:
    """Yield the mode, card and bridge that the two scripts stand for."""
    script: list[str] | None = meaning("network-script", options["network-script"], options)
    vif, *vif_arguments = word(options["vif-script"]).split(" ")
    started, arguments = (os.path.basename(script[0]), script[1:]) if script else ("", [])
    known = {f"{kind}-{mode}": mode for kind in ("network", "vif") for mode in ("bridge", "route", "nat")}
    if script and (started not in known or os.path.dirname(script[0]) != SCRIPTS):
        started, arguments = "", []
    named = dict(each.partition("=")[::2] for each in [*vif_arguments, *arguments])
    if not started and (vif not in known or (vif == "vif-bridge" and not vif_arguments)):
        yield Network.mode, "none"
        return
    yield Network.mode, known[started or vif]
    yield Network.bridge_interface, named.get("netdev", "") if started else "none"
    if named.get("bridge"):
        yield Network.bridge_name, named["bridge"]


SPECIAL: dict[str, Translator] = {
    "xend-address": address,
    "xen-api-server": api,
    "xend-tcp-xmlrpc-server-ssl-key-file": certificates("xend-tcp-xmlrpc-server-ssl-key-file", Server.xmlrpc_ssl_key),
    "xend-tcp-xmlrpc-server-ssl-cert-file": certificates(
        "xend-tcp-xmlrpc-server-ssl-cert-file", Server.xmlrpc_ssl_cert
    ),
    "xend-relocation-server-ssl-key-file": certificates(
        "xend-relocation-server-ssl-key-file", Relocation.relocation_ssl_key
    ),
    "xend-relocation-server-ssl-cert-file": certificates(
        "xend-relocation-server-ssl-cert-file", Relocation.relocation_ssl_cert
    ),
    "xend-relocation-hosts-allow": hosts_allow,
    "vnc-listen": vnc_listen,
    "vnc-tls": tls,
    "vnc-x509-verify": verify,
    "enable-dom0-ballooning": ballooning,
    "pscsi-device-mask": device_mask,
    "network-script": network,
}
"""Options that need a thought."""
