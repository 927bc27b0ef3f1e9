// Time at work on a pair: counted while the page is visible and the person has moved, typed or scrolled within the last half minute.
import { forget } from './drafts.js';
import { typing } from './keys.js';

const idleAfter = 30_000;
const signs = ['pointermove', 'pointerdown', 'keydown', 'wheel', 'scroll', 'touchstart'];

let page = null;
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

/** Tells the page the time at work before keys.js or a button tells it what to do. */
function tell(event) {
  const element = event.target instanceof Element ? event.target : document.body;
  const acts = event.type === 'click'
    ? element.closest('.choice-bar')
    : !event.repeat && (event.key.length === 1 || event.key === 'Enter') && (event.ctrlKey || event.metaKey || !element.closest(typing));
  if (acts) {
    const worked = take();
    page.invokeMethodAsync('Worked', worked).catch(() => { active += worked; });
  }
}

export function start(target) {
  page = target;
  signs.forEach(sign => document.addEventListener(sign, seen, { passive: true, capture: true }));
  document.addEventListener('visibilitychange', visibility);
  document.addEventListener('scroll', scrolled, { passive: true, capture: true });
  ['keydown', 'click'].forEach(sign => document.addEventListener(sign, tell, { passive: true, capture: true }));
  active = 0;
  since = null;
  visibility();
}

export function stop() {
  signs.forEach(sign => document.removeEventListener(sign, seen, { capture: true }));
  document.removeEventListener('visibilitychange', visibility);
  document.removeEventListener('scroll', scrolled, { capture: true });
  ['keydown', 'click'].forEach(sign => document.removeEventListener(sign, tell, { capture: true }));
}

/** Milliseconds at work since the last call. */
function take() {
  close(performance.now());
  const taken = active;
  active = 0;
  visibility();
  return Math.round(taken);
}

/** A new pair starts at the top, and the draft of the pair before is in the database now. */
export function shown(saved, structure) {
  window.scrollTo({ top: 0 });
  markStructure(structure);
  if (saved) {
    forget(saved);
  }
}

export function focus(id) {
  document.getElementById(id)?.focus();
}

/** Scrolls as little as is needed to see the element. */
export function reveal(selector) {
  document.querySelector(selector)?.scrollIntoView({ block: 'nearest' });
}

let linked = true;

/** Panes that scroll together keep the same share of their text above. */
function scrolled(event) {
  const pane = event.target;
  if (!linked || !(pane instanceof Element) || !pane.classList.contains('compare-plan') || pane !== document.querySelector('.compare-plan:hover, .compare-plan:focus')) {
    return;
  }
  const share = pane.scrollTop / Math.max(1, pane.scrollHeight - pane.clientHeight);
  document.querySelectorAll('.compare-plan').forEach(other => {
    if (other !== pane) {
      other.scrollTop = share * (other.scrollHeight - other.clientHeight);
    }
  });
}

export function link(on) {
  linked = on;
}

/** Marks the headings of each plan that the other has not. */
export function markStructure(on) {
  const plans = [...document.querySelectorAll('.compare-plan')];
  const words = heading => heading.textContent.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, ' ').trim();
  const headings = plans.map(plan => [...plan.querySelectorAll('.markdown :is(h3, h4, h5, h6), .markdown p > strong:only-child')]);
  headings.forEach((own, i) => {
    const others = new Set(headings.filter((_, j) => j !== i).flat().map(words));
    own.forEach(heading => heading.classList.toggle('only-here', on && !others.has(words(heading))));
  });
}

