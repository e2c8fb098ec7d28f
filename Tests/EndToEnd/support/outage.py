"""Taking a server of the tests away, for a time or for good."""

import contextlib
import signal


class Outage:
    """For a class with a `process` and a `start`."""

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self, seconds=20):
        """Has it end by itself, or else kills it."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(seconds)
            finally:
                self.kill()

    def pause(self):
        """Makes it hang: connections stay, and new ones are made by the system, but nobody answers."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def away(self, how):
        """Without the server, which is back afterwards: `how` is "kill" or "pause"."""
        {"kill": self.kill, "pause": self.pause}[how]()
        try:
            yield
        finally:
            {"kill": self.start, "pause": self.resume}[how]()
