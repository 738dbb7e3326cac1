// Takes answers out of the page: to the clipboard, or as a JSON file.

export async function copyVector(item) {
  const text = JSON.stringify(item.answer.embedding);
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  // Without TLS on another host than localhost there is no navigator.clipboard.
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  if (!copied) throw new Error('The browser does not let this page copy.');
}

export function downloadItem(item) {
  download(`${item.name}.json`, { file: item.name, ...item.answer });
}

/** One object a name, as the service answers many files; a name that comes twice gets a number. */
export function downloadAll(items) {
  const answers = {};
  for (const item of items) {
    let name = item.name;
    for (let i = 2; name in answers; i++) name = `${item.name} (${i})`;
    answers[name] = item.answer;
  }
  download('embeddings.json', answers);
}

function download(name, value) {
  const url = URL.createObjectURL(new Blob([JSON.stringify(value, null, 1)], { type: 'application/json' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
