// Where files come from: dropped anywhere on the page (folders too), chosen with the button, or pasted.

/** Calls `onfiles([File, ...])`. */
export function listenForFiles({ chooseButton, chooser, onfiles }) {
  chooseButton.addEventListener('click', () => chooser.click());
  chooser.addEventListener('change', () => {
    onfiles([...chooser.files]);
    chooser.value = '';
  });
  document.addEventListener('paste', (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    onfiles(files);
  });
  listenForDrops(onfiles);
}

const carriesFiles = (event) => event.dataTransfer?.types.includes('Files') ?? false;

function listenForDrops(onfiles) {
  const mark = (on) => document.body.toggleAttribute('data-dragging', on);
  document.addEventListener('dragover', (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'copy';
    mark(true);
  });
  // Leaving a child of the page is not leaving the page.
  document.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) mark(false);
  });
  document.addEventListener('drop', async (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    mark(false);
    // The entries can be asked for only before the first await.
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    const loose = [...event.dataTransfer.files];
    onfiles(entries.some((entry) => entry.isDirectory) ? (await Promise.all(entries.map(filesOf))).flat() : loose);
  });
}

/** The files of a folder and of those in it, in the order of their names, without hidden ones. */
async function filesOf(entry) {
  if (entry.name.startsWith('.')) return [];
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const entries = [];
  // It gives some at a time, and none at the end.
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) break;
    entries.push(...some);
  }
  entries.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  return (await Promise.all(entries.map(filesOf))).flat();
}
