"""deploy/kubernetes/: its manifests agree with the program, and with each other."""

import re
import subprocess

import pytest

from deployment import DEPLOY, END_SECONDS, assert_migrates, assert_settings, dockerfile, manifest
from service import BINARY

pytestmark = pytest.mark.embedded

MANIFESTS = {
    "configmap.yaml": ("v1", "ConfigMap"),
    "deployment.yaml": ("apps/v1", "Deployment"),
    "service.yaml": ("v1", "Service"),
    "autoscaler.yaml": ("autoscaling/v2", "HorizontalPodAutoscaler"),
    "disruption-budget.yaml": ("policy/v1", "PodDisruptionBudget"),
    "migration-job.yaml": ("batch/v1", "Job"),
}


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


def test_pods_run_as_the_user_of_the_image_without_rights():
    user = int(re.search(r"^USER (\d+):\1$", dockerfile(), re.MULTILINE).group(1))
    for name in ("deployment.yaml", "migration-job.yaml"):
        security = pod(name)["spec"]["securityContext"]
        assert (security["runAsNonRoot"], security["runAsUser"], security["runAsGroup"]) == (True, user, user)
        own = container(name)["securityContext"]
        assert own == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}
        }
