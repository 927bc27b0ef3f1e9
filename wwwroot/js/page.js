// What every page needs without a connection.
import { watch } from './drafts.js';

watch();

// The buttons of the reconnect notice.
document.addEventListener('click', async event => {
  if (event.target.id === 'reload-now' || (event.target.id === 'reconnect-now' && !(await window.Blazor.reconnect()))) {
    location.reload();
  }
});
