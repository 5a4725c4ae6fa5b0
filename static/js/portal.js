// What every page needs: large print, language of the toasts, dialogs, menus, countdowns. Every deed works without it.

const root = document.documentElement;
const toasts = document.getElementById("toasts");

/** Shows a sentence for a while; errors stay until they are closed. kind: success, warning, error. */
export function toast(text, kind = "success") {
  if (!toasts || !text) return;
  const item = document.createElement("div");
  item.className = `toast${kind === "error" ? " no" : kind === "warning" ? " wait" : ""}`;
  const words = document.createElement("span");
  words.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.dataset.toastClose = "";
  close.setAttribute("aria-label", toasts.dataset.close || "×");
  close.textContent = "×";
  item.append(words, close);
  toasts.append(item);
  expire(item);
}

/** A toast goes by itself unless it is an error or somebody is reading it. */
function expire(item) {
  if (item.classList.contains("no")) return;
  const leave = () => (item.matches(":hover, :focus-within") ? setTimeout(leave, 2000) : item.remove());
  setTimeout(leave, 8000);
}

/** Large print at once, remembered by the server; when the request fails the form is sent as an ordinary one. */
async function switchSize(form, button) {
  const size = button.value;
  const answer = await fetch(form.action, { method: "POST", body: new FormData(form, button), redirect: "manual" });
  if (answer.type !== "opaqueredirect" && !answer.ok) throw new Error("size was not stored");
  root.dataset.size = size;
  button.value = size === "large" ? "normal" : "large";
  button.setAttribute("aria-pressed", String(size === "large"));
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-size-switch]") && event.submitter) {
    event.preventDefault();
    const button = event.submitter;
    switchSize(form, button).catch(() => {
      const field = Object.assign(document.createElement("input"), { type: "hidden", name: "size", value: button.value });
      form.append(field);
      form.submit();
    });
    return;
  }
  // A second tap on a slow network must not send a second time; the server is idempotent all the same.
  const button = event.submitter;
  if (button && form.method === "post" && !form.matches("[hx-post]")) {
    setTimeout(() => { button.disabled = true; }, 0);
    setTimeout(() => { button.disabled = false; }, 8000);
  }
});

document.addEventListener("click", (event) => {
  const at = (selector) => event.target.closest(selector);
  const opener = at("[data-dialog]");
  if (opener) {
    const dialog = document.getElementById(opener.dataset.dialog);
    if (dialog?.showModal) {
      event.preventDefault();
      dialog.showModal();
    }
    return;
  }
  const closer = at("[data-dialog-close]");
  if (closer) {
    event.preventDefault();
    closer.closest("dialog").close();
    if (location.hash) history.replaceState(null, "", location.pathname + location.search);
    return;
  }
  at("[data-toast-close]")?.closest(".toast").remove();
  const toggle = at("[data-toggle]");
  if (toggle) {
    const target = document.getElementById(toggle.dataset.toggle);
    const open = target.toggleAttribute("data-open");
    toggle.setAttribute("aria-expanded", String(open));
  }
});

/** QR codes live for seconds: the bar counts down, and the page's own htmx renewal replaces it. */
function countdown(bar) {
  if (bar.dataset.running) return;
  bar.dataset.running = "1";
  const timer = setInterval(() => {
    if (!bar.isConnected || bar.value <= 0) clearInterval(timer);
    else bar.value -= 1;
  }, 1000);
}

function ready(scope) {
  scope.querySelectorAll("[data-countdown]").forEach(countdown);
  scope.querySelector("[data-focus]")?.focus({ preventScroll: false });
}

toasts?.querySelectorAll(".toast").forEach(expire);
ready(document);
document.addEventListener("htmx:afterSettle", (event) => ready(event.target));
// The server may send HX-Trigger: {"toast": {"text": "…", "kind": "success"}}.
document.addEventListener("toast", (event) => toast(event.detail.text ?? event.detail.value, event.detail.kind));
document.addEventListener("htmx:sendError", () => toast(root.lang === "en" ? "The network did not answer. Nothing was sent; try again." : "网络没有响应，没有提交。请稍后再试。", "error"));
document.addEventListener("htmx:responseError", (event) => {
  const busy = event.detail.xhr.status === 429;
  const zh = busy ? "操作太频繁，请一分钟后再试。" : "服务器没有完成这次操作，请稍后再试。";
  const en = busy ? "Too many requests. Try again in a minute." : "The server could not complete this. Try again later.";
  toast(root.lang === "en" ? en : zh, "error");
});
