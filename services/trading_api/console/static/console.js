// The console: opens a session, listens to the live stream, and draws what it says.
import { drawBatteries, drawBoard } from "/static/board.js";
import { HEADERS, endReads, read } from "/static/calls.js";
import { drawPrices, drawSources } from "/static/charts.js";
import { drawDesk, drawEntry, drawPace, isCancellable } from "/static/desk.js";
import { linkTo } from "/static/link.js";
import { drawScenes } from "/static/scenes.js";
import { CHANGES, INTERVAL_MS, counts, may, nowOf, stateFrom, todayOf, whyNot } from "/static/state.js";
import { count, dayOf, language, momentOf, secondOf, timeOf, toggleLanguage, without, word } from "/static/words.js";

const root = document.documentElement;
const at = (id) => document.getElementById(id);
const write = (id, text) => { const place = at(id); if (place.textContent !== text) place.textContent = text; };
const DRAW_EVERY_MS = 250;
const ROWS_SHOWN = 60;
const RECENT_KEPT = 2000;
const SIGN_IN_TRIES = 4, SIGN_IN_WAIT_MS = 10e3, SIGN_IN_AGAIN_MS = 1000;

let state = null;
// The day that somebody turned to; null: the page follows the clock.
let chosenDay = null;
let isLost = false;
let dirty = new Set();
let matching = null;
// What was heard lately, as a snapshot may be older than that when it arrives.
let recent = [];

// Says whether the key is known; null where the server does not answer, as one that has just started.
async function openSession(key) {
  for (let tries = 0; tries < SIGN_IN_TRIES; tries += 1) {
    if (tries) await new Promise((done) => { setTimeout(done, SIGN_IN_AGAIN_MS); });
    const signal = AbortSignal.timeout(SIGN_IN_WAIT_MS);
    const answer = await fetch("/console/session", { method: "POST", headers: HEADERS, body: JSON.stringify({ key }), signal }).catch(() => null);
    if (answer && answer.status !== 503) return answer.ok;
  }
  return null;
}

// Asks for a day, or for the present one, and shows it unless something newer was asked for meanwhile.
let asked = 0;
async function turnTo(day, chosen) {
  const mine = ++asked;
  chosenDay = chosen;
  const { status, said } = await read(`/overview${day ? `?day=${day}` : ""}`);
  if (mine !== asked) return status;
  if (said) take(said);
  else chosenDay = state?.chose ? state.day : null;
  return status;
}
async function again() {
  const status = await turnTo(chosenDay, chosenDay);
  if (status !== 200) againSoon();
  return status;
}

function take(snapshot) {
  if (state?.day !== snapshot.day) matching = null;
  state = stateFrom(snapshot, chosenDay !== null);
  recent.filter((one) => one.number > snapshot.sequence).forEach((one) => CHANGES[one.kind]?.(state, one.said));
  root.dataset.state = "live";
  document.querySelectorAll("[data-needs]").forEach((part) => { part.hidden = !may(state, part.dataset.needs); });
  if (isLost) stand();
  dirty = new Set(Object.keys(DRAW));
  askMatching();
}

// Certificates and savings are summed where they are kept; the stream only tells that there is more.
async function askMatching() {
  const day = state.day;
  if (!may(state, "accounts:read")) return;
  const { said } = await read(`/matching/${day}`);
  if (state?.day !== day) return;
  matching = said;
  dirty.add("matching");
}
async function askSaving() {
  if (!state.saving) return;
  const day = state.day;
  const { said } = await read(`/overview?day=${day}`);
  if (said && state?.day === day) state.saving = said.saving;
}

// Asks once for however much comes together.
function soon(question) {
  let waiting = null;
  return () => { waiting ??= setTimeout(() => { waiting = null; if (state && !isLost) question(); }, 1000); };
}
const [askMatchingSoon, askSavingSoon, againSoon] = [askMatching, askSaving, again].map(soon);

