// Failures in words: what has happened, and what to do.

const answers = {
  AGENT_UNAVAILABLE: "The model cannot be reached at the moment.",
  AGENT_TIMEOUT: "The model took too long to answer.",
  AGENT_RATE_LIMITED: "The model has too much to do at the moment.",
  AGENT_REJECTED: "The model refused this question.",
  AGENT_PROTOCOL: "The model answered with something that could not be understood.",
};

/** Why an answer failed, as the terminal event or the history tells it. */
export function answerFailure(code, message) {
  return answers[code] ?? message ?? "The answer failed.";
}

const calls = {
  ACCESS_DENIED: "This room belongs to somebody else.",
  NETWORK: "The service cannot be reached.",
  OVERLOADED: "The service has too much to do at the moment.",
  RATE_LIMIT_EXCEEDED: "That was a little too fast.",
  ROOM_LIMIT_EXCEEDED: "You have as many rooms as one can have. Delete one that you no longer need.",
  SHUTTING_DOWN: "The service is being restarted.",
  STREAM_ACTIVE: "An answer is already being written in this room. Wait for it, or stop it.",
  STREAM_LIMIT_EXCEEDED: "Too many of your answers are being written at the same time. Wait for one to end, or stop one.",
  UNAVAILABLE: "The service cannot get at its store at the moment.",
  INTERNAL_ERROR: "Something went wrong in the service.",
};

/** Why a call failed. */
export function callFailure(failure) {
  if (failure.code === "NETWORK") return failure.message;
  return calls[failure.code] ?? failure.message;
}

/** Whether the same call may well succeed later. */
export function isPassing(failure) {
  return failure.status === 0 || failure.status === 408 || failure.status === 429 || failure.status >= 500;
}

const nameLength = 60;

/** What a room is called after its first question. */
export function nameFor(question) {
  const characters = [...question.replace(/[\s\p{C}]+/gu, " ").trim()];
  return characters.length > nameLength ? `${characters.slice(0, nameLength).join("").trim()}…` : characters.join("");
}
