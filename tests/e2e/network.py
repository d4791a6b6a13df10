# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What several groups do to a Dom0's network."""

#: Shell: this host begins to forward, which is confirmed; the answer of `apply` is the last line.
FORWARD = """
ucr set xen/network/mode={mode} xen/bridge/interface={card} >/dev/null || exit
univention-xen host bridge apply --confirm-within 3600 >/run/apply.log 2>&1 </dev/null &
until grep -q 'Keep it with' /run/apply.log || ! kill -0 $!; do sleep 0.3; done
univention-xen host bridge confirm; wait; cat /run/apply.log
"""
#: The same for nat, and a port open for a screen. The variables are set back: what is in force stays in force.
FORWARD_AND_OPEN = f"""
{FORWARD.format(mode="nat", card="eth0")}
ucr set xen/network/mode=bridge xen/vnc/sources=192.0.2.2 >/dev/null; ucr unset xen/bridge/interface >/dev/null
printf '%s\\n' 'name="screen"' 'type="hvm"' 'memory=64' 'vnc=1' 'vnclisten="0.0.0.0"' >/etc/xen/screen.cfg
univention-xen host firewall apply && rm /etc/xen/screen.cfg
"""
#: What is in force then.
IN_FORCE = """
for table in univention-xen-nat univention_xen; do nft list table inet $table; done
sysctl net.ipv4.ip_forward; find /etc/sysctl.d /etc/xen/*.nft | sort
"""


def must_be_in_force(rules: str) -> None:
    """Assert that an answer to IN_FORCE tells of forwarding and an open port."""
    for word in ("univention-xen-nat", "tcp dport 5900", "net.ipv4.ip_forward = 1", "99-univention-xen-network.conf"):
        assert word in rules


def must_be_gone(rules: str) -> None:
    """Assert that an answer to IN_FORCE tells of neither."""
    assert "net.ipv4.ip_forward = 0" in rules
    assert "univention" not in rules
    assert ".nft" not in rules
