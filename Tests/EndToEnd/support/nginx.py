"""nginx as deploy/nginx.conf has it, in a folder and on ports of one's own.

Needs nothing but Python, as scripts/cluster uses it too.
"""

import getpass
import os
import re
import resource
import signal
import socket
import subprocess
from pathlib import Path

from outage import Outage
from service import CHECKOUT, child_environment, start_child
from waiting import wait_until

CONFIGURATION = CHECKOUT / "deploy/nginx.conf"
# As scripts/lib/servers.sh unpacks it.
PROGRAM = CHECKOUT / ".build/nginx/usr/sbin/nginx"


def free_ports(count):
    """Ports that nobody listens on, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def make_certificate(folder):
    """A certificate for this machine, signed by itself."""
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-keyout", folder / "key.pem", "-out", folder / "certificate.pem",
        ],
        check=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )


def configuration(folder, port, redirect_port, instances, workers=2):
    """deploy/nginx.conf with what differs on one machine: user, places of files, ports, instances and limits. All else is
    as it is there. Each of these must be found in it."""
    text = CONFIGURATION.read_text()

    def change(pattern, replacement, count=1):
        nonlocal text
        text, found = re.subn(pattern, replacement, text, flags=re.MULTILINE)
        assert found == count, f"deploy/nginx.conf has {found} of {pattern}, not {count}"

    # Only root can have its workers run as somebody else; and that one could not read our folders.
    change(r"^user .*;\n", f"user {getpass.getuser()};\n" if os.geteuid() == 0 else "")
    change(r"^worker_processes .*;", f"worker_processes {workers};")
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    change(r"^worker_rlimit_nofile .*;", f"worker_rlimit_nofile {descriptors};")
    change(r"worker_connections .*;", f"worker_connections {min(65536, descriptors - 100)};")
    change(r"^pid .*;", f"pid {folder}/nginx.pid;")
    change(r"/var/log/nginx/error\.log", f"{folder}/error.log", 2)
    change(r"/var/log/nginx/roomservice\.log roomservice .*;", f"{folder}/access.log roomservice;")
    temporary = (f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    change(r"^http \{\n", "http {\n    " + "\n    ".join(temporary) + "\n")

    def servers(found):
        return "".join(f"        server 127.0.0.1:{each}{found[1]};\n" for each in instances)

    change(r"(?:^        server [0-9.:]+( .*);\n)+", servers, 2)
    change(r"^ *listen \[::\].*\n", "", 2)
    change(r"listen 80;", f"listen 127.0.0.1:{redirect_port};")
    change(r"listen 443 ", f"listen 127.0.0.1:{port} ")
    change(r"ssl_certificate /.*;", f"ssl_certificate {folder}/certificate.pem;")
    change(r"ssl_certificate_key /.*;", f"ssl_certificate_key {folder}/key.pem;")
    return text


class Nginx(Outage):
    """One nginx with its workers, which end with it, and it with us."""

    def __init__(self, folder, instances):
        self.folder = Path(folder)
        self.port, self.redirect_port = free_ports(2)
        self.instances = list(instances)
        self.process = None

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    @property
    def certificate(self):
        return self.folder / "certificate.pem"

    def log(self, name):
        """What it has written: "access", "error" or "output"."""
        file = self.folder / f"{name}.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def configure(self, change=lambda text: text):
        """Writes its configuration, changed further by `change`."""
        text = configuration(self.folder, self.port, self.redirect_port, self.instances)
        (self.folder / "nginx.conf").write_text(change(text))

    def command(self, *arguments):
        return [PROGRAM, "-p", self.folder, "-c", self.folder / "nginx.conf", "-e", self.folder / "output.log", *arguments]

    def start(self, change=lambda text: text):
        assert PROGRAM.exists(), f"{PROGRAM} is not there: scripts/test unpacks it"
        self.folder.mkdir(parents=True, exist_ok=True)
        make_certificate(self.folder)
        self.configure(change)
        # It ends its workers when it is told to end, not when it is killed.
        self.process = start_child(
            self.command("-g", "daemon off;"), self.folder / "output.log", child_environment({"TZ": "UTC"}), ending=signal.SIGTERM,
        )
        wait_until(self._accepts, 10, "the start of nginx")
        return self

    def _accepts(self):
        assert self.process.poll() is None, f"nginx ended: {self.log('output')}{self.log('error')}"
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def take_out(self, port):
        """Has it ask that instance no more, as an operator would. Requests that it has there go on."""
        self.configure(lambda text: text.replace(f"server 127.0.0.1:{port} ", f"server 127.0.0.1:{port} down "))
        self.process.send_signal(signal.SIGHUP)
