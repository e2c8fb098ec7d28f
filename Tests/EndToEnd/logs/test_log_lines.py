"""The log's lines: nobody can forge one, a terminal gets them in colours, and the last ones are there."""

import os
import pty
import re
import socket

import pytest

from log import entries
from rawsocket import RawConnection


@pytest.mark.parametrize("format", ["json", "text"])
def test_no_request_can_forge_a_line_or_steer_a_terminal(make_service, connect, format):
    service = make_service(LOG_LEVEL="trace", LOG_FORMAT=format).start()
    forged = '2026-01-01T00:00:00.000Z error forged {"level":"error"}'
    # As escapes of URLs: ends of lines of any kind, a terminal's commands, an override of the direction, what is no UTF-8.
    ends = ["%0A", "%0D%0A", "%0B", "%0C", "%C2%85", "%E2%80%A8", "%E2%80%A9", "%1B[2J", "%E2%80%AE", "%C2%9B1A", "%FF"]
    with RawConnection(service.port) as connection:
        for end in ends:
            path = f"/api/rooms/x{end}{forged}".replace(" ", "%20").replace('"', "%22").replace("{", "%7B").replace("}", "%7D")
            for target in (path, f"/nowhere{path}", f"/api/rooms?user_id={path}"):
                connection.send_request("GET", target, headers=[f"X-Request-ID: {path}", f"traceparent: {path}"])
                assert connection.read_response()[0] in (400, 404, 422)
        for raw in (b"\x1b[2J", b"\x85", b"\xe2\x80\xa8", b"\xff\xfe", b"\xc2\x9b", b"x" * 4000):
            fields = b"".join(name + b": " + raw + b"\r\n" for name in (b"X-Request-ID", b"traceparent", b"Origin", b"X-Forwarded-For"))
            with RawConnection(service.port) as other:
                other.send(b"GET /api/rooms/x HTTP/1.1\r\nHost: x\r\n" + fields + b"\r\n")
                assert other.read_response()[0] in (400, 404)
    service.stop()
    text = (service.folder / "stderr").read_bytes().decode()
    assert not re.search("[^\x20-\x7e\n…]", text), ascii(re.search("[^\x20-\x7e\n…]", text))
    lines = text.splitlines()
    assert len(lines) == text.count("\n") >= 2 * 3 * len(ends)
    for line in lines:
        assert len(line) < 4096
        if format == "json":
            assert entries(line)
        else:
            assert re.match(r"20\d\d-\d\d-\d\dT[\d:.]+Z (trace|debug|info|warning|error) [a-zA-Z]", line), line
            assert not line.startswith("2026-01-01T00:00:00.000Z")


def terminal_output(make_service, name, **settings):
    """What a service writes to a terminal, from its start to its end."""
    ours, theirs = pty.openpty()
    service = make_service(name, **{"LOG_LEVEL": "info", "NO_COLOR": None} | settings)
    service.error_output = theirs
    service.start()
    service.stop()
    os.close(theirs)
    output = b""
    try:
        while part := os.read(ours, 65536):
            output += part
    except OSError:
        pass  # So Linux tells that a terminal's other side is closed.
    os.close(ours)
    return output.decode()


def test_a_terminal_gets_text_in_colours_unless_the_settings_say_otherwise(make_service):
    coloured = r"\x1b\[2m20\S+Z\x1b\[0m \x1b\[32minfo\x1b\[0m shutting down \x1b\[2mstreams=\x1b\[0m0\r\n"
    assert re.search(coloured, terminal_output(make_service, "auto", LOG_FORMAT=None))
    assert re.search(coloured, terminal_output(make_service, "text", LOG_FORMAT="text"))
    plain = terminal_output(make_service, "plain", NO_COLOR="1")
    assert re.search(r"^20\S+Z info shutting down streams=0\r$", plain, re.MULTILINE) and "\x1b" not in plain
    assert entries(terminal_output(make_service, "json", LOG_FORMAT="json"))


def test_what_stands_in_the_way_of_a_start_is_a_line(make_service):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        service = make_service(PORT=port).launch()
        assert service.wait(10) == 1
    (line,) = entries(service.stderr)
    assert (line["level"], line["message"]) == ("error", "cannot start")
    assert port in line["error"]