const DRAWN_BY = {
  devices: ["board", "batteries"], auction: ["prices"], day_ahead: ["prices"], settled: ["prices"], reading: ["sources"],
  accuracy: ["accuracy"], schedule: ["batteries"], setpoint: ["batteries"], order: ["orders"],
  market: ["desk"], participant: ["desk"],
};
// States have no number of their own: they come in full.
const UNNUMBERED = new Set(["clock", "devices"]);

function hear(kind, event) {
  if (!state) return;
  const said = JSON.parse(event.data);
  if (!UNNUMBERED.has(kind)) {
    const number = Number(event.lastEventId);
    if (number <= state.sequence) return;
    recent.push({ number, kind, said });
    if (recent.length > RECENT_KEPT) recent = recent.slice(RECENT_KEPT / 2);
  }
  CHANGES[kind]?.(state, said);
  DRAWN_BY[kind]?.forEach((part) => dirty.add(part));
  const isShown = said.delivery_start && dayOf(said.delivery_start) === state.day;
  if (kind === "certified" && isShown) askMatchingSoon();
  if (kind === "settled" && isShown) askSavingSoon();
  // What corrects a sum can't be added to it: the day is asked for again.
  if (kind === "corrected" || kind === "resettled") againSoon();
}

const heard = Object.fromEntries([...Object.keys(CHANGES), "corrected", "resettled", "certified"].map((kind) => [kind, (event) => hear(kind, event)]));
const link = linkTo("/api/v1/stream", {
  ...heard,
  snapshot: (event) => {
    recent = [];
    if (chosenDay) again();
    else { asked += 1; take(JSON.parse(event.data)); }
  },
}, {
  knock: again,
  turned: (lost) => {
    isLost = lost;
    if (lost && state) stand();
    showLink();
  },
  interrupted: () => { at("connection").className = "dot lost"; },
  ended: () => {
    const said = state === null ? "" : word("sessionEnded");
    close();
    write("door-problem", said);
  },
});

// Without the server's word the time is not known either.
function stand() { state.clock = { ...state.clock, speed: 0 }; }

function showLink() {
  root.dataset.link = isLost ? "lost" : "live";
  at("connection").className = `dot ${isLost ? "lost" : "live"}`;
  at("connection").title = word(isLost ? "lost" : "live");
  const asOf = state && `${word("lost")} ${dayOf(state.clock.now)} ${secondOf(state.clock.now)} KST`;
  write("as-of", isLost ? asOf ?? word("noAnswer") : "");
}

function close() {
  link.leave();
  endReads();
  [state, matching, recent, chosenDay, isLost] = [null, null, [], null, false];
  asked += 1;
  showLink();
  at("connection").className = "dot";
  root.dataset.state = "door";
  at("door-key").focus();
}

