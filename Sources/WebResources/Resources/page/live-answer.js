// One answer as its events make it. Knows nothing of the page, so that events may come late, twice or out of a new connection.

const ends = new Set(["complete", "cancelled", "interrupted", "error"]);

export class LiveAnswer {
  constructor(streamID) {
    this.streamID = streamID;
    this.sequence = -1;
    this.text = "";
    /** What is being done while there is no text, in words; null: nothing special. */
    this.activity = null;
    /** The terminal event, once it has come. */
    this.end = null;
  }

  /**
   * Takes an event. Those that were there before change nothing: whoever watches a session anew gets its running answer from
   * the start.
   *
   * @returns {boolean} whether something has changed
   */
  take(id, event) {
    const sequence = Number(id.slice(id.lastIndexOf(":") + 1));
    if (this.end || !(sequence > this.sequence)) return false;
    this.sequence = sequence;
    switch (event.status) {
      case "streaming":
        this.activity = null;
        this.text += event.content ?? "";
        break;
      // All of the answer so far, in place of events that are no longer held.
      case "reset":
        this.text = event.content ?? "";
        break;
      case "reasoning":
        this.activity = "Thinking";
        break;
      case "tool_call":
        this.activity = "Using a tool";
        break;
      default:
        if (!ends.has(event.status)) break;
        this.text = event.content ?? this.text;
        this.end = event;
    }
    return true;
  }
}
