"""Several instances of the service over one database, and nginx before them."""

import json
import re
import urllib.request
import uuid
from pathlib import Path

import httpx
import pymongo

from api import DIRECT
from listener import Listener, parts_of
from nginx import Nginx, free_ports
from service import MONGODB_TEST_URI, Service, migrate


class Cluster:
    """Instances that may be ended, killed and started again, each always on its own port, and nginx.

    They share a database of their own of the server that MONGODB_TEST_URI names. `with` starts them, and ends them for good.
    """

    def __init__(self, folder, count=2, **settings):
        self.folder = Path(folder)
        self.database = f"test_{uuid.uuid4().hex}"
        shared = {"MONGODB_URI": MONGODB_TEST_URI, "MONGODB_DB_NAME": self.database, "DRAIN_SECONDS": "1"} | settings
        self.instances = [
            Service(self.folder / f"instance-{number}", PORT=str(port), **shared)
            for number, port in enumerate(free_ports(count), 1)
        ]
        self.nginx = Nginx(self.folder / "nginx", [each.settings["PORT"] for each in self.instances])

    @property
    def url(self):
        """Where clients ask."""
        return self.nginx.url

    def start(self):
        migrate(MONGODB_TEST_URI, self.database)
        for each in self.instances:
            each.start()
        self.nginx.start()
        return self

    def end(self):
        """Ends all, and removes the database; the instances that still run must end cleanly."""
        try:
            self.nginx.stop()
            for each in self.instances:
                if each.process and each.process.poll() is None:
                    each.signal()
            for each in self.instances:
                each.stop()
        finally:
            for each in self.instances:
                each.kill()
            with pymongo.MongoClient(MONGODB_TEST_URI) as client:
                client.drop_database(self.database)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.end()

    def answering(self):
        """The instances that make an answer at the moment."""
        return [each for each in self.instances if each.process.poll() is None and running_answers(each) > 0]


def running_answers(instance):
    """How many answers an instance makes at the moment."""
    with urllib.request.urlopen(f"{instance.url}/api/health", timeout=5) as response:
        return json.load(response)["checks"]["streams"]["active_count"]


def metric(instance, name):
    """One of the figures of an instance's /metrics."""
    with urllib.request.urlopen(f"{instance.url}/metrics", timeout=5) as response:
        found = re.search(rf"^roomservice_{name} (\d+)$", response.read().decode(), re.MULTILINE)
    assert found, f"there is no roomservice_{name}"
    return int(found.group(1))


def call(nginx, method, path, **request):
    """One request over a connection of its own."""
    with httpx.Client(base_url=nginx.url, http2=True, timeout=20, **DIRECT) as client:
        return client.request(method, path, **request)


class FailingInstance(Listener):
    """Takes requests, remembers their first lines, and closes each connection without an answer."""

    def __init__(self):
        self.taken = []
        super().__init__()

    def serve(self, connection):
        with connection:
            connection.settimeout(5)
            request = b""
            for part in parts_of(connection):
                request += part
                if b"\r\n\r\n" in request:
                    break
            if request:
                self.taken.append(request.split(b"\r\n")[0].decode())
