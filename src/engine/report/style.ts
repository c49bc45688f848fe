/** The look of report.html: readable on screen in light and dark, on a narrow one, and on paper. */
export const style = `
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--line:#d8dee4;--paper:#fff;--tint:#f6f8fa;--good:#1a7f37;--warn:#9a6700;--bad:#cf222e}
@media screen and (prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9198a1;--line:#30363d;--paper:#0d1117;--tint:#161b22;--good:#3fb950;--warn:#d29922;--bad:#f85149}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:14px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1120px;margin:0 auto;padding:24px}
header{border-left:6px solid var(--soft);padding:4px 16px;margin-bottom:20px}header p{margin:2px 0}
header h1{margin:0;font-size:26px;line-height:1.3}.kind{color:var(--soft);text-transform:uppercase;letter-spacing:.06em;font-size:12px}
header.good{border-color:var(--good)}header.warn{border-color:var(--warn)}header.bad{border-color:var(--bad)}
header.good h1,.figures .good b{color:var(--good)}header.warn h1,.figures .warn b{color:var(--warn)}header.bad h1,.figures .bad b{color:var(--bad)}
code{overflow-wrap:anywhere}.fault{background:var(--tint);border:1px solid var(--line);border-radius:6px;padding:8px 12px;overflow-wrap:anywhere}
.facts{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:2px 16px;margin:0 0 20px}.facts dt{color:var(--soft)}.facts dd{margin:0;overflow-wrap:anywhere}
.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:8px;list-style:none;padding:0;margin:0 0 24px}
.figures li{background:var(--tint);border:1px solid var(--line);border-radius:6px;padding:8px 12px}.figures b{display:block;font-size:18px;font-variant-numeric:tabular-nums}.figures span{color:var(--soft)}
h2{margin:32px 0 8px;font-size:19px;overflow-wrap:anywhere}h3{margin:24px 0 6px;font-size:15px}p{margin:4px 0 10px}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:5px 10px 5px 0;border-bottom:1px solid var(--line);vertical-align:top}th{color:var(--soft);font-weight:600;white-space:nowrap}
td:last-child,th:last-child{padding-right:0}
.number+.text,.number+.word{padding-left:14px}.word{white-space:nowrap}.name{overflow-wrap:anywhere}td.name{min-width:12em}
.number{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
td.sum{font:12px/1.75 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere;min-width:11em}
small{display:block;color:var(--soft);font-size:.86em}td ul{margin:0 0 2px;padding-left:16px}
tr.error td:first-child,tr.failed td:first-child{color:var(--bad);font-weight:600}tr.warning td:first-child{color:var(--warn);font-weight:600}tr.pending td{color:var(--soft)}td:first-child small{font-weight:400}
footer{margin-top:28px;color:var(--soft)}
@media (max-width:640px){main{padding:12px}body{font-size:13px}table{display:block;overflow-x:auto}}
@page{margin:14mm}
@media print{body{font-size:10.5px}main{max-width:none;padding:0}.figures{grid-template-columns:repeat(6,1fr)}.figures b{font-size:13px}header h1{font-size:20px}h2,h3{break-after:avoid}thead{display:table-header-group}tr,.figures,.facts{break-inside:avoid}td.sum{font-size:9px}*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
`;
