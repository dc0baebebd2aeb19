/// The rows of the table for scanners of packages, files and code.
extension RecordRule {
    static let trivy = [
        trivyRule(
            "Vulnerabilities",
            [
                RecordField("template", .text, "VulnerabilityID"),
                RecordField("name", .text, "Title", "VulnerabilityID"),
                RecordField("severity", .severity, "Severity"),
                RecordField("package", .text, "PkgName"),
                RecordField("version", .text, "InstalledVersion"),
                RecordField("fixedVersion", .text, "FixedVersion"),
                RecordField("file", .text, "PkgPath", "^Target"),
                RecordField("cve", .identifiers(.cve), "VulnerabilityID"),
                RecordField("cwe", .identifiers(.cwe), "CweIDs"),
                RecordField("cvss", .score, "CVSS.nvd", "CVSS"),
                RecordField("description", .text, "Description"),
                RecordField("reference", .text, "PrimaryURL"),
            ]
        ),
        trivyRule(
            "Misconfigurations",
            passesOver: [("Status", ["pass"])],
            [
                RecordField("template", .text, "AVDID", "ID"),
                RecordField("name", .text, "Title"),
                RecordField("severity", .severity, "Severity"),
                RecordField("category", .text, "=misconfiguration"),
                RecordField("file", .text, "^Target"),
                RecordField("line", .integer, "CauseMetadata.StartLine"),
                RecordField("details", .text, "Message"),
                RecordField("description", .text, "Description"),
                RecordField("remediation", .text, "Resolution"),
                RecordField("reference", .text, "PrimaryURL"),
            ]
        ),
        trivyRule(
            "Secrets",
            [
                RecordField("template", .text, "RuleID"),
                RecordField("name", .text, "Title"),
                RecordField("severity", .severity, "Severity"),
                RecordField("category", .text, "=secret"),
                RecordField("file", .text, "^Target"),
                RecordField("line", .integer, "StartLine"),
                RecordField("tags", .texts, "Category"),
            ]
        ),
        trivyRule(
            "Licenses",
            [
                RecordField("name", .text, "Name"),
                RecordField("severity", .severity, "Severity"),
                RecordField("category", .text, "=license"),
                RecordField("package", .text, "PkgName"),
                RecordField("file", .text, "FilePath", "^Target"),
                RecordField("tags", .texts, "Category"),
                RecordField("reference", .text, "Link"),
            ]
        ),
    ]

    private static func trivyRule(
        _ list: String,
        passesOver: [(path: RecordPath, texts: Set<String>)] = [],
        _ fields: [RecordField]
    ) -> RecordRule {
        RecordRule(
            format: .trivy,
            outcome: .message("vulnerabilityFound"),
            marks: [Mark(name: "SchemaVersion"), Mark(name: "ArtifactName")],
            path: ["Results", list],
            passesOver: passesOver,
            fields: fields
        )
    }

    static let grype = RecordRule(
        format: .grype,
        outcome: .message("vulnerabilityFound"),
        marks: [Mark(name: "matches"), Mark(name: "descriptor")],
        path: ["matches"],
        fields: [
            RecordField("template", .text, "vulnerability.id"),
            RecordField("name", .text, "vulnerability.id"),
            RecordField("severity", .severity, "vulnerability.severity"),
            RecordField("package", .text, "artifact.name"),
            RecordField("version", .text, "artifact.version"),
            RecordField("fixedVersion", .text, "vulnerability.fix.versions.0"),
            RecordField("file", .text, "artifact.locations.0.path"),
            RecordField("cve", .identifiers(.cve), "vulnerability.id", "relatedVulnerabilities"),
            RecordField("cvss", .score, "vulnerability.cvss", "relatedVulnerabilities"),
            RecordField("tags", .texts, "artifact.type"),
            RecordField("description", .text, "vulnerability.description", "relatedVulnerabilities.0.description"),
            RecordField("reference", .text, "vulnerability.dataSource"),
        ]
    )

    static let sarif = RecordRule(
        format: .sarif,
        outcome: .message("vulnerabilityFound"),
        marks: [Mark(name: "runs"), Mark(name: "version")],
        path: ["runs", "results"],
        passesOver: [("kind", ["pass", "notapplicable"]), ("baselineState", ["absent"])],
        fields: [
            RecordField("template", .text, "ruleId", "rule.id", "~id"),
            RecordField("name", .title, "message.text", "~shortDescription.text", "~name", "ruleId"),
            RecordField(
                "severity",
                .severity,
                "properties.security-severity",
                "~properties.security-severity",
                "level",
                "~defaultConfiguration.level",
                // The default of SARIF 2.1.0, section 3.27.10.
                "=warning"
            ),
            RecordField("file", .text, "locations.0.physicalLocation.artifactLocation.uri"),
            RecordField("line", .integer, "locations.0.physicalLocation.region.startLine"),
            RecordField("cve", .identifiers(.cve), "ruleId", "rule.id"),
            RecordField("cwe", .identifiers(.cwe), "~properties.cwe", "~properties.tags", "properties.tags"),
            RecordField("cvss", .score, "~properties.security-severity", "properties.security-severity"),
            RecordField("tags", .texts, "~properties.tags", "properties.tags"),
            RecordField("tool", .text, "^tool.driver.name"),
            RecordField("details", .text, "message.text"),
            RecordField("description", .text, "~shortDescription.text"),
            RecordField("reference", .text, "~helpUri"),
        ]
    )
}
