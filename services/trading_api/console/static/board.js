// Who draws, who feeds in, whose sun shines and whose battery works, feeder by feeder; and the batteries' plans.
import { INTERVAL_MS, nowOf } from "/static/state.js";
import { count, language, timeOf, word } from "/static/words.js";

const sum = (list, value) => list.reduce((total, one) => total + value(one), 0);
const kw = (device, name) => Number(device?.[name] ?? 0);

export function powerOf(state, member) {
  const devices = [...state.devices.values()].filter((one) => one.participant_id === member.participant_id);
  const of = (kind, name) => sum(devices.filter((one) => one.meter_kind === kind), (one) => kw(one, name));
  const power = {
    draws: of("grid", "import_kw"), feeds: of("grid", "export_kw"), solar: of("pv", "export_kw"),
    charge: of("ess", "import_kw"), discharge: of("ess", "export_kw"), known: devices.length > 0,
    silent: devices.some((one) => !one.reachable),
  };
  power.load = Math.max(0, power.draws - power.feeds + power.solar + power.discharge - power.charge);
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

function factoryRow(state, member, power, scaleKw) {
  const row = element("div", `factory ${power.silent ? "silent" : ""}`);
  const bars = element("div", "bars");
  const shares = [["c-solar", power.solar], ["c-battery", power.discharge], ["c-import", Math.max(0, power.draws - power.feeds)]];
  for (const [name, power_kw] of shares) {
    const bar = element("i", name);
    bar.style.width = `${(100 * power_kw) / scaleKw}%`;
    bars.append(bar);
  }
  const details = parts(element("div", "parts"), element("span", "", `${word("load")} ${count(power.load)}`));
  if (member.pv.length) details.append(element("span", "sun", `☀ ${count(power.solar)}`));
  if (member.ess.length) {
    const sign = power.charge > power.discharge ? "▲" : power.discharge > 0 ? "▼" : "";
    details.append(element("span", "cell", `▮ ${sign}${count(Math.max(power.charge, power.discharge))}`));
  }
  const name = element("span", "name", member.name[language()]);
  name.title = member.participant_id;
  const flow = element("span", `net ${power.feeds > power.draws ? "out" : ""}`, power.known ? net(power) : "–");
  return parts(row, name, flow, bars, details);
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
  outside.append(element("b", "", count(Math.abs(draws - feeds))), " kW");
  const inside = element("span", "", `${word("shared")} `);
  inside.append(element("b", "", count(Math.min(draws, feeds))), " kW");
  parts(bus, outside);
  if (state.members.size > 1) bus.append(inside);

  const columns = feeders.map((feeder) => {
    const members = [...powers].filter(([member]) => member.feeder_id === feeder.feeder_id);
    const netKw = sum(members, ([, power]) => power.draws - power.feeds);
    const limitKw = netKw >= 0 ? feeder.import_limit_kw : feeder.export_limit_kw;
    const head = element("div", "feeder-head");
    const gauge = element("div", `gauge ${netKw < 0 ? "out" : ""}`);
    const level = element("i");
    level.style.width = limitKw ? `${Math.min(100, (100 * Math.abs(netKw)) / limitKw)}%` : "0";
    gauge.append(level);
    const limit = limitKw ? ` ${word("peak")} ${count(limitKw)}` : "";
    parts(head, element("b", "", feeder.feeder_id), element("span", "", `${word(netKw < 0 ? "feeds" : "draws")} ${count(Math.abs(netKw))}${limit} kW`), gauge);
    return parts(element("div", "feeder"), wire(netKw), head, ...members.map(([member, power]) => factoryRow(state, member, power, scaleKw)));
  });
  board.replaceChildren(bus, ...columns);
}

const PLAN_WIDTH = 200;
const PLAN_HEIGHT = 34;

function planPicture(state, ess, device, schedule) {
  const top = ess.capacity_kwh;
  const y = (soc_kwh) => PLAN_HEIGHT * (1 - soc_kwh / top);
  const band = `<rect x="0" width="${PLAN_WIDTH}" y="${y(ess.soc_max * top)}" height="${PLAN_HEIGHT * (ess.soc_max - ess.soc_min)}" fill="#0f1820"/>`;
  const soc_kwh = Number(device?.soc_kwh ?? NaN);
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

export function drawBatteries(state) {
  const cards = [...state.members.values()].flatMap((member) => member.ess.map((ess) => {
    const device = state.devices.get(ess.device_id);
    const setpoint = state.setpoints.get(ess.device_id);
    const share = device?.soc_kwh == null ? null : Number(device.soc_kwh) / ess.capacity_kwh;
    const [charge, discharge] = [kw(device, "import_kw"), kw(device, "export_kw")];
    const doing = charge > 0.5 ? `${word("charging")} ${count(charge)} kW` : discharge > 0.5 ? `${word("discharging")} ${count(discharge)} kW` : word("idle");
    const soc = element("div", "soc", share === null ? "–" : `${Math.round(100 * share)}`);
    soc.append(element("small", "", " %"));
    const mark = setpoint?.status === "confirmed" ? " ✓" : setpoint?.status === "refused" ? " ⚠" : "";
    const who = element("div", "who", member.name[language()]);
    const does = element("div", "does", `${doing}${mark}`);
    const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    picture.setAttribute("viewBox", `0 0 ${PLAN_WIDTH} ${PLAN_HEIGHT}`);
    picture.setAttribute("preserveAspectRatio", "none");
    // Numbers only: nothing that anyone typed gets into this markup.
    picture.innerHTML = planPicture(state, ess, device, state.schedules.get(ess.device_id));
    const plan = state.schedules.get(ess.device_id);
    const why = plan ? `${timeOf(plan.first_delivery_start)} ${word(plan.reason)} · ${Number(plan.energy_value_krw_per_kwh).toFixed(0)} ${word("perKwh")}` : "";
    const because = element("div", "does because", why);
    because.title = why;
    const level = parts(element("div"), soc, element("div", "does", `${count(ess.capacity_kwh)} kWh`));
    return parts(element("div", "battery"), level, parts(element("div"), who, does), picture, because);
  }));
  if (!cards.length) cards.push(element("div", "empty", word("noBattery")));
  document.getElementById("batteries").replaceChildren(...cards);
}
