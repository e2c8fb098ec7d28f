"""Instances that have lost their Redis: what each must do alone, and what they must do again when it is back."""

import threading
import time

from instances import assert_agree, knows_redis, seen

# The longest time between tokens of a stream of 20 a second that its local watchers may notice.
LONGEST_GAP = 0.5


class Gaps(threading.Thread):
    """Looks for the longest time between two events of a stream."""

    def __init__(self, stream):
        super().__init__(daemon=True)
        self.stream, self.longest, self.finished = stream, 0, threading.Event()
        self.start()

    def run(self):
        count, last = len(self.stream.events), time.monotonic()
        while not self.finished.wait(0.005):
            now = time.monotonic()
            if len(self.stream.events) > count:
                count, last = len(self.stream.events), now
            self.longest = max(self.longest, now - last)

    def end(self):
        self.finished.set()
        self.join()
        return self.longest


def assert_works_alone(instances):
    """Every kind of request on every instance, with streams that are answered and stopped."""
    for api in instances:
        session = api.session()
        assert api.ask(session, tokens=3)[-2].status == "complete"
        stream = api.stream(session)
        watcher = api.watch(session_id=session["session_id"])
        watcher.wait_for(5)
        assert api.stop(session)["data"]["delivered"] is True
        assert stream.wait_for_terminal(5).status == watcher.wait_for_terminal(5).status == "cancelled"
        assert seen(watcher)[-1] == seen(stream)[-1]
        watcher.leave()
        api.data("DELETE", f"/api/rooms/{session['room_id']}", params={"user_id": session["user_id"]})


def assert_one_again(instances):
    here, there = list(instances)[:2]
    session = here.session()
    follower = there.follow(session)
    stream = here.stream(session)
    follower.wait_for(5)
    assert there.stop(session)["data"]["delivered"] is True
    assert follower.wait_for_terminal(5).status == "cancelled"
    assert_agree(stream, follower)
    follower.leave()


def nobody_knows_redis(instances):
    return not any(map(knows_redis, instances))
