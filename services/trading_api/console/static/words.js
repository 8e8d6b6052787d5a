// Words that scripts write; the page's own stand in its template, in both languages.
const WORDS = {
  en: {
    automatic: "automatic", manual: "by hand", automaticBidding: "Automatic bidding", isOn: "on", isOff: "off", switchOn: "Bid automatically", switchOff: "Stop automatic bids", biddingFrom: "from delivery", suspendedOne: "suspended", mayTrade: "may trade", suspend: "Suspend", letTrade: "Let trade", asked: "The market has been asked.",
    cancel: "cancel", cancelAsked: "Cancellation asked.", open: "Market open", halted: "Market halted", suspended: "You are suspended", suspendedCount: "suspended", live: "live", lost: "Connection lost; trying again. Shown as of", sessionEnded: "Your session has ended. Sign in again to go on.",
    ownSite: "own", worseThanSky: "“the sky stays as it is” was better, as clouds changed little, or the roof is too new to be known.", worseThanWeek: "“as a week ago” was better, as the plant runs by the week, or has run for too few days to be known.",
    today: "today", gateClosed: "gate closed", gateClosedPick: "The gate of this interval has closed. Pick a later one.", lostNoOrders: "No orders while the connection is lost.",
    ofDay: "of", ofNewest: "of the newest auctions", neverHeard: "never heard", secondsAgo: "s ago", minutesAgo: "min ago", hoursAgo: "h ago", daysAgo: "days ago",
    lastPrice: "Last price", priceNow: "Price now",
    delivery: "delivery", noTrade: "no trade", gridPays: "grid", orders: "orders", trades: "trades", auctions: "auctions",
    savingNote: "against the grid alone, batteries idle", settled: "intervals settled", balanced: "Balanced", off: "Off by",
    entries: "entries", answering: "all answering", silent: "silent", odd: "odd", peak: "of", capacity: "capacity", noBattery: "No batteries here.", draws: "draws", feeds: "feeds in",
    fromGrid: "from the grid", toGrid: "to the grid", shared: "shared inside", load: "load", idle: "idle",
    charging: "in", discharging: "out", price: "Price", dayAhead: "Day-ahead price", volume: "Volume", tariff: "Grid tariff, lowest",
    tariffTop: "Grid tariff, highest", sellBack: "Sell-back", solar: "Solar", grid: "Grid", battery: "Battery",
    charge: "Charging", exported: "Fed in", buy: "buy", sell: "sell", none: "No orders yet.",
    unknownKey: "This key is not known.", noAnswer: "The server does not answer.",
    loads: "Loads", hours: "h", drifting: "drifting", overDays: "days", noAccuracy: "After the first hour.",
    sceneAsked: "asked for", sceneFrom: "from", sceneUntil: "until", sceneOver: "over since", sceneRefused: "not now",
    peakNamed: "peak", peakInstead: "not", full: "full",
    perKwh: "KRW/kWh", limit_exceeded: "a limit gives way", charge_paid: "is paid to charge", store_sun: "stores sun", reserve: "fills its reserve",
    charge_cheap: "charges on a cheap band", limit_binding: "grid limit reached", shave_peak: "shaves the peak", sell_at_price: "sells at a price",
    discharge_expensive: "covers a dear band", curtail: "leaves sun unused", hold_for_peak: "holds for the peak", hold_for_price: "holds for a price",
    received: "received", accepted: "in the book", rejected: "rejected", cancelled: "cancelled",
    part_filled: "part filled", filled: "filled", expired: "not filled", nothing: "waiting for the first interval",
  },
  ko: {
    automatic: "자동", manual: "수동", automaticBidding: "자동 입찰", isOn: "켜짐", isOff: "꺼짐", switchOn: "자동 입찰 켜기", switchOff: "자동 입찰 끄기", biddingFrom: "적용 인도 구간", suspendedOne: "정지", mayTrade: "거래 가능", suspend: "정지", letTrade: "정지 해제", asked: "시장에 요청했습니다.",
    cancel: "취소", cancelAsked: "취소를 요청했습니다.", open: "시장 운영 중", halted: "시장 중단", suspended: "거래 참여 정지", suspendedCount: "참여 정지", live: "실시간", lost: "연결이 끊겨 다시 시도 중. 표시 기준 시각", sessionEnded: "세션이 끝났습니다. 계속하려면 다시 로그인하세요.",
    ownSite: "우리 공장", worseThanSky: "‘하늘이 그대로’라는 예측이 더 나았습니다. 구름 변화가 적었거나 아직 배운 날이 적습니다.", worseThanWeek: "‘지난주와 같다’는 예측이 더 나았습니다. 매주 같게 가동하거나 아직 배운 날이 적습니다.",
    today: "오늘", gateClosed: "마감됨", gateClosedPick: "이 구간은 마감되었습니다. 이후 구간을 선택하세요.", lostNoOrders: "연결이 끊긴 동안에는 주문할 수 없습니다.",
    ofDay: "거래일", ofNewest: "최근 경매", neverHeard: "응답 없음", secondsAgo: "초 전", minutesAgo: "분 전", hoursAgo: "시간 전", daysAgo: "일 전",
    lastPrice: "마지막 가격", priceNow: "현재 가격",
    delivery: "인도", noTrade: "거래 없음", gridPays: "한전", orders: "주문", trades: "거래", auctions: "경매",
    savingNote: "한전 단독·배터리 미사용 대비", settled: "구간 정산", balanced: "일치", off: "차이",
    entries: "건 기장", answering: "모두 응답", silent: "무응답", odd: "이상 값", peak: "/", capacity: "설비 용량", noBattery: "배터리가 없습니다.", draws: "수전", feeds: "송전",
    fromGrid: "계통에서", toGrid: "계통으로", shared: "산단 내 공유", load: "부하", idle: "대기",
    charging: "충전", discharging: "방전", price: "가격", dayAhead: "하루전 가격", volume: "거래량", tariff: "한전 요금(최저)",
    tariffTop: "한전 요금(최고)", sellBack: "역송 단가", solar: "태양광", grid: "계통", battery: "배터리",
    charge: "충전", exported: "역송", buy: "매수", sell: "매도", none: "아직 주문이 없습니다.",
    unknownKey: "등록되지 않은 키입니다.", noAnswer: "서버가 응답하지 않습니다.",
    loads: "부하", hours: "시간", drifting: "이상", overDays: "일", noAccuracy: "첫 한 시간 뒤에 표시됩니다.",
    sceneAsked: "요청함", sceneFrom: "시작", sceneUntil: "종료 예정", sceneOver: "끝남", sceneRefused: "지금은 불가",
    peakNamed: "최대수요", peakInstead: "배터리 없으면", full: "한도 도달",
    perKwh: "원/kWh", limit_exceeded: "한도 초과", charge_paid: "음의 가격에 충전", store_sun: "태양광 저장", reserve: "예비 충전",
    charge_cheap: "저렴한 시간대 충전", limit_binding: "계통 한도 도달", shave_peak: "최대수요 절감", sell_at_price: "가격에 맞춰 판매",
    discharge_expensive: "비싼 시간대 방전", curtail: "태양광 출력 제한", hold_for_peak: "최대수요 대비 보유", hold_for_price: "가격 대비 보유",
    received: "접수", accepted: "호가 등록", rejected: "거부", cancelled: "취소",
    part_filled: "부분 체결", filled: "체결", expired: "미체결", nothing: "첫 구간을 기다리는 중",
  },
};

