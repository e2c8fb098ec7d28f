"""Debian's Prometheus and its promtool, as scripts/lib/servers.sh unpacks them."""

import json
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from nginx import free_ports
from outage import Outage
from service import CHECKOUT, child_environment, start_child
from waiting import wait_until

PROGRAMS = CHECKOUT / ".build/prometheus/usr/bin"
ALERTS = CHECKOUT / "deploy/alerts.yml"
DASHBOARD = CHECKOUT / "deploy/grafana-dashboard.json"

# How often it asks, and how long it waits.
INTERVAL = "500ms"


class Prometheus(Outage):
    """A server that scrapes these addresses as the job `roomservice`, with the rules of deploy/alerts.yml."""

    def __init__(self, folder, targets):
        self.folder = Path(folder)
        self.targets = targets
        (self.port,) = free_ports(1)
        self.process = None

    def start(self):
        assert (PROGRAMS / "prometheus").exists(), f"{PROGRAMS} is not there: scripts/test unpacks it"
        self.folder.mkdir(parents=True, exist_ok=True)
        # JSON is YAML.
        configuration = {
            "global": {"scrape_interval": INTERVAL, "scrape_timeout": INTERVAL, "evaluation_interval": INTERVAL},
            "rule_files": [str(ALERTS)],
            "scrape_configs": [{"job_name": "roomservice", "static_configs": [{"targets": self.targets}]}],
        }
        (self.folder / "prometheus.yml").write_text(json.dumps(configuration))
        command = [
            PROGRAMS / "prometheus", f"--config.file={self.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'data'}", f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn",
        ]
        self.process = start_child(command, self.folder / "output", child_environment({}), self.folder)
        wait_until(self._answers, 30, "the start of Prometheus")
        return self

    def _answers(self):
        assert self.process.poll() is None, self.output
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5) as response:
                return response.status == 200
        except OSError:
            return False

    @property
    def output(self):
        return (self.folder / "output").read_text(errors="replace")

    def get(self, call, **parameters):
        """The `data` of one of its API's answers; what is no PromQL fails."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{call}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                return json.load(response)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from None

    def value(self, query):
        """The one value that a query has by now, or None."""
        result = self.get("query", query=query)["result"]
        assert len(result) <= 1, result
        return float(result[0]["value"][1]) if result else None


def promtool(*arguments, text=None, folder=None):
    """What it writes; what it finds wrong fails."""
    run = subprocess.run(
        [PROGRAMS / "promtool", *arguments], input=text, cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout + run.stderr


def families(text):
    """The metrics that a scrape has samples of: by name, the type and the names of the labels, those of histograms' buckets aside."""
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    helps = re.findall(r"^# HELP (\S+) \S", text, re.MULTILINE)
    assert sorted(types) == sorted(helps), "each metric is described once"
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, labels = re.fullmatch(r"([a-z_:]+)(?:\{(.*)\})? \S+", line).groups()
        if name not in types:
            name = re.sub(r"_(bucket|sum|count)$", "", name)
            assert types[name] == "histogram", line
        names = set(re.findall(r'(?:^|,)([a-z_]+)="', labels or "")) - {"le"}
        known = found.setdefault(name, (types[name], names))
        assert known[1] == names, f"{name} has different labels"
    assert found.keys() == types.keys()
    return found

_KEYWORDS = {"by", "without", "on", "ignoring", "group_left", "group_right", "and", "or", "unless", "bool", "offset"}


def names_in(expression):
    """The metrics that an expression of PromQL reads, a histogram's by its own name."""
    rest = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^]]*\]', " ", expression)
    rest = re.sub(r"\b(by|without|on|ignoring)\s*\([^)]*\)", " ", rest)
    names = set(re.findall(r"\b([a-zA-Z_:][\w:]*)\b(?!\s*\()", rest)) - _KEYWORDS
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}


def dashboard_expressions():
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", [])]
