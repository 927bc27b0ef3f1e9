// Drafts that outlive a lost connection: a text field with data-draft="name" keeps in this tab what was typed until it is saved.

const prefix = 'draft:';

/** Called after a save: the draft is in the database now. */
export function forget(name) {
  sessionStorage.removeItem(prefix + name);
}

function tell(field) {
  field.dispatchEvent(new Event('input', { bubbles: true }));
  field.dispatchEvent(new Event('change', { bubbles: true }));
}

function restore(field) {
  const draft = sessionStorage.getItem(prefix + field.dataset.draft);
  if (draft !== null && draft !== field.value) {
    field.value = draft;
    tell(field);
  }
}

/** The connection is back: what was typed without it is told to the server now. */
export function resend() {
  for (const field of document.querySelectorAll('[data-draft]')) {
    const draft = sessionStorage.getItem(prefix + field.dataset.draft);
    if (draft !== null) {
      field.value = draft;
      tell(field);
    }
  }
}

/** Watches the page for such fields. */
export function watch() {
  document.addEventListener('input', event => {
    const name = event.target.dataset?.draft;
    if (name) {
      sessionStorage.setItem(prefix + name, event.target.value);
    }
  });
  new MutationObserver(changes => {
    for (const node of changes.flatMap(change => [...change.addedNodes])) {
      if (node instanceof Element) {
        const fields = node.matches('[data-draft]') ? [node] : node.querySelectorAll('[data-draft]');
        fields.forEach(restore);
      }
    }
  }).observe(document.body, { childList: true, subtree: true });
}
