// Line numbers beside the text, and a way to a line of which the check speaks. Without this script the text is a plain field.

const text = document.getElementById("source");
const gutter = document.querySelector(".yaml .gutter");
let shown = 0;

function number() {
  const lines = text.value.split("\n").length;
  if (lines === shown) return;
  shown = lines;
  gutter.textContent = Array.from({ length: lines }, (_, index) => index + 1).join("\n");
}

/** Select a line and bring it to the middle. */
function go(line) {
  const lines = text.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  text.focus();
  text.setSelectionRange(start, start + (lines[line - 1] ?? "").length);
  text.scrollTop = Math.max(0, (line - 1) * parseFloat(getComputedStyle(text).lineHeight) - text.clientHeight / 2);
}

if (text && gutter) {
  number();
  text.addEventListener("input", number);
  text.addEventListener("scroll", () => { gutter.scrollTop = text.scrollTop; });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-line]");
    if (!link) return;
    event.preventDefault();
    go(Number(link.dataset.line));
  });
  const wanted = location.hash.match(/^#line-([0-9]{1,6})$/);
  if (wanted) go(Number(wanted[1]));
}
