"""Backups and restores that are killed, ended, out of space, or pointed at what is no file, or elsewhere."""

import contextlib
import os
import resource
import signal
import socket
import sqlite3
import subprocess

import pytest

from embedded_store import (
    DATABASE, DONE, FAILED, IN_USE, USAGE, add_room, add_row, arguments, assert_refused, contents, done, make_store, names, opened, rooms,
    run, store_left_by_a_crash,
)
from service import child_environment
from waiting import wait_until

pytestmark = pytest.mark.embedded


@pytest.fixture
def data(tmp_path):
    return make_store(tmp_path / "data")


@pytest.fixture
def backups(tmp_path):
    folder = tmp_path / "backups"
    folder.mkdir()
    return folder


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


@contextlib.contextmanager
def begun(partial, *command, **how):
    """A run that is in the middle: what it makes is there by half."""
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


# MARK: What is no file


def fifo(path):
    os.mkfifo(path)


def unix_socket(path):
    with socket.socket(socket.AF_UNIX) as listener:
        # Such a path may be too long.
        here = os.open(path.parent, os.O_PATH)
        listener.bind(f"/proc/self/fd/{here}/{path.name}")
        os.close(here)


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (fifo, "a named pipe"), (os.mkdir, "a folder"), (unix_socket, "a socket"), (lambda path: path.symlink_to("/dev/zero"), "a device"),
    ],
    ids=["pipe", "folder", "socket", "device"],
)
def test_what_is_no_file_is_neither_restored_nor_waited_for(data, backups, make, word):
    path = backups / "odd"
    make(path)
    before = contents(data)
    assert_refused(run("restore", data, path), FAILED, path, word, "nothing was changed")
    assert contents(data) == before
    assert_refused(run("backup", data, path / "deeper"), FAILED, path / "deeper") if word != "a folder" else None
    # In the place of the store.
    (data / DATABASE).unlink()
    (path.rename if word != "a device" else path.replace)(data / DATABASE)
    assert_refused(run("backup", data, backups / "copy.db"), FAILED, data / DATABASE, word)
    assert names(backups) == []


# MARK: Links


@pytest.fixture
def linked(data, tmp_path):
    """A store whose database is a link to a file on another disk, as it were."""
    disk = tmp_path / "disk"
    disk.mkdir()
    (data / DATABASE).rename(disk / "real.db")
    (data / DATABASE).symlink_to("../disk/real.db")
    return disk


def test_a_store_that_is_a_link_is_restored_where_it_leads(data, linked, backups):
    done(run("backup", data, backups / "copy.db"))
    add_room(data, "second")
    done(run("restore", data, backups / "copy.db"))
    assert os.readlink(data / DATABASE) == "../disk/real.db"
    assert rooms(linked / "real.db") == ["first"]
    (former,) = [name for name in names(linked) if name != "real.db"]
    assert former.startswith("real.db.before-")
    assert rooms(linked / former) == ["first", "second"]
    assert names(data) == [DATABASE, "room-service.lock"]
    # Where the disk is new, too.
    for name in names(linked):
        (linked / name).unlink()
    done(run("restore", data, backups / "copy.db"))
    assert rooms(linked / "real.db") == ["first"] and (data / DATABASE).is_symlink()


def test_a_backup_of_a_linked_store_in_use_has_what_is_in_its_log(linked, data, make_service, connect, backups):
    service = make_service(DATA_DIR=str(data)).start()
    connect(service).room(room_name="later")
    done(run("backup", data, backups / "copy.db"))
    assert rooms(backups / "copy.db") == ["first", "later"]


def test_a_backup_writes_through_no_link(data, backups):
    link = backups / "latest.db"
    link.symlink_to(backups / "away.db")
    assert_refused(run("backup", data, link), FAILED, link, "is a link to", backups / "away.db")
    assert names(backups) == ["latest.db"]
    (backups / "away.db").write_text("kept")
    assert_refused(run("backup", data, link), FAILED, link, "exists already")
    assert (backups / "away.db").read_text() == "kept"


def test_nothing_is_written_into_what_somebody_has_put_in_the_way(data, backups, tmp_path):
    (tmp_path / "theirs").write_text("kept")
    (backups / "copy.db.partial").symlink_to(tmp_path / "theirs")
    assert_refused(run("backup", data, backups / "copy.db"), FAILED, backups / "copy.db.partial", "move it away")
    assert (tmp_path / "theirs").read_text() == "kept"
    (backups / "copy.db.partial").unlink()
    with open(backups / "copy.db.partial", "w+b") as theirs:
        os.fchmod(theirs.fileno(), 0o666)
        done(run("backup", data, backups / "copy.db"))
        assert theirs.read() == b""
    assert (backups / "copy.db").stat().st_mode & 0o777 == 0o600


# MARK: Names


