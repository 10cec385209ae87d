import { Check, Copy } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { Button } from './button.tsx';
import css from './copy.module.css';

const SHOWN_MS = 1500;

/** A command to copy. */
export function CopyLine(props: { readonly text: string }): ReactNode {
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(props.text);
    } catch {
      // Not allowed here: the line is selected by a click, and Ctrl+C is left.
      return;
    }
    setCopied(true);
    setTimeout(() => setCopied(false), SHOWN_MS);
  };
  return (
    <div className={css['line']}>
      <code className={css['code']}>
        <span className={css['prompt']} aria-hidden="true">
          ${' '}
        </span>
        {props.text}
      </code>
      <Button
        icon
        small
        bare
        aria-label={copied ? 'Copied' : `Copy: ${props.text}`}
        title="Copy"
        onClick={() => void copy()}
      >
        {copied ? <Check size={14} /> : <Copy size={14} />}
      </Button>
    </div>
  );
}
