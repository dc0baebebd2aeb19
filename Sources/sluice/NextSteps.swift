import Foundation
import SluiceServer

/// The next steps after `sluice init`: commands that work unchanged.
struct NextSteps {
    let url: String
    let folder: SetupFolder
    /// An administrator's token for the console.
    let token: String
    let files: [SetupFile]

    var text: String {
        let authority = Self.quoted(self.folder.place(of: "certs/ca.crt"))
        let ingestKey = Self.quoted(self.folder.place(of: "secrets/ingest.key"))
        let config = Self.quoted(self.folder.place(of: "config.yaml"))
        return """
            Made:
            \(self.list)

            1. Start the gateway:

               sluice serve --config \(config)

            2. In another terminal, let a scanner be seen, and post by hand:

               sluice run --url \(self.url) --ca \(authority) --token-file \(ingestKey) --scan first -- \(Self.scanner)
               echo "Authorization: Bearer $(cat \(ingestKey))" | curl --cacert \(authority) -H @- -H 'Content-Type: application/json' -d '{"type":"hostDiscovered","ip":"192.0.2.7"}' \(self.url)/api/scans/second/progress

            3. See them in a browser. Let it trust \(authority), or it warns. The link makes an administrator of whoever
               has it, until this time tomorrow; "sluice token" makes the next one.

               \(self.url)/#token=\(self.token)
            """
    }

    private var list: String {
        let places = self.files.map { self.folder.place(of: $0.path) }
        let width = places.map { $0.count }.max() ?? 0
        return zip(places, self.files)
            .map { place, file in
                "   \(place)\(String(repeating: " ", count: width - place.count))  \(file.purpose)"
            }
            .joined(separator: "\n")
    }

    /// An installed scanner: nmap, or a command that prints a few lines.
    private static var scanner: String {
        DemoScanner.nmap == nil
            ? "sh -c 'for port in 22 80 443; do echo \"port $port\"; sleep 1; done'"
            : "nmap -v --stats-every 1s -sV --version-light 127.0.0.1"
    }

    /// A path as a shell takes it for one word.
    private static func quoted(_ path: String) -> String {
        let isPlain = path.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: ":"), UInt8(ascii: "@"), UInt8(ascii: ","):
                true
            default:
                false
            }
        }
        return isPlain && !path.isEmpty ? path : "'\(path.replacingOccurrences(of: "'", with: "'\\''"))'"
    }
}
