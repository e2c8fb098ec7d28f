"""A backup brings rows into a store, and no statements that others have written."""

import json

import pytest

from embedded_store import DATABASE, FAILED, add_room, assert_refused, contents, done, opened, rooms, run
from service import migrate_folder

pytestmark = pytest.mark.embedded


@pytest.fixture
def copy(data, tmp_path):
    done(run("backup", data, tmp_path / "copy.db"))
    return tmp_path / "copy.db"


# A second statement of one name, as no SQLite makes it.
TWIN = """
    PRAGMA writable_schema = ON;
    INSERT INTO sqlite_schema SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema WHERE name = 'conversation_added';
"""

FOREIGN = {
    "trigger": ("CREATE TRIGGER evil AFTER INSERT ON chat_rooms BEGIN DELETE FROM sessions; END", "trigger evil is not of this service"),
    "view": ("CREATE VIEW evil AS SELECT * FROM sessions", "view evil is not of this service"),
    "table": ("CREATE TABLE evil (a)", "table evil is not of this service"),
    "index": ("CREATE INDEX evil ON chat_rooms (abs(created_at))", "index evil is not of this service"),
    "virtual table": ("CREATE VIRTUAL TABLE evil USING fts5(a)", "table evil is not of this service"),
    "another trigger": (
        "DROP TRIGGER conversation_added; CREATE TRIGGER conversation_added AFTER INSERT ON conversation_history BEGIN SELECT 1; END",
        "trigger conversation_added is another",
    ),
    "view for a table": (
        "DROP TABLE sessions; CREATE VIEW sessions AS SELECT 1 AS session_id",
        "view sessions is not of this service, table sessions is missing",
    ),
    "another table": ("ALTER TABLE sessions ADD COLUMN more TEXT DEFAULT 'x'", "table sessions is another"),
    "records": ("ALTER TABLE schema_migrations ADD COLUMN more TEXT DEFAULT 'x'", "table schema_migrations is another"),
    "missing": ("DROP INDEX room_idx", "index room_idx is missing"),
    "twin": (TWIN, "conversation_added"),
    "many": (";".join(f"CREATE TABLE t{number} (a)" for number in range(12)), "and 7 more"),
    "long": (f"CREATE TABLE {'l' * 5000} (a)", "…"),
}


@pytest.mark.parametrize("sql", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_backup_whose_schema_is_not_ours_is_refused_and_the_object_named(data, copy, sql):
    statements, words = sql
    with opened(copy) as database:
        database.executescript(statements)
    before = contents(data)
    result = run("restore", data, copy)
    assert_refused(result, FAILED, copy, "nothing was changed", words)
    assert len(result.stderr) < 1500
    assert contents(data) == before


def test_a_name_in_a_backup_commands_no_terminal(data, copy):
    with opened(copy) as database:
        database.execute('CREATE TABLE "a\x1b[2J\nMigrations: restored" (a)')
    assert_refused(run("restore", data, copy), FAILED, r"table a\u{1b}[2J\u{a}Migrations: restored is not of this service")


def test_a_backup_of_an_older_schema_is_restored(data, tmp_path):
    migrate_folder(data, "downgrade", "1")
    done(run("backup", data, tmp_path / "old.db"))
    migrate_folder(data)
    add_room(data, "second")
    done(run("restore", data, tmp_path / "old.db"))
    migrate_folder(data)
    assert rooms(data / DATABASE) == ["first"]


def test_stores_that_have_gone_back_and_forth_or_were_analysed_are_restored(data, tmp_path):
    for number, step in enumerate([["downgrade", "base"], ["upgrade", "1"], ["downgrade", "base"], ["upgrade"]]):
        migrate_folder(data, *step)
        if step[0] == "upgrade":
            with opened(data / DATABASE) as database:
                database.execute("ANALYZE")
            done(run("backup", data, tmp_path / f"{number}.db"))
            done(run("restore", data, tmp_path / f"{number}.db"))


def test_a_backup_with_the_first_form_of_the_records_is_restored(data, copy):
    with opened(copy) as database:
        (form,) = database.execute("SELECT sql FROM sqlite_schema WHERE name = 'schema_migrations'").fetchone()
        columns = "run, number, name, checksum, direction, started_at, ended_at, host, version, error"
        database.executescript(
            "ALTER TABLE schema_migrations RENAME TO new;"
            + form.replace("ended_at INTEGER,", "ended_at INTEGER NOT NULL,").replace(",\n    stamped INTEGER NOT NULL DEFAULT 0", "")
            + f"; INSERT INTO schema_migrations SELECT {columns} FROM new; DROP TABLE new"
        )
    add_room(data, "second")
    done(run("restore", data, copy))
    assert rooms(data / DATABASE) == ["first"]


def test_a_backup_that_could_not_be_restored_says_so_when_it_is_made(data, tmp_path):
    with opened(data / DATABASE) as database:
        database.execute("CREATE INDEX ours ON chat_rooms (room_name)")
    made = run("backup", data, tmp_path / "copy.db")
    assert made.returncode == 0 and str(tmp_path / "copy.db") in made.stdout
    assert "warning" in made.stderr and "index ours is not of this service" in made.stderr
    told = json.loads(done(run("backup", data, tmp_path / "other.db", "--json")))
    assert told["backup"]["differences"] == ["index ours is not of this service"]
    assert_refused(run("restore", data, tmp_path / "copy.db"), FAILED, "index ours")
