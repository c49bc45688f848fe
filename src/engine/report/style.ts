/** The look of report.html: readable on screen in light and dark, and on paper. */
export const style = `
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--line:#d8dee4;--paper:#fff;--tint:#f6f8fa;--good:#1a7f37;--warn:#9a6700;--bad:#cf222e}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9198a1;--line:#30363d;--paper:#0d1117;--tint:#161b22;--good:#3fb950;--warn:#d29922;--bad:#f85149}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:14px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1100px;margin:0 auto;padding:24px}
header{border-left:6px solid var(--soft);padding:4px 16px;margin-bottom:20px}header.good{border-color:var(--good)}header.warn{border-color:var(--warn)}header.bad{border-color:var(--bad)}
header h1{margin:0;font-size:26px}header.good h1{color:var(--good)}header.warn h1{color:var(--warn)}header.bad h1{color:var(--bad)}header p{margin:2px 0}.kind{color:var(--soft);text-transform:uppercase;letter-spacing:.06em;font-size:12px}
.fault{background:var(--tint);border:1px solid var(--line);border-radius:6px;padding:8px 12px}
.facts{display:grid;grid-template-columns:max-content 1fr;gap:2px 16px;margin:0 0 20px}.facts dt{color:var(--soft)}.facts dd{margin:0;overflow-wrap:anywhere}
.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(120px,1fr));gap:8px;list-style:none;padding:0;margin:0 0 24px}
.figures li{background:var(--tint);border:1px solid var(--line);border-radius:6px;padding:8px 12px}.figures b{display:block;font-size:18px;font-variant-numeric:tabular-nums}.figures span{color:var(--soft)}
h2{margin:28px 0 8px;font-size:18px}h3{margin:20px 0 6px;font-size:15px}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:4px 8px;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}th{color:var(--soft);font-weight:600;white-space:nowrap}
.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}.sum{font-family:ui-monospace,monospace;font-size:12px}small{color:var(--soft)}
tr.error td:first-child,tr.failed td:first-child{color:var(--bad);font-weight:600}tr.warning td:first-child,tr.skipped td:first-child{color:var(--warn);font-weight:600}
footer{margin-top:28px;color:var(--soft)}
@media print{body{font-size:11px}main{max-width:none;padding:0}thead{display:table-header-group}tr{break-inside:avoid}}
`;
