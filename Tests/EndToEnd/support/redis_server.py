"""A Redis server that tests may kill, make hang and bring back."""

from pathlib import Path

import redis

from nginx import free_ports
from outage import Outage
from service import CHECKOUT, start_child
from waiting import wait_until

# As scripts/lib/servers.sh unpacks it, or the system's.
UNPACKED = CHECKOUT / ".build/redis/usr/bin/redis-server"
PROGRAM = UNPACKED if UNPACKED.exists() else "redis-server"


class RedisServer(Outage):
    """One server with its port, whichever process it is at the moment. It forgets all when it is killed, unless it `keeps` it."""

    def __init__(self, folder, keeps=False):
        self.folder = Path(folder)
        (self.port,) = free_ports(1)
        self.url = f"redis://127.0.0.1:{self.port}"
        self.keeps = keeps
        self.process = None
        self.client = redis.Redis(port=self.port, decode_responses=True, socket_timeout=5)

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        keeping = ["--appendonly", "yes", "--appendfsync", "always"] if self.keeps else ["--save", ""]
        command = [PROGRAM, "--port", self.port, "--bind", "127.0.0.1", "--dir", self.folder, *keeping]
        self.process = start_child(command, self.folder / "output")
        wait_until(self._answers, 10, "the start of Redis")
        return self

    def _answers(self):
        assert self.process.poll() is None, (self.folder / "output").read_text(errors="replace")
        try:
            return self.client.ping()
        except redis.RedisError:
            return False

    def held(self):
        """The keys of places that somebody holds."""
        return sorted(key for kind in ("session", "user", "members") for key in self.client.scan_iter(f"{kind}:*", 1000))

