// What is known of one trading day: a snapshot, and the events after it.
import { ago, dayOf, word } from "/static/words.js";

export const INTERVAL_MS = 15 * 60e3;

// A state of a day that somebody `chose` has that day's orders alone.
// All sites of a kind together have no site.
const placeOf = (accuracy) => `${accuracy.kind} ${accuracy.site_id ?? ""}`;

export function stateFrom(snapshot, chose) {
  const by = (list, name) => new Map(list.map((one) => [one[name], one]));
  const state = {
    ...snapshot,
    chose,
    auctions: by(snapshot.auctions, "delivery_start"),
    dayAhead: by(snapshot.day_ahead, "delivery_start"),
    settled: by(snapshot.settled, "delivery_start"),
    energy: new Map(),
    orders: by(snapshot.orders, "order_id"),
    accuracy: new Map(snapshot.accuracy.map((one) => [placeOf(one), one])),
    devices: by(snapshot.devices, "device_id"),
    schedules: by(snapshot.schedules, "device_id"),
    setpoints: new Map(),
    biddings: by(snapshot.biddings, "participant_id"),
    suspensions: by(snapshot.suspensions, "participant_id"),
    members: by(snapshot.complex.participants, "participant_id"),
  };
  snapshot.energy.forEach((one) => addEnergy(state, one));
  snapshot.setpoints.toReversed().forEach((one) => state.setpoints.set(one.device_id, one));
  setClock(state, snapshot.clock);
  state.isSimulated = snapshot.clock.is_simulated;
  return state;
}

export const may = (state, scope) => state.caller.scopes.includes(scope);

export function setClock(state, clock) {
  state.clock = { now: Date.parse(clock.now), speed: clock.speed, heard: performance.now() };
}

// Between two words of the server the clock goes on, and not for long without one.
const UNHEARD_MS_MAX = 2e3;
export const nowOf = (state) => state.clock.now + Math.min(performance.now() - state.clock.heard, UNHEARD_MS_MAX) * state.clock.speed;
export const todayOf = (state) => dayOf(nowOf(state));

// What of a device counts as of now is the server's word; the rest is shown with its age, and left out of sums.
export const counts = (device) => !device.stale && device.flags.length === 0;
export function whyNot(state, device) {
  const age = device.heard_at === null ? word("neverHeard") : ago(nowOf(state) - Date.parse(device.heard_at));
  return [...(device.flags.length ? [`${word("odd")}: ${device.flags.join(", ")}`] : []), age].join(" · ");
}
export const energyAt = (state, start) => state.energy.get(start) ?? {};

const isShown = (state, one) => dayOf(one.delivery_start) === state.day;

function addEnergy(state, one) {
  const sums = { ...energyAt(state, one.delivery_start) };
  sums[`${one.meter_kind}_import`] = (sums[`${one.meter_kind}_import`] ?? 0) + Number(one.import_kwh);
  sums[`${one.meter_kind}_export`] = (sums[`${one.meter_kind}_export`] ?? 0) + Number(one.export_kwh);
  state.energy.set(one.delivery_start, sums);
}

function addSettled(state, line) {
  const sum = state.settled.get(line.delivery_start) ?? {
    delivery_start: line.delivery_start, cost_with_krw: 0, cost_without_krw: 0,
    grid_import_price_krw_per_kwh_min: Infinity, grid_import_price_krw_per_kwh_max: -Infinity,
  };
  const price = Number(line.grid_import_price_krw_per_kwh);
  state.settled.set(line.delivery_start, {
    ...sum,
    cost_with_krw: sum.cost_with_krw + line.cost_with_krw,
    cost_without_krw: sum.cost_without_krw + line.cost_without_krw,
    grid_import_price_krw_per_kwh_min: Math.min(Number(sum.grid_import_price_krw_per_kwh_min), price),
    grid_import_price_krw_per_kwh_max: Math.max(Number(sum.grid_import_price_krw_per_kwh_max), price),
    grid_export_price_krw_per_kwh: line.grid_export_price_krw_per_kwh,
  });
}

const ORDERS_KEPT = 150;

// What each kind of event changes.
export const CHANGES = {
  clock: (state, clock) => setClock(state, clock),
  devices: (state, list) => list.forEach((one) => state.devices.set(one.device_id, one)),
  auction: (state, one) => isShown(state, one) && state.auctions.set(one.delivery_start, one),
  day_ahead: (state, one) => isShown(state, one) && state.dayAhead.set(one.delivery_start, one),
  reading: (state, one) => isShown(state, one) && addEnergy(state, one),
  settled: (state, one) => isShown(state, one) && addSettled(state, one),
  schedule: (state, one) => state.schedules.set(one.device_id, one),
  setpoint: (state, one) => state.setpoints.set(one.device_id, one),
  accuracy: (state, one) => {
    if (one.site_id === null || state.caller.role === "factory") state.accuracy.set(placeOf(one), one);
  },
  market: (state, one) => { state.market = one; },
  bidding: (state, one) => state.biddings.set(one.participant_id, one),
  participant: (state, one) => {
    if (one.suspended) state.suspensions.set(one.participant_id, one);
    else state.suspensions.delete(one.participant_id);
  },
  ledger: (state, one) => {
    if (!state.ledger || !isShown(state, one)) return;
    state.ledger.ledger_entries += one.ledger_entries;
    state.ledger.ledger_sum_krw += one.ledger_sum_krw;
  },
  order: (state, one) => {
    if (state.chose && !isShown(state, one)) return;
    state.orders.set(one.order_id, one);
    if (state.orders.size <= ORDERS_KEPT) return;
    const oldest = [...state.orders.values()].sort((a, b) => a.submitted_at.localeCompare(b.submitted_at))[0];
    state.orders.delete(oldest.order_id);
  },
};