const saved = localStorage.getItem("sandan-language");
document.documentElement.lang = saved ?? (navigator.language.startsWith("ko") ? "ko" : "en");

export const language = () => document.documentElement.lang;
export const word = (name) => WORDS[language()][name];

export function toggleLanguage() {
  document.documentElement.lang = language() === "ko" ? "en" : "ko";
  localStorage.setItem("sandan-language", language());
}

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
export const count = (number) => whole.format(Math.round(number) || 0);

export const without = (out, all) => (language() === "ko" ? `${all}개 중 ${out}개 제외` : `without ${out} of ${all}`);

// How long ago something was, in the largest unit that it has one of.
export function ago(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1e3));
  const [size, unit] = [[86400, "daysAgo"], [3600, "hoursAgo"], [60, "minutesAgo"]].find(([size]) => seconds >= size) ?? [1, "secondsAgo"];
  return language() === "ko" ? `${Math.floor(seconds / size)}${word(unit)}` : `${Math.floor(seconds / size)} ${word(unit)}`;
}

// Every instant on the screens is Korean time.
const KST_MS = 9 * 3600e3;
const shifted = (instant) => new Date(new Date(instant).getTime() + KST_MS).toISOString();
export const secondOf = (instant) => shifted(instant).slice(11, 19);
export const momentOf = (instant) => shifted(instant).slice(0, 16).replace("T", " ");
export const timeOf = (instant) => shifted(instant).slice(11, 16);
export const dayOf = (instant) => shifted(instant).slice(0, 10);
export const slotOf = (instant) => {
  const [hours, minutes] = timeOf(instant).split(":").map(Number);
  return hours * 4 + Math.floor(minutes / 15);
};
