// What moves by itself. Without it everything can still be read and decided.
"use strict";

// A list that changes is asked for anew when something did; a broken connection is begun again by the browser.
for (const list of document.querySelectorAll("[data-live]")) {
  const status = document.getElementById("live");
  const say = (text) => { if (status) status.textContent = text; };
  const fresh = async () => {
    const answer = await fetch(list.dataset.live, { headers: { accept: "text/html" } });
    if (answer.redirected) return location.reload();
    if (!answer.ok) return say("The list could not be read anew; reload the page.");
    const held = document.activeElement?.closest?.("a")?.getAttribute("href");
    list.innerHTML = await answer.text();
    if (held) list.querySelector(`a[href="${CSS.escape(held)}"]`)?.focus();
  };
  const events = new EventSource("/events");
  events.addEventListener("open", () => { say("Live: new requests show up by themselves."); fresh(); });
  events.addEventListener("approval", fresh);
  events.addEventListener("error", () => say("Not live now; trying again."));
}

// What is typed in place of an item is judged while it is typed.
for (const text of document.querySelectorAll("[data-check]")) {
  const said = document.getElementById(text.getAttribute("aria-describedby"));
  let waiting;
  text.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const body = new URLSearchParams([[text.name, text.value]]);
      const answer = await fetch(text.dataset.check, { method: "POST", body });
      said.textContent = answer.ok ? await answer.text() : "It could not be judged now.";
    }, 200);
  });
}

// A one-time link carries its secret behind the #, which browsers send to nobody.
const link = /^#link=(exk_[0-9a-f]+)$/.exec(location.hash);
const form = document.getElementById("sign-in");
if (link && form) {
  form.elements.key.value = link[1];
  history.replaceState(null, "", location.pathname);
  form.querySelector("button").focus();
}
