// The console: opens a session, listens to the live stream, and draws what it says.
import { drawBatteries, drawBoard } from "/static/board.js";
import { HEADERS } from "/static/calls.js";
import { drawPrices, drawSources } from "/static/charts.js";
import { drawDesk, drawEntry, isCancellable } from "/static/desk.js";
import { CHANGES, INTERVAL_MS, may, nowOf, stateFrom } from "/static/state.js";
import { count, dayOf, language, timeOf, toggleLanguage, word } from "/static/words.js";

const root = document.documentElement;
const at = (id) => document.getElementById(id);
const write = (id, text) => { const place = at(id); if (place.textContent !== text) place.textContent = text; };
const DRAW_EVERY_MS = 250;
const ROWS_SHOWN = 60;

let state = null;
let stream = null;
let pinnedDay = null;
let dirty = new Set();
let matching = null;

async function openSession(key) {
  const answer = await fetch("/console/session", { method: "POST", headers: HEADERS, body: JSON.stringify({ key }) });
  return answer.ok;
}

async function overview(day) {
  const answer = await fetch(`/api/v1/overview${day ? `?day=${day}` : ""}`, { headers: HEADERS });
  return answer.ok ? answer.json() : null;
}

function take(snapshot) {
  state = stateFrom(snapshot);
  root.dataset.state = "live";
  document.querySelectorAll("[data-needs]").forEach((part) => { part.hidden = !may(state, part.dataset.needs); });
  dirty = new Set(["board", "prices", "sources", "batteries", "orders", "accuracy", "desk"]);
  askMatching();
}

// Certificates are summed where they are kept; the stream only tells that there are more.
async function askMatching() {
  const day = state.day;
  const answer = may(state, "accounts:read") ? await fetch(`/api/v1/matching/${day}`, { headers: HEADERS }).catch(() => null) : null;
  const found = answer?.ok ? await answer.json() : null;
  if (state?.day !== day) return;
  matching = found;
  dirty.add("matching");
}
let asking = null;
function askMatchingSoon() {
  asking ??= setTimeout(() => { asking = null; if (state) askMatching(); }, 1000);
}

const DRAWN_BY = {
  devices: ["board", "batteries"], auction: ["prices"], day_ahead: ["prices"], settled: ["prices"], reading: ["sources"],
  accuracy: ["accuracy"], schedule: ["batteries"], setpoint: ["batteries"], order: ["orders"],
  market: ["desk"], participant: ["desk"],
};

// What corrects a sum can't be added to it: the day is asked for again, once for however many corrections come together.
let refreshing = null;
function refreshSoon() {
  refreshing ??= setTimeout(async () => {
    refreshing = null;
    const snapshot = state && (await overview(pinnedDay).catch(() => null));
    if (snapshot) take(snapshot);
  }, 1000);
}

function listen() {
  stream?.close();
  stream = new EventSource("/api/v1/stream");
  stream.addEventListener("snapshot", async (event) => {
    take(pinnedDay ? (await overview(pinnedDay)) ?? JSON.parse(event.data) : JSON.parse(event.data));
  });
  for (const [kind, change] of Object.entries(CHANGES)) {
    stream.addEventListener(kind, (event) => {
      if (!state) return;
      change(state, JSON.parse(event.data));
      DRAWN_BY[kind]?.forEach((part) => dirty.add(part));
    });
  }
  for (const kind of ["corrected", "resettled"]) stream.addEventListener(kind, refreshSoon);
  stream.addEventListener("certified", (event) => state && dayOf(JSON.parse(event.data).delivery_start) === state.day && askMatchingSoon());
  stream.onopen = () => { at("connection").className = "dot live"; at("connection").title = word("live"); };
  stream.onerror = () => {
    at("connection").className = "dot lost";
    at("connection").title = word("lost");
    if (stream.readyState === EventSource.CLOSED) setTimeout(knock, 2000);
  };
}

async function knock() {
  const snapshot = await overview(pinnedDay).catch(() => undefined);
  if (snapshot === undefined) { setTimeout(knock, 2000); return; }
  if (snapshot === null) { root.dataset.state = "door"; at("door-key").focus(); return; }
  take(snapshot);
  listen();
}

