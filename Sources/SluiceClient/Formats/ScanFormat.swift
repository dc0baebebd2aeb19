/// What a scanner writes.
package enum ScanFormat: String, Sendable, CaseIterable {
    /// Known by the command's name, or else by the first lines.
    case auto
    case ndjson
    case nmap
    case masscan
    case nuclei
    case lines

    /// Commands that start another one named among their arguments.
    private static let wrappers: Set<String> = [
        "sudo", "doas", "env", "nice", "ionice", "timeout", "stdbuf", "unbuffer", "nohup", "setsid", "time",
        "proxychains", "proxychains4", "torsocks",
    ]

    /// The format that a command's name implies; `auto` if it implies none.
    static func implied(by command: [String]) -> ScanFormat {
        for argument in command {
            let name = argument.split(separator: "/").last.map(String.init) ?? argument
            if let format = ScanFormat(rawValue: name), [.nmap, .masscan, .nuclei].contains(format) { return format }
            // Options of a wrapper, its settings (`A=b`) and numbers (`timeout 60`) stand before the command.
            let isOfWrapper = argument.hasPrefix("-") || argument.contains("=") || argument.first?.isNumber == true
            guard isOfWrapper || Self.wrappers.contains(name) else { return .auto }
        }
        return .auto
    }

    /// A translator for output of this format.
    func translator(scanID: String) -> any OutputTranslator {
        switch self {
        case .auto:
            AutoTranslator(scanID: scanID)
        case .ndjson:
            NDJSONTranslator(scanID: scanID)
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
