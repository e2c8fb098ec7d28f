"""Resume: a client that comes back goes on where it was."""

import pytest

from api import assert_failure
from waiting import wait_until


def signature(events):
    return [(event.id, event.data) for event in events]


def resume(api, session, last, **parameters):
    return api.watch(headers={"Last-Event-ID": last}, session_id=session["session_id"], **parameters)


def test_an_ended_stream_resumes_after_every_event_without_loss_or_repetition(api):
    session = api.session()
    *events, _ = api.ask(session, tokens=12)
    for position, event in enumerate(events[:-1]):
        again = resume(api, session, event.id).wait_for_end()
        assert again.error is None and not again.done
        assert signature(again.events) == signature(events[position + 1 :])


def test_a_running_stream_resumes_after_every_event_without_loss_or_repetition(api):
    session = api.session()
    first = api.stream(session, tokens=60, rate=60)
    seen = first.wait_for(30)
    watchers = [(position, resume(api, session, event.id)) for position, event in enumerate(seen)]
    first.wait_for_end()
    for position, watcher in watchers:
        watcher.wait_for_end()
        assert signature(watcher.events) == signature(first.events[position + 1 :])


def test_nothing_is_left_after_the_terminal_event(api):
    session = api.session()
    *events, _ = api.ask(session)
    response = api.http.get(
        "/api/chat/message", params={"session_id": session["session_id"]}, headers={"Last-Event-ID": events[-1].id}
    )
    assert response.status_code == 204
    assert response.content == b""


def test_the_last_event_id_may_stand_in_the_query_string(api):
    session = api.session()
    *events, _ = api.ask(session)
    watcher = api.watch(session_id=session["session_id"], last_event_id=events[3].id)
    assert signature(watcher.wait_for_end().events) == signature(events[4:])


def test_resuming_with_a_query_asks_nothing_again(api):
    session = api.session()
    *events, _ = api.ask(session, "Once", message_id="once")
    watcher = resume(api, session, events[2].id, query="Once", message_id="once")
    assert signature(watcher.wait_for_end().events) == signature(events[3:])
    after = resume(api, session, events[-1].id, query="Once", message_id="once").wait_for_end()
    assert after.response.status_code == 204
    assert api.history(session["room_id"])["total"] == 1


def test_a_stopped_stream_resumes_to_its_cancelled_event(api):
    session = api.session()
    stream = api.stream(session)
    seen = stream.wait_for(10)
    api.stop(session)
    stream.wait_for_end()
    watcher = resume(api, session, seen[9].id).wait_for_end()
    # Whatever the first reader had got behind the tenth event by then.
    assert watcher.events[-1].status == "cancelled"
    assert signature(watcher.events) == signature(stream.events[-1:])


def test_each_of_many_cuts_is_resumed(api):
    session = api.session()
    stream = api.stream(session, tokens=100, rate=100)
    collected, last = [], None
    while not collected or collected[-1].status != "complete":
        watcher = resume(api, session, last) if last else api.watch(session_id=session["session_id"])
        wait_until(lambda: len(watcher.events) >= 7 or watcher.ended)
        watcher.leave()
        collected += watcher.events
        last = collected[-1].id
    stream.wait_for_end()
    assert signature(collected) == signature(stream.events)


def test_a_stream_of_another_session_is_not_resumed(api):
    *events, _ = api.ask(api.session())
    other = api.session()
    response = api.http.get(
        "/api/chat/message", params={"session_id": other["session_id"]}, headers={"Last-Event-ID": events[2].id}
    )
    assert response.status_code in (204, 403, 404)
    assert "streaming" not in response.text


@pytest.mark.parametrize("last", ["stream_unknown:5", "nonsense", ":", "stream_x:-1", "stream_x:99999999999999999999"])
def test_an_unknown_last_event_id_stops_the_reconnecting(api, last):
    session = api.session()
    response = api.http.get(
        "/api/chat/message", params={"session_id": session["session_id"]}, headers={"Last-Event-ID": last}
    )
    # An EventSource reconnects for ever, unless it is told not to: by 204, or by a failure.
    assert response.status_code in (204, 400, 404, 422)


def test_a_resume_needs_a_live_session(api):
    response = api.http.get(
        "/api/chat/message", params={"session_id": "session_nowhere"}, headers={"Last-Event-ID": "stream_x:1"}
    )
    if response.status_code != 204:
        assert_failure(response, 404, "NOT_FOUND")
