// Calls of the trading API in the session's name. The header shows that the page itself calls.
import { language, word } from "/static/words.js";

export const HEADERS = { "Content-Type": "application/json", "X-Sandan-Console": "1" };
const ANSWER_WITHIN_MS = 10e3;
const DONE_WITHIN_MS = 30e3;

// Returns what was answered, or in one sentence why nothing was done.
export async function ask(method, path, body) {
  const headers = { ...HEADERS, "Accept-Language": language() };
  const answer = await fetch(`/api/v1${path}`, { method, headers, body: body && JSON.stringify(body), signal: AbortSignal.timeout(DONE_WITHIN_MS) }).catch(() => null);
  if (answer === null) return { problem: word("noAnswer") };
  const said = await answer.json().catch(() => ({}));
  return answer.ok ? { said } : { problem: sentenceOf(said) ?? `HTTP ${answer.status}` };
}

// Ends what is being read: whoever signs out has no right to those answers any more.
let reads = new AbortController();
export function endReads() {
  reads.abort();
  reads = new AbortController();
}

// Reads something: its `status` is null where no answer came in time, and `said` where it was no answer to the question.
export async function read(path) {
  const answer = await fetch(`/api/v1${path}`, { headers: HEADERS, signal: AbortSignal.any([reads.signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]) }).catch(() => null);
  const said = answer?.ok ? await answer.json().catch(() => null) : null;
  return { status: answer?.status ?? null, said };
}

function sentenceOf(problem) {
  const [first] = problem.errors ?? [];
  return first ? `${first.field}: ${first.rule} (${first.value})` : problem.detail ?? problem.title;
}
