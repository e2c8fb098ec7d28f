// Times as people write them, in the browser's language.

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "short" });
const date = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const longDate = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });

const midnight = time => new Date(time.getFullYear(), time.getMonth(), time.getDate()).getTime();
const daysAgo = time => Math.round((midnight(new Date()) - midnight(time)) / 86_400_000);

/** The time of day. */
export function timeOfDay(time) {
  return clock.format(time);
}

/** Short, for a list: today's time, the day of this week, else the date. */
export function shortTime(time) {
  const days = daysAgo(time);
  if (days <= 0) return clock.format(time);
  return days < 7 ? weekday.format(time) : date.format(time);
}

/** The day, for the line between two days. */
export function day(time) {
  const days = daysAgo(time);
  return days <= 0 ? "Today" : days === 1 ? "Yesterday" : longDate.format(time);
}

/** For a `<time>` and its tooltip. */
export function fullTime(time) {
  return `${longDate.format(time)}, ${clock.format(time)}`;
}
