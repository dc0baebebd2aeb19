/// How the console looks, by day and by night.
enum ConsoleStyle {
    /// `/console.css`.
    static let text: StaticString = #"""
        :root {
            color-scheme: light dark;
            --page: #f4f6f8;
            --card: #ffffff;
            --sunk: #eceff3;
            --line: #d5dbe2;
            --text: #17202b;
            --faint: #566373;
            --accent: #0b6a75;
            --on-accent: #ffffff;
            --good: #17703c;
            --warn: #8a5200;
            --bad: #b3261e;
            --mono: ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace;
        }
        @media (prefers-color-scheme: dark) {
            :root {
                --page: #0f151b;
                --card: #161e27;
                --sunk: #1e2833;
                --line: #2c3947;
                --text: #e3e9ef;
                --faint: #97a6b6;
                --accent: #4cc3cf;
                --on-accent: #06262a;
                --good: #62cf8e;
                --warn: #f0b35a;
                --bad: #ff8a80;
            }
        }
        * { box-sizing: border-box; }
        [hidden] { display: none !important; }
        html, body { height: 100%; }
        body {
            margin: 0;
            display: flex;
            flex-direction: column;
            background: var(--page);
            color: var(--text);
            font: 14px/1.45 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif;
        }
        h1, h2, h3, p, dl, dd, ul, ol { margin: 0; padding: 0; }
        ul { list-style: none; }
        h1 { font-size: 1.15rem; letter-spacing: .01em; color: var(--accent); }
        h2 { font-size: 1rem; }
        h3 { font-size: .9rem; }
        button, input { font: inherit; color: inherit; }
        button, summary {
            cursor: pointer;
            border: 1px solid var(--line);
            border-radius: 6px;
            background: var(--card);
            padding: .25rem .7rem;
        }
        button:hover, summary:hover { border-color: var(--accent); }
        button.primary, button[aria-pressed="true"] {
            background: var(--accent);
            border-color: var(--accent);
            color: var(--on-accent);
        }
        input:not([type="checkbox"]) {
            min-width: 0;
            border: 1px solid var(--line);
            border-radius: 6px;
            background: var(--card);
            padding: .25rem .6rem;
        }
        ::placeholder { color: var(--faint); opacity: 1; }
        :focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
        dt { color: var(--faint); font-size: .75rem; }
        dd { font-variant-numeric: tabular-nums; font-weight: 600; }
        .faint { color: var(--faint); font-size: .85rem; }
        .hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
        .skip { position: absolute; left: -99rem; }
        .skip:focus { left: .5rem; top: .5rem; background: var(--card); padding: .5rem; z-index: 3; }
        .notice { padding: .75rem 1rem; background: var(--sunk); }

        .bar, .sign-in {
            display: flex;
            flex-wrap: wrap;
            align-items: center;
            gap: .5rem 1rem;
            padding: .6rem 1rem;
            background: var(--card);
            border-bottom: 1px solid var(--line);
        }
        .totals, .facts { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; }
        .totals div { display: flex; flex-direction: row-reverse; align-items: baseline; gap: .35rem; }
        #identity { margin-left: auto; }
        .sign-in { background: var(--sunk); }
        .sign-in #token { flex: 1 1 18rem; font-family: var(--mono); }
        .check { display: flex; align-items: center; gap: .35rem; }
        #sign-in-note { flex-basis: 100%; color: var(--warn); }
        #sign-in-note:empty { display: none; }

