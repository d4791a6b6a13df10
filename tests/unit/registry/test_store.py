# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Layer files: what is written is read back, and odd lines do no harm."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from univention_xen.registry import keys, read, store
from univention_xen.registry.config import ConfigRegistry, ReadOnlyConfigRegistry

NAMES = st.text(st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=20).filter(
    lambda key: keys.problem(key) is None and not key.startswith("\ufeff")
)
VALUES = st.text(st.characters(blacklist_categories=("Cs",)), max_size=60)


def write(root: Path, name: str, text: str) -> Path:
    path = root / "etc/univention" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@given(st.dictionaries(NAMES, VALUES, max_size=8))
def test_what_is_stored_is_read_back_but_for_line_ends_and_outer_blanks(values: dict[str, str]) -> None:
    assert store.parse(store.dump(values)) == {key: store.as_stored(value) for key, value in values.items()}


@given(st.dictionaries(NAMES, VALUES, max_size=8))
def test_storing_twice_changes_nothing(values: dict[str, str]) -> None:
    once = store.parse(store.dump(values))
    assert store.parse(store.dump(once)) == once


@given(st.text())
def test_any_text_is_a_store(text: str) -> None:
    for key, value in store.parse(text).items():
        assert "\n" not in key
        assert value == value.strip()


@given(NAMES, VALUES)
def test_one_value_never_becomes_two(key: str, value: str) -> None:
    assert len(store.parse(store.dump({key: value}))) == 1


def test_the_file_is_sorted_and_has_no_line_end_after_the_last_line() -> None:
    assert store.dump({"b": "2", "a": "1"}) == "# univention_ base.conf\n\na: 1\nb: 2"


def test_bytes_that_are_no_text_survive(tmp_path: Path) -> None:
    path = tmp_path / "base.conf"
    path.write_bytes(b"# head\n\nxs/old: gr\xfcn\n")
    layer = store.Layer(str(path))
    layer.load()
    layer.values["xs/new"] = "1"
    layer.save()
    assert path.read_bytes() == b"# univention_ base.conf\n\nxs/new: 1\nxs/old: gr\xfcn"


def test_the_copy_is_no_more_readable_than_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "base.conf", "# h\n\na: 1\n")
    path.chmod(0o600)
    with ConfigRegistry(root=str(tmp_path)) as registry:
        registry["b"] = "2"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.with_name("base.conf.bak").stat().st_mode & 0o777 == 0o600


def test_a_store_behind_a_link_stays_behind_it(tmp_path: Path) -> None:
    real = write(tmp_path, "real.conf", "# h\n\na: 1\n")
    link = real.with_name("base.conf")
    link.symlink_to("real.conf")
    with ConfigRegistry(root=str(tmp_path)) as registry:
        registry["a"] = "2"
    assert link.is_symlink()
    assert "a: 2" in real.read_text(encoding="utf-8")


def test_an_exception_while_the_registry_is_open_stores_nothing_and_unlocks(tmp_path: Path) -> None:
    registry = ConfigRegistry(root=str(tmp_path))

    def fail() -> None:
        with registry:
            registry["a"] = "1"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert "a" not in registry
    with registry:
        registry["b"] = "2"
    assert read(str(tmp_path)) == {"b": "2"}


def test_a_value_must_be_text(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="must be a string, not int"), ConfigRegistry(root=str(tmp_path)) as registry:
        registry["a"] = 1


def test_another_process_is_seen_after_load(tmp_path: Path) -> None:
    first, second = ConfigRegistry(root=str(tmp_path)), ConfigRegistry(root=str(tmp_path))
    with first:
        first["a"] = "1"
    assert second.load()["a"] == "1"
    with first:
        first["a"] = "2"
    assert second.load()["a"] == "2"


def test_a_layer_that_is_gone_is_empty_unless_its_copy_is_there(tmp_path: Path) -> None:
    with ConfigRegistry(root=str(tmp_path)) as registry:
        registry["a"] = "1"
    os.unlink(tmp_path / "etc/univention/base.conf")
    assert read(str(tmp_path)) == {"a": "1"}
    os.unlink(tmp_path / "etc/univention/base.conf")
    os.unlink(tmp_path / "etc/univention/base.conf.bak")
    assert read(str(tmp_path)) == {}


@pytest.mark.parametrize(
    ("text", "answer"),
    [("yes", (True, False)), ("ENABLED", (True, False)), ("0", (False, True)), ("maybe", (False, False))],
)
def test_yes_and_no(tmp_path: Path, text: str, answer: tuple[bool, bool]) -> None:
    write(tmp_path, "base.conf", f"# h\n\na: {text}\n")
    registry = ReadOnlyConfigRegistry(root=str(tmp_path)).load()
    assert (registry.is_true("a", True), registry.is_false("a", True)) == (answer[0], answer[1])
    assert registry.is_true("unset", True)
    assert not registry.is_true("unset")


def test_layers_hide_one_another(tmp_path: Path) -> None:
    for number, name in enumerate(("-defaults", "", "-ldap", "-schedule", "-forced")):
        write(tmp_path, f"base{name}.conf", "# h\n\n" + "".join(f"k{n}: {number}\n" for n in range(number + 1)))
    assert read(str(tmp_path)) == {"k0": "4", "k1": "4", "k2": "4", "k3": "4", "k4": "4"}
    registry = ReadOnlyConfigRegistry(root=str(tmp_path)).load()
    assert registry.get("k2", getscope=True) == (4, "4")
    assert registry.get("none", "x", getscope=True) == "x"


def test_a_default_may_refer_to_others_but_not_to_itself(tmp_path: Path) -> None:
    write(tmp_path, "base-defaults.conf", "# h\n\na: <@%@b@%@>\nb: [@%@c@%@]\nc: 1\nd: x@%@d@%@y@%@\ne: @%@f@%@\n")
    write(tmp_path, "base.conf", "# h\n\nc: @%@b@%@\nf: @%@c@%@\n")
    registry = ReadOnlyConfigRegistry(root=str(tmp_path)).load()
    assert [registry[key] for key in "abcde"] == ["<[@%@b@%@]>", "[@%@b@%@]", "@%@b@%@", "xy@%@", "@%@c@%@"]


def test_a_custom_file_stands_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "base-forced.conf", "# h\n\na: forced\n")
    monkeypatch.setenv("UNIVENTION_BASECONF", "/srv/own.conf")
    (tmp_path / "srv").mkdir()
    with ConfigRegistry(root=str(tmp_path)) as registry:
        registry["a"] = "own"
    assert read(str(tmp_path)) == {"a": "own"}
    assert (tmp_path / "srv/own.conf").exists()
    assert not (tmp_path / "etc/univention/base.conf").exists()


def test_the_merged_view_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        read(str(tmp_path))["a"] = "1"  # type: ignore[index]
    with pytest.raises(TypeError):
        ReadOnlyConfigRegistry(root=str(tmp_path))["a"] = "1"
