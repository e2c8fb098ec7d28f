"""What backup and restore say to whoever has named the wrong thing, or nothing."""

import contextlib
import os
import sqlite3
import subprocess

import pytest

from service import CHECKOUT, MIGRATIONS, child_environment

pytestmark = pytest.mark.embedded

USAGE, FAILED = 2, 5


def run(*command):
    return subprocess.run(command, env=child_environment({}), capture_output=True, text=True, timeout=60)


@pytest.fixture
def data(make_service):
    service = make_service().start()
    service.stop()
    return service.folder / "data"


@pytest.mark.parametrize("content", [b"My diary\n" * 1000, b"x", os.urandom(8192)], ids=["text", "a byte", "noise"])
def test_restoring_what_is_no_database_says_so_and_what_to_name_instead(data, tmp_path, content):
    path = tmp_path / "diary.txt"
    path.write_bytes(content)
    told = run(MIGRATIONS, "restore", path, "--data-dir", data)
    assert told.returncode == FAILED
    assert told.stderr.startswith(f"Migrations: restore: {path} is not a database of SQLite"), told.stderr
    assert "nothing was changed. Name a file that scripts/backup (in a package: Migrations backup) has made" in told.stderr
    assert "PRAGMA" not in told.stderr and len(told.stderr.splitlines()) == 1


def test_restoring_another_programs_database_says_so(data, tmp_path):
    path = tmp_path / "theirs.db"
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE theirs (id)")
    for content in (None, b""):
        if content is not None:
            path.write_bytes(content)
        told = run(MIGRATIONS, "restore", path, "--data-dir", data)
        assert told.returncode == FAILED
        assert f"{path} is a database, but no store of RoomService. Name a file that scripts/backup" in told.stderr


def test_a_store_that_is_no_database_is_told_without_a_statement_of_sqls(make_service):
    service = make_service()
    (service.folder / "data").mkdir(parents=True)
    (service.folder / "data/room-service.db").write_bytes(b"My diary\n" * 1000)
    assert service.launch().wait(10) == 1
    assert "not a database of SQLite; restore the store from a backup, or move the file away" in service.stderr
    assert "PRAGMA" not in service.stderr


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_without_a_name_one_is_told_how_and_nothing_else(command):
    told = run(CHECKOUT / "scripts" / command)
    assert (told.returncode, told.stdout) == (USAGE, "")
    assert f"scripts/{command} FILE" in told.stderr and len(told.stderr.splitlines()) <= 3, told.stderr
    told = run(MIGRATIONS, command)
    assert (told.returncode, told.stdout) == (USAGE, "")
    first, empty, usage = told.stderr.splitlines()
    assert first.startswith(f"Migrations: {command} needs the name of ") and not empty
    assert usage.startswith(f"usage: Migrations {command} FILE")


def test_paths_are_told_with_one_slash_where_several_were_written(data, tmp_path):
    told = run(MIGRATIONS, "backup", f"{tmp_path}//", "--data-dir", f"{data}//")
    assert told.returncode == 0, told.stderr
    (made,) = tmp_path.glob("*.db")
    assert told.stdout.startswith(f"made {made}: ")
    told = run(MIGRATIONS, "restore", made, "--data-dir", f"{data}//")
    assert told.stdout.startswith(f"restored {data}/room-service.db from {made}: "), told.stdout + told.stderr
