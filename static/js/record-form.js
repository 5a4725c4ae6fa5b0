// The trip form fills in what follows from the distance: how long such a trip takes, and when it began if it ended now.
// What a person has typed is never changed. Without this script the server works out the time itself.

const form = document.getElementById("record-form");
const speed = Number(form?.dataset.speed);
const field = (name) => form?.elements.namedItem(name);
const distance = field("input_distance");
const minutes = field("minutes");
const start = field("start");
const day = field("day");

const touched = new Set();
for (const input of [minutes, start, day]) {
  input?.addEventListener("input", () => touched.add(input.name));
  if (input && form.querySelector(".has-error")) touched.add(input.name);
}
if (minutes?.value) touched.add("minutes");

/** 08:05, so many minutes before this moment in Guangdong; empty when that was yesterday. */
function clockBefore(count) {
  const parts = new Intl.DateTimeFormat("en-GB", { timeZone: "Asia/Shanghai", hour: "2-digit", minute: "2-digit", hour12: false });
  const [hour, minute] = parts.format(new Date()).split(":").map(Number);
  const at = hour * 60 + minute - count;
  return at < 0 ? "" : `${String(Math.floor(at / 60)).padStart(2, "0")}:${String(at % 60).padStart(2, "0")}`;
}

function fill() {
  const text = distance.value.trim();
  if (!/^[0-9]{1,4}(\.[0-9]{1,3})?$/.test(text) || Number(text) === 0) return;
  const usual = Math.max(1, Math.ceil((Number(text) * 60) / speed - 1e-9));
  if (!touched.has("minutes")) minutes.value = String(usual);
  const today = day && day.selectedIndex === 0;
  if (today && !touched.has("start") && !touched.has("day")) {
    const before = clockBefore(Number(minutes.value) + 1);
    if (before) start.value = before;
  }
}

if (speed && distance && minutes && start) distance.addEventListener("input", fill);
