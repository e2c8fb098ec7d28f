"""deploy/Dockerfile and deploy/compose.yaml: they are made of what there is, and agree with the program."""

import os
import re
import subprocess

import pytest
import yaml

from deployment import (
    DEPLOY, END_SECONDS, assert_migrates, assert_settings, image_environment, image_folder, instructions, read, seconds,
)
from service import BINARY, CHECKOUT, MIGRATIONS

pytestmark = pytest.mark.embedded


def test_the_image_is_built_of_what_is_there():
    for line in instructions("COPY"):
        source = line.split()[0]
        assert line.startswith("--from=") or (CHECKOUT / source).exists(), line
    (build,) = (line for line in instructions("RUN") if line.startswith("scripts/"))
    script, target = build.split()
    assert os.access(CHECKOUT / script, os.X_OK)
    (copy,) = (line for line in instructions("COPY") if line.startswith("--from=build"))
    assert copy.split()[1].rstrip("/") == target
    ignored = [line for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line[0] != "#"]
    assert not {"scripts", "Sources", "Tests", "Benchmarks", "Package.swift", "deploy"} & set(ignored)
    assert ".env" in ignored


def test_the_image_installs_each_library_that_the_programs_use():
    (install,) = (line for line in instructions("RUN") if "useradd" in line)
    packages = set(install.split("--no-install-recommends")[1].split("&&")[0].split())
    # Of these all of Debian is made.
    packages |= {"libc6", "libgcc-s1", "libstdc++6"}
    for program in (BINARY, MIGRATIONS):
        output = subprocess.run(["objdump", "-p", program], capture_output=True, text=True, check=True, timeout=30).stdout
        needed = [name for name in re.findall(r"NEEDED +(\S+)", output) if not re.match("lib(swift|dispatch|Blocks)", name)]
        assert "libsqlite3.so.0" in needed
        for name in needed:
            owners = subprocess.run(["dpkg", "-S", f"*/{name}"], capture_output=True, text=True, timeout=30).stdout
            found = {line.split(":")[0] for line in owners.splitlines()}
            assert found & packages, f"{name} is in {found}"


def test_the_image_runs_the_program_as_somebody_without_rights(settings, tmp_path):
    environment = image_environment()
    path = environment.pop("PATH")
    assert path.split(":")[0] == image_folder()
    library = environment.pop("MONGOC_DISABLE_SHM")
    assert library == "1" and set(environment) <= set(settings)
    assert_settings(environment, tmp_path)
    (entry,) = instructions("ENTRYPOINT")
    assert yaml.safe_load(entry) == [f"{image_folder()}/{BINARY.name}"]
    assert instructions("EXPOSE") == [environment["PORT"]]
    assert instructions("VOLUME") == [environment["DATA_DIR"]]
    (check,) = instructions("HEALTHCHECK")
    assert "http://127.0.0.1:${PORT}/healthz" in check
    assert instructions("USER")[0].split(":")[0] not in {"root", "0"}


def test_compose_starts_the_service_after_its_migration_with_settings_of_the_program(tmp_path):
    services = read("compose.yaml")["services"]
    assert set(services) == {"room-service", "migrate", "mongodb", "redis"}
    service = services["room-service"]
    given = {name: re.sub(r"\$\{\w+:-\}", "", value) for name, value in service["environment"].items()}
    assert_settings(given, tmp_path)
    assert services["migrate"]["environment"] == service["environment"]
    assert_migrates(services["migrate"]["entrypoint"] + services["migrate"]["command"])
    for name in ("MONGODB_URI", "REDIS_URL"):
        assert re.search(r"//([a-z]+):", given[name]).group(1) in services
    assert service["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    for each in services.values():
        for other, condition in each.get("depends_on", {}).items():
            assert "healthcheck" in services[other] or condition["condition"] == "service_completed_successfully"
    assert seconds(service["stop_grace_period"]) == int(given["DRAIN_SECONDS"]) + END_SECONDS
    assert (DEPLOY / service["build"]["context"]).resolve() == CHECKOUT
    assert CHECKOUT / service["build"]["dockerfile"] == DEPLOY / "Dockerfile"
    (port,) = service["ports"]
    assert port.split(":")[-1] == image_environment()["PORT"]
    assert image_environment()["DATA_DIR"] in service["tmpfs"]
