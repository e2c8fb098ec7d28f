"""A standard error that nobody reads: it holds nothing up, and what is lost is counted."""

import os
import threading
import time

from api import unique
from log import entries
from rawsocket import RawConnection
from waiting import holds_for, wait_until


def start_with(make_service, error_output, name="own", **settings):
    """A service that writes its errors to the file that is given, and is the only one to hold it."""
    service = make_service(name, LOG_LEVEL="debug", **settings)
    service.error_output = error_output
    service.start()
    os.close(error_output)
    return service


def fill(service, count=2500):
    """Has the service log some 3 MB."""
    path = "/" + "x" * 3000
    for _ in range(count // 50):
        with RawConnection(service.port) as connection:
            for _ in range(50):
                connection.send_request("GET", path)
            for _ in range(50):
                assert connection.read_response()[0] == 404


def test_a_standard_error_that_nobody_reads_holds_up_neither_requests_nor_streams_nor_the_end(make_service, connect):
    ours, theirs = os.pipe()
    service = start_with(make_service, theirs)
    api = connect(service)
    assert api.metric("log_lines_dropped_total") == 0
    fill(service)
    lost = api.metric("log_lines_dropped_total")
    assert lost > 0
    assert api.ask(api.session(), tokens=100)[-2].status == "complete"
    for _ in range(20):
        start = time.monotonic()
        assert api.http.get("/healthz").status_code == 200
        assert time.monotonic() - start < 2

    # It is read again: what was kept comes whole, with how much was not.
    output, finished = [], threading.Event()

    def read():
        while not finished.is_set() and (part := os.read(ours, 65536)):
            output.append(part)

    def told():
        text = b"".join(output).decode()
        lines = entries(text[: text.rfind("\n") + 1])
        return sum(line["count"] for line in lines if line["message"] == "log lines dropped")

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    wait_until(lambda: told() == api.metric("log_lines_dropped_total") >= lost, 10, "the number of dropped lines")
    finished.set()
    api.http.get("/healthz")
    reader.join(10)

    # Full again, and read by nobody, it is no reason to stay.
    fill(service)
    service.signal()
    assert service.wait(10) == 0
    os.close(ours)


def test_a_standard_error_whose_reader_is_gone_ends_nothing(make_service, connect):
    ours, theirs = os.pipe()
    service = start_with(make_service, theirs)
    os.close(ours)
    api = connect(service)
    assert api.ask(api.session())[-2].status == "complete"
    wait_until(lambda: api.metric("log_lines_dropped_total") > 0, 10, "the count of lost lines")


def test_a_second_signal_ends_with_a_line_and_also_where_nobody_reads_it(make_service, connect):
    for is_read in (True, False):
        ours, theirs = os.pipe()
        service = start_with(make_service, theirs, unique("service"), DRAIN_SECONDS="60")
        api = connect(service)
        stream = api.stream(api.session())
        if not is_read:
            fill(service)
        service.signal()
        assert holds_for(lambda: service.process.poll() is None, 1.2)
        service.signal()
        assert service.wait(10) == 1
        stream.wait_for_end(5)
        if is_read:
            text = b""
            while part := os.read(ours, 65536):
                text += part
            assert entries(text.decode())[-1]["message"] == "ended by a second signal, before all was stored"
        os.close(ours)
