// Charts are drawn on the server. This reads the values under the pointer off the paths, turns a drag into the
// page's first and last step, and makes a PNG of the chart's SVG file. What it shows it keeps out of the pages' own tree.
const tip = document.createElement('div');
tip.className = 'chart-tip';
tip.hidden = true;
const band = document.createElement('div');
band.className = 'chart-band';
band.hidden = true;
document.body.append(tip, band);
let dragged = null;

const ends = text => text.split(' ').map(Number);

function valueAt(plot, place) {
  const [low, high] = ends(plot.dataset.y);
  return plot.dataset.log ? low * (high / low) ** place : low + (high - low) * place;
}

function xAt(plot, place) {
  const [low, high] = ends(plot.dataset.x);
  return low + (high - low) * place;
}

const points = path => path.getAttribute('d').slice(1).split('L').map(pair => pair.split(' ').map(Number));

const short = value => value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(2) : String(+value.toPrecision(4));

function show(plot, event) {
  const box = plot.getBoundingClientRect();
  const at = (event.clientX - box.left) / box.width * 1000;
  const lines = [...plot.querySelectorAll('path.line')].map(path => {
    const nearest = points(path).reduce((best, point) => Math.abs(point[0] - at) < Math.abs(best[0] - at) ? point : best);
    return { path, nearest };
  });
  if (lines.length === 0) {
    tip.hidden = true;
    return;
  }

  const here = lines.reduce((best, line) => Math.abs(line.nearest[0] - at) < Math.abs(best.nearest[0] - at) ? line : best).nearest[0];
  tip.replaceChildren();
  const head = document.createElement('b');
  head.textContent = `${plot.dataset.name} ${short(Math.round(xAt(plot, here / 1000)))}`;
  tip.append(head);
  for (const { path, nearest } of lines.filter(line => Math.abs(line.nearest[0] - here) < 8)) {
    const row = document.createElement('span');
    row.className = path.getAttribute('class').replace('line', '').replace('raw', '');
    row.textContent = `${path.dataset.name} ${short(valueAt(plot, 1 - nearest[1] / 1000))}`;
    tip.append(row);
  }

  tip.hidden = false;
  const x = box.left + here / 1000 * box.width;
  tip.style.left = `${Math.min(Math.max(x + 12, 4), innerWidth - tip.offsetWidth - 4)}px`;
  tip.style.top = `${box.top + 8}px`;
  place(x, 1, box);
}

function place(left, width, box) {
  band.hidden = false;
  Object.assign(band.style, { left: `${left}px`, width: `${width}px`, top: `${box.top}px`, height: `${box.height}px` });
}

function hide() {
  tip.hidden = true;
  band.hidden = true;
}

function zoom(from, to) {
  for (const [name, value] of [['from', from], ['to', to]]) {
    const field = document.querySelector(`input[data-zoom=${name}]`);
    if (field) {
      field.value = value;
      field.dispatchEvent(new Event('change', { bubbles: true }));
    }
  }
}

document.addEventListener('pointermove', event => {
  const plot = dragged?.plot ?? event.target.closest?.('.chart-plot');
  if (!plot?.isConnected) {
    hide();
  } else if (dragged) {
    tip.hidden = true;
    const box = plot.getBoundingClientRect();
    const x = Math.min(Math.max(event.clientX, box.left), box.right);
    place(Math.min(x, dragged.x), Math.abs(x - dragged.x), box);
  } else {
    show(plot, event);
  }
});

document.addEventListener('pointerdown', event => {
  const plot = event.target.closest?.('.chart-plot');
  if (plot && event.pointerType === 'mouse' && event.button === 0 && document.querySelector('input[data-zoom]')) {
    dragged = { plot, x: event.clientX };
    event.preventDefault();
  }
});

document.addEventListener('pointerup', event => {
  if (!dragged) {
    return;
  }

  const { plot, x } = dragged;
  dragged = null;
  hide();
  const box = plot.getBoundingClientRect();
  const [first, last] = [x, event.clientX].sort((a, b) => a - b).map(at => Math.min(Math.max((at - box.left) / box.width, 0), 1));
  if ((last - first) * box.width > 8) {
    zoom(Math.floor(xAt(plot, first)), Math.ceil(xAt(plot, last)));
  }
});

document.addEventListener('dblclick', event => {
  if (event.target.closest?.('.chart-plot')) {
    zoom('', '');
  }
});

document.addEventListener('scroll', hide, { passive: true, capture: true });

document.addEventListener('click', async event => {
  const button = event.target.closest?.('[data-png]');
  if (!button) {
    return;
  }

  const svg = await (await fetch(button.dataset.png)).text();
  const picture = new Image();
  picture.src = 'data:image/svg+xml;charset=utf-8,' + encodeURIComponent(svg);
  await picture.decode();
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [2 * picture.width, 2 * picture.height];
  canvas.getContext('2d').drawImage(picture, 0, 0, canvas.width, canvas.height);
  const link = document.createElement('a');
  link.href = canvas.toDataURL('image/png');
  link.download = button.dataset.png.replace(/\?.*/, '').split('/').filter((part, i, all) => i === 1 || i === all.length - 1).join('-').replace('.svg', '.png');
  link.click();
});