        .columns { flex: 1; min-height: 0; display: grid; grid-template-columns: 19rem minmax(0, 1fr); }
        nav { min-height: 0; overflow: auto; padding: 1rem; border-right: 1px solid var(--line); }
        .follow { display: flex; gap: .4rem; margin: .6rem 0; }
        .follow input { flex: 1; }
        .scans { display: grid; gap: .25rem; }
        .scans button {
            display: grid;
            grid-template-columns: minmax(0, 1fr) auto;
            gap: 0 .5rem;
            width: 100%;
            text-align: left;
            border-color: transparent;
            background: none;
        }
        .scans button:hover { background: var(--sunk); }
        .scans button[aria-current="true"] { background: var(--card); border-color: var(--accent); }
        .scans .name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-weight: 600; }
        .scans .faint { grid-column: 1 / -1; font-size: .8rem; }
        .dot { align-self: center; width: .55rem; height: .55rem; border-radius: 50%; background: var(--good); }
        .dot.completed { background: var(--line); }
        .dot.stalled { background: var(--warn); }
        .dot.failed { background: var(--bad); }

        main { min-width: 0; min-height: 0; overflow: auto; padding: 1rem; }
        #scan { display: flex; flex-direction: column; gap: .8rem; min-height: 100%; }
        .scan-head { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem; }
        .scan-head h2 { font-size: 1.25rem; overflow-wrap: anywhere; }
        .badge {
            border: 1px solid currentColor;
            border-radius: 99px;
            padding: .05rem .6rem;
            font-size: .8rem;
            color: var(--faint);
        }
        .badge:empty { display: none; }
        .badge.good { color: var(--good); }
        .badge.warn { color: var(--warn); }
        .badge.bad { color: var(--bad); }
        .phases { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: .5rem 1rem; }
        .phases:empty { display: none; }
        .phases li { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: .15rem .5rem; }
        .phases .name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; unicode-bidi: isolate; }
        .phases .percent { font-variant-numeric: tabular-nums; }
        .phases li:not(.current) { color: var(--faint); }
        progress {
            grid-column: 1 / -1;
            width: 100%;
            height: .5rem;
            appearance: none;
            border: 0;
            border-radius: 99px;
            overflow: hidden;
            background: var(--sunk);
        }
        progress::-webkit-progress-bar { background: var(--sunk); }
        progress::-webkit-progress-value { background: var(--accent); }
        progress::-moz-progress-bar { background: var(--accent); }
        .lags summary { color: var(--warn); border-color: currentColor; width: max-content; max-width: 100%; }
        .lags ol { max-height: 9rem; overflow: auto; padding: .4rem 0 0 2rem; }
        .types { display: flex; flex-wrap: wrap; gap: .35rem; max-height: 6.6rem; overflow: auto; }
        .types button { font-size: .85rem; padding: .1rem .6rem; border-radius: 99px; unicode-bidi: isolate; }
        .types .count { font-variant-numeric: tabular-nums; opacity: .75; }
        .tools { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem; position: relative; }
        .tools #search { flex: 0 1 16rem; }
        .switch { display: flex; }
        .switch button:first-child { border-radius: 6px 0 0 6px; }
        .switch button:last-child { border-radius: 0 6px 6px 0; border-left: 0; }
        .delivery summary { list-style: none; }
        .delivery form {
            position: absolute;
            z-index: 2;
            margin-top: .3rem;
            width: min(22rem, 90vw);
            display: grid;
            gap: .4rem;
            padding: .8rem;
            border: 1px solid var(--line);
            border-radius: 8px;
            background: var(--card);
            box-shadow: 0 8px 24px rgb(0 0 0 / .2);
        }
        .split { flex: 1; min-height: 16rem; display: flex; gap: .8rem; }
        .table {
            flex: 1 1 60%;
            min-width: 0;
            height: 100%;
            min-height: 16rem;
            max-height: 72vh;
            overflow: auto;
            border: 1px solid var(--line);
            border-radius: 8px;
            background: var(--card);
        }
        table { width: 100%; border-collapse: collapse; table-layout: fixed; }
        th, td { padding: .3rem .6rem; text-align: left; vertical-align: top; unicode-bidi: isolate; }
        th {
            position: sticky;
            top: 0;
            background: var(--sunk);
            color: var(--faint);
            font-size: .75rem;
            font-weight: 600;
        }
        th:nth-child(1) { width: 5.5rem; }
        th:nth-child(2) { width: 11rem; }
        th:nth-child(3) { width: 28%; }
        td { border-top: 1px solid var(--line); overflow-wrap: anywhere; }
        td:nth-child(3), td:nth-child(4), pre { font-family: var(--mono); font-size: .84rem; }
        td:nth-child(4) { color: var(--faint); }
        tbody tr { cursor: pointer; }
        tbody tr:hover, tbody tr.chosen { background: var(--sunk); }
        td button { border: 0; background: none; padding: 0; font-variant-numeric: tabular-nums; color: var(--accent); }
        tr.critical td:nth-child(2) { font-weight: 600; color: var(--accent); }
        tr.error td:nth-child(2) { font-weight: 600; color: var(--bad); }
        .empty { padding: 2.5rem 1rem; text-align: center; color: var(--faint); }
        aside {
            flex: 1 1 40%;
            min-width: 0;
            max-height: 72vh;
            display: flex;
            flex-direction: column;
            border: 1px solid var(--line);
            border-radius: 8px;
            background: var(--card);
        }
        .inspector-head { display: flex; align-items: center; gap: .4rem; padding: .4rem .6rem; }
        .inspector-head h3 { flex: 1; }
        pre { flex: 1; margin: 0; padding: .6rem; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
        pre { border-top: 1px solid var(--line); }

        @media (max-width: 52rem) {
            body { height: auto; }
            .columns { grid-template-columns: minmax(0, 1fr); }
            nav { border-right: 0; border-bottom: 1px solid var(--line); max-height: 16rem; }
            .split { flex-direction: column; }
            th:nth-child(1) { width: 4rem; }
            th:nth-child(2) { width: 8rem; }
        }
        /* On a telephone the details are a touch away. */
        @media (max-width: 36rem) {
            th:nth-child(3) { width: auto; }
            th:nth-child(4), td:nth-child(4) { display: none; }
        }
        """#
}
