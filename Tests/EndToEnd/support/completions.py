"""What is asked of chat completions, and what is read of them."""

QUESTION = [{"role": "user", "content": "What is a room?"}]


def in_session(session):
    return {"user": session["user_id"], "metadata": {"session_id": session["session_id"]}}


def text_of(chunks):
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
