"""Backups and restores that are killed, ended, or out of space."""

import contextlib
import os
import resource
import signal
import sqlite3
import subprocess

import pytest

from embedded_store import (
    DATABASE, DONE, FAILED, IN_USE, add_room, add_row, arguments, assert_refused, contents, done, names, rooms, run,
)
from service import child_environment
from waiting import wait_until

pytestmark = pytest.mark.embedded


@contextlib.contextmanager
def held(data):
    """Lets nobody read the database: what is begun meanwhile waits in the middle, for a few seconds."""
    database = sqlite3.connect(data / DATABASE, isolation_level=None)
    try:
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("BEGIN IMMEDIATE")
        # Read as one that may be written to: there is a log.
        add_row(database, "held")
        database.execute("COMMIT")
        yield
    finally:
        database.close()


def heed_signals():
    # A shell has what it starts in the background ignore this one.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextlib.contextmanager
def begun(partial, *command, **how):
    """A run that is in the middle: what it makes is there by half."""
    how.setdefault("preexec_fn", heed_signals)
    process = subprocess.Popen(
        arguments(*command), env=child_environment({}), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how
    )
    try:
        wait_until(lambda: list(partial.parent.glob(partial.name)) or process.poll() is not None, 10, "the copy")
        assert process.poll() is None, process.communicate()
        yield process
    finally:
        process.kill()
        process.communicate()


# MARK: Killed and ended


def test_a_killed_backup_leaves_no_file_of_the_name_and_the_next_one_makes_it(data, backups):
    with held(data), begun(backups / "copy.db.partial", "backup", data, backups / "copy.db") as process:
        process.kill()
        process.wait(10)
    assert names(backups) == ["copy.db.partial"]
    done(run("backup", data, backups / "copy.db"))
    assert names(backups) == ["copy.db"]
    assert rooms(backups / "copy.db") == ["first", "held"]


def test_what_killed_backups_have_left_in_a_folder_is_removed_by_the_next_one(data, backups):
    with held(data), begun(backups / "*.partial", "backup", data, backups) as process:
        process.kill()
        process.wait(10)
    (left,) = names(backups)
    (backups / f"{left}-journal").write_bytes(b"")
    (backups / "mine.partial").write_text("another's")
    done(run("backup", data, backups))
    made, others = sorted(names(backups), reverse=True)
    assert others == "mine.partial" and made.endswith(".db") and f"{made}.partial" != left


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_a_backup_that_is_ended_leaves_nothing(data, backups, number):
    with begun_and_held(data, backups / "copy.db") as (process, release):
        process.send_signal(number)
        release()
        output, errors = process.communicate(timeout=20)
    assert (process.returncode, output) == (-number, "")
    assert "broken off by a signal" in errors
    assert names(backups) == []


def test_a_backup_goes_on_when_its_terminal_is_closed_and_it_was_told_to(data, backups):
    ignoring = {"preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)}
    with begun_and_held(data, backups / "copy.db", **ignoring) as (process, release):
        process.send_signal(signal.SIGHUP)
        release()
        process.communicate(timeout=20)
    assert process.returncode == DONE
    assert names(backups) == ["copy.db"]


@contextlib.contextmanager
def begun_and_held(data, path, **how):
    with contextlib.ExitStack() as holding:
        holding.enter_context(held(data))
        with begun(path.with_name(path.name + ".partial"), "backup", data, path, **how) as process:
            yield process, holding.close


def test_two_backups_of_one_name_do_not_disturb_each_other(data, backups):
    with begun_and_held(data, backups / "copy.db") as (process, release):
        assert_refused(run("backup", data, backups / "copy.db"), IN_USE, backups / "copy.db.partial", "another process")
        # Into the folder goes another one, which leaves that one alone.
        with begun(backups / "room-service-*.partial", "backup", data, backups) as other:
            assert "copy.db.partial" in names(backups)
            third = subprocess.Popen(arguments("backup", data, backups), env=child_environment({}), stdout=subprocess.DEVNULL)
            wait_until(lambda: len(list(backups.glob("room-service-*.partial"))) == 2, 10, "the third")
            release()
            assert [each.wait(20) for each in (process, other, third)] == [DONE] * 3
    assert len(names(backups)) == 3 and not [name for name in names(backups) if "partial" in name]


def test_a_killed_restore_leaves_the_store_as_it_was_and_the_next_one_restores(data, backups):
    done(run("backup", data, backups / "copy.db"))
    add_room(data, "second")
    with held(data), begun(data / f"{DATABASE}.restoring", "restore", data, backups / "copy.db") as process:
        process.kill()
        process.wait(10)
    assert [name for name in names(data) if "before" in name] == []
    assert rooms(data / DATABASE) == ["first", "held", "second"]
    done(run("restore", data, backups / "copy.db"))
    assert rooms(data / DATABASE) == ["first"]
    assert [name for name in names(data) if "restoring" in name] == []


def test_an_ended_restore_restores_nothing_or_all(data, backups):
    done(run("backup", data, backups / "copy.db"))
    add_room(data, "second")
    with contextlib.ExitStack() as holding:
        holding.enter_context(held(data))
        with begun(data / f"{DATABASE}.restoring", "restore", data, backups / "copy.db") as process:
            process.terminate()
            holding.close()
            output, _ = process.communicate(timeout=20)
    assert process.returncode == -signal.SIGTERM
    assert rooms(data / DATABASE) == (["first"] if output else ["first", "held", "second"])
    assert [name for name in names(data) if "restoring" in name] == []


# MARK: No space


def with_limit(size):
    return {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))}


def test_a_backup_without_space_says_so_and_leaves_nothing(data, backups):
    assert (data / DATABASE).stat().st_size > 65536
    before = contents(data)
    assert_refused(run("backup", data, backups / "copy.db", **with_limit(65536)), FAILED, "File too large", backups / "copy.db")
    assert names(backups) == []
    assert contents(data) == before


def test_a_restore_without_space_says_so_and_leaves_the_store(data, backups):
    done(run("backup", data, backups / "copy.db"))
    add_room(data, "second")
    before = contents(data)
    assert_refused(run("restore", data, backups / "copy.db", **with_limit(65536)), FAILED, "File too large", DATABASE)
    assert contents(data) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_named(data, backups):
    backups.chmod(0o500)
    assert_refused(run("backup", data, backups / "copy.db"), FAILED, backups / "copy.db", "Permission denied")
    backups.chmod(0o700)