def test_names_that_sqlite_takes_for_more_than_names_are_names(data, backups):
    for name in ["file:zz.db", "file:zz.db?mode=memory", ":memory:", "50%25?a#b\u0301?\u0301.db", " ", "'"]:
        done(run("backup", data, name, cwd=backups))
        assert rooms(backups / name) == ["first"] and names(backups) == [name]
        add_room(data, "second")
        done(run("restore", data, name, cwd=backups))
        assert rooms(data / DATABASE) == ["first"]
        (backups / name).unlink()


def test_a_folder_of_the_store_that_looks_like_a_uri_is_a_folder(data, backups, make_service):
    data.rename(backups / "file:data?mode=memory")
    where = "file:data?mode=memory"
    done(run("backup", where, "copy.db", cwd=backups))
    assert rooms(backups / "copy.db") == ["first"]
    service = make_service(DATA_DIR=where)
    service.folder.mkdir()
    (backups / where).rename(service.folder / where)
    service.start().stop()
    assert names(service.folder / where) == [DATABASE, "room-service.lock"]


@pytest.mark.parametrize("ending", ["-wal", "-journal", "-shm", ".partial", ".restoring"])
def test_no_backup_gets_a_name_that_means_something_else(data, backups, ending):
    assert_refused(run("backup", data, backups / f"copy.db{ending}"), FAILED, f"copy.db{ending}", "another name")
    (backups / f"copy.db{ending}").write_bytes(b"")
    if ending.startswith("-"):
        assert_refused(run("backup", data, backups / "copy.db"), FAILED, f"copy.db{ending}", "another name")
    assert names(backups) == [f"copy.db{ending}"]


def test_a_store_is_not_backed_up_onto_itself_nor_restored_from_itself(data, backups):
    for name in [DATABASE, "room-service.lock"]:
        assert_refused(run("backup", data, data / name), FAILED, name, "another name")
    (data / "room-service.lock").unlink()
    assert_refused(run("backup", data, data / "room-service.lock"), FAILED, "room-service.lock", "another name")
    os.link(data / DATABASE, backups / "same.db")
    (backups / "link.db").symlink_to(data / DATABASE)
    before = contents(data)
    for path in [data / DATABASE, backups / "same.db", backups / "link.db"]:
        assert_refused(run("restore", data, path), FAILED, path, "the store itself", "nothing was changed")
    assert contents(data) == before
    assert run("backup", data, "").returncode == run("restore", data, "").returncode == USAGE


def test_a_name_that_is_too_long_is_told(data, backups):
    assert_refused(run("backup", data, backups / ("n" * 250)), FAILED, "File name too long")
    deep = backups.joinpath(*["d" * 100] * 5)
    deep.mkdir(parents=True)
    assert_refused(run("backup", data, deep / "copy.db"), FAILED, "up to 504 bytes")
    assert names(deep) == []


def test_a_backup_is_its_owners_alone_whatever_the_umask(data, backups):
    for number, mask in enumerate([0, 0o377]):
        done(run("backup", data, backups / f"{number}.db", umask=mask))
        assert (backups / f"{number}.db").stat().st_mode & 0o777 == 0o600


# MARK: What lies beside


def test_the_log_of_a_store_that_is_gone_does_not_get_into_the_one_that_is_restored(data, backups):
    done(run("backup", data, backups / "copy.db"))
    store_left_by_a_crash(data, "of the log")
    (data / DATABASE).unlink()
    assert f"{DATABASE}-wal" in names(data)
    log = (data / f"{DATABASE}-wal").read_bytes()
    done(run("restore", data, backups / "copy.db"))
    assert rooms(data / DATABASE) == ["first"]
    (former,) = [name for name in names(data) if "before" in name]
    assert (data / former).read_bytes() == log


def test_a_restore_takes_the_log_that_lies_beside_a_backup(data, backups, tmp_path):
    other = make_store(tmp_path / "other")
    store_left_by_a_crash(other, "of the log")
    done(run("restore", data, other / DATABASE))
    assert rooms(data / DATABASE) == ["first", "of the log"]


def test_a_restore_does_not_take_half_of_what_another_program_was_writing(data, backups):
    done(run("backup", data, backups / "copy.db"))
    writing = sqlite3.connect(backups / "copy.db", isolation_level=None)
    writing.execute("PRAGMA cache_size = 1")
    writing.execute("BEGIN")
    for number in range(300):
        add_row(writing, f"half {number}")
    for name in ["copy.db", "copy.db-journal"]:
        (backups / f"crashed-{name}").write_bytes((backups / name).read_bytes())
    writing.execute("ROLLBACK")
    writing.close()
    assert (backups / "crashed-copy.db-journal").stat().st_size > 512
    result = run("restore", data, backups / "crashed-copy.db")
    assert result.returncode == FAILED or rooms(data / DATABASE) == ["first"]
    # The store's own, of a crash in the same way, has nothing to do with the new one.
    for name in ["", "-journal"]:
        (backups / f"crashed-copy.db{name}").rename(data / f"{DATABASE}{name}")
    done(run("restore", data, backups / "copy.db"))
    assert rooms(data / DATABASE) == ["first"]
    with opened(data / DATABASE) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
