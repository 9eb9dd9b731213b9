// What is dropped or pasted: files, folders, and what is neither.

/** @typedef {{ name: string, why: string }} LeftOut */
/** @typedef {{ files: File[], left: LeftOut[], says: string }} Given */

const MOST_FILES = 200; // of folders
const NAMED = 3; // files that are left out and named

const LINK = "A picture of another page comes as a link, and nothing is loaded from elsewhere: save it, then open the file.";
const TEXT = "That is text, not a picture: drop or paste a picture or a .mae file.";

// What there is to open. says: why there is nothing, or "". Called while the event is handled: later its data are gone.
/** @param {DataTransfer} data @returns {Promise<Given>} */
export async function givenBy(data) {
  const items = Array.from(data.items).filter(({ kind }) => kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile()).filter(Boolean);
  const types = Array.from(data.types);
  if (!entries.length) return { files: [], left: [], says: sayOf(types) };
  const folders = entries.filter((entry) => "isDirectory" in entry && entry.isDirectory);
  if (!folders.length) return sorted(Array.from(data.files));
  const [{ name }] = folders;
  const all = await filesIn(entries).catch(() => null);
  if (!all) return { files: [], left: [], says: `“${name}” cannot be read.` };
  return all.length ? sorted(all) : { files: [], left: [], says: `There is no picture in “${name}”.` };
}

function sayOf(types) {
  if (types.includes("text/uri-list") || types.includes("text/html")) return LINK;
  return types.includes("text/plain") ? TEXT : "";
}

// Files that may be pictures, and those that are surely none. Of many formats a browser knows no type: the server does.
/** @param {File[]} files @returns {Given} */
export function sorted(files) {
  const whyNot = ({ name, size, type }) => {
    if (!size) return "is empty";
    return /^(image\/|application\/octet-stream$|$)/.test(type) || /\.mae$/i.test(name) ? "" : "is no picture";
  };
  const left = files.map((file) => ({ name: file.name, why: whyNot(file) })).filter(({ why }) => why);
  return { files: files.filter((file) => !whyNot(file)), left, says: "" };
}

// One sentence for all that is left out; "" for nothing.
/** @param {LeftOut[]} left */
export function leftOut(left) {
  if (left.length === 1) return `“${left[0].name}” ${left[0].why}: it was left out.`;
  if (!left.length) return "";
  const named = left.slice(0, NAMED).map(({ name, why }) => `“${name}” ${why}`);
  const others = left.length - named.length;
  const rest = others ? [`${others} more cannot be opened`] : [];
  const all = [...named, ...rest];
  return `${all.slice(0, -1).join(", ")} and ${all.at(-1)}: they were left out.`;
}

// ---- folders --------------------------------------------------------------------------------------------------------

// The files of entries and of all folders in them, by path, without hidden ones.
/** @param {(FileSystemEntry | File)[]} entries @returns {Promise<File[]>} */
async function filesIn(entries) {
  const found = [];
  const next = [...entries];
  while (next.length && found.length < MOST_FILES) {
    const entry = next.shift();
    if (entry instanceof File) found.push(entry);
    else if (isHidden(entry.name)) continue;
    else if (entry.isDirectory) next.unshift(...(await read(/** @type {FileSystemDirectoryEntry} */ (entry))));
    else found.push(await new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject)));
  }
  return found;
}

const isHidden = (name) => name.startsWith(".") || name === "Thumbs.db" || name === "desktop.ini";

// A reader gives a hundred at a time.
/** @param {FileSystemDirectoryEntry} folder @returns {Promise<FileSystemEntry[]>} */
async function read(folder) {
  const reader = folder.createReader();
  /** @type {FileSystemEntry[]} */
  const all = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return all.sort((a, b) => (a.name < b.name ? -1 : 1));
    all.push(...some);
  }
}
