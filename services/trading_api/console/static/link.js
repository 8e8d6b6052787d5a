// The live connection: it passes on what it hears, says when it is lost, and comes back by itself.

// The server tells the time every second, and at least every five.
const LOST_AFTER_MS = 7e3;
const LOOK_EVERY_MS = 500;
const AGAIN_AFTER_MS = 2e3;
const SIGNED_OUT = new Set([401, 403]);

// `on.knock` asks for the present state and returns the answer's status (null: none); `on.turned` is told when the
// connection is lost and when it is there, `on.interrupted` that the browser tries anew, `on.ended` that nobody is
// signed in any more.
export function linkTo(path, events, on) {
  let stream = null;
  let wanted = false;
  let lost = null;
  let knocking = false;
  let again = 0;
  let heard = { page: 0, wall: 0 };

  // A machine that slept has stopped the one clock and not the other.
  const instant = () => ({ page: performance.now(), wall: Date.now() });
  const silence = () => Math.max(performance.now() - heard.page, Date.now() - heard.wall);
  const turn = (yes) => { if (lost !== yes) { lost = yes; on.turned(yes); } };

  function listen() {
    stream?.close();
    const mine = stream = new EventSource(path);
    for (const [kind, take] of Object.entries(events)) {
      mine.addEventListener(kind, (event) => {
        if (mine !== stream) return;
        heard = instant();
        turn(false);
        take(event);
      });
    }
    mine.onerror = () => {
      if (mine !== stream) return;
      on.interrupted();
      // Refused, so that the browser tries no more.
      if (mine.readyState === EventSource.CLOSED) turn(true);
    };
  }

  async function enter() {
    if (knocking) return;
    knocking = wanted = true;
    const status = await on.knock().catch(() => null);
    knocking = false;
    if (!wanted) return;
    if (SIGNED_OUT.has(status)) { leave(); on.ended(); return; }
    again = performance.now() + (status === 200 ? LOST_AFTER_MS : AGAIN_AFTER_MS);
    if (status === 200) { heard = instant(); listen(); } else turn(true);
  }

  function leave() {
    wanted = false;
    lost = null;
    stream?.close();
    stream = null;
  }

  // Says at once, also on a tab that wakes up, whether what is shown is still of now, and tries again when it is not.
  function look() {
    if (!wanted || knocking) return;
    if (silence() > LOST_AFTER_MS) turn(true);
    if (lost && performance.now() >= again) enter();
  }
  setInterval(look, LOOK_EVERY_MS);
  document.addEventListener("visibilitychange", look);
  for (const name of ["pageshow", "online"]) window.addEventListener(name, look);

  return { enter, leave, look };
}
