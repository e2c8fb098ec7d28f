"""What servers that the tests make up have in common: a port, and a thread for each connection."""

import contextlib
import socket
import threading


class Listener:
    """Listens on a free port of this machine, or on the one that is given, until it is closed. Each connection is handed to
    `serve`, in a thread of its own."""

    def __init__(self, port=0):
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.accepting = threading.Thread(target=self._accept, daemon=True)
        self.accepting.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        raise NotImplementedError

    def close(self):
        with contextlib.suppress(OSError):
            # Wakes the thread, which closing alone does not.
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.accepting.join(5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def parts_of(connection):
    """What comes over a connection, until it ends or breaks."""
    with contextlib.suppress(OSError):
        while data := connection.recv(65536):
            yield data
