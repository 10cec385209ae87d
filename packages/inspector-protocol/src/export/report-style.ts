/** The report's only style element, and its hash for the content security policy. */

/** CSS. Whoever changes it changes the hash below, which a test says. */
export const REPORT_STYLE: string = `
:root{color-scheme:light dark;--ink:light-dark(#141a24,#e8ecf3);--soft:light-dark(#4a5568,#a4afc0);--line:light-dark(#d5dbe6,#2a3340);--panel:light-dark(#f7f8fb,#11151c);--bad:light-dark(#b31a27,#ff8188);--badbg:light-dark(#fce8e9,#351318);--warn:light-dark(#7d4e00,#f2b84b);--accent:light-dark(#0b5cc0,#6db3ff)}
*{box-sizing:border-box}
body{max-width:1180px;margin:0 auto;padding:32px 24px 64px;background:light-dark(#fff,#0b0e13);color:var(--ink);font:14px/1.5 -apple-system,"Segoe UI",Inter,Roboto,"Noto Sans","Liberation Sans",sans-serif;font-variant-numeric:tabular-nums}
h1{margin:0;font-size:24px;letter-spacing:-.01em}
h2{margin:36px 0 10px;font-size:17px}
h3{margin:0;font-size:14px}
p{margin:4px 0}
a{color:var(--accent)}
.soft,caption,th{color:var(--soft)}
.facts{display:flex;flex-wrap:wrap;gap:8px 32px;margin:16px 0 0;padding:12px 16px;border:1px solid var(--line);border-radius:8px;background:var(--panel)}
.facts div{min-width:0}
dt{color:var(--soft);font-size:12px}
dd{margin:0;font-size:16px}
.card{margin:10px 0;padding:10px 14px;border:1px solid var(--line);border-left-width:4px;border-radius:6px}
.bad{border-left-color:var(--bad);background:var(--badbg)}
.warn{border-left-color:var(--warn)}
.code{color:var(--bad);font:600 12.5px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace}
.warn .code{color:var(--warn)}
.wide{overflow-x:auto}
table{width:100%;border-collapse:collapse;font-size:13px}
caption{padding:10px 0 6px;text-align:left}
th,td{padding:4px 14px 4px 0;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
th{font-weight:400;white-space:nowrap}
td.n,th.n{text-align:right}
td.t{white-space:nowrap}
td.f{width:220px}
td.mono,code{font:12.5px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
.is-bad{color:var(--bad)}
.is-warn{color:var(--warn)}
svg{display:block;width:180px;height:12px}
.ps{fill:light-dark(#2f7fe0,#4b9bf5)}
.pw{fill:light-dark(#b9c2d0,#4a5668)}
.pb{fill:light-dark(#c9545f,#c9545f)}
details{margin:8px 0;border:1px solid var(--line);border-radius:6px}
summary{padding:8px 14px;cursor:pointer}
summary code{margin:0 8px}
details>div{padding:0 14px 12px}
@media print{body{max-width:none}details{border:0}}
`;

/** `style-src` for it: SHA-256 in base64. */
export const REPORT_STYLE_HASH: string = 'sha256-lVKHQMEJiDHIN2Q0+ivM/m61V87RnUJEGj+RTPIZC1Y=';
