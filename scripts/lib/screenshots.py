"""Takes pictures of the chat page into a folder: of a service that asks a scripted model, so that they are the same each time but for the hour."""

import contextlib
import pathlib
import sys
import tempfile
import threading

from api import Api
from browser import chromium
from chat import write_agents
from page import ChatPage
from scripted_model import DONE, ScriptedModel, answer, chunk, delta, finish, wait
from service import Service
from waiting import wait_until

OTHERS = [
    ("Plan a weekend in Lisbon", "Two days are enough for **Alfama**, Belém and a ferry across the Tejo."),
    ("Why is the sky blue?", "Air scatters blue light more than red: ten times as much, from one end of what we see to the other."),
    ("A letter to my landlord", "Dear Ms Keller, the radiator in the kitchen has been cold since Monday."),
    ("Names for a small boat", "How about *Second Breakfast*?"),
]
QUESTION = "How do tokens reach my browser?"
ANSWER = """Over **Server-Sent Events**: one request, whose answer grows for as long as there is something to say.

1. The model sends a piece of text.
2. The service appends it to the stream's log.
3. Everybody who watches gets it, in the same order.

```js
const source = new EventSource(`/api/chat/message?session_id=${session}`);
source.onmessage = event => show(JSON.parse(event.data).content);
```

A connection that is lost comes back by itself, and goes on where it was."""
NEXT = "And if I press stop?"
PARTIAL = "Then it really stops. The connection to the model is closed, nobody sees another token, and "


def script(text):
    return answer(*[text[start:start + 12] for start in range(0, len(text), 12)])


def prepare(page, api, model):
    """A conversation, of which the last answer is being written; returns what lets it end."""
    for name, text in OTHERS:
        model.script(*script(text))
        room = api.room("ada", room_name=name)
        api.ask(api.session("ada", room_id=room["room_id"]), name, context={})
    page.open("ada")
    model.script(*script(ANSWER))
    page.say(QUESTION)
    page.wait_for(status="completed")
    gate = threading.Event()
    model.script(chunk({"role": "assistant", "content": ""}), delta(PARTIAL), wait(gate), finish(), DONE)
    page.say(NEXT)
    page.wait_for(answer=PARTIAL)
    wait_until(lambda: NEXT not in page.text("#composer") and len(page.rooms) == 5, what="the list of rooms")
    return gate


def picture(page, path):
    # Whatever moves is shown at rest.
    page.js("document.activeElement.blur(); document.getAnimations().forEach(each => each.cancel())")
    assert page.browser.save_screenshot(str(path))
    print(f"{path}: {path.stat().st_size // 1024} KiB")


def main(folder):
    with tempfile.TemporaryDirectory() as temporary, ScriptedModel() as model, contextlib.ExitStack() as stack:
        temporary = pathlib.Path(temporary)
        agents = [{"name": name, "model": "scripted-1"} for name in ("assistant", "researcher")]
        service = Service(
            temporary / "service", OPENAI_BASE_URL=model.url, DRAIN_SECONDS="1",
            AGENTS_FILE=write_agents(temporary / "agents.json", agents),
        ).start()
        stack.callback(service.stop)
        api = Api(service.url)
        stack.callback(api.close)
        page = ChatPage(stack.enter_context(chromium(temporary / "profile")), service.url)
        page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 1240, "height": 780, "deviceScaleFactor": 1, "mobile": False})
        gate = prepare(page, api, model)
        stack.callback(gate.set)
        picture(page, folder / "page-light.png")
        with page.in_dark_mode():
            picture(page, folder / "page-dark.png")
        with page.on_a_phone():
            page.reload()
            page.wait_for(answer=PARTIAL)
            picture(page, folder / "page-phone.png")


main(pathlib.Path(sys.argv[1]))
