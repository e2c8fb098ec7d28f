// What is preset in Swagger UI works as it stands: the ids in the examples stand for the room and the session that this page has made
// last. Where it has made none, they are made.

/** What the examples name, as the description's longest example of a question has it. */
let samples = null;
/** What was made last, by the names of the samples. */
let made = {};

/** Takes the description. */
export function learn(description) {
  const question = description.paths["/api/chat/message"].post.requestBody.content["application/json"].examples.all.value;
  samples = { session_id: question.session_id, room_id: question.room_id, user_id: question.user_id };
}

/** Puts real ids in the place of those of the examples. */
export async function prepare(request) {
  if (!samples) return request;
  for (const name of ["session_id", "room_id"]) {
    const isNamed = text => typeof text === "string" && text.includes(samples[name]);
    if (!isNamed(request.url) && !isNamed(request.body)) continue;
    if (!made[name]) await makeSession();
    // The request then says itself what is wrong.
    if (!made[name]) continue;
    request.url = request.url.replaceAll(samples[name], made[name]);
    if (isNamed(request.body)) request.body = request.body.replaceAll(samples[name], made[name]);
  }
  // What is deleted stands for nothing any more.
  if (request.method === "DELETE") made = {};
  return request;
}

async function makeSession() {
  const body = { user_id: made.user_id ?? samples.user_id, room_id: made.room_id };
  const response = await fetch("/api/session/create", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  if (response.ok) remember((await response.json()).data);
}

function remember({ session_id, room_id, user_id }) {
  // A new room has no session yet, and may be another user's.
  made = { session_id, room_id, user_id };
}

/** Looks at what was made, or has ended. */
export function note(response) {
  if (response.status === 404) made = {};
  else if (response.ok && response.status === 201 && response.body?.data?.room_id) remember(response.body.data);
  return response;
}
