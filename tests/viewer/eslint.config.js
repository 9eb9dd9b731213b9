// Of the viewer and of its tests. Style is not checked here: what may hide a mistake is, and what the oldest browsers that
// are supported (package.json) do not know.
import js from "@eslint/js";
import compat from "eslint-plugin-compat";
import globals from "globals";
import { readFileSync } from "node:fs";

const { browserslist } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));

// What eslint-plugin-compat knows too little of; what is young in the language itself is refused by the types' library.
const YOUNG = [
  ["AbortSignal", "any", "Chrome 116, Firefox 124, Safari 17.4"],
  ["Array", "fromAsync", "Chrome 121"],
  ["URL", "canParse", "Chrome 120, Safari 17"],
  ["URL", "parse", "Chrome 126, Firefox 126, Safari 18"],
].map(([object, property, since]) => ({ object, property, message: `It is there since ${since}.` }));

const RULES = {
  ...js.configs.recommended.rules,
  eqeqeq: ["error", "always"],
  "no-unused-vars": ["error", { ignoreRestSiblings: true }],
  "no-var": "error",
  "prefer-const": ["error", { destructuring: "all" }],
};

export default [
  { ignores: ["**/node_modules/", "explorer/views/viewer/vendor/"] },
  {
    files: ["explorer/views/viewer/**/*.js"],
    languageOptions: { globals: globals.browser, ecmaVersion: 2022 },
    plugins: { compat },
    settings: { targets: browserslist, lintAllEsApis: true },
    rules: { ...RULES, "compat/compat": "error", "no-restricted-properties": ["error", ...YOUNG] },
  },
  { files: ["tests/viewer/*.js"], languageOptions: { globals: globals.node }, rules: RULES },
];
