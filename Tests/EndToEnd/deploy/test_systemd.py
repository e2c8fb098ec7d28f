"""deploy/room-service.service: systemd takes it, and it agrees with the program."""

import re
import shutil
import subprocess

import pytest

from deployment import DEPLOY, END_SECONDS, assert_settings, image_folder, seconds
from service import BINARY

pytestmark = pytest.mark.embedded

UNIT = DEPLOY / "room-service.service"


@pytest.fixture
def unit(tmp_path):
    """The unit with the program where it is here."""
    text = UNIT.read_text()
    installed = f"{image_folder()}/RoomService"
    assert text.count(installed) == 2
    path = tmp_path / UNIT.name
    path.write_text(text.replace(installed, str(BINARY)))
    return path


def unit_value(name):
    (value,) = re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.MULTILINE)
    return value


def test_systemd_finds_nothing_wrong_with_the_unit_and_its_sandbox_tight(unit):
    assert shutil.which("systemd-analyze"), "of Debian's package systemd"
    run = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=30)
    assert (run.returncode, run.stdout + run.stderr) == (0, "")
    # 1.4 of 10; without a sandbox it is 9.6.
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=15", unit]
    run = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_settings_of_the_unit_are_those_of_the_program_and_the_drain_fits(tmp_path):
    environment = dict(pair.split("=", 1) for pair in unit_value("Environment").split())
    assert environment.pop("MONGOC_DISABLE_SHM") == "1"
    assert_settings(environment, tmp_path)
    assert seconds(unit_value("TimeoutStopSec")) == int(environment["DRAIN_SECONDS"]) + END_SECONDS
    assert environment["DATA_DIR"] == f"/var/lib/{unit_value('StateDirectory')}"
    bad = subprocess.run([BINARY, "--check-config"], env={"PORT": "x"}, cwd=tmp_path, capture_output=True, timeout=10)
    assert bad.returncode == int(unit_value("RestartPreventExitStatus"))
    assert unit_value("ExecStartPre") == unit_value("ExecStart") + " --check-config"
