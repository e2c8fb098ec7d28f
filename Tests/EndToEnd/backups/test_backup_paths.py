"""Backups and restores that are pointed at what is no file, or elsewhere."""

import os
import socket
import sqlite3

import pytest

from embedded_store import (
    DATABASE, FAILED, USAGE, add_room, add_row, assert_refused, contents, done, make_store, names, opened, rooms, run, store_left_by_a_crash,
)

pytestmark = pytest.mark.embedded


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
