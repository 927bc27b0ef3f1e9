// Single-key commands. Off while typing, while a dialog is open, with a modifier held, and when the user has switched them off.

const storageKey = 'keys-off';
export const typing = 'input:not([type=checkbox]):not([type=radio]):not([type=button]), textarea, select, [contenteditable=""], [contenteditable=true], [role=combobox], [role=listbox]';
const pressable = 'button, a[href], summary, input, [role=button]';

function nameOf(event) {
  const key = event.key === ' ' ? 'space' : event.key.toLowerCase();
  return event.ctrlKey || event.metaKey ? `ctrl+${key}` : key;
}

/**
 * Calls PressedAsync(name, subject) of the .NET object for each wanted key, '?' and Escape; returns the handle that stops it.
 * The subject is what the page shows at this moment, as the element says.
 */
export function listen(target, wanted, root) {
  const names = new Set(wanted);
  let on = localStorage.getItem(storageKey) === null;

  function pressed(event) {
    if (event.defaultPrevented || event.isComposing || event.repeat || event.altKey) {
      return;
    }
    const name = nameOf(event);
    const chord = name.startsWith('ctrl+');
    const sheet = name === '?' || name === 'escape';
    if (!names.has(name) && !sheet) {
      return;
    }
    if (!on && !chord) {
      return;
    }
    const element = event.target instanceof Element ? event.target : document.body;
    if (!chord && element.closest(typing)) {
      return;
    }
    // Space and Enter keep pressing the button that has the focus.
    if ((name === 'space' || name === 'enter') && element.closest(pressable)) {
      return;
    }
    if (document.querySelector('.rz-dialog-wrapper, dialog[open]') && name !== 'escape') {
      return;
    }
    if (!sheet) {
      event.preventDefault();
    }
    target.invokeMethodAsync('PressedAsync', name, root.dataset.subject ?? null);
  }

  document.addEventListener('keydown', pressed);
  return {
    isOn: () => on,
    setOn(value) {
      on = value;
      if (value) {
        localStorage.removeItem(storageKey);
      } else {
        localStorage.setItem(storageKey, '1');
      }
    },
    stop: () => document.removeEventListener('keydown', pressed),
  };
}
