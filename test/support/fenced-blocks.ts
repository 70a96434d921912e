/** The fenced blocks of a Markdown page, and whether an output is the one that a block shows. */
export interface FencedBlock {
  /** `sh`, `text`, … */
  readonly language: string;
  readonly text: string;
  /** Of the opening fence, from 1. */
  readonly line: number;
}

const FENCE = /^```(\w*)\n([\s\S]*?)^```$/gm;

export function fencedBlocks(markdown: string): FencedBlock[] {
  return [...markdown.matchAll(FENCE)].map(({ 1: language = '', 2: text = '', index }) => ({
    language,
    text,
    line: markdown.slice(0, index).split('\n').length,
  }));
}

/**
 * The first shown line that the output lacks after the lines before it, or undefined. `…` stands for any text of one
 * line; runs of blanks count as one, because widths of columns follow their content.
 */
export function missingLine(shown: string, output: string): string | undefined {
  const lines = output.split('\n').map(squeezed);
  let from = 0;
  for (const line of shown.split('\n').filter((text) => text.trim() !== '')) {
    const pattern = new RegExp(`^${squeezed(line).split('…').map(escaped).join('.*')}$`);
    const at = lines.findIndex((candidate, n) => n >= from && pattern.test(candidate));
    if (at < 0) return line;
    from = at + 1;
  }
  return undefined;
}

function squeezed(line: string): string {
  return line.trim().replace(/\s+/g, ' ');
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
