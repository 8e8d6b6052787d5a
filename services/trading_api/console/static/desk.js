// What people do here: a factory's orders by hand, and what the operator stops and lets go on.
import { ask } from "/static/calls.js";
import { INTERVAL_MS, nowOf } from "/static/state.js";
import { count, language, momentOf, word } from "/static/words.js";

const at = (id) => document.getElementById(id);
const OFFERED = 24;
const OPEN = new Set(["received", "accepted"]);
const form = at("order-form");

// An id of the page's own, the same until an answer came: a click after a lost answer is no second order.
let clientOrderId = null;
const newId = () => `console-${Array.from(crypto.getRandomValues(new Uint32Array(3)), (part) => part.toString(36)).join("")}`;

const isGateOpen = (state, start) => start - state.gate_closure_lead_s * 1e3 > nowOf(state);
export const isCancellable = (state, order) =>
  state.caller.role === "factory" && OPEN.has(order.status) && isGateOpen(state, Date.parse(order.delivery_start));

function option(value, text) {
  const made = document.createElement("option");
  made.value = value;
  made.textContent = text;
  return made;
}

// What somebody chose stays chosen, also when it is offered no longer.
function offer(select, choices, closed) {
  const chosen = select.value;
  const gone = chosen && !choices.some(([value]) => value === chosen) ? [[chosen, closed(chosen)]] : [];
  const wanted = [...gone, ...choices];
  if (wanted.map(([value, text]) => value + text).join() === [...select.options].map((one) => one.value + one.text).join()) return;
  select.replaceChildren(...wanted.map(([value, text]) => option(value, text)));
  if (chosen) select.value = chosen;
}

let known = null;
let isLost = false;
let isSending = false;
const isChosenOpen = () => known !== null && isGateOpen(known, Date.parse(form.delivery_start.value));

// The delivery intervals whose gate is open, the next one first. Which of them an order is for, people alone change.
export function drawEntry(state, lost) {
  known = state;
  isLost = lost;
  form.hidden = state.caller.role !== "factory";
  at("bidding").hidden = form.hidden;
  if (form.hidden) return;
  const own = state.biddings.get(state.caller.participant_id);
  const shown = `${word("automaticBidding")}: ${word(own.is_bidding ? "isOn" : "isOff")} `;
  // A button that is made anew while somebody presses it is not pressed.
  if (at("bidding").dataset.shown !== shown) at("bidding").replaceChildren(shown, biddingSwitch(own));
  at("bidding").dataset.shown = shown;
  let start = Math.ceil(nowOf(state) / INTERVAL_MS) * INTERVAL_MS;
  while (!isGateOpen(state, start)) start += INTERVAL_MS;
  const starts = Array.from({ length: OFFERED }, (_, number) => new Date(start + number * INTERVAL_MS));
  offer(form.delivery_start, starts.map((one) => [one.toISOString(), momentOf(one)]), (chosen) => `${momentOf(chosen)} · ${word("gateClosed")}`);
  offer(form.side, ["buy", "sell"].map((side) => [side, word(side)]), (side) => word(side));
  const isClosed = !isChosenOpen();
  const hint = isClosed ? word("gateClosedPick") : isLost ? word("lostNoOrders") : "";
  form.delivery_start.setCustomValidity(isClosed ? word("gateClosed") : "");
  form.classList.toggle("closed", isClosed);
  form.querySelector("button").disabled = isSending || isClosed || isLost;
  if (at("order-hint").textContent !== hint) at("order-hint").textContent = hint;
}

form.delivery_start.onchange = () => known && drawEntry(known, isLost);

form.onsubmit = async (event) => {
  event.preventDefault();
  if (isSending) return;
  const refused = !isChosenOpen() ? word("gateClosedPick") : isLost ? word("lostNoOrders") : null;
  if (refused) { say("order-answer", refused); return; }
  const fields = ["delivery_start", "side", "price_krw_per_kwh", "quantity_kwh"].map((name) => [name, form[name].value.trim()]);
  clientOrderId ??= newId();
  isSending = true;
  say("order-answer", null, "…");
  const { said, problem } = await ask("POST", "/orders", { client_order_id: clientOrderId, ...Object.fromEntries(fields) });
  isSending = false;
  if (problem !== word("noAnswer")) clientOrderId = null;
  say("order-answer", problem, said && `${word("received")} · ${said.order_id}`);
  if (said) form.quantity_kwh.value = "";
};

