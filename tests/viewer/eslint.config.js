// Of the viewer and of its tests. Style is not checked here: what may hide a mistake is.
import js from "@eslint/js";
import globals from "globals";

const RULES = {
  ...js.configs.recommended.rules,
  eqeqeq: ["error", "always"],
  "no-unused-vars": ["error", { ignoreRestSiblings: true }],
  "no-var": "error",
  "prefer-const": ["error", { destructuring: "all" }],
};

export default [
  { ignores: ["**/node_modules/", "explorer/views/viewer/vendor/"] },
  { files: ["explorer/views/viewer/**/*.js"], languageOptions: { globals: globals.browser }, rules: RULES },
  { files: ["tests/viewer/*.js"], languageOptions: { globals: globals.node }, rules: RULES },
];
