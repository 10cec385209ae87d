/** HTML out of texts that peers wrote: nothing of theirs is ever markup, and nothing of it is hidden. */

/** Markup, told apart from text by its type. */
export class Markup {
  readonly html: string;
  /** `html` must be markup of our own making. */
  constructor(html: string) {
    this.html = html;
  }
}

/** What may stand in a template: text is escaped, lists are joined, null is nothing. */
export type Content = string | number | Markup | null | readonly Content[];

/** A template whose values are escaped: `` html`<p>${text}</p>` ``. Values in attributes must be quoted. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  let made = strings[0]!;
  values.forEach((value, at) => {
    made += render(value) + strings[at + 1]!;
  });
  return new Markup(made);
}

function render(content: Content): string {
  if (content === null) return '';
  if (content instanceof Markup) return content.html;
  if (typeof content === 'object') return content.map(render).join('');
  return escaped(String(content));
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Markup's characters as entities, control and direction characters spelled out. */
function escaped(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, character => `\\u{${character.codePointAt(0)!.toString(16)}}`)
    .replace(/[&<>"']/g, character => ENTITIES[character]!);
}
