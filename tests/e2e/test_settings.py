# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""``ucr set`` in a running Dom0: files are rewritten and read by the real xl and xendomains, xend is restarted."""

from __future__ import annotations

import json

from dom0 import Dom0
from evidence import Evidence
from qemu import minutes

#: Stands in for xend, which Debian has not had since 2015: it notes each start, and reads nothing.
XEND = """
cat > /etc/systemd/system/xend.service <<'END'
[Unit]
Description=stand-in for xend
[Service]
ExecStart=/bin/sh -c 'echo started >> /var/log/xend-starts; exec sleep infinity'
END
systemctl daemon-reload
systemctl start xend
"""
BROKEN = """
sed -i 's,^ExecStart=.*,ExecStart=/bin/false,; /^.Service/a Type=oneshot' /etc/systemd/system/xend.service
systemctl daemon-reload
"""
STARTS = "sleep 1; wc -l < /var/log/xend-starts"
GUEST = "sed 's/vif = .*/vif = [\"\"]/' /srv/guest/pv.cfg > /srv/guest/lab.cfg"
UP = "for n in $(seq 120); do nc -w 5 192.168.77.11 7 </dev/null | grep . && exit; sleep 1; done; exit 1"


def collect(dom0: Dom0) -> None:
    collect_xl(dom0)
    collect_xendomains(dom0)
    collect_xend(dom0)


def collect_xl(dom0: Dom0) -> None:
    dom0.must("ip link add labbr0 type bridge && ip link set labbr0 up && " + GUEST)
    dom0.see("bridge-before", "xl -N create /srv/guest/lab.cfg")
    dom0.see("xl-set", "ucr set xen/bridge/name=labbr0 xen/xl/claim_mode=no xen/xl/output_format=sxp")
    dom0.see("xl.conf", "cat /etc/xen/xl.conf")
    dom0.see("xl-list-sxp", "xl list -l Domain-0")
    dom0.do("ucr unset xen/xl/output_format")
    dom0.see("bridge-after", "xl -N create /srv/guest/lab.cfg")
    dom0.see("create", "xl create /srv/guest/lab.cfg", within=minutes(10))
    dom0.see("ports", "ls /sys/class/net/labbr0/brif /sys/class/net/xenbr0/brif")
    dom0.see("destroy", "xl destroy pv")
    dom0.do("ucr unset xen/bridge/name")
    dom0.see("xl.conf-default", "cat /etc/xen/xl.conf")


def collect_xendomains(dom0: Dom0) -> None:
    """A guest is saved where the registry says when the service stops, and comes back from there."""
    dom0.must("mkdir -p /srv/saved /etc/xen/lab && ln -s /srv/guest/pv.cfg /etc/xen/lab/pv")
    dom0.see("xendomains-set", "ucr set xen/xendomains/save=/srv/saved xen/xendomains/auto=/etc/xen/lab")
    dom0.see("xendomains", "cat /etc/default/xendomains")
    dom0.see("xendomains-auto", "systemctl restart xendomains && xl list", within=minutes(10))
    dom0.see("guest-answers", UP, within=minutes(10))
    dom0.see("xendomains-save", "systemctl stop xendomains; ls /srv/saved; xl list", within=minutes(10))
    dom0.see("xendomains-restore", "systemctl start xendomains; xl list", within=minutes(10))
    dom0.see("guest-answers-again", UP, within=minutes(10))


def collect_xend(dom0: Dom0) -> None:
    dom0.must(XEND)
    dom0.see("xend-several", "ucr set xen/vnc/listen=0.0.0.0 xen/server/relocation=yes xen/relocation/port=8102")
    dom0.see("xend-config.sxp", "cat /etc/xen/xend-config.sxp; stat -c '%a %U:%G' /etc/xen/xend-config.sxp")
    dom0.see("starts-after-several", STARTS)
    dom0.see("xend-same", "ucr set xen/vnc/listen=0.0.0.0; ucr commit /etc/xen/xend-config.sxp")
    dom0.see("starts-after-same", STARTS)
    dom0.see("xend-other-file", "ucr set xen/xl/claim_mode=no xen/xendomains/stop_timeout=200")
    dom0.see("starts-after-other-file", STARTS)
    dom0.do("systemctl stop xend")
    dom0.see("xend-stopped", "ucr set xen/vnc/listen=127.0.0.1; systemctl is-active xend")
    dom0.see("starts-after-stopped", STARTS)
    dom0.do("systemctl start xend")
    dom0.see(
        "bad-value", "ucr set --ignore-check xen/relocation/port=eighty; grep relocation-port /etc/xen/xend-config.sxp"
    )
    dom0.see("refused-value", "ucr set xen/relocation/port=eighty; ucr get xen/relocation/port")
    dom0.must(BROKEN)
    dom0.see("failing-restart", "ucr set xen/console/limit=2048; echo exit status $?; ucr get xen/console/limit")


