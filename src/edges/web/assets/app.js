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

// Passkeys: the bytes that browsers take and give are base64url on the way (WebAuthn).
const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const known = (list) => list.map((one) => ({ ...one, id: bytes(one.id) }));
const asked = async (url, body, headers) => {
  const answer = await fetch(url, { method: "POST", body, headers });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.detail);
  return said;
};

const sign = async (options) => {
  const signed = await navigator.credentials.get({ publicKey: {
    ...options, challenge: bytes(options.challenge), allowCredentials: known(options.allowCredentials) } });
  return { credential_id: text(signed.rawId), client_data_json: text(signed.response.clientDataJSON),
    authenticator_data: text(signed.response.authenticatorData), signature: text(signed.response.signature) };
};

// What a person decides is signed by one of their passkeys before it is sent.
for (const form of document.querySelectorAll("[data-sign]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const said = document.getElementById("sign-said");
    const button = event.submitter;
    try {
      const options = await asked(form.dataset.sign, new URLSearchParams(new FormData(form, button)));
      said.textContent = "Your browser asks for your passkey.";
      form.elements.assertion.value = JSON.stringify(await sign(options));
      if (button?.name) {
        const chosen = document.createElement("input");
        Object.assign(chosen, { type: "hidden", name: button.name, value: button.value });
        // A choice that the button overrides must not be sent beside it.
        for (const other of form.querySelectorAll(`input[type=radio][name="${CSS.escape(button.name)}"]`)) other.disabled = true;
        form.append(chosen);
      }
      form.submit();
    } catch (error) {
      said.textContent = `Not signed, and nothing was sent: ${error.message}`;
    }
  });
}

// A change of passkeys is signed by one that is there, unless there is none.
const changed = async (url, change) => {
  const send = (body) => asked(url, JSON.stringify(body), { "content-type": "application/json" });
  const first = await send(change);
  if (first.sign) await send({ ...change, assertion: await sign(first.sign) });
  location.reload();
};
const told = (error) => { document.getElementById("passkey-said").textContent = `Nothing was changed: ${error.message}`; };

const making = document.getElementById("new-passkey");
making?.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const options = await asked("/you/passkeys/begin");
    const made = await navigator.credentials.create({ publicKey: { ...options, challenge: bytes(options.challenge),
      user: { ...options.user, id: bytes(options.user.id) }, excludeCredentials: known(options.excludeCredentials) } });
    const registration = { client_data_json: text(made.response.clientDataJSON),
      attestation_object: text(made.response.attestationObject), transports: made.response.getTransports() };
    await changed("/you/passkeys", { name: making.elements.name.value, registration });
  } catch (error) {
    told(error);
  }
});
for (const button of document.querySelectorAll("[data-remove]")) {
  button.addEventListener("click", () => changed("/you/passkeys/remove", { id: button.dataset.remove }).catch(told));
}
