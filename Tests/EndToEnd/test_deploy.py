"""The files in deploy/, as far as they can be tried without a container engine: they agree with the program, and with each other."""

import os
import re
import shutil
import subprocess

import pytest
import yaml

from service import BINARY, CHECKOUT, MIGRATIONS, MONGODB_TEST_URI, child_environment

pytestmark = pytest.mark.skipif(MONGODB_TEST_URI is not None, reason="the store has no part in it")

DEPLOY = CHECKOUT / "deploy"
# Beyond DRAIN_SECONDS, as docs/operations.md has it.
END_SECONDS = 10
UNIT = DEPLOY / "room-service.service"
MANIFESTS = {
    "configmap.yaml": ("v1", "ConfigMap"),
    "deployment.yaml": ("apps/v1", "Deployment"),
    "service.yaml": ("v1", "Service"),
    "autoscaler.yaml": ("autoscaling/v2", "HorizontalPodAutoscaler"),
    "disruption-budget.yaml": ("policy/v1", "PodDisruptionBudget"),
    "migration-job.yaml": ("batch/v1", "Job"),
}


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


@pytest.fixture(scope="module")
def settings():
    """Every setting that the program has, with its default."""
    run = subprocess.run([BINARY, "--check-config"], env=child_environment({}), cwd="/", capture_output=True, text=True, timeout=10)
    return dict(re.findall(r"^([A-Z_]+)=(.*?) *# default$", run.stdout, re.MULTILINE))


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


# --- Kubernetes


def pod(name):
    return manifest(name)["spec"]["template"]


def container(name):
    (only,) = pod(name)["spec"]["containers"]
    return only


def test_every_manifest_is_of_its_kind_and_in_the_kustomization():
    files = {each.name for each in (DEPLOY / "kubernetes").iterdir()} - {"kustomization.yaml"}
    assert files == set(MANIFESTS)
    for name, (version, kind) in MANIFESTS.items():
        document = manifest(name)
        assert (document["apiVersion"], document["kind"]) == (version, kind)
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", document["metadata"]["name"])
    assert set(manifest("kustomization.yaml")["resources"]) == files - {"migration-job.yaml"}


def test_selectors_choose_the_servers_and_nothing_else():
    servers = pod("deployment.yaml")["metadata"]["labels"]
    migration = pod("migration-job.yaml")["metadata"]["labels"]
    spread = pod("deployment.yaml")["spec"]["topologySpreadConstraints"]
    selectors = [
        manifest("deployment.yaml")["spec"]["selector"]["matchLabels"],
        manifest("service.yaml")["spec"]["selector"],
        manifest("disruption-budget.yaml")["spec"]["selector"]["matchLabels"],
        *(each["labelSelector"]["matchLabels"] for each in spread),
    ]
    for selector in selectors:
        assert selector.items() <= servers.items()
        assert not selector.items() <= migration.items()
    target = manifest("autoscaler.yaml")["spec"]["scaleTargetRef"]
    deployment = manifest("deployment.yaml")
    assert target == {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment["metadata"]["name"]}
    assert "replicas" not in deployment["spec"]
    assert container("deployment.yaml")["resources"]["requests"]["cpu"], "the autoscaler counts in shares of it"


def test_ports_and_probes_are_those_of_the_program(service, api, settings):
    ports = {each["name"]: each["containerPort"] for each in container("deployment.yaml")["ports"]}
    assert ports == {"http": int(settings["PORT"])}
    (port,) = manifest("service.yaml")["spec"]["ports"]
    assert port["targetPort"] in ports
    annotations = pod("deployment.yaml")["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == settings["PORT"]
    probes = {kind: container("deployment.yaml")[f"{kind}Probe"] for kind in ("startup", "liveness", "readiness")}
    assert {kind: each["httpGet"]["path"] for kind, each in probes.items()} == {
        "startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"
    }
    for path in [each["httpGet"]["path"] for each in probes.values()] + [annotations["prometheus.io/path"]]:
        assert api.http.get(path).status_code == 200
    assert all(each["httpGet"]["port"] in ports for each in probes.values())
    # A store that is away is told within two seconds.
    assert probes["readiness"]["timeoutSeconds"] > 2
    assert probes["readiness"]["periodSeconds"] * probes["readiness"]["failureThreshold"] < 5
    assert probes["liveness"]["periodSeconds"] * probes["liveness"]["failureThreshold"] >= 30


def test_the_settings_of_pods_are_those_of_the_program_and_the_drain_fits(tmp_path):
    data = manifest("configmap.yaml")["data"]
    assert_settings(data, tmp_path)
    name = manifest("configmap.yaml")["metadata"]["name"]
    for each in ("deployment.yaml", "migration-job.yaml"):
        assert container(each)["envFrom"] == [{"configMapRef": {"name": name}}, {"secretRef": {"name": name}}]
    pause = int(container("deployment.yaml")["lifecycle"]["preStop"]["exec"]["command"][1])
    grace = pod("deployment.yaml")["spec"]["terminationGracePeriodSeconds"]
    assert grace == pause + int(data["DRAIN_SECONDS"]) + END_SECONDS


def test_the_migration_is_of_the_same_version_and_its_command_is_understood():
    (image,) = manifest("kustomization.yaml")["images"]
    version = subprocess.run([BINARY, "--version"], capture_output=True, text=True, timeout=10).stdout.split()[-1]
    assert image == {"name": container("deployment.yaml")["image"], "newTag": version}
    job = container("migration-job.yaml")
    assert job["image"] == f"{image['name']}:{version}"
    assert_migrates(job["command"] + job["args"])


def assert_migrates(command):
    assert command[0] == f"{image_folder()}/Migrations"
    run = subprocess.run([MIGRATIONS, *command[1:], "--dry-run", "--data-dir", "/nowhere"], capture_output=True, text=True, timeout=10)
    assert (run.returncode, "would run" in run.stdout) == (0, True), run.stderr


def test_pods_run_as_the_user_of_the_image_without_rights():
    user = int(re.search(r"^USER (\d+):\1$", dockerfile(), re.MULTILINE).group(1))
    for name in ("deployment.yaml", "migration-job.yaml"):
        security = pod(name)["spec"]["securityContext"]
        assert (security["runAsNonRoot"], security["runAsUser"], security["runAsGroup"]) == (True, user, user)
        own = container(name)["securityContext"]
        assert own == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}
        }


# --- the image


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


# --- compose


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


# --- systemd


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


# --- the documentation


def test_the_documentation_names_every_file():
    text = (CHECKOUT / "docs/operations.md").read_text()
    for path in DEPLOY.rglob("*"):
        if path.is_file():
            assert path.name in text or f"{path.parent.name}/" in text, path.name
