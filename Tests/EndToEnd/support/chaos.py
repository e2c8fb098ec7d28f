"""Chats that go on while one thing after the other is broken at random, and what they were told."""

import contextlib
import os
import random
import threading
import time
from collections import Counter

import httpx

from api import DIRECT, TERMINAL, demo, events_in, unique

SEED = int(os.environ.get("CHAOS_SEED", time.time_ns() % 1_000_000))
# What the chaos does: all, or only some of kill, pause, cut, redis-kill, redis-pause, redis-flush, redis-cut.
KINDS = os.environ.get("CHAOS_KINDS", "kill pause cut redis-kill redis-pause redis-flush redis-cut").split()


class Records:
    """What clients were told, by stream."""

    def __init__(self):
        self.lock = threading.Lock()
        self.accepted = []  # (session, query, stream)
        self.events = {}  # id -> data; a reset apart
        self.terminals = {}  # stream -> {(id, status)}
        self.stopped = {}  # stream -> partial response of a stop that was delivered, and when that was
        self.faults = []
        self.counts = Counter()

    def count(self, name):
        with self.lock:
            self.counts[name] += 1

    def fault(self, text):
        with self.lock:
            self.faults.append(text)

    def take(self, event):
        stream = event.stream_id
        with self.lock:
            if event.status == "reset":
                return
            known = self.events.setdefault(event.id, event.data)
            if known != event.data:
                self.faults.append(f"{event.id} is {known} and {event.data}")
            if event.status in TERMINAL:
                self.terminals.setdefault(stream, set()).add((event.id, event.status))


class Reader:
    """One client's view of streams: checks the order of what it gets over one connection."""

    def __init__(self, records, name):
        self.records, self.name = records, name
        self.last = {}  # stream -> sequence
        self.ended = set()

    def take(self, event):
        stream, sequence = event.stream_id, event.sequence
        if sequence <= self.last.get(stream, -1):
            self.records.fault(f"{self.name}: {event.id} ({event.status}) after {self.last[stream]}")
        gap = sequence > self.last.get(stream, sequence - 1) + 1
        if gap and event.status not in ("reset", "cancelled", "interrupted"):
            self.records.fault(f"{self.name}: {event.id} ({event.status}) after {self.last[stream]}: events are missing")
        if stream in self.ended:
            self.records.fault(f"{self.name}: {event.id} ({event.status}) after the stream's end")
        stopped = self.records.stopped.get(stream)
        if event.status == "streaming" and stopped and time.monotonic() > stopped + 0.25:
            self.records.fault(f"{self.name}: {event.id} {time.monotonic() - stopped:.2f} s after the stop was answered")
        if event.status in TERMINAL:
            self.ended.add(stream)
        self.last[stream] = sequence
        self.records.take(event)


