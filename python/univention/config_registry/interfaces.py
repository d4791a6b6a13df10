# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The network interfaces that `interfaces/*` variables describe."""

from __future__ import annotations

from univention_xen.registry.config import ReadOnlyConfigRegistry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Address, IPv4Interface, IPv6Interface
    from typing import Any

RESERVED = ("primary", "restart", "handler")


class Interface(dict[str, str]):
    """One interface: what stands behind `interfaces/NAME/` in the names of variables."""

    def __init__(self, name: str, values: dict[str, str]) -> None:
        super().__init__(values)
        self.name = name.replace("_", ":")

    @property
    def ipv4_address(self) -> IPv4Interface | None:
        """Address and netmask; None when either is missing or wrong."""
        import ipaddress

        try:
            return ipaddress.IPv4Interface(f"{self['address']}/{self['netmask']}")
        except (KeyError, ValueError):
            return None

    def ipv6_address(self, name: str = "default") -> IPv6Interface | None:
        """Address and prefix; None when either is missing or wrong."""
        import ipaddress

        try:
            return ipaddress.IPv6Interface(f"{self[f'ipv6/{name}/address']}/{self[f'ipv6/{name}/prefix']}")
        except (KeyError, ValueError):
            return None

    @property
    def ipv6_names(self) -> list[str]:
        """The names of its IPv6 addresses, sorted."""
        return sorted({key.split("/")[1] for key in self if key.startswith("ipv6/") and key.count("/") == 2})


class Interfaces:
    """All interfaces of the machine, in the order of `interfaces/NAME/order` and then by name."""

    def __init__(self, ucr: ReadOnlyConfigRegistry | None = None) -> None:
        registry = ReadOnlyConfigRegistry().load() if ucr is None else ucr
        self.handler = registry.get("interfaces/handler", "ifplugd")
        self.primary = registry.get("interfaces/primary", "eth0")
        self.ipv4_gateway = self._gateway(registry.get("gateway"))
        found: dict[str, dict[str, str]] = {}
        for key, value in registry.items():
            words = key.split("/", 2)
            if len(words) == 3 and words[0] == "interfaces" and words[1] not in RESERVED:
                found.setdefault(words[1], {})[words[2]] = value
        self._all = {name: Interface(name, values) for name, values in found.items()}

    @staticmethod
    def _gateway(text: str | None) -> IPv4Address | bool | None:
        import ipaddress

        try:
            return ipaddress.IPv4Address(text) if text else None
        except ValueError:
            return False

    @staticmethod
    def _order(item: tuple[str, Interface]) -> tuple[float, str]:
        order = item[1].get("order", "")
        return float(order) if order.isdigit() else float("inf"), item[0]

    @property
    def all_interfaces(self) -> Iterator[tuple[str, Interface]]:
        """Name and interface, in order."""
        return iter([(interface.name, interface) for _, interface in sorted(self._all.items(), key=self._order)])

    @property
    def ipv4_interfaces(self) -> Iterator[tuple[str, Interface]]:
        """Those with a whole IPv4 address."""
        return (item for item in self.all_interfaces if item[1].ipv4_address)

    @property
    def ipv6_interfaces(self) -> Iterator[tuple[Interface, str]]:
        """Interface and name of each IPv6 address."""
        return ((i, name) for _, i in self.all_interfaces for name in i.ipv6_names if i.ipv6_address(name))

    def _by_rank(self) -> list[Interface]:
        everything = [interface for _, interface in self.all_interfaces]
        return sorted(everything, key=lambda interface: bool(interface.name != self.primary))

    def get_default_ipv4_address(self) -> Any:
        """The address of the primary interface, else of the first that has one, else None."""
        return next((i.ipv4_address for i in self._by_rank() if i.ipv4_address), None)

    def get_default_ipv6_address(self) -> Any:
        """The IPv6 address of the primary interface, else of the first that has one, else None."""
        return next((i.ipv6_address(n) for i in self._by_rank() for n in i.ipv6_names if i.ipv6_address(n)), None)

    def get_default_ip_address(self) -> Any:
        """The default IPv4 address, else the IPv6 one."""
        return self.get_default_ipv4_address() or self.get_default_ipv6_address()