def bridge(dry_run: str) -> str:
    """The bridge of the only network card in what ``xl -N create`` prints."""
    return str(json.loads(dry_run[dry_run.index("{") :])["nics"][0]["bridge"])


def test_a_dry_run_of_xl_knows_the_new_bridge(seen: Evidence) -> None:
    assert bridge(seen["bridge-before"].out) == "xenbr0"
    assert bridge(seen["bridge-after"].out) == "labbr0"


def test_xl_reads_the_file_without_complaint(seen: Evidence) -> None:
    assert seen["xl-set"].code == 0
    assert seen["bridge-after"].err.replace("Parsing config from /srv/guest/lab.cfg", "").strip() == ""


def test_xl_prints_in_the_format_that_was_set(seen: Evidence) -> None:
    assert seen["xl-list-sxp"].out.lstrip().startswith("(domain")


def test_a_guest_started_afterwards_is_on_the_new_bridge(seen: Evidence) -> None:
    assert seen["create"].code == 0
    on_lab, on_xenbr0 = seen["ports"].out.split("/sys/class/net/xenbr0/brif")
    assert "vif" in on_lab
    assert "vif" not in on_xenbr0


def test_the_default_comes_back(seen: Evidence) -> None:
    assert "labbr0" in seen["xl.conf"].out
    assert "labbr0" not in seen["xl.conf-default"].out


def test_xendomains_starts_what_lies_in_the_directory(seen: Evidence) -> None:
    assert "XENDOMAINS_SAVE=/srv/saved" in seen["xendomains"].out.replace('"', "").replace("'", "")
    assert "pv " in seen["xendomains-auto"].out
    assert seen["guest-answers"].out.startswith("pv up ")


def test_xendomains_saves_and_restores_where_it_was_told(seen: Evidence) -> None:
    saved, _, running = seen["xendomains-save"].out.partition("Name ")
    assert "pv" in saved.split()
    assert "pv " not in running
    assert seen["guest-answers-again"].out.split()[3:] == seen["guest-answers"].out.split()[3:]


def starts(seen: Evidence, after: str) -> int:
    return int(seen[f"starts-after-{after}"].out)


def test_several_variables_restart_xend_once(seen: Evidence) -> None:
    assert "(xend-relocation-port 8102)" in seen["xend-config.sxp"].out
    assert "xend has been restarted" in seen["xend-several"].out
    assert starts(seen, "several") == 2


def test_the_file_of_xend_is_roots_own(seen: Evidence) -> None:
    assert seen["xend-config.sxp"].out.splitlines()[-1] == "600 root:root"


def test_the_same_text_does_not_restart_xend(seen: Evidence) -> None:
    assert starts(seen, "same") == 2


def test_other_files_do_not_restart_xend(seen: Evidence) -> None:
    assert starts(seen, "other-file") == 2


def test_a_stopped_xend_stays_stopped(seen: Evidence) -> None:
    assert seen["xend-stopped"].out.splitlines()[-1] == "inactive"
    assert starts(seen, "stopped") == 2


def test_a_bad_value_leaves_the_default_and_a_warning(seen: Evidence) -> None:
    assert "(xend-relocation-port 8002)" in seen["bad-value"].out
    assert "xen/relocation/port" in seen["bad-value"].err
    assert "Traceback" not in seen["bad-value"].err


def test_a_bad_value_is_refused(seen: Evidence) -> None:
    assert "xen/relocation/port" in seen["refused-value"].out + seen["refused-value"].err


def test_a_restart_that_fails_is_reported_and_the_value_stays(seen: Evidence) -> None:
    assert "exit status 1" in seen["failing-restart"].out
    assert seen["failing-restart"].out.splitlines()[-1] == "2048"
    assert "xend" in seen["failing-restart"].err
