"""Streams of instances that others lose sight of, and what must be true of them afterwards."""

import time

import pymongo

from instances import assert_agree, assert_in_order
from service import MONGODB_TEST_URI


def settle(instances):
    """Waits until the instances take dead ones over: for six seconds after they have become members they do not."""
    time.sleep(6)


def conversation_of(instances, session):
    """As it is stored, whoever may answer."""
    with pymongo.MongoClient(MONGODB_TEST_URI) as client:
        (found,) = client[instances.database].conversation_history.find({"session_id": session["session_id"]})
    return found


class Running:
    """A stream of the first instance, its asker, and watchers of all instances."""

    def __init__(self, instances, tokens=4000, rate=20, user=None):
        self.instances = instances
        self.owner, *self.others = instances
        self.session = self.owner.session(user)
        self.watchers = [each.watch(session_id=self.session["session_id"]) for each in instances]
        for each in self.watchers:
            each.wait_for_response()
        self.stream = self.owner.stream(self.session, tokens=tokens, rate=rate)
        for each in self.watchers:
            each.wait_for(10)

    @property
    def local(self):
        return [self.stream, self.watchers[0]]

    @property
    def remote(self):
        return self.watchers[1:]

    def assert_ended_alike(self, clients, status):
        terminals = [each.wait_for_terminal(5) for each in clients]
        assert {each.status for each in terminals} == {status}, terminals
        assert len({each.id for each in terminals}) == 1, terminals
        for each in clients:
            assert_in_order(each)
        assert_agree(*clients)
        stored = conversation_of(self.instances, self.session)
        names = {"interrupted": "interrupted", "complete": "completed", "cancelled": "cancelled"}
        assert stored["status"] == names[status]
        for each in terminals:
            assert each.content == stored["agent_response"]
        for each in clients:
            assert stored["agent_response"].startswith(each.text)
