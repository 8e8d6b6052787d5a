// Calls of the trading API in the session's name. The header shows that the page itself calls.
import { language, word } from "/static/words.js";

export const HEADERS = { "Content-Type": "application/json", "X-Sandan-Console": "1" };

// Returns what was answered, or in one sentence why nothing was done.
export async function ask(method, path, body) {
  const headers = { ...HEADERS, "Accept-Language": language() };
  const answer = await fetch(`/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) }).catch(() => null);
  if (answer === null) return { problem: word("noAnswer") };
  const said = await answer.json().catch(() => ({}));
  return answer.ok ? { said } : { problem: sentenceOf(said) ?? `HTTP ${answer.status}` };
}

function sentenceOf(problem) {
  const [first] = problem.errors ?? [];
  return first ? `${first.field}: ${first.rule} (${first.value})` : problem.detail ?? problem.title;
}
