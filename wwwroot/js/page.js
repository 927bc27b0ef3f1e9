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

// The client script tells by a class of its notice that the connection is back.
const notice = document.getElementById('components-reconnect-modal');
const back = 'components-reconnect-hide';
if (notice) {
  new MutationObserver(changes => {
    if (notice.classList.contains(back) && changes.some(change => !change.oldValue?.includes(back))) {
      resend();
    }
  }).observe(notice, { attributeFilter: ['class'], attributeOldValue: true });
}
