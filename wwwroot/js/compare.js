// Time at work on a pair: counted while the page is visible and the person has moved, typed or scrolled within the last half minute.
import { forget } from './drafts.js';

const idleAfter = 30_000;
const signs = ['pointermove', 'pointerdown', 'keydown', 'wheel', 'scroll', 'touchstart'];

let active = 0;
let since = null; // start of the stretch at work, or null
let lastSign = 0;

function close(now) {
  if (since !== null) {
    active += Math.max(0, Math.min(now, lastSign + idleAfter) - since);
    since = null;
  }
}

function seen() {
  const now = performance.now();
  if (since === null || now - lastSign > idleAfter) {
    close(now);
    since = now;
  }
  lastSign = now;
}

function visibility() {
  if (document.visibilityState === 'visible') {
    seen();
  } else {
    close(performance.now());
  }
}

export function start() {
  signs.forEach(sign => document.addEventListener(sign, seen, { passive: true, capture: true }));
  document.addEventListener('visibilitychange', visibility);
  active = 0;
  since = null;
  visibility();
}

export function stop() {
  signs.forEach(sign => document.removeEventListener(sign, seen, { capture: true }));
  document.removeEventListener('visibilitychange', visibility);
}

/** Milliseconds at work since the last call. */
export function take() {
  close(performance.now());
  const taken = active;
  active = 0;
  visibility();
  return Math.round(taken);
}

/** A new pair starts at the top. */
export function top() {
  window.scrollTo({ top: 0 });
}

export function focus(id) {
  document.getElementById(id)?.focus();
}

export { forget };