function drawFigures() {
  const now = nowOf(state);
  const auctions = [...state.auctions.values()];
  const settled = [...state.settled.values()];
  const total = (list, value) => list.reduce((sum, one) => sum + value(one), 0);
  const today = todayOf(state);
  write("clock-time", timeOf(now));
  write("clock-day", today);
  drawPace(state, isLost);
  write("clock-speed", state.clock.speed === 1 || !at("pace").hidden ? "" : `×${count(state.clock.speed)}`);
  write("day", state.day);
  at("today").hidden = chosenDay === null && state.day === today;
  document.querySelectorAll(".of-day").forEach((place) => { place.textContent = state.day === today ? word("today") : state.day; });
  write("orders-note", state.chose ? `${word("ofDay")} ${state.day}` : word("ofNewest"));
  write("complex-name", state.complex.name[language()]);
  const ownStop = state.suspensions.get(state.caller.participant_id);
  const others = !state.caller.participant_id && state.suspensions.size ? ` · ${word("suspendedCount")} ${state.suspensions.size}` : "";
  at("market-state").className = `pill ${state.market.halted || ownStop ? "stopped" : ""}`;
  const stops = [...state.suspensions.values()].map((one) => `${one.participant_id}: ${one.reason}`);
  at("market-state").title = ownStop?.reason ?? [state.market.reason, ...stops].filter(Boolean).join("\n");
  write("market-state", ownStop ? word("suspended") : word(state.market.halted ? "halted" : "open") + others);

  const delivered = auctions.filter((one) => Date.parse(one.delivery_start) <= now).sort((a, b) => b.delivery_start.localeCompare(a.delivery_start))[0];
  const band = settled.sort((a, b) => b.delivery_start.localeCompare(a.delivery_start))[0];
  const isNow = delivered && Date.parse(delivered.delivery_start) + INTERVAL_MS > now;
  const isOld = !isNow && (delivered || state.day !== today);
  write("price-title", word(isOld ? "lastPrice" : "priceNow"));
  at("price-now").closest(".figure").classList.toggle("old", Boolean(isOld));
  write("price-now", delivered?.price_krw_per_kwh ?? "–");
  const grid = band ? `${word("gridPays")} ${Number(band.grid_export_price_krw_per_kwh).toFixed(0)}–${Number(band.grid_import_price_krw_per_kwh_max).toFixed(0)}` : "";
  write("price-note", delivered ? `${momentOf(delivered.delivery_start)} ${word("delivery")}${delivered.price_krw_per_kwh === null ? ` · ${word("noTrade")}` : grid && ` · ${grid}`}` : isOld ? "" : word("nothing"));
  write("traded", count(total(auctions, (one) => Number(one.volume_kwh))));
  write("traded-note", `${count(total(auctions, (one) => one.trades))} ${word("trades")} · ${auctions.length} ${word("auctions")}`);
  drawSaving();
  drawDevices();
  drawLedger(settled.length);
}

function drawSaving() {
  const { saving } = state;
  at("saving").closest(".figure").hidden = !saving;
  if (!saving) return;
  const { saving_krw, baseline_krw, basis } = saving;
  write("saving", saving.intervals ? count(saving_krw) : "–");
  const share = saving_krw > 0 && saving_krw <= baseline_krw ? `${((100 * saving_krw) / baseline_krw).toFixed(1)}% · ` : "";
  write("saving-note", `${share}${word("savingNote")}`);
  at("saving").closest(".figure").title = basis[language()];
}

function drawDevices() {
  const devices = [...state.devices.values()];
  const solar = devices.filter((one) => one.meter_kind === "pv");
  const shining = solar.filter(counts);
  const capacity = [...state.members.values()].flatMap((one) => one.pv).reduce((sum, one) => sum + one.capacity_kw_ac, 0);
  write("solar", shining.length ? count(shining.reduce((sum, one) => sum + Number(one.export_kw), 0)) : "–");
  const lacking = solar.length - shining.length;
  write("solar-note", `${word("capacity")} ${count(capacity)} kW${lacking ? ` · ${without(lacking, solar.length)}` : ""}`);
  const silent = devices.filter((one) => one.stale);
  const odd = devices.filter((one) => !one.stale && one.flags.length);
  at("devices").closest(".figure").classList.toggle("bad", silent.length + odd.length > 0);
  write("devices", `${devices.length - silent.length - odd.length} / ${devices.length}`);
  const told = (list) => list.map((one) => `${one.device_id} (${whyNot(state, one)})`).join(", ");
  const troubles = [...(silent.length ? [`${word("silent")}: ${told(silent)}`] : []), ...odd.map((one) => `${one.device_id} (${whyNot(state, one)})`)];
  write("devices-note", troubles.join(" · ") || (devices.length ? word("answering") : ""));
  at("devices-note").title = troubles.join("\n");
}

function drawLedger(intervals) {
  const figure = at("ledger").closest(".figure");
  figure.hidden = state.ledger === null;
  if (figure.hidden) return;
  const { ledger_entries, ledger_sum_krw } = state.ledger;
  figure.classList.toggle("good", ledger_entries > 0 && ledger_sum_krw === 0);
  figure.classList.toggle("bad", ledger_sum_krw !== 0);
  write("ledger", ledger_sum_krw === 0 ? (ledger_entries ? `${word("balanced")} ✓` : "–") : `${word("off")} ${count(ledger_sum_krw)}`);
  write("ledger-note", `${count(ledger_entries)} ${word("entries")} · ${intervals} ${word("settled")}`);
}

