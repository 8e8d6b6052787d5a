// Who draws, who feeds in, whose sun shines and whose battery works, feeder by feeder; and the batteries' plans.
import { INTERVAL_MS, counts, nowOf, whyNot } from "/static/state.js";
import { count, language, timeOf, without, word } from "/static/words.js";

const sum = (list, value) => list.reduce((total, one) => total + value(one), 0);
const kw = (device, name) => Number(device?.[name] ?? 0);

// What flows at a factory now: sums of what counts. `out` has the devices that don't, by kind, and `last` what they showed.
export function powerOf(state, member) {
  const devices = [...state.devices.values()].filter((one) => one.participant_id === member.participant_id);
  const flows = (list) => {
    const of = (kind, name) => sum(list.filter((one) => one.meter_kind === kind), (one) => kw(one, name));
    return {
      draws: of("grid", "import_kw"), feeds: of("grid", "export_kw"), solar: of("pv", "export_kw"),
      charge: of("ess", "import_kw"), discharge: of("ess", "export_kw"),
    };
  };
  const out = devices.filter((one) => !counts(one));
  const power = flows(devices.filter(counts));
  power.last = flows(devices);
  power.out = Object.fromEntries(["grid", "pv", "ess"].map((kind) => [kind, out.filter((one) => one.meter_kind === kind)]));
  power.known = devices.some((one) => one.meter_kind === "grid");
  // What the factory uses follows from all of its meters, or not at all.
  const load = power.draws - power.feeds + power.solar + power.discharge - power.charge;
  power.load = out.length || !power.known ? null : Math.max(0, load);
  power.why = out.map((one) => `${one.device_id}: ${whyNot(state, one)}`);
  power.age = out.length ? whyNot(state, out[0]) : "";
  return power;
}

const element = (tag, className, text) => {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
};
const parts = (parent, ...children) => { parent.append(...children); return parent; };
const net = (power) => (power.feeds > power.draws
  ? `${word("feeds")} ${count(power.feeds - power.draws)} kW` : `${word("draws")} ${count(power.draws - power.feeds)} kW`);

function wire(netKw) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  made.setAttribute("viewBox", "0 0 100 20");
  made.setAttribute("preserveAspectRatio", "xMidYMid meet");
  made.setAttribute("class", `wire ${netKw < 0 ? "out" : ""} ${Math.abs(netKw) < 1 ? "still" : ""}`);
  made.style.setProperty("--pace", `${Math.max(0.5, 4 - Math.log10(1 + Math.abs(netKw)))}s`);
  for (const name of ["", "current"]) {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", "M50 20V0");
    path.setAttribute("class", name);
    made.append(path);
  }
  return made;
}

function factoryRow(member, power, scaleKw) {
  const row = element("div", `factory ${power.why.length ? "silent" : ""}`);
  const bars = element("div", "bars");
  const shares = [["c-solar", power.solar], ["c-battery", power.discharge], ["c-import", Math.max(0, power.draws - power.feeds)]];
  for (const [name, power_kw] of shares) {
    const bar = element("i", name);
    bar.style.width = `${(100 * power_kw) / scaleKw}%`;
    bars.append(bar);
  }
  const old = (kind) => (power.out[kind].length ? "old" : "");
  const of = (kind) => (power.out[kind].length ? power.last : power);
  const details = parts(element("div", "parts"), element("span", "", `${word("load")} ${power.load === null ? "–" : count(power.load)}`));
  if (member.pv.length) details.append(element("span", `sun ${old("pv")}`, `☀ ${count(of("pv").solar)}`));
  if (member.ess.length) {
    const { charge, discharge } = of("ess");
    const sign = charge > discharge ? "▲" : discharge > 0 ? "▼" : "";
    details.append(element("span", `cell ${old("ess")}`, `▮ ${sign}${count(Math.max(charge, discharge))}`));
  }
  if (power.age) details.append(element("span", "old age", power.age));
  const name = element("span", "name", member.name[language()]);
  name.title = [member.participant_id, ...power.why].join("\n");
  const { draws, feeds } = of("grid");
  const flow = element("span", `net ${feeds > draws ? "out" : ""} ${old("grid")}`, power.known ? net({ draws, feeds }) : "–");
  return parts(row, name, flow, bars, details);
}