at("orders").addEventListener("click", async (event) => {
  const { order } = event.target.dataset;
  if (!order) return;
  event.target.disabled = true;
  say("order-answer", null, "…");
  const { problem } = await ask("DELETE", `/orders/${order}`);
  say("order-answer", problem, word("cancelAsked"));
});

function say(place, problem, done) {
  at(place).className = problem ? "problem" : "muted";
  at(place).textContent = problem ?? done;
}

export function drawDesk(state) {
  const { halted } = state.market;
  at("market-state").disabled = state.caller.role !== "operator";
  at("halt").hidden = halted;
  at("resume").hidden = !halted;
  at("desk-market").textContent = halted ? `${word("halted")}: ${state.market.reason}` : word("open");
  if (state.caller.role !== "operator") return;
  const rows = [...state.members.values()].map((member) => memberRow(member, state.suspensions.get(member.participant_id), state.biddings.get(member.participant_id)));
  at("members").replaceChildren(...rows);
}

function memberRow(member, suspension, bidding) {
  const row = document.createElement("tr");
  const standing = suspension ? `${word("suspendedOne")}: ${suspension.reason} · ${momentOf(suspension.since)}` : word("mayTrade");
  const texts = [member.name[language()], member.feeder_id, count(member.contract.contract_kw), word(bidding.is_bidding ? "automatic" : "manual"), standing];
  const cells = texts.map((text) => { const made = document.createElement("td"); made.textContent = text; return made; });
  cells[2].className = "n";
  row.append(...cells);
  const button = document.createElement("button");
  Object.assign(button, { type: "button", textContent: word(suspension ? "letTrade" : "suspend") });
  button.dataset.participant = member.participant_id;
  button.dataset.deed = suspension ? "resume" : "suspend";
  const last = document.createElement("td");
  last.append(button, biddingSwitch(bidding));
  row.append(last);
  return row;
}

function biddingSwitch(bidding) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", textContent: word(bidding.is_bidding ? "switchOff" : "switchOn") });
  made.dataset.bidding = bidding.participant_id;
  return made;
}

// Shares and limits stay; a pause ends, whichever way it is switched.
async function switchBidding(participantId, place) {
  const { is_bidding, buy_share, sell_share, kwh_per_day_max, krw_per_day_max } = known.biddings.get(participantId);
  const wanted = { mode: is_bidding ? "off" : "automatic", buy_share, sell_share, kwh_per_day_max, krw_per_day_max };
  say(place, null, "…");
  const { said, problem } = await ask("PUT", `/bidding?participant_id=${encodeURIComponent(participantId)}`, wanted);
  say(place, problem, said && `${word("automaticBidding")}: ${word(said.is_bidding ? "isOn" : "isOff")} · ${word("biddingFrom")} ${momentOf(said.effective_from)}`);
}

// What stops somebody needs a reason, which those who are stopped get to read.
async function act(path, needsReason) {
  const reason = at("reason");
  if (needsReason && !reason.reportValidity()) return;
  say("desk-answer", null, "…");
  const { problem } = await ask("POST", path, needsReason ? { reason: reason.value.trim() } : undefined);
  say("desk-answer", problem, word("asked"));
  if (!problem && needsReason) reason.value = "";
}

// How fast a simulated clock goes, for everybody. The speed that somebody chose is shown until the clock says its own.
const PACES = [1, 10, 30, 60];
export function drawPace(state, lost) {
  const pace = at("pace");
  pace.hidden = !state.isSimulated || state.caller.role !== "operator";
  pace.disabled = lost;
  if (pace.hidden || document.activeElement === pace) return;
  const { speed } = state.clock;
  const choices = PACES.includes(speed) ? PACES : [speed, ...PACES];
  if (choices.join() !== [...pace.options].map((one) => one.value).join()) pace.replaceChildren(...choices.map((one) => option(one, `×${count(one)}`)));
  pace.value = speed;
}
at("pace").onchange = async ({ target }) => {
  const speed = Number(target.value);
  target.blur();
  if (!PACES.includes(speed)) return;
  const { problem } = await ask("PUT", "/clock", { speed });
  target.title = problem ?? "";
};

at("market-state").onclick = () => { say("desk-answer", null, ""); at("desk").showModal(); };
at("halt").onclick = () => act("/market/halt", true);
at("resume").onclick = () => act("/market/resume", false);
at("bidding").onclick = ({ target }) => target.dataset.bidding && switchBidding(target.dataset.bidding, "order-answer");
at("members").onclick = (event) => {
  const { participant, deed, bidding } = event.target.dataset;
  if (bidding) switchBidding(bidding, "desk-answer");
  if (participant) act(`/participants/${participant}/${deed}`, deed === "suspend");
};
