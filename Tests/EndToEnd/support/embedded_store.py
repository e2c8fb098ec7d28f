"""The embedded store as files, without a service, and the program that copies it."""

import contextlib
import shutil
import sqlite3
import subprocess

from service import MIGRATIONS, child_environment, migrate_folder

DONE, USAGE, IN_USE, FAILED = 0, 2, 3, 5
DATABASE = "room-service.db"


def arguments(command, data, path, *options):
    return [MIGRATIONS, command, str(path), "--data-dir", str(data), *options]


def run(command, data, path, *options, **how):
    return subprocess.run(
        arguments(command, data, path, *options), env=child_environment({}), capture_output=True, text=True, timeout=60, **how
    )


def done(result):
    assert (result.returncode, result.stderr) == (DONE, ""), result.stderr
    return result.stdout


def assert_refused(result, code, *words):
    assert (result.returncode, result.stdout) == (code, ""), result.stderr or result.stdout
    assert len(result.stderr.splitlines()) == 1
    for word in words:
        assert str(word) in result.stderr, result.stderr


@contextlib.contextmanager
def opened(path):
    """The database, by Python's own SQLite. What was changed is committed at the end."""
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        yield database


def add_room(data, name):
    with opened(data / DATABASE) as database:
        add_row(database, name)


def add_row(database, name):
    columns = "room_id, user_id, room_name, created_at, last_activity"
    database.execute(f"INSERT INTO chat_rooms ({columns}) VALUES (?, 'u', ?, 1, 1)", (name, name))


def rooms(path):
    with opened(path) as database:
        return [name for (name,) in database.execute("SELECT room_name FROM chat_rooms ORDER BY room_name")]


def make_store(data):
    """A store with the room `first`."""
    migrate_folder(data)
    add_room(data, "first")
    with opened(data / DATABASE) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return data


def store_left_by_a_crash(data, name):
    """Adds a room that is in the log alone, as after a `kill -9`."""
    aside = data.with_name(f"{data.name}-crashed")
    database = sqlite3.connect(data / DATABASE)
    database.execute("PRAGMA wal_autocheckpoint = 0")
    add_row(database, name)
    database.commit()
    shutil.copytree(data, aside)
    database.close()
    shutil.rmtree(data)
    aside.rename(data)


def names(folder):
    return sorted(each.name for each in folder.iterdir())


def contents(folder):
    # But for the number of the process that had the lock last.
    return {each.name: each.name == "room-service.lock" or each.read_bytes() for each in folder.iterdir() if each.is_file()}
