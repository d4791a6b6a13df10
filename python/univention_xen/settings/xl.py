# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Variables about xl alone."""

from __future__ import annotations

import re

from univention_xen.settings.kinds import FLAG, PATH, Kind, matching, number, one_of
from univention_xen.settings.variable import Group, Variable

CPU_RANGE = r"\^?[0-9]{1,4}(?:-[0-9]{1,4})?"
CPU_LIST = matching(rf"all|{CPU_RANGE}(?:,{CPU_RANGE})*", "is not a list of processors such as 0-3,8 or 0-7,^2")


def cpumask(text: str) -> str:
    """Return a list of processors as it is; xl takes no guest at all when a range runs backwards.

    Raises ValueError.
    """
    for first, last in re.findall(r"([0-9]+)-([0-9]+)", CPU_LIST.parse(text)):
        if int(first) > int(last):
            raise ValueError(f"contains the range {first}-{last}, which runs backwards")
    return text


CPUMASK: Kind[str] = Kind("str", cpumask, regex=CPU_LIST.regex)
VERSIONS: Kind[int] = number(0, 2)


class Xl(Group):
    """What xl does unless a guest's own file says otherwise; 0 or empty leaves the choice to xl."""

    claim_mode = Variable("xen/xl/claim_mode", FLAG, True, acts="xl")
    domid_policy = Variable("xen/xl/domid_policy", one_of("xen", "random"), "xen", acts="xl")
    output_format = Variable("xen/xl/output_format", one_of("json", "sxp"), "json", acts="xl")
    lockfile = Variable("xen/xl/lockfile", PATH, "/var/lock/xl", acts="xl")
    run_hotplug_scripts = Variable("xen/xl/run_hotplug_scripts", FLAG, True, acts="xl")
    blkdev_start = Variable(
        "xen/xl/blkdev_start",
        matching(r"(?:xvd|sd|hd)[a-z]", "is not a block device such as xvda"),
        "xvda",
        acts="xl",
    )
    vif_backend = Variable(
        "xen/xl/vif_backend",
        matching(r"[A-Za-z0-9_.:+-]{1,64}", "is not the name or number of a domain"),
        "0",
        acts="xl",
    )
    max_grant_frames = Variable("xen/xl/max_grant_frames", number(0, 65535), 0, acts="xl")
    max_maptrack_frames = Variable("xen/xl/max_maptrack_frames", number(0, 65535), 0, acts="xl")
    max_grant_version = Variable("xen/xl/max_grant_version", VERSIONS, 0, acts="xl")
    cpumask = Variable("xen/xl/cpumask", CPUMASK, "", acts="xl")
    cpumask_hvm = Variable("xen/xl/cpumask_hvm", CPUMASK, "", acts="xl")
    cpumask_pv = Variable("xen/xl/cpumask_pv", CPUMASK, "", acts="xl")
