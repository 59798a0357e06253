// The editor of live cells, on CodeMirror, which lies in editor/ where the book was built with it.
import { closeBrackets, closeBracketsKeymap, autocompletion, completionKeymap } from "./editor/codemirror-autocomplete.js";
import { defaultKeymap, history, historyKeymap } from "./editor/codemirror-commands.js";
import { bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from "./editor/codemirror-language.js";
import { python } from "./editor/codemirror-lang-python.js";
import { EditorState, Prec } from "./editor/codemirror-state.js";
import { EditorView, keymap, lineNumbers } from "./editor/codemirror-view.js";
import { classHighlighter } from "./editor/lezer-highlight.js";

/** @returns {{element: HTMLElement, value: string}} what live.js reads and writes a cell's code through */
export function editor({ text, label, changed, run }) {
  const runs = ["Mod-Enter", "Shift-Enter"].map(key => ({ key, preventDefault: true, run: () => { run(); return true; } }));
  const view = new EditorView({
    state: EditorState.create({
      doc: text,
      extensions: [
        // Tab moves on to the buttons, as everywhere on a page; Enter indents by itself
        Prec.highest(keymap.of(runs)),
        lineNumbers(), history(), indentOnInput(), bracketMatching(), closeBrackets(),
        autocompletion({ activateOnTyping: false }),
        indentUnit.of("    "), EditorState.tabSize.of(4), python(), syntaxHighlighting(classHighlighter),
        keymap.of([...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, ...defaultKeymap]),
        EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0", autocapitalize: "off", spellcheck: "false" }),
        EditorView.updateListener.of(update => { if (update.docChanged) changed(update.state.doc.toString()); }),
      ],
    }),
  });
  view.dom.classList.add("rl-editor-code");
  return {
    element: view.dom,
    get value() { return view.state.doc.toString(); },
    set value(code) { view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: code } }); },
  };
}
