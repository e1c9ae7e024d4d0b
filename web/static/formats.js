// How statuses, times and scores are written, everywhere on the dashboard.

export const STATUSES = {
  AWAITING_PROCTOR: "Awaiting proctor",
  READY: "Ready",
  ACTIVE: "Active",
  PAUSED: "Paused",
  INTERRUPTED: "Interrupted",
  SUBMITTED: "Submitted",
  TIMED_OUT: "Timed out",
  TERMINATED: "Terminated",
  CANCELLED: "Cancelled",
};
export const GRADING = { NOT_READY: "Not ready", PENDING: "Pending", PENDING_MANUAL: "Needs marking", FULLY_GRADED: "Graded" };

const time = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const today = new Intl.DateTimeFormat(undefined, { ...time, second: "2-digit" });
const earlier = new Intl.DateTimeFormat(undefined, { ...time, day: "numeric", month: "short" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
export const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 });

export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function pill(element, status, text) {
  element.dataset.status = status;
  write(element, text);
}

export function moment(element, at) {
  element.dateTime = at ?? "";
  element.title = at ? full.format(new Date(at)) : "";
  write(element, at ? shortMoment(new Date(at)) : "–");
}

export function shortMoment(at) {
  return (at.toDateString() === new Date().toDateString() ? today : earlier).format(at);
}

export function clock(seconds) {
  const two = (value) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(seconds % 60)}`;
}

export function scoreOf({ score, maxScore, grading }) {
  if (score !== null) return `${number.format(score)}/${number.format(maxScore)}`;
  return grading === "PENDING_MANUAL" ? "To mark" : "–";
}

// SOME_STATUS as a person writes it.
export function sentence(status) {
  return status.charAt(0) + status.slice(1).toLowerCase().replaceAll("_", " ");
}