const cell = (text, className) => { const made = document.createElement("td"); made.textContent = text; if (className) made.className = className; return made; };

// Day and time of a delivery; a narrow screen leaves out the year.
function momentCell(instant) {
  const made = cell("", "moment");
  const [year, rest] = [momentOf(instant).slice(0, 5), momentOf(instant).slice(5)];
  const small = document.createElement("span");
  small.textContent = year;
  made.append(small, rest);
  return made;
}

function drawOrders() {
  const newest = [...state.orders.values()].sort((a, b) => b.delivery_start.localeCompare(a.delivery_start) || b.submitted_at.localeCompare(a.submitted_at)).slice(0, ROWS_SHOWN);
  const rows = newest.map((one) => {
    const row = document.createElement("tr");
    row.append(
      momentCell(one.delivery_start), cell(state.members.get(one.participant_id)?.name[language()] ?? one.participant_id),
      cell(word(one.side), one.side), cell(one.price_krw_per_kwh, "n"), cell(Number(one.quantity_kwh).toFixed(1), "n"),
      cell(Number(one.filled_kwh).toFixed(1), "n"), cell(word(one.status), `state ${one.status}`),
    );
    if (isCancellable(state, one)) row.lastChild.append(cancelButton(one));
    row.title = one.why?.[language()] ?? one.detail ?? one.order_id;
    return row;
  });
  if (!rows.length) { const row = document.createElement("tr"); const empty = cell(word("none"), "empty"); empty.colSpan = 7; row.append(empty); rows.push(row); }
  at("orders").replaceChildren(...rows);
}

function cancelButton(order) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", textContent: "×", className: "small", title: word("cancel") });
  made.setAttribute("aria-label", word("cancel"));
  made.dataset.order = order.order_id;
  return made;
}

const percent = (share) => (share === null ? "–" : `${(100 * share).toFixed(1)}%`);

function drawAccuracy() {
  const kinds = [...state.accuracy.values()].sort((a, b) => b.kind.localeCompare(a.kind) || (a.site_id ?? "").localeCompare(b.site_id ?? ""));
  const leads = [...new Set(kinds.flatMap((one) => one.leads.map((lead) => lead.lead_hours)))].sort((a, b) => parseFloat(a) - parseFloat(b));
  const head = document.createElement("tr");
  head.append(...["", ...leads.map((hours) => `${hours} ${word("hours")}`)].map((text) => { const made = document.createElement("th"); made.textContent = text; return made; }));
  const rows = kinds.map((one) => {
    const row = document.createElement("tr");
    row.append(cell(`${nameOfAccuracy(one)}${one.is_drifting ? ` ⚠ ${word("drifting")}` : ""}`, one.kind));
    for (const hours of leads) {
      const lead = one.leads.find((found) => found.lead_hours === hours);
      const figures = lead ? [lead.nmae, lead.coverage, lead.skill_rmse].map(percent) : ["–"];
      const made = cell(figures.join(" · "), lead && lead.skill_rmse < 0 ? "worse" : "");
      if (lead) made.title = `${count(lead.forecasts)} · RMSE ${count(lead.rmse_kw)} kW`;
      row.append(made);
    }
    return row;
  });
  if (!rows.length) { const row = document.createElement("tr"); row.append(cell(word("noAccuracy"), "empty")); rows.push(row); }
  write("accuracy-note", kinds.length ? `(${kinds[0].days} ${word("overDays")})` : "");
  at("accuracy").replaceChildren(...(leads.length ? [head] : []), ...rows);
  write("accuracy-why", whyWorse(kinds));
}

function nameOfAccuracy(one) {
  const kind = word(one.kind === "pv" ? "solar" : "loads");
  return one.site_id === null ? kind : `${kind}, ${word("ownSite")}${one.kind === "pv" ? ` (${one.site_id})` : ""}`;
}

