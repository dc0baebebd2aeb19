/// The table of formats: which record of which scanner becomes what.
///
/// Fields have the same names for all scanners: `template` (the scanner's own name of the rule), `name`, `severity`,
/// `host`, `ip`, `port`, `matchedAt`, `file`, `cve`, `cwe`, `cvss`, `tags`, `description`, `remediation`.
extension RecordRule {
    /// All rows; the first one that knows a document decides its format, and all rows of that format that know the
    /// document apply.
    static let all =
        [zapReport, niktoReport] + trivy + [grype, sarif, httpxProbe, naabuPort]
        + [ffufReport, ffufResult, feroxResponse, feroxStatistics, feroxConfiguration, zmapReply]

    /// Members, at any depth, that make documents large and are of no use to subscribers.
    static let leftOutNames: Set<String> = [
        // httpx
        "body", "raw_header", "header", "headless_body", "screenshot_bytes", "csp", "tls", "chain", "knowledgebase",
        // trivy
        "Packages", "ImageConfig", "RenderedCause", "Layer", "References", "Code", "DataSource", "VendorIDs",
        // grype
        "ignoredMatches", "alertsByPackage", "cpes", "urls", "epss", "searchedBy", "licenses", "manifest",
        // SARIF
        "codeFlows", "graphs", "relatedLocations", "partialFingerprints", "fixes", "help", "fullDescription",
        "artifacts", "invocations", "snippet", "contextRegion",
        // ZAP
        "otherinfo", "reference", "sequences", "request-header", "request-body", "response-header", "response-body",
        // feroxbuster
        "headers",
    ]

    // MARK: Web

    private static let httpxProbe = RecordRule(
        format: .httpx,
        outcome: .message("serviceDetected"),
        marks: [Mark(name: "url"), Mark(name: "input"), Mark(name: "status_code")],
        passesOver: [("failed", ["true"])],
        fields: [
            RecordField("ip", .text, "host_ip", "host", "a.0"),
            RecordField("hostname", .host, "url"),
            RecordField("port", .integer, "port"),
            RecordField("protocol", .text, "=tcp"),
            RecordField("service", .text, "scheme"),
            RecordField("product", .text, "webserver"),
            RecordField("details", .text, "title"),
            RecordField("matchedAt", .text, "url"),
            RecordField("status", .integer, "status_code"),
            RecordField("redirect", .text, "location"),
            RecordField("contentType", .text, "content_type"),
            RecordField("length", .integer, "content_length"),
            RecordField("tags", .texts, "tech"),
            RecordField("timestamp", .text, "timestamp"),
        ]
    )

    private static let ffufFields = [
        RecordField("host", .hostAndPort, "url"),
        RecordField("matchedAt", .text, "url"),
        RecordField("status", .integer, "status"),
        RecordField("length", .integer, "length"),
        RecordField("words", .integer, "words"),
        RecordField("lines", .integer, "lines"),
        RecordField("contentType", .text, "content-type"),
        RecordField("redirect", .text, "redirectlocation"),
    ]

    private static let ffufResult = RecordRule(
        format: .ffuf,
        outcome: .message("pathFound"),
        marks: [Mark(name: "url"), Mark(name: "status"), Mark(name: "input"), Mark(name: "position")],
        fields: ffufFields
    )

    private static let ffufReport = RecordRule(
        format: .ffuf,
        outcome: .message("pathFound"),
        marks: [Mark(name: "results"), Mark(name: "commandline")],
        path: ["results"],
        fields: ffufFields
    )

    private static let feroxResponse = RecordRule(
        format: .feroxbuster,
        outcome: .message("pathFound"),
        marks: [Mark(name: "type", text: "response"), Mark(name: "url"), Mark(name: "status")],
        fields: [
            RecordField("host", .hostAndPort, "url"),
            RecordField("matchedAt", .text, "url"),
            RecordField("method", .text, "method"),
            RecordField("status", .integer, "status"),
            RecordField("length", .integer, "content_length"),
            RecordField("words", .integer, "word_count"),
            RecordField("lines", .integer, "line_count"),
            RecordField("wildcard", .flag, "wildcard"),
        ]
    )

