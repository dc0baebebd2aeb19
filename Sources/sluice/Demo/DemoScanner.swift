import Foundation
import SluiceClient

/// The scanner of the demo: a real nmap of this machine, or where there is none a recorded scan.
struct DemoScanner {
    let command: [String]
    /// Whether the scan is a recording.
    let isRecorded: Bool

    /// nmap's output for a small machine; printed line by line where there is no nmap.
    private static let recording = """
        {"type":"phaseStarted","phase":"SYN Stealth Scan"}
        {"type":"hostDiscovered","ip":"127.0.0.1","hostname":"localhost"}
        {"type":"scanProgress","phase":"SYN Stealth Scan","percent":12.5}
        {"type":"portFound","ip":"127.0.0.1","port":22,"protocol":"tcp","state":"open"}
        {"type":"scanProgress","phase":"SYN Stealth Scan","percent":48.0}
        {"type":"portFound","ip":"127.0.0.1","port":80,"protocol":"tcp","state":"open"}
        {"type":"portFound","ip":"127.0.0.1","port":5432,"protocol":"tcp","state":"open"}
        {"type":"scanProgress","phase":"SYN Stealth Scan","percent":100}
        {"type":"phaseStarted","phase":"Service scan"}
        {"type":"serviceDetected","ip":"127.0.0.1","port":22,"protocol":"tcp","service":"ssh","product":"OpenSSH"}
        {"type":"scanProgress","phase":"Service scan","percent":33.3}
        {"type":"serviceDetected","ip":"127.0.0.1","port":80,"protocol":"tcp","service":"http","product":"nginx"}
        {"type":"scanProgress","phase":"Service scan","percent":66.6}
        {"type":"serviceDetected","ip":"127.0.0.1","port":5432,"protocol":"tcp","service":"postgresql"}
        {"type":"scanProgress","phase":"Service scan","percent":100}
        """

    /// Where nmap is, by `PATH`; nil if it is not installed.
    static var nmap: String? {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        return folders.map { "\($0)/nmap" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// A scan by nmap where it is installed.
    init() {
        if let nmap = Self.nmap {
            self.command = [
                nmap, "--stats-every", "1s", "-v", "-sV", "--version-light", "-p-", "-oX", "-", "127.0.0.1",
            ]
            self.isRecorded = false
        } else {
            self.command = [
                "/bin/sh", "-c",
                #"printf '%s\n' "$0" | while IFS= read -r line; do sleep 0.4; echo "$line"; done"#,
                Self.recording,
            ]
            self.isRecorded = true
        }
    }

    /// How its output is read.
    var format: ScanFormat { self.isRecorded ? .ndjson : .nmap }
}
