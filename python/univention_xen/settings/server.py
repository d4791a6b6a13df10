# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Variables about the interfaces through which xend is managed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from univention_xen import units
from univention_xen.settings.kinds import FLAG, HOST, PATH, PORT, matching
from univention_xen.settings.variable import Group, Problem, Variable

if TYPE_CHECKING:
    from collections.abc import Iterator

BARE = r"[A-Za-z0-9._:/~*+?^$|=,%\\-]+"
QUOTED = r"'(?:[ !#-&(-\[\]-~]|\\['\\])*'"
API_LIST = rf"\((?:{BARE}|{QUOTED})(?: +(?:{BARE}|{QUOTED}))*\)"
API = matching(rf"{API_LIST}(?: *{API_LIST})*", "is not a row of lists such as (unix none) (9363 pam '^localhost$')")
"""Flat lists of words, in characters that every version of xend splits alike."""


class Server(Group):
    """Who may talk to xend, and how."""

    api = Variable("xen/server/api", API, "(unix)")
    http_server = Variable("xen/server/http_server", FLAG, False)
    unix_server = Variable("xen/server/unix_server", FLAG, False)
    xmlrpc_tcp = Variable("xen/server/xmlrpc_tcp", FLAG, False)
    xmlrpc_unix = Variable("xen/server/xmlrpc_unix", FLAG, True)
    udev_event = Variable("xen/server/udev_event", FLAG, False)
    address = Variable("xen/server/address", HOST, "localhost")
    port = Variable("xen/server/port", PORT, 8000)
    xmlrpc_address = Variable("xen/xmlrpc/address", HOST, "localhost")
    xmlrpc_port = Variable("xen/xmlrpc/port", PORT, 8006)
    xmlrpc_ssl_key = Variable("xen/xmlrpc/ssl_key", PATH, "")
    xmlrpc_ssl_cert = Variable("xen/xmlrpc/ssl_cert", PATH, "")

    def own_risks(self) -> Iterator[Problem]:
        """Yield doors that are open to everybody, or shut for xm."""
        for on, address in ((self.http_server, Server.address), (self.xmlrpc_tcp, Server.xmlrpc_address)):
            if on and not units.is_loopback(self.values[address.field]):
                why = "lets everybody who can reach this address manage all guests, as xend asks for no password there"
                yield address.risk(self, why, "use localhost and a tunnel")
        if bool(self.xmlrpc_ssl_key) != bool(self.xmlrpc_ssl_cert):
            given, missing = Server.xmlrpc_ssl_key, Server.xmlrpc_ssl_cert
            if self.xmlrpc_ssl_cert:
                given, missing = missing, given
            yield given.risk(self, f"has no effect without {missing.name}", f"set {missing.name} too")
        if not self.xmlrpc_unix:
            yield Server.xmlrpc_unix.risk(self, "takes away the door through which xm reaches xend", "set it to yes")
        if re.search(r"\((?!unix)[^ )]+ +none\b", self.api):
            yield Server.api.risk(self, "has a list for the network without authentication", "use pam, or unix")