class Chat(threading.Thread):
    """One session: asks, watches, stops, resumes, leaves."""

    def __init__(self, url, number, records, finishing):
        super().__init__(daemon=True)
        self.url, self.records, self.finishing = url, records, finishing
        self.random = random.Random(f"{SEED}:{number}")
        self.name = f"chat {number}"
        self.sessions = []
        self.start()

    def run(self):
        try:
            while not self.finishing.is_set():
                with contextlib.suppress(httpx.HTTPError, AssertionError):
                    self.converse()
        except Exception as error:
            self.records.fault(f"{self.name}: {error!r}")

    def client(self):
        return httpx.Client(base_url=self.url, timeout=httpx.Timeout(10, read=8), **DIRECT)

    def converse(self):
        with self.client() as client:
            answer = client.post("/api/session/create", json={"user_id": unique()})
            if answer.status_code != 201:
                self.records.count(f"session {answer.status_code}")
                return self.finishing.wait(0.2)
            session = answer.json()["data"]
            self.sessions.append(session)
            followers = [threading.Thread(target=self.follow, args=(session,), daemon=True) for _ in range(2)]
            self.following = threading.Event()
            for each in followers:
                each.start()
            for _ in range(self.random.randrange(2, 8)):
                if not self.finishing.is_set():
                    self.question(client, session)
            self.following.set()
            for each in followers:
                each.join(15)

    def follow(self, session):
        """Comes again whenever it is cut off. Each connection begins a running stream anew, or resumes where it was."""
        reader, last = Reader(self.records, f"{self.name}'s follower"), None
        while not self.following.is_set():
            with contextlib.suppress(httpx.HTTPError), self.client() as client:
                headers = {"Last-Event-ID": last} if last else {}
                if not last:
                    reader = Reader(self.records, f"{self.name}'s follower")
                parameters = {"session_id": session["session_id"]}
                with client.stream("GET", "/api/chat/message", params=parameters, headers=headers) as response:
                    if response.status_code != 200:
                        last = None if response.status_code in (204, 404) else last
                        self.following.wait(0.1)
                        continue
                    self.records.count("resumed" if last else "followed")
                    for event in events_in(response):
                        if self.following.is_set():
                            return
                        if event != "[DONE]":
                            reader.take(event)
                            last = None if event.status in TERMINAL else event.id
                        if self.random.random() < 0.002:
                            break
            self.following.wait(0.05)

    def question(self, client, session):
        query = unique("question")
        body = {"query": query, "session_id": session["session_id"]}
        body["context"] = demo(self.random.randrange(5, 120), self.random.choice([20, 50, 200]))
        reader = Reader(self.records, f"{self.name}'s asker")
        leaves_after = self.random.choice([None, None, self.random.randrange(1, 60)])
        stops_after = self.random.choice([None, None, self.random.randrange(1, 60)])
        stream, count = None, 0
        try:
            with client.stream("POST", "/api/chat/message", json=body) as response:
                self.records.count(f"asked {response.status_code}")
                if response.status_code != 200:
                    self.finishing.wait(0.2)
                    return
                for event in events_in(response):
                    if event == "[DONE]":
                        break
                    if stream is None:
                        stream = event.stream_id
                        if event.status == "started":
                            with self.records.lock:
                                self.records.accepted.append((session, query, stream))
                    reader.take(event)
                    count += 1
                    if count == stops_after:
                        self.stop(session, stream)
                    if count == leaves_after:
                        self.records.count("left")
                        break
        except httpx.HTTPError:
            self.records.count("broken")
        if leaves_after and self.random.random() < 0.5 and stream:
            self.stop(session, stream)

    def stop(self, session, stream):
        with contextlib.suppress(httpx.HTTPError), self.client() as client:
            response = client.post(f"/api/session/{session['session_id']}/stop", json={"stream_id": stream})
            if response.status_code == 200 and response.json()["data"].get("delivered"):
                with self.records.lock:
                    self.records.stopped[stream] = time.monotonic()
                self.records.count("stopped")


class Chaos:
    """Breaks one thing after the other, and mends it; at most one at a time, and never the last instance."""

    def __init__(self, instances):
        self.instances = instances
        self.random = random.Random(SEED)
        self.log = []

    def run(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(self.random.uniform(0.5, 2))
            kind = self.random.choice(KINDS)
            self.log.append((round(seconds - (end - time.monotonic()), 1), kind))
            getattr(self, kind.replace("-", "_"))()

    def wait(self, longest):
        time.sleep(self.random.choice([0.3, 1, 2.5, longest]))

    def one(self):
        return self.random.randrange(len(self.instances.all))

    def kill(self):
        one = self.instances.all[self.one()]
        one.kill()
        self.wait(5)
        one.start()

    def pause(self):
        one = self.instances.all[self.one()]
        one.pause()
        self.wait(14)
        one.resume()

    def cut(self):
        way = self.instances.ways[self.one()]
        way.cut()
        self.wait(14)
        way.restore()

    def redis_kill(self):
        with self.instances.redis.away("kill"):
            self.wait(4)

    def redis_pause(self):
        with self.instances.redis.away("pause"):
            self.wait(12)

    def redis_flush(self):
        self.instances.redis.client.flushall()

    def redis_cut(self):
        for each in self.instances.ways:
            each.end_connections()