// A sum of grid connections, if any of them counts, and what it lacks.
const missing = (powers) => powers.filter((one) => !one.known || one.out.grid.length).length;
const summed = (powers, kw) => (missing(powers) < powers.length ? count(Math.abs(kw)) : "–");
function lack(powers) {
  const out = missing(powers);
  return out ? ` · ${without(out, powers.length)}` : "";
}

export function drawBoard(state) {
  const board = document.getElementById("board");
  const powers = new Map([...state.members.values()].map((member) => [member, powerOf(state, member)]));
  const all = [...powers.values()];
  const [draws, feeds] = [sum(all, (one) => one.draws), sum(all, (one) => one.feeds)];
  const scaleKw = Math.max(50, ...all.map((one) => one.solar + one.discharge + Math.max(0, one.draws - one.feeds)));
  const feeders = state.complex.feeders.filter((feeder) => [...state.members.values()].some((one) => one.feeder_id === feeder.feeder_id));
  board.style.setProperty("--feeders", feeders.length);

  const bus = element("div", "bus");
  const outside = element("span", "", `${word(draws >= feeds ? "fromGrid" : "toGrid")} `);
  outside.append(element("b", "", summed(all, draws - feeds)), " kW");
  const inside = element("span", "", `${word("shared")} `);
  inside.append(element("b", "", summed(all, Math.min(draws, feeds))), " kW");
  outside.append(lack(all));
  parts(bus, outside);
  if (state.members.size > 1) bus.append(inside);

  const running = new Date(Math.floor(nowOf(state) / INTERVAL_MS) * INTERVAL_MS).toISOString().replace(".000Z", "Z");
  const auction = state.auctions.get(running);
  const columns = feeders.map((feeder) => {
    const members = [...powers].filter(([member]) => member.feeder_id === feeder.feeder_id);
    const behind = members.map(([, power]) => power);
    const netKw = sum(behind, (power) => power.draws - power.feeds);
    const limitKw = netKw >= 0 ? feeder.import_limit_kw : feeder.export_limit_kw;
    const head = element("div", "feeder-head");
    const gauge = element("div", `gauge ${netKw < 0 ? "out" : ""}`);
    const level = element("i");
    level.style.width = limitKw ? `${Math.min(100, (100 * Math.abs(netKw)) / limitKw)}%` : "0";
    gauge.append(level);
    // A sum that lacks somebody says nothing of the limit.
    const limit = limitKw && !missing(behind) ? ` ${word("peak")} ${count(limitKw)}` : "";
    parts(head, element("b", "", feeder.feeder_id), element("span", "", `${word(netKw < 0 ? "feeds" : "draws")} ${summed(behind, netKw)}${limit} kW${lack(behind)}`), gauge);
    const own = Number(auction?.feeder_price_krw_per_kwh[feeder.feeder_id] ?? NaN);
    // Farther from the common price than its fee: what it could carry was all taken.
    if (Math.abs(own - Number(auction?.price_krw_per_kwh)) > Number(feeder.wheeling_fee_krw_per_kwh) + 0.01) {
      head.append(element("span", "full", `${word("full")}: ${own.toFixed(2)} ${word("perKwh")}`));
    }
    return parts(element("div", "feeder"), wire(netKw), head, ...members.map(([member, power]) => factoryRow(member, power, scaleKw)));
  });
  board.replaceChildren(bus, ...columns);
}

const PLAN_WIDTH = 200;
const PLAN_HEIGHT = 34;

