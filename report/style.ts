import { CHART_STYLE } from '../charts/svg.ts'

/** The style of a report inside an element with the class `report`. It is light or dark as `color-scheme` says. */
export const REPORT_STYLE = `${CHART_STYLE}
.report{--line:light-dark(#d8dee4,#30363d);--soft:light-dark(#57606a,#9ea7b3);--right:light-dark(#1a7f37,#7ee787);--wrong:light-dark(#b3261e,#ff8e8a);--tint:light-dark(#f6f8fa,#161b22)}
.report{font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:0 auto;padding:1rem;overflow-wrap:anywhere}
.report h1{font-size:1.5rem;line-height:1.2;margin:.5rem 0 1rem}
.report h2{font-size:1.2rem;line-height:1.2;margin:2.5rem 0 .75rem}
.report .verdict{border:1px solid var(--line);border-radius:.5rem;background:var(--tint);padding:1rem}
.report .verdict h2{margin-top:0}
.report .conclusion{font-size:1.15rem;margin:.5rem 0}
.report .exact,.report .note,.report .truth{color:var(--soft);font-size:.875rem}
.report .groups{display:grid;grid-template-columns:repeat(auto-fit,minmax(10rem,1fr));gap:1rem;margin:1rem 0 0}
.report dt{color:var(--soft);font-size:.875rem}
.report dd{margin:.1rem 0;font-weight:600}
.report .number{font-weight:400;white-space:nowrap;font-variant-numeric:tabular-nums}
.report figure{margin:1rem 0}
.report .chart{display:block;max-width:100%;height:auto}
.report .narrow{display:none}
.report .scroll{overflow-x:auto;margin:1rem 0}
.report table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums}
.report caption{text-align:left;color:var(--soft);padding-bottom:.25rem}
.report th,.report td{text-align:left;vertical-align:top;padding:.3rem .7rem .3rem 0;border-bottom:1px solid var(--line);overflow-wrap:normal}
.report td{white-space:nowrap}
.report tbody th{min-width:7rem;max-width:14rem;overflow-wrap:break-word}
.report tbody th{font-weight:600}
.report summary{cursor:pointer;padding:.25rem 0}
.report .filters{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:end;margin:1rem 0}
.report .filters[hidden],.report .review[hidden]{display:none}
.report .filters label{display:grid;grid-template-columns:minmax(0,auto);gap:.15rem;font-size:.875rem;min-width:0;max-width:100%}
.report .filters select,.report .filters input{font:inherit;padding:.25rem;min-width:0;max-width:100%;box-sizing:border-box}
.report .filters p{margin:0;color:var(--soft);font-size:.875rem}
.report .reviews{list-style:none;padding:0;margin:0}
.report .review{border-top:1px solid var(--line);padding:.75rem 0;break-inside:avoid}
.report .review p{margin:0 0 .35rem}
.report .review ul{list-style:none;padding:0;margin:0;display:grid;grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr));gap:.4rem}
.report .review ul li{border-left:3px solid;padding:.1rem .5rem;font-size:.875rem;background:var(--tint)}
.report .review .name{display:block;font-weight:600}
.report .review .right{border-color:var(--right)}
.report .review .wrong{border-color:var(--wrong)}
.report .outcome{display:block}
.report .right .outcome{color:var(--right)}
.report .wrong .outcome{color:var(--wrong)}
@media (max-width:40rem){.report .wide{display:none}.report .narrow{display:block}}
@media print{.report .filters{display:none}.report figure,.report tr{break-inside:avoid}.report h2{break-after:avoid}.report .scroll{overflow:visible}.report details::details-content{content-visibility:visible;block-size:auto}}
`
