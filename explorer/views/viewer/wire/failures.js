// Why a request failed, as an Error whose message is a sentence for the user. What it may have besides:
//   gone      the picture was let go, and can be opened again
//   refused   what was sent is no good
//   later     it is worth trying again, in so many seconds

const AWAY = "The server does not answer: is it still running? This page goes on by itself once it does.";
const FOREIGN = "What answers here is not MAE Explorer: is a proxy in the way? Reload the page.";
const SOON = 2; // seconds

/** @typedef {Error & { gone?: boolean, refused?: boolean, later?: number, isSentence: true }} Failure */

/** @param {string} message @param {{ gone?: boolean, refused?: boolean, later?: number }} [about] @returns {Failure} */
export function failure(message, about = {}) {
  return Object.assign(new Error(message), { isSentence: /** @type {const} */ (true), ...about });
}

// Of what is thrown on the way to the server and back; what was given up on purpose stays an AbortError.
/** @param {Error & { isSentence?: boolean }} error */
export function broken(error) {
  if (error.name === "AbortError" || error.isSentence) return error;
  return error instanceof SyntaxError ? failure(FOREIGN) : failure(AWAY, { later: SOON });
}

// Of an answer that is no success. A proxy's is a page of HTML instead of the server's own sentence.
/** @param {Response} response */
export async function refusal(response) {
  const { status, headers } = response;
  const answer = await response.json().catch(() => null);
  const later = Number(headers.get("Retry-After")) || SOON;
  const message = typeof answer?.error === "string" ? answer.error : sentenceOf(status, later);
  const isLater = [429, 502, 503, 504].includes(status);
  return failure(message, { gone: status === 410, refused: status === 413 || status === 422, ...(isLater && { later }) });
}

function sentenceOf(status, later) {
  switch (status) {
    case 403: return "The server refuses this page: open it at the address that the server printed.";
    case 404: return "The server does not know what this page asks for: reload the page.";
    case 413: return "A server on the way takes no file of this size: please send a smaller one.";
    case 429:
    case 503: return `The server is busy: the page tries again in ${later} s.`;
    case 502:
    case 504: return AWAY;
    default: return `The server could not do this (status ${status}).`;
  }
}
