/** The resend button waits and says for how long; without JavaScript the server keeps the same limit. */
for (const button of document.querySelectorAll("[data-resend]")) {
  const label = button.lastChild;
  const words = label.textContent;
  let left = Number(button.dataset.resend);
  button.disabled = true;
  const timer = setInterval(() => {
    left -= 1;
    if (left > 0) {
      label.textContent = `${words} (${left})`;
      return;
    }
    clearInterval(timer);
    label.textContent = words;
    button.disabled = false;
  }, 1000);
}
