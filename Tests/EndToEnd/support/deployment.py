"""The files in deploy/, as those read them who deploy the service."""

import re
import subprocess

import yaml

from service import BINARY, CHECKOUT, MIGRATIONS, child_environment

DEPLOY = CHECKOUT / "deploy"
# Beyond DRAIN_SECONDS, as docs/operations.md has it.
END_SECONDS = 10


class UniqueKeys(yaml.SafeLoader):
    """A key that stands twice is a mistake, of which YAML's readers say nothing."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value if key.value != "<<"]
        assert len(keys) == len(set(keys)), f"twice in {node.start_mark}: {keys}"
        return super().construct_mapping(node, deep)


def read(path):
    with open(DEPLOY / path) as file:
        return yaml.load(file, UniqueKeys)


def manifest(name):
    return read(f"kubernetes/{name}")


def seconds(text):
    return int(re.fullmatch(r"(\d+)s?", str(text)).group(1))


def assert_settings(environment, folder):
    """The program takes them: it knows each, and likes its value."""
    run = subprocess.run(
        [BINARY, "--check-config"], env=child_environment(environment), cwd=folder, capture_output=True, text=True, timeout=10
    )
    assert run.returncode == 0, run.stderr
    for name in environment:
        assert re.search(rf"^{name}=.*# environment$", run.stdout, re.MULTILINE), name


def dockerfile():
    return (DEPLOY / "Dockerfile").read_text()


def instructions(name):
    text = re.sub(r"\\\n", " ", re.sub(r"^ *#.*\n", "", dockerfile(), flags=re.MULTILINE))
    return re.findall(rf"^{name} +(.*)$", text, re.MULTILINE)


def image_environment():
    return dict(pair.split("=", 1) for line in instructions("ENV") for pair in line.split())


def image_folder():
    (copy,) = (line for line in instructions("COPY") if line.startswith("--from=build"))
    return copy.split()[-1].rstrip("/")


def assert_migrates(command):
    assert command[0] == f"{image_folder()}/Migrations"
    run = subprocess.run([MIGRATIONS, *command[1:], "--dry-run", "--data-dir", "/nowhere"], capture_output=True, text=True, timeout=10)
    assert (run.returncode, "would run" in run.stdout) == (0, True), run.stderr
