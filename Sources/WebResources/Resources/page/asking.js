// Sending a question into a room's session, which is made where there is none, or where it has ended.

import { api } from "./api.js";
import { sessions } from "./storage.js";

/**
 * Asks. The answer comes to whoever watches the session.
 *
 * @param question `text`, `messageID`, and the `agent` who is to answer
 * @param callbacks `user()`, `onSession(id)` before anything is asked in it, `onSessionEnd()` when it turns out to have ended
 */
export async function send(question, room, callbacks) {
  for (let isAgain = false; ; isAgain = true) {
    const session = sessions.get(room) ?? (await makeSession(room, callbacks.user()));
    callbacks.onSession(session);
    try {
      return await api.ask({ session_id: session, query: question.text, message_id: question.messageID, agent_type: question.agent });
    } catch (failure) {
      // A session lasts half an hour. The room stays, and gets another one.
      if (failure.status !== 404 || isAgain) throw failure;
      callbacks.onSessionEnd();
      sessions.forget(room);
    }
  }
}

async function makeSession(room, user) {
  const session = (await api.createSession(user, room)).session_id;
  sessions.set(room, session);
  return session;
}