    private static let feroxStatistics = RecordRule(
        format: .feroxbuster,
        outcome: .message("stats"),
        marks: [Mark(name: "type", text: "statistics"), Mark(name: "requests"), Mark(name: "expected_per_scan")],
        fields: [
            RecordField("requests", .integer, "requests"),
            RecordField("total", .integer, "total_expected"),
            RecordField("errors", .integer, "errors"),
        ]
    )

    private static let feroxConfiguration = RecordRule(
        format: .feroxbuster,
        outcome: .nothing,
        marks: [Mark(name: "type", text: "configuration"), Mark(name: "wordlist"), Mark(name: "status_codes")]
    )

    private static let zapReport = RecordRule(
        format: .zap,
        outcome: .message("vulnerabilityFound"),
        marks: [Mark(name: "site"), Mark(name: "@version")],
        path: ["site", "alerts", "instances"],
        countsEmpty: true,
        fields: [
            RecordField("template", .text, "^alertRef", "^pluginid"),
            RecordField("name", .text, "^name", "^alert"),
            RecordField("severity", .risk, "^riskcode"),
            RecordField("host", .host, "uri", "^^@name"),
            RecordField("port", .integer, "^^@port"),
            RecordField("matchedAt", .text, "uri", "^^@name"),
            RecordField("method", .text, "method"),
            RecordField("parameter", .text, "param"),
            RecordField("attack", .text, "attack"),
            RecordField("evidence", .text, "evidence"),
            RecordField("confidence", .integer, "^confidence"),
            RecordField("cve", .identifiers(.cve), "^cve_id"),
            RecordField("cwe", .numbers(.cwe), "^cweid"),
            RecordField("description", .paragraphs, "^desc"),
            RecordField("remediation", .paragraphs, "^solution"),
        ]
    )

    private static let niktoReport = RecordRule(
        format: .nikto,
        outcome: .message("vulnerabilityFound"),
        marks: [Mark(name: "vulnerabilities"), Mark(name: "host"), Mark(name: "port")],
        path: ["vulnerabilities"],
        fields: [
            RecordField("template", .text, "id"),
            RecordField("name", .text, "msg"),
            RecordField("host", .text, "^host"),
            RecordField("ip", .text, "^ip"),
            RecordField("port", .integer, "^port"),
            RecordField("method", .text, "method"),
            RecordField("path", .text, "url"),
            RecordField("reference", .text, "references"),
        ]
    )

    // MARK: Ports

    private static let naabuPort = RecordRule(
        format: .naabu,
        outcome: .openPort,
        marks: [Mark(name: "ip"), Mark(name: "port"), Mark(name: "timestamp")],
        knownNames: ["host", "ip", "timestamp", "port", "protocol", "tls", "cdn", "cdn-name", "mac_address"],
        fields: [
            RecordField("ip", .text, "ip"), RecordField("hostname", .text, "host"),
            // Older versions write an object.
            RecordField("port", .integer, "port.Port", "port"), RecordField("protocol", .text, "protocol"),
        ]
    )

    /// The fields of zmap's TCP, UDP and ICMP modules.
    private static let zmapNames: Set<String> = [
        "saddr", "saddr-raw", "saddr_raw", "daddr", "daddr-raw", "daddr_raw", "ipid", "ip_id", "ttl", "sport", "dport",
        "seqnum", "acknum", "window", "classification", "success", "repeat", "cooldown", "timestamp-str",
        "timestamp_str", "timestamp-ts", "timestamp_ts", "timestamp-us", "timestamp_us", "icmp_type", "icmp_code",
        "icmp_unreach_str", "icmp_responder", "udp_pkt_size", "data", "id", "seq",
    ]

    private static let zmapReply = RecordRule(
        format: .zmap,
        outcome: .openPort,
        marks: [Mark(name: "saddr")],
        passesOver: [("success", ["0", "false"])],
        knownNames: zmapNames,
        fields: [
            RecordField("ip", .text, "saddr"), RecordField("port", .integer, "sport"),
            RecordField("protocol", .text, "classification"),
        ]
    )
}
