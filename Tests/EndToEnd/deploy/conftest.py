"""The files in deploy/, as far as they can be tried without a container engine: they agree with the program, and with each other."""

import re
import subprocess

import pytest

from service import BINARY, child_environment


@pytest.fixture(scope="session")
def settings():
    """Every setting that the program has, with its default."""
    run = subprocess.run([BINARY, "--check-config"], env=child_environment({}), cwd="/", capture_output=True, text=True, timeout=10)
    return dict(re.findall(r"^([A-Z_]+)=(.*?) *# default$", run.stdout, re.MULTILINE))
