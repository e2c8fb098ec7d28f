"""Several instances of the service over one database, and nginx before them."""

import json
import re
import socket
import threading
import urllib.request
import uuid
from pathlib import Path

from nginx import Nginx, free_ports
from service import MONGODB_TEST_URI, Service, migrate


class Cluster:
    """Instances that may be ended, killed and started again, each always on its own port, and nginx.

    They share a database of their own of the server that MONGODB_TEST_URI or `uri` names.
    """

    def __init__(self, folder, count=2, uri=None, **settings):
        self.folder = Path(folder)
        self.uri = uri or MONGODB_TEST_URI
        self.database = f"test_{uuid.uuid4().hex}"
        shared = {"MONGODB_URI": self.uri, "MONGODB_DB_NAME": self.database, "DRAIN_SECONDS": "1"} | settings
        self.instances = [
            Service(self.folder / f"instance-{number}", PORT=str(port), **shared)
            for number, port in enumerate(free_ports(count), 1)
        ]
        self.nginx = Nginx(self.folder / "nginx", [each.settings["PORT"] for each in self.instances])

    @property
    def url(self):
        """Where clients ask."""
        return self.nginx.url

    def start(self, change=lambda text: text):
        migrate(self.uri, self.database)
        for each in self.instances:
            each.start()
        self.nginx.start(change)
        return self

    def stop(self):
        """Ends all; the instances that still run must end cleanly."""
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

    def discard(self):
        """Removes the database."""
        import pymongo  # Not at the top: scripts/cluster needs nothing but Python.

        with pymongo.MongoClient(self.uri) as client:
            client.drop_database(self.database)

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


class FailingInstance:
    """Takes requests, remembers their first lines, and closes each connection without an answer."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.taken = []
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                request = b""
                while b"\r\n\r\n" not in request and (data := connection.recv(65536)):
                    request += data
                if request:
                    self.taken.append(request.split(b"\r\n")[0].decode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Wakes the thread, which closing alone does not.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)
