/// The console's page; script and style stand in files of their own, as its policy demands.
enum ConsolePage {
    /// `/`.
    static let text: StaticString = #"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>Sluice</title>
        <link rel="stylesheet" href="console.css">
        <script type="module" src="console.js"></script>
        </head>
        <body>
        <a class="skip" href="#main">Skip to the scan</a>

        <header class="bar">
            <h1>Sluice</h1>
            <dl class="totals" aria-label="All scans">
                <div><dt>scans</dt><dd id="total-scans">–</dd></div>
                <div><dt>running</dt><dd id="total-running">–</dd></div>
                <div><dt>messages</dt><dd id="total-messages">–</dd></div>
            </dl>
            <button type="button" id="identity" aria-expanded="true" aria-controls="sign-in">Sign in</button>
        </header>

        <form id="sign-in" class="sign-in">
            <label for="token">Token</label>
            <input id="token" type="password" autocomplete="off" spellcheck="false" placeholder="a JWT">
            <label class="check"><input id="remember" type="checkbox"> Keep for this tab</label>
            <button type="submit" class="primary">Use</button>
            <button type="button" id="forget">Forget</button>
            <p id="sign-in-note" role="status"></p>
        </form>

        <noscript><p class="notice">This page follows scans by script, which is switched off here.</p></noscript>

        <div class="columns">
            <nav aria-labelledby="scans-title">
                <h2 id="scans-title">Scans</h2>
                <form id="follow" class="follow">
                    <label for="scan-id" class="hidden">Find a scan, or follow one by its id</label>
                    <input id="scan-id" type="search" autocomplete="off" spellcheck="false" maxlength="128"
                        placeholder="Name or id">
                    <button type="submit">Follow</button>
                </form>
                <ul id="scans" class="scans"></ul>
                <p id="scans-note" class="faint"></p>
            </nav>

            <main id="main" tabindex="-1">
                <section id="empty" class="empty">
                    <h2>No scan chosen</h2>
                    <p>Choose one from the list, or enter its id. Findings show here as they arrive.</p>
                </section>

                <section id="scan" hidden aria-labelledby="scan-title">
                    <div class="scan-head">
                        <h2 id="scan-title"></h2>
                        <span id="outcome" class="badge"></span>
                        <span id="connection" class="badge" role="status"></span>
                        <button type="button" id="again" hidden>Connect again</button>
                    </div>
                    <dl class="facts">
                        <div><dt>messages</dt><dd id="received">0</dd></div>
                        <div><dt>per second</dt><dd id="per-second">0</dd></div>
                        <div><dt>seq</dt><dd id="seq">–</dd></div>
                        <div><dt>skipped</dt><dd id="skipped">0</dd></div>
                        <div><dt>epoch</dt><dd id="epoch">–</dd></div>
                    </dl>
                    <ul id="phases" class="phases" aria-label="Phases"></ul>
                    <details id="lags" class="lags" hidden>
                        <summary id="lag-summary"></summary>
                        <ol id="lag-list"></ol>
                    </details>

                    <div id="types" class="types" role="group" aria-label="Show only these types"></div>

                    <div class="tools">
                        <div class="switch" role="group" aria-label="View">
                            <button type="button" id="view-findings" aria-pressed="true">Findings</button>
                            <button type="button" id="view-messages" aria-pressed="false">All messages</button>
                        </div>
                        <label for="search" class="hidden">Filter the rows</label>
                        <input id="search" type="search" autocomplete="off" spellcheck="false" placeholder="Filter">
                        <button type="button" id="pause" aria-pressed="false">Pause</button>
                        <details class="delivery">
                            <summary>Delivery</summary>
                            <form id="delivery">
                                <label for="filters">Receive these types only</label>
                                <input id="filters" autocomplete="off" spellcheck="false" placeholder="all; or portFound, …">
                                <label for="rate">Frames a second, at most</label>
                                <input id="rate" type="number" min="0.1" step="any" placeholder="as configured">
                                <button type="submit">Apply</button>
                                <p id="delivery-note" role="status"></p>
                            </form>
                        </details>
                        <span id="row-note" class="faint"></span>
                    </div>

                    <div class="split">
                        <div class="table" tabindex="0" role="region" aria-label="Rows, the newest first">
                            <table>
                                <thead>
                                    <tr><th scope="col">#</th><th scope="col">Type</th><th scope="col">About</th>
                                        <th scope="col">Details</th></tr>
                                </thead>
                                <tbody id="rows"></tbody>
                            </table>
                            <p id="no-rows" class="empty">Nothing yet.</p>
                        </div>
                        <aside id="inspector" hidden aria-labelledby="inspector-title">
                            <div class="inspector-head">
                                <h3 id="inspector-title">Message</h3>
                                <button type="button" id="copy">Copy</button>
                                <button type="button" id="inspector-close" aria-label="Close the message">Close</button>
                            </div>
                            <pre id="raw" tabindex="0"></pre>
                        </aside>
                    </div>
                </section>
            </main>
        </div>
        </body>
        </html>
        """#
}
