// The till's camera: the browser's own BarcodeDetector where there is one, jsQR otherwise, words to type when neither can.

function loadDecoder(url) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = () => resolve(window.jsQR);
    script.onerror = () => reject(new Error("decoder did not load"));
    document.head.append(script);
  });
}

/** A function that reads one frame and returns the text of a QR code, or nothing. */
async function reader(url) {
  if ("BarcodeDetector" in window) {
    const formats = await window.BarcodeDetector.getSupportedFormats();
    if (formats.includes("qr_code")) {
      const detector = new window.BarcodeDetector({ formats: ["qr_code"] });
      return async (video) => (await detector.detect(video))[0]?.rawValue;
    }
  }
  const jsQR = await loadDecoder(url);
  const canvas = document.createElement("canvas");
  const surface = canvas.getContext("2d", { willReadFrequently: true });
  return async (video) => {
    const side = Math.min(video.videoWidth, video.videoHeight);
    const size = Math.min(side, 480);
    canvas.width = size;
    canvas.height = size;
    surface.drawImage(video, (video.videoWidth - side) / 2, (video.videoHeight - side) / 2, side, side, 0, 0, size, size);
    return jsQR(surface.getImageData(0, 0, size, size).data, size, size)?.data;
  };
}

const LAST = "till-last-code";

/** The answer stands on a page with the camera running: the code still in view must not be sent again and again. */
function isFresh(text) {
  const last = JSON.parse(sessionStorage.getItem(LAST) ?? "null");
  if (last?.text === text && Date.now() - last.at < 60000) return false;
  sessionStorage.setItem(LAST, JSON.stringify({ text, at: Date.now() }));
  return true;
}

async function start(box) {
  const video = box.querySelector("video");
  const words = box.querySelector("p");
  const target = document.getElementById(box.dataset.target);
  if (!navigator.mediaDevices?.getUserMedia) {
    words.textContent = box.dataset.none;
    return;
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
  } catch (error) {
    words.textContent = error.name === "NotAllowedError" ? box.dataset.denied : box.dataset.none;
    return;
  }
  const stop = () => stream.getTracks().forEach((track) => track.stop());
  window.addEventListener("pagehide", stop, { once: true });
  const read = await reader(box.dataset.decoder).catch(() => null);
  if (!read) {
    stop();
    words.textContent = box.dataset.none;
    return;
  }
  video.srcObject = stream;
  video.hidden = false;
  words.hidden = true;
  box.dataset.live = "1";
  await video.play();
  while (stream.active) {
    const text = video.readyState >= 2 ? await read(video).catch(() => null) : null;
    if (text && isFresh(text)) {
      stop();
      if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(80);
      target.value = text;
      target.form.requestSubmit();
      return;
    }
    await new Promise((next) => setTimeout(next, 160));
  }
}

document.querySelectorAll("[data-scanner]").forEach(start);
