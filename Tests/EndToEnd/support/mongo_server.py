"""A server of MongoDB's protocol that tests may kill, make hang and bring back."""

import socket
import sys
from pathlib import Path

import pymongo

from outage import Outage
from service import start_child
from waiting import wait_until

PROGRAM = Path(__file__).with_name("mongodb_server.py")


class MongoServer(Outage):
    """One server with its port and its data, whichever process it is at the moment."""

    def __init__(self, folder):
        self.folder = Path(folder)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.uri = f"mongodb://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, PROGRAM, "--data-dir", self.folder / "data", "-p", self.port]
        self.process = start_child(command, self.folder / "output")
        wait_until(self._answers, 20, "the start of the MongoDB server")
        return self

    def _answers(self):
        output = self.folder / "output"
        assert self.process.poll() is None, f"the MongoDB server ended: {output.read_text(errors='replace')}"
        try:
            with pymongo.MongoClient(self.uri, serverSelectionTimeoutMS=500) as client:
                return client.admin.command("ping")["ok"] == 1
        except pymongo.errors.PyMongoError:
            return False