function drawFigures() {
  const now = nowOf(state);
  const auctions = [...state.auctions.values()];
  const settled = [...state.settled.values()];
  const total = (list, value) => list.reduce((sum, one) => sum + value(one), 0);
  write("clock-time", timeOf(now));
  write("clock-day", dayOf(now));
  write("clock-speed", state.clock.speed === 1 ? "" : `×${count(state.clock.speed)}`);
  write("day", state.day);
  write("complex-name", state.complex.name[language()]);
  const ownStop = state.suspensions.get(state.caller.participant_id);
  const others = !state.caller.participant_id && state.suspensions.size ? ` · ${word("suspendedCount")} ${state.suspensions.size}` : "";
  at("market-state").className = `pill ${state.market.halted || ownStop ? "stopped" : ""}`;
  const stops = [...state.suspensions.values()].map((one) => `${one.participant_id}: ${one.reason}`);
  at("market-state").title = ownStop?.reason ?? [state.market.reason, ...stops].filter(Boolean).join("\n");
  write("market-state", ownStop ? word("suspended") : word(state.market.halted ? "halted" : "open") + others);

  const delivered = auctions.filter((one) => Date.parse(one.delivery_start) <= now).sort((a, b) => b.delivery_start.localeCompare(a.delivery_start))[0];
  const band = settled.sort((a, b) => b.delivery_start.localeCompare(a.delivery_start))[0];
  write("price-now", delivered?.price_krw_per_kwh ?? "–");
  const grid = band ? `${word("gridPays")} ${Number(band.grid_export_price_krw_per_kwh).toFixed(0)}–${Number(band.grid_import_price_krw_per_kwh_max).toFixed(0)}` : "";
  write("price-note", delivered ? `${timeOf(delivered.delivery_start)} ${word("delivery")}${delivered.price_krw_per_kwh === null ? ` · ${word("noTrade")}` : grid && ` · ${grid}`}` : word("nothing"));
  write("traded", count(total(auctions, (one) => Number(one.volume_kwh))));
  write("traded-note", `${count(total(auctions, (one) => one.trades))} ${word("trades")} · ${auctions.length} ${word("auctions")}`);
  const without = total(settled, (one) => one.cost_without_krw);
  const saving = without - total(settled, (one) => one.cost_with_krw);
  write("saving", settled.length ? count(saving) : "–");
  write("saving-note", saving > 0 && saving <= without ? `${((100 * saving) / without).toFixed(1)}% ${word("ofCost")}` : "");
  const devices = [...state.devices.values()];
  const solar = devices.filter((one) => one.meter_kind === "pv");
  const capacity = total([...state.members.values()].flatMap((one) => one.pv), (one) => one.capacity_kw_ac);
  write("solar", solar.length ? count(total(solar, (one) => Number(one.export_kw))) : "–");
  write("solar-note", `${word("capacity")} ${count(capacity)} kW`);
  drawLedger(settled.length);
  const silent = devices.filter((one) => !one.reachable);
  at("devices").closest(".figure").classList.toggle("bad", silent.length > 0);
  write("devices", `${devices.length - silent.length} / ${devices.length}`);
  const odd = devices.filter((one) => one.reachable && one.flags.length).map((one) => `${one.device_id} (${one.flags.join(", ")})`);
  const troubles = [...(silent.length ? [`${word("silent")}: ${silent.map((one) => one.device_id).join(", ")}`] : []), ...(odd.length ? [`${word("odd")}: ${odd.join(", ")}`] : [])];
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

function drawOrders() {
  const newest = [...state.orders.values()].sort((a, b) => b.delivery_start.localeCompare(a.delivery_start) || b.submitted_at.localeCompare(a.submitted_at)).slice(0, ROWS_SHOWN);
  const rows = newest.map((one) => {
    const row = document.createElement("tr");
    row.append(
      cell(timeOf(one.delivery_start)), cell(state.members.get(one.participant_id)?.name[language()] ?? one.participant_id),
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
  const kinds = [...state.accuracy.values()].sort((a, b) => b.kind.localeCompare(a.kind));
  const leads = [...new Set(kinds.flatMap((one) => one.leads.map((lead) => lead.lead_hours)))].sort((a, b) => parseFloat(a) - parseFloat(b));
  const head = document.createElement("tr");
  head.append(...["", ...leads.map((hours) => `${hours} ${word("hours")}`)].map((text) => { const made = document.createElement("th"); made.textContent = text; return made; }));
  const rows = kinds.map((one) => {
    const row = document.createElement("tr");
    row.append(cell(`${word(one.kind === "pv" ? "solar" : "loads")}${one.is_drifting ? ` ⚠ ${word("drifting")}` : ""}`, one.kind));
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

async function followDay() {
  const today = dayOf(nowOf(state) - INTERVAL_MS);
  if (pinnedDay || today === state.day) return;
  const snapshot = await overview(null);
  if (snapshot) take(snapshot);
}

function draw() {
  if (!state || root.dataset.state !== "live" || document.hidden) return;
  drawFigures();
  drawEntry(state);
  const due = dirty;
  dirty = new Set();
  due.forEach((part) => DRAW[part]());
}

async function turnTo(day) {
  pinnedDay = day === dayOf(nowOf(state) - INTERVAL_MS) ? null : day;
  const snapshot = await overview(day);
  if (snapshot) take(snapshot);
}
const dayBeside = (days) => new Date(Date.parse(`${state.day}T00:00:00Z`) + days * 86400e3).toISOString().slice(0, 10);

at("day-before").onclick = () => turnTo(dayBeside(-1));
at("day-after").onclick = () => turnTo(dayBeside(1));
at("language").onclick = () => { toggleLanguage(); dirty = new Set(Object.keys(DRAW)); draw(); };
at("leave").onclick = async () => {
  stream?.close();
  await fetch("/console/session", { method: "DELETE", headers: HEADERS });
  state = null;
  root.dataset.state = "door";
};
at("door-form").onsubmit = async (event) => {
  event.preventDefault();
  write("door-problem", "");
  const known = await openSession(at("door-key").value.trim()).catch(() => null);
  at("door-key").value = "";
  if (known) knock();
  else write("door-problem", word(known === null ? "noAnswer" : "unknownKey"));
};

// A key in the fragment never reaches a server's log; it is handed over once and taken out of the address.
const fragment = new URLSearchParams(location.hash.slice(1));
if (fragment.has("key")) {
  history.replaceState(null, "", location.pathname);
  await openSession(fragment.get("key")).catch(() => null);
}
await knock();
setInterval(draw, DRAW_EVERY_MS);
setInterval(() => state && followDay(), 1000);
