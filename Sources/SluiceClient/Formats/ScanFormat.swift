/// The form of a scanner's output.
package enum ScanFormat: String, Sendable, CaseIterable {
    /// Detected by the command's name, or else by the first lines.
    case auto
    case ndjson
    case nmap
    case masscan
    case nuclei
    case httpx
    case naabu
    case zmap
    case ffuf
    case feroxbuster
    case nikto
    case zap
    case trivy
    case grype
    case sarif
    case lines

    /// A translator for output of this format.
    func translator(scanID: String) -> any OutputTranslator {
        switch self {
        case .auto:
            AutoTranslator(scanID: scanID)
        case .ndjson, .httpx, .naabu, .zmap, .ffuf, .feroxbuster, .nikto, .zap, .trivy, .grype, .sarif:
            RecordTranslator(format: self, scanID: scanID)
        case .nmap:
            NmapTranslator()
        case .masscan:
            MasscanTranslator()
        case .nuclei:
            NucleiTranslator()
        case .lines:
            LinesTranslator()
        }
    }
}
