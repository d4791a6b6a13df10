# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What is concluded about the text that a service works with."""

from __future__ import annotations

import pytest

from univention_xen.host.memory import ABSENT, OWED, UNKNOWN, Memory, before_writing, last_read, parse


@pytest.mark.parametrize("process", ["", "12:345"])
def test_after_booting_the_service_has_read_what_is_there(process: str) -> None:
    assert before_writing(None, "A", process) == Memory("A", UNKNOWN, process)


def test_a_missing_file_is_a_text_of_its_own() -> None:
    assert before_writing(None, ABSENT, "").read == ABSENT


@pytest.mark.parametrize("process", ["", "12:345"])
def test_our_own_text_is_not_taken_for_read_when_the_restart_did_not_happen(process: str) -> None:
    assert last_read(Memory("A", "B", process), "B", process) == "A"


def test_the_same_process_has_not_read_what_was_edited() -> None:
    assert last_read(Memory("A", "A", "1:1"), "edited", "1:1") == "A"


def test_an_unrecognisable_process_may_have_read_what_was_edited() -> None:
    assert last_read(Memory("A", "A", ""), "edited", "") == UNKNOWN


def test_another_process_has_read_what_is_there() -> None:
    assert last_read(Memory("A", "B", "1:1"), "B", "2:2") == "B"


def test_another_process_and_an_edited_file_leave_open_which_came_first() -> None:
    assert last_read(Memory("A", "A", "1:1"), "edited", "2:2") == UNKNOWN


@pytest.mark.parametrize("process", ["", "1:1"])
@pytest.mark.parametrize("now", ["A", "B"])
def test_a_kill_between_writing_and_restarting_does_not_make_the_text_read(process: str, now: str) -> None:
    killed = before_writing(Memory("A", "A", process), "A", process)
    assert before_writing(killed, now, process) == Memory("A", UNKNOWN, process)


def test_a_restart_by_hand_after_a_kill_in_between_leaves_open_what_was_read() -> None:
    assert last_read(Memory("A", UNKNOWN, "1:1"), "B", "2:2") == UNKNOWN


def test_what_a_failed_restart_has_stopped_stays_owed_until_somebody_starts_it() -> None:
    assert last_read(Memory(OWED, "B", ""), "B", "") == OWED
    assert last_read(Memory(OWED, "B", ""), "B", "2:2") == "B"


def test_a_service_that_has_been_stopped_by_hand_keeps_its_last_text() -> None:
    assert last_read(Memory("A", "A", "1:1"), "A", "") == "A"


@pytest.mark.parametrize("memory", [Memory("A", "B", ""), Memory(OWED, UNKNOWN, "12:3")])
def test_a_memory_survives_being_written_down(memory: Memory) -> None:
    assert parse(memory.dump()) == memory


@pytest.mark.parametrize("text", ["", "read A\n", "read A\nwritten B\n", "\0\0\0", "read \nwritten B\nprocess \n"])
def test_a_damaged_memory_is_none(text: str) -> None:
    assert parse(text) is None
