// What every page needs without a connection.
import { resend, watch } from './drafts.js';

watch();

// Going back while the page is still connecting: the circuit would show the page that it was started for.
const started = location.pathname + location.search;
addEventListener('popstate', () => {
  if (location.pathname + location.search !== started && !document.querySelector('main[data-live]')) {
    location.reload();
  }
});

// The buttons of the reconnect notice.
document.addEventListener('click', async event => {
  if (event.target.id === 'reload-now' || (event.target.id === 'reconnect-now' && !(await window.Blazor.reconnect()))) {
    location.reload();
  }
});

document.getElementById('components-reconnect-modal')?.addEventListener('components-reconnect-state-changed', event => {
  if (event.detail.state === 'hide') {
    resend();
  }
});
