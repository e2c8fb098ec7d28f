"""Backups of the embedded store while it is busy, and putting them back."""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess

import pytest

from load import Load, conversations_by_question
from service import MIGRATIONS, child_environment
from waiting import wait_until

pytestmark = pytest.mark.embedded

DONE, USAGE, IN_USE, FAILED = 0, 2, 3, 5


def run(command, folder, path, *options, **settings):
    arguments = [MIGRATIONS, command, path, "--data-dir", folder, *options]
    return subprocess.run(arguments, env=child_environment(settings), capture_output=True, text=True, timeout=60)


def backup(folder, path, *options):
    made = run("backup", folder, path, *options)
    assert (made.returncode, made.stderr) == (DONE, ""), made.stderr
    return made.stdout


def restore(folder, path):
    restored = run("restore", folder, path)
    assert restored.returncode == DONE, restored.stderr
    return restored.stdout


def assert_refused(result, code, *words):
    assert (result.returncode, result.stdout) == (code, "")
    for word in words:
        assert word in result.stderr


def contents(folder):
    # But for the number of the process that had the lock last.
    return {each.name: each.name == "room-service.lock" or each.read_bytes() for each in folder.iterdir()}


def assert_whole(path):
    """No damage, no row that lacks another, and nothing beside it."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA journal_mode").fetchall() == [("delete",)]
        alone = "SELECT count(*) FROM conversation_history WHERE room_id NOT IN (SELECT room_id FROM chat_rooms)"
        assert database.execute(alone).fetchone() == (0,)
    assert os.stat(path).st_mode & 0o777 == 0o600


@pytest.fixture
def stopped(make_service, connect):
    """A service that has ended, and the room in its store."""
    service = make_service("stopped").start()
    room = connect(service).room(room_name="here")
    service.stop()
    service.data = service.folder / "data"
    return service, room


@pytest.mark.timeout(120)
def test_backups_under_load_have_all_that_was_acknowledged_before_and_nothing_by_half(make_service, connect, tmp_path):
    service = make_service().start()
    api = connect(service)
    slow = api.session()
    stream = api.stream(slow, tokens=100_000, rate=50)
    load = Load(service.url)
    taken = []
    for number in range(3):
        count = len(load.rooms)
        wait_until(lambda: len(load.rooms) > count + 50 and len(stream.events) > 50 * (number + 1), 30, "load")
        path = tmp_path / f"{number}.db"
        acknowledged = (dict(load.rooms), dict(load.completed), list(load.asked))
        backup(service.folder / "data", path)
        taken.append((path, *acknowledged))
    load.finish()
    api.stop(slow)
    assert load.refused == 0
    service.stop()
    for path, *_ in taken:
        assert_whole(path)

    path, rooms, completed, asked = taken[-1]
    second = make_service("second")
    restore(second.folder / "data", path)
    api = connect(second.start())
    for room_id, name in rooms.items():
        assert api.data("GET", f"/api/rooms/{room_id}")["room_name"] == name
    for room_id in {session["room_id"] for session, _ in asked}:
        stored = conversations_by_question(api, room_id)
        for session, question in asked:
            if session["room_id"] == room_id:
                assert stored[question]["status"] in {"completed", "interrupted"}
        for question in stored.keys() & completed.keys():
            assert (stored[question]["status"], stored[question]["agent_response"]) == ("completed", completed[question])
    interrupted = api.only_conversation(slow)
    assert interrupted["status"] == "interrupted"
    assert interrupted["agent_response"] and stream.text.startswith(interrupted["agent_response"])
    assert api.ask(slow, "And now?")[-2].status == "complete"


def test_a_backup_goes_into_a_folder_under_a_name_with_the_time(stopped, tmp_path):
    service, _ = stopped
    before = contents(service.data)
    folder = tmp_path / "backups"
    folder.mkdir()
    told = json.loads(backup(service.data, folder, "--json"))["backup"]
    (made,) = folder.iterdir()
    assert told["path"] == str(made) and told["bytes"] == made.stat().st_size
    assert made.name.startswith("room-service-2") and made.suffix == ".db"
    assert_whole(made)
    # A store at rest stays as it is.
    assert contents(service.data) == before


def test_a_backup_overwrites_nothing_and_leaves_nothing_by_half(stopped, tmp_path):
    service, _ = stopped
    path = tmp_path / "kept.db"
    path.write_text("kept")
    assert_refused(run("backup", service.data, path), FAILED, str(path), "exists already")
    assert path.read_text() == "kept"
    assert_refused(run("backup", service.data, "/dev/null/copy.db"), FAILED, "/dev/null/copy.db")
    assert_refused(run("backup", tmp_path / "none", tmp_path / "new.db"), FAILED, "there is no store")
    assert_refused(
        subprocess.run(
            [MIGRATIONS, "backup", tmp_path / "new.db"], env=child_environment({"MONGODB_URI": "mongodb://db"}), timeout=10,
            capture_output=True, text=True,
        ),
        USAGE, "mongodump",
    )
    assert sorted(each.name for each in tmp_path.iterdir()) == ["kept.db", "stopped"]


def test_a_store_is_restored_and_the_former_one_kept(stopped, connect, tmp_path):
    service, room = stopped
    backup(service.data, tmp_path / "copy.db")
    api = connect(service.start())
    later = api.room(user=room["user_id"], room_name="later")
    # What it has not yet copied from its log belongs to the former store, too.
    service.kill()
    told = restore(service.data, tmp_path / "copy.db")
    former = next(each for each in service.data.iterdir() if ".before-" in each.name)
    assert str(former) in told
    assert sorted(each.name for each in service.data.iterdir()) == ["room-service.db", former.name, "room-service.lock"]
    names = [each["room_name"] for each in connect(service.start()).data("GET", "/api/rooms", params={"user_id": room["user_id"]})["rooms"]]
    assert names == ["here"]
    service.stop()
    restore(service.data, former)
    assert connect(service.start()).data("GET", f"/api/rooms/{later['room_id']}")["room_name"] == "later"


def test_a_store_in_use_is_not_restored(make_service, connect, tmp_path):
    service = make_service().start()
    data = service.folder / "data"
    backup(data, tmp_path / "copy.db")
    result = run("restore", data, tmp_path / "copy.db")
    assert_refused(result, IN_USE, f"process {service.process.pid}", "stop it")
    assert service.is_ready() and connect(service).room()
    assert not [each for each in data.iterdir() if "before" in each.name or "restoring" in each.name]


def damaged(path):
    # A page in the middle, of an index or a table.
    with open(path, "r+b") as file:
        file.seek(path.stat().st_size // 2 & ~4095)
        file.write(b"\xff" * 4096)


def newer(path):
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute(
            "INSERT INTO schema_migrations (number, name, checksum, direction, started_at, ended_at, host, version) "
            "VALUES (999, '999_x', 'x', 'up', 1, 1, 'h', '9')"
        )
        database.commit()


def foreign(path):
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE theirs (id)")


def garbage(path):
    path.write_bytes(os.urandom(8192))


@pytest.mark.parametrize(
    ("spoil", "word"),
    [(damaged, "damaged"), (newer, "version 999"), (foreign, "no store"), (garbage, "not a database"), (os.remove, "No such file")],
)
def test_what_is_no_good_backup_is_not_restored(stopped, tmp_path, spoil, word):
    service, _ = stopped
    path = tmp_path / "copy.db"
    backup(service.data, path)
    spoil(path)
    before = contents(service.data)
    assert_refused(run("restore", service.data, path), FAILED, str(path), word)
    assert contents(service.data) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has others' folders to restore into")
def test_root_does_not_restore_what_the_service_could_not_write(stopped, tmp_path):
    service, _ = stopped
    backup(service.data, tmp_path / "copy.db")
    os.chown(service.data, 12345, 12345)
    assert_refused(run("restore", service.data, tmp_path / "copy.db"), FAILED, "belongs to user 12345", "sudo -u")
    shutil.chown(service.data, 0, 0)
