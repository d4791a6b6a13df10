# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Variables about the guests' screens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from univention_xen import units
from univention_xen.settings.kinds import ADDRESS, FLAG, PATH, SECRET, Secret, matching
from univention_xen.settings.variable import Group, Problem, Variable

if TYPE_CHECKING:
    from collections.abc import Iterator

BOTH = "xend xl"


class Vnc(Group):
    """Where the screens of guests can be seen, and by whom."""

    vnc_listen = Variable("xen/vnc/listen", ADDRESS, "127.0.0.1", acts=BOTH)
    vnc_passwordfile = Variable("xen/vnc/passwordfile", PATH, "", acts=BOTH)
    vnc_password = Variable("xen/vnc/password", SECRET, Secret(), acts=BOTH)
    vnc_keymap = Variable(
        "xen/vnc/keymap",
        matching(r"[A-Za-z][A-Za-z0-9_-]{1,31}", "is not the name of a keyboard layout, such as de or en-us"),
        "",
        acts=BOTH,
    )
    vnc_tls = Variable("xen/vnc/tls", FLAG, False)
    vnc_x509_cert_dir = Variable("xen/vnc/x509/cert_dir", PATH, "/etc/xen/vnc")
    vnc_x509_verify = Variable("xen/vnc/x509/verify", FLAG, False)

    @property
    def asks_for_password(self) -> bool:
        """Say whether a password was asked for, even by a value that makes no sense."""
        names = {Vnc.vnc_password.name, Vnc.vnc_passwordfile.name}
        return bool(self.vnc_passwordfile or self.vnc_password or names & self.refused)

    def own_risks(self) -> Iterator[Problem]:
        """Yield passwords that everybody can read, and screens that everybody can use."""
        file = Vnc.vnc_passwordfile.name
        if self.vnc_password and self.vnc_passwordfile:
            yield Vnc.vnc_password.risk(self, f"has no effect beside {file}", f"ucr unset {Vnc.vnc_password.name}")
        elif self.vnc_password:
            why = "can be read by every user of this host, as the registry's store can"
            yield Vnc.vnc_password.risk(
                self, why, f"write it into the first line of a file that only root can read and name that by {file}"
            )
        elif not self.asks_for_password and not units.is_loopback(self.vnc_listen):
            why = "shows the screens of guests to everybody who can reach this address, without a password"
            yield Vnc.vnc_listen.risk(self, why, f"set {file}")
        if self.vnc_x509_verify and not self.vnc_tls:
            yield Vnc.vnc_x509_verify.risk(
                self, f"has no effect while {Vnc.vnc_tls.name} is off", f"ucr set {Vnc.vnc_tls.name}=yes"
            )