// In words, where the reference was the better forecast.
function whyWorse(kinds) {
  const said = kinds.map((one) => {
    const worse = one.leads.filter((lead) => lead.skill_rmse !== null && lead.skill_rmse < 0).map((lead) => lead.lead_hours);
    return worse.length ? `${nameOfAccuracy(one)}, ${worse.join(", ")} ${word("hours")}: ${word(one.kind === "pv" ? "worseThanSky" : "worseThanWeek")}` : "";
  });
  return said.filter(Boolean).join(" ");
}

function drawMatching() {
  at("matching").hidden = matching === null;
  if (matching === null) return;
  const { total, factor, note } = matching;
  const shares = [total.matched_15min, total.matched_hourly].map(percent);
  const energy = [total.consumption_kwh, total.claimed_kwh, total.reissued_kwh, total.withdrawn_kwh];
  const figures = [...energy, total.co2_location_kg, total.co2_market_kg].map((figure) => count(Number(figure)));
  at("matching-row").replaceChildren(...[...shares, ...figures].map((text) => cell(text, "n")));
  write("matching-note", `${factor.note[language()]} ${factor.tco2e_per_mwh} tCO2e/MWh. ${note[language()]}`);
}

const DRAW = { accuracy: drawAccuracy, matching: drawMatching, board: () => drawBoard(state), prices: () => drawPrices(state), sources: () => drawSources(state), batteries: () => drawBatteries(state), orders: drawOrders, desk: () => drawDesk(state) };

// A page that follows the clock turns over once the new day's first interval is over.
async function followDay() {
  const newest = dayOf(nowOf(state) - INTERVAL_MS);
  if (chosenDay === null && !isLost && newest > state.day) await turnTo(null, null);
}

let drawnMinute = null;
function draw() {
  link.look();
  if (!state || root.dataset.state !== "live" || document.hidden) return;
  // Ages grow and gates close without a word from anybody.
  const minute = Math.floor(nowOf(state) / 60e3);
  if (minute !== drawnMinute) ["board", "batteries", "orders"].forEach((part) => dirty.add(part));
  drawnMinute = minute;
  drawFigures();
  drawEntry(state, isLost);
  drawScenes(state, isLost);
  const due = dirty;
  dirty = new Set();
  due.forEach((part) => DRAW[part]());
}

const choose = (day) => turnTo(day, day);
// From the day that was turned to last, also while it is still on its way.
const dayBeside = (days) => new Date(Date.parse(`${chosenDay ?? state.day}T00:00:00Z`) + days * 86400e3).toISOString().slice(0, 10);

at("day-before").onclick = () => choose(dayBeside(-1));
at("day-after").onclick = () => choose(dayBeside(1));
at("today").onclick = () => turnTo(todayOf(state), null);
at("language").onclick = () => { toggleLanguage(); dirty = new Set(Object.keys(DRAW)); showLink(); draw(); };
// Its answer takes the cookie away: that of the next session, if that had begun before.
let signingOut = Promise.resolve();
at("leave").onclick = () => {
  close();
  write("door-problem", "");
  signingOut = fetch("/console/session", { method: "DELETE", headers: HEADERS, signal: AbortSignal.timeout(10e3) }).catch(() => null);
};
at("door-form").onsubmit = async (event) => {
  event.preventDefault();
  write("door-problem", "");
  await signingOut;
  const known = await openSession(at("door-key").value.trim());
  at("door-key").value = "";
  if (known) link.enter();
  else write("door-problem", word(known === null ? "noAnswer" : "unknownKey"));
};

// A key in the fragment never reaches a server's log; it is handed over once and taken out of the address.
const fragment = new URLSearchParams(location.hash.slice(1));
if (fragment.has("key")) {
  history.replaceState(null, "", location.pathname);
  await openSession(fragment.get("key"));
}
await link.enter();
setInterval(draw, DRAW_EVERY_MS);
setInterval(() => state && followDay(), 1000);
