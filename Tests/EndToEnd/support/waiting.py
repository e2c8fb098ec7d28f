"""Waiting for conditions, never for time alone."""

import time


def wait_until(condition, seconds=10.0, what="the condition"):
    """Polls until `condition` returns something true, and returns it; fails after `seconds`. `what` may be a function that tells it
    then."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            what = what() if callable(what) else what
            raise AssertionError(f"{what} did not come true within {seconds} s")
        time.sleep(0.01)


def holds_for(condition, seconds):
    """Whether `condition` stays true for the whole time: for what must not happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not condition():
            return False
        time.sleep(0.02)
    return True
