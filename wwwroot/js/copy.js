// Buttons that copy what another element holds: data-copy-from names it.
document.addEventListener('click', async event => {
  const button = event.target.closest('[data-copy-from]');
  if (!button) {
    return;
  }

  const source = document.querySelector(button.dataset.copyFrom);
  const text = source.value ?? source.textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without a secure connection there is no clipboard: mark the text, so that the keyboard can copy it.
    if (source.select) {
      source.select();
    } else {
      getSelection().selectAllChildren(source);
    }
    document.execCommand('copy');
  }

  const label = button.textContent;
  button.textContent = 'Copied';
  setTimeout(() => { button.textContent = label; }, 1500);
});
