// The two charts of the day.
import { nowOf, energyAt } from "/static/state.js";
import { count, dayOf, slotOf, word } from "/static/words.js";

const SLOTS = Array.from({ length: 96 }, (_, n) => `${String(Math.floor(n / 4)).padStart(2, "0")}:${String((n % 4) * 15).padStart(2, "0")}`);
const COLOURS = { text: "#8698a8", line: "#243240", import: "#6ea2f4", export: "#5fd08a", solar: "#f2b84b", battery: "#3cc6c0", price: "#f4f7fa" };
const QUARTERS = 4; // kWh of a quarter hour to the kW that made them

const axisText = { color: COLOURS.text, fontSize: 11 };
const base = () => ({
  animation: false,
  grid: { left: 38, right: 38, top: 34, bottom: 22 },
  textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
  aria: { enabled: true },
  legend: { type: "scroll", top: 0, left: 0, right: 0, pageIconColor: "#8698a8", pageTextStyle: { color: "#8698a8" }, itemWidth: 12, itemHeight: 8, itemGap: 12, textStyle: axisText, inactiveColor: "#4a5866" },
  tooltip: { trigger: "axis", renderMode: "richText", backgroundColor: "#1a242e", borderColor: COLOURS.line, textStyle: { color: "#e3ebf2", fontSize: 12 } },
  xAxis: { type: "category", data: SLOTS, axisLabel: { ...axisText, interval: 15 }, axisTick: { interval: 15 }, axisLine: { lineStyle: { color: COLOURS.line } } },
});
const valueAxis = (more = {}) => ({ type: "value", axisLabel: { ...axisText, formatter: count }, splitLine: { lineStyle: { color: "#1c2732" } }, ...more });

const drawn = new Map();

function chartOf(id) {
  if (!drawn.has(id)) {
    const chart = echarts.init(document.getElementById(id), null, { renderer: "canvas" });
    new ResizeObserver(() => chart.resize()).observe(chart.getDom());
    drawn.set(id, chart);
  }
  return drawn.get(id);
}

const byslot = (list, value) => {
  const filled = Array(SLOTS.length).fill(null);
  for (const one of list) filled[slotOf(one.delivery_start)] = value(one);
  return filled;
};
const number = (text) => (text === null || text === undefined ? null : Number(text));

const nowMark = (state) => (dayOf(nowOf(state)) !== state.day ? undefined : {
  silent: true, symbol: "none", label: { show: false }, lineStyle: { color: "#f2b84b", type: "solid", width: 1, opacity: 0.8 },
  data: [{ xAxis: SLOTS[slotOf(nowOf(state))] }],
});

export function drawPrices(state) {
  const auctions = [...state.auctions.values()];
  const settled = [...state.settled.values()];
  const ahead = [...state.dayAhead.values()];
  const line = (name, data, style) => ({ name, type: "line", step: "middle", symbol: "none", connectNulls: false, data, ...style });
  const frame = base();
  chartOf("price-chart").setOption({
    ...frame,
    legend: { ...frame.legend, data: ["price", ...(ahead.length ? ["dayAhead"] : []), "volume", ...(settled.length ? ["tariffTop", "tariff", "sellBack"] : [])].map(word) },
    yAxis: [valueAxis(), valueAxis({ splitLine: { show: false }, minInterval: 1 })],
    series: [
      { name: word("volume"), type: "bar", yAxisIndex: 1, barCategoryGap: "15%", itemStyle: { color: COLOURS.import, opacity: 0.42 }, data: byslot(auctions, (one) => Number(one.volume_kwh)) },
      line(word("tariffTop"), byslot(settled, (one) => number(one.grid_import_price_krw_per_kwh_max)), { lineStyle: { color: "#ef8d7a", width: 1.2 }, itemStyle: { color: "#ef8d7a" } }),
      line(word("tariff"), byslot(settled, (one) => number(one.grid_import_price_krw_per_kwh_min)), { lineStyle: { color: "#b8695c", width: 1.2, type: [4, 3] }, itemStyle: { color: "#b8695c" } }),
      line(word("sellBack"), byslot(settled, (one) => number(one.grid_export_price_krw_per_kwh)), { lineStyle: { color: COLOURS.export, width: 1.2 }, itemStyle: { color: COLOURS.export } }),
      line(word("dayAhead"), byslot(ahead, (one) => number(one.price_krw_per_kwh)), { lineStyle: { color: COLOURS.price, width: 1.4, type: [2, 3] }, itemStyle: { color: COLOURS.price }, z: 4 }),
      line(word("price"), byslot(auctions, (one) => number(one.price_krw_per_kwh)), { lineStyle: { color: COLOURS.price, width: 2.2 }, itemStyle: { color: COLOURS.price }, z: 5, markLine: nowMark(state) }),
    ],
  }, true);
}

export function drawSources(state) {
  const starts = [...state.energy.keys()].map((delivery_start) => ({ delivery_start, sums: energyAt(state, delivery_start) }));
  const of = (power) => byslot(starts, ({ sums }) => Math.round(power((name) => sums[name] ?? 0) * QUARTERS));
  const layer = (name, colour, data) => ({ name, type: "bar", stack: "power", barCategoryGap: "0%", barGap: "0%", itemStyle: { color: colour, opacity: 0.88 }, data });
  chartOf("source-chart").setOption({
    ...base(),
    grid: { left: 44, right: 10, top: 34, bottom: 22 },
    yAxis: valueAxis(),
    series: [
      { ...layer(word("solar"), COLOURS.solar, of((kwh) => kwh("pv_export"))), markLine: nowMark(state) },
      layer(word("battery"), COLOURS.battery, of((kwh) => kwh("ess_export"))),
      layer(word("grid"), COLOURS.import, of((kwh) => Math.max(0, kwh("grid_import") - kwh("grid_export")))),
      layer(word("charge"), "#1f7f7b", of((kwh) => -kwh("ess_import"))),
      layer(word("exported"), COLOURS.export, of((kwh) => -Math.max(0, kwh("grid_export") - kwh("grid_import")))),
    ],
  }, true);
}