// Where the charge is now, if that is known, and where the plan takes it.
function planPicture(state, ess, soc_kwh, schedule) {
  const top = ess.capacity_kwh;
  const y = (soc_kwh) => PLAN_HEIGHT * (1 - soc_kwh / top);
  const band = `<rect x="0" width="${PLAN_WIDTH}" y="${y(ess.soc_max * top)}" height="${PLAN_HEIGHT * (ess.soc_max - ess.soc_min)}" fill="#0f1820"/>`;
  let line = "";
  if (schedule) {
    const first = Date.parse(schedule.first_delivery_start);
    const start = nowOf(state);
    const steps = schedule.soc_kwh.map((text, n) => [first + (n + 1) * INTERVAL_MS, Number(text)]).filter(([at]) => at >= start);
    const x = (at) => (PLAN_WIDTH * (at - start)) / (24 * 4 * INTERVAL_MS);
    const points = [...(Number.isFinite(soc_kwh) ? [[start, soc_kwh]] : []), ...steps];
    line = `<polyline fill="none" stroke="#3cc6c0" stroke-width="1.6" vector-effect="non-scaling-stroke" points="${points.map(([at, level]) => `${x(at).toFixed(1)},${y(level).toFixed(1)}`).join(" ")}"/>`;
  }
  const dot = Number.isFinite(soc_kwh) ? `<path d="M0 ${y(soc_kwh).toFixed(1)}h.01" stroke="#e3ebf2" stroke-width="7" stroke-linecap="round" vector-effect="non-scaling-stroke"/>` : "";
  return `${band}${line}${dot}`;
}

// The peak that a plan spares its factory, where it does.
function avoided(plan) {
  const [peak, without] = [Number(plan.peak_kw ?? NaN), Number(plan.peak_without_battery_kw ?? NaN)];
  return without - peak >= 1 ? `${word("peakNamed")} ${count(peak)}, ${word("peakInstead")} ${count(without)} kW · ` : "";
}

export function drawBatteries(state) {
  const cards = [...state.members.values()].flatMap((member) => member.ess.map((ess) => {
    const device = state.devices.get(ess.device_id);
    const setpoint = state.setpoints.get(ess.device_id);
    const share = device?.soc_kwh == null ? null : Number(device.soc_kwh) / ess.capacity_kwh;
    const isNow = device !== undefined && counts(device);
    const [charge, discharge] = [kw(device, "import_kw"), kw(device, "export_kw")];
    const doing = charge > 0.5 ? `${word("charging")} ${count(charge)} kW` : discharge > 0.5 ? `${word("discharging")} ${count(discharge)} kW` : word("idle");
    const soc = element("div", "soc", share === null ? "–" : `${Math.round(100 * share)}`);
    soc.append(element("small", "", " %"));
    const isDue = setpoint && Date.parse(setpoint.delivery_start) + INTERVAL_MS > nowOf(state);
    const mark = !isDue ? "" : setpoint.status === "confirmed" ? " ✓" : setpoint.status === "refused" ? " ⚠" : "";
    const who = element("div", "who", member.name[language()]);
    const does = element("div", "does", isNow || !device ? `${doing}${mark}` : whyNot(state, device));
    const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    picture.setAttribute("viewBox", `0 0 ${PLAN_WIDTH} ${PLAN_HEIGHT}`);
    picture.setAttribute("preserveAspectRatio", "none");
    // Numbers only: nothing that anyone typed gets into this markup.
    picture.innerHTML = planPicture(state, ess, isNow ? Number(device.soc_kwh ?? NaN) : NaN, state.schedules.get(ess.device_id));
    const plan = state.schedules.get(ess.device_id);
    const why = plan ? `${timeOf(plan.first_delivery_start)} ${avoided(plan)}${word(plan.reason)} · ${Number(plan.energy_value_krw_per_kwh).toFixed(0)} ${word("perKwh")}` : "";
    const because = element("div", "does because", why);
    because.title = why;
    const level = parts(element("div"), soc, element("div", "does", `${count(ess.capacity_kwh)} kWh`));
    return parts(element("div", `battery ${isNow ? "" : "old"}`), level, parts(element("div"), who, does), picture, because);
  }));
  if (!cards.length) cards.push(element("div", "empty", word("noBattery")));
  document.getElementById("batteries").replaceChildren(...cards);
}
