"""Clients that keep a service busy and remember what it has acknowledged."""

import threading

import httpx

from api import DIRECT, Api, Event, demo, events_in, unique


class Load:
    """Clients that create rooms and ask questions until the service dies or `finish` is called."""

    def __init__(self, url):
        self.url = url
        self.rooms = {}
        self.asked = []  # (session, question) whose `started` was seen
        self.completed = {}  # question -> text
        self.refused = 0
        self.finishing = threading.Event()
        self.threads = [threading.Thread(target=each, daemon=True) for each in [self.create] * 3 + [self.ask] * 3]
        for thread in self.threads:
            thread.start()

    def create(self):
        with httpx.Client(base_url=self.url, timeout=30, **DIRECT) as client:
            try:
                while not self.finishing.is_set():
                    name = unique("room")
                    response = client.post("/api/rooms", json={"user_id": unique(), "room_name": name})
                    if response.status_code == 201:
                        self.rooms[response.json()["data"]["room_id"]] = name
                    else:
                        self.back_off()
            except httpx.TransportError:
                pass

    def ask(self):
        api = Api(self.url)
        try:
            session = api.session()
            while not self.finishing.is_set():
                question = unique("question")
                body = {"query": question, "session_id": session["session_id"], "context": demo(40, 2000)}
                timeout = httpx.Timeout(10, read=60)
                with api.http.stream("POST", "/api/chat/message", json=body, timeout=timeout) as response:
                    if response.status_code != 200:
                        self.back_off()
                        continue
                    for event in events_in(response):
                        if isinstance(event, Event) and event.status == "started":
                            self.asked.append((session, question))
                        if isinstance(event, Event) and event.status == "complete":
                            self.completed[question] = event.content
        except httpx.TransportError:
            pass
        finally:
            api.close()

    def back_off(self):
        self.refused += 1
        self.finishing.wait(0.1)

    def finish(self, seconds=30):
        """Has the clients end with what they are at."""
        self.finishing.set()
        self.join(seconds)

    def join(self, seconds=10):
        for thread in self.threads:
            thread.join(seconds)
            assert not thread.is_alive()

    def assert_rooms_exist(self, api):
        for room_id, name in self.rooms.items():
            assert api.data("GET", f"/api/rooms/{room_id}")["room_name"] == name

    def assert_answers_are_there_once(self, api, other_statuses):
        """Those that were seen to complete as they were seen, the others with one of `other_statuses`."""
        sessions = {session["session_id"]: session for session, _ in self.asked}
        for session in sessions.values():
            stored = conversations_by_question(api, session["room_id"])
            for _, question in (each for each in self.asked if each[0] is session):
                conversation = stored[question]
                if question in self.completed:
                    assert conversation["status"] == "completed"
                    assert conversation["agent_response"] == self.completed[question]
                else:
                    assert conversation["status"] in other_statuses


def conversations_by_question(api, room_id):
    """All conversations of a room, whose number is the room's `message_count`."""
    conversations, total = [], None
    while total is None or len(conversations) < total:
        page = api.history(room_id, limit=200, offset=len(conversations))
        conversations += page["conversations"]
        total = page["total"]
    assert api.data("GET", f"/api/rooms/{room_id}")["message_count"] == total
    stored = {}
    for conversation in conversations:
        assert conversation["user_input"] not in stored, "stored twice"
        stored[conversation["user_input"]] = conversation
    return stored
