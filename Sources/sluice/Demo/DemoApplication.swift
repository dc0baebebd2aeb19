import Foundation

/// The application of `sluice demo --app`: a Python program with a login of its own, that runs as long as it is kept.
struct DemoApplication {
    /// Why there is none.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    static let user = "alice"
    /// Where the gateway's own console is, since `/` is the application's.
    static let console = "/live"

    /// Where it listens, on the loopback.
    let port: Int
    /// What its user logs in with.
    let password: String
    private let process: Process
    /// It ends when this does, however the demo ends.
    private let input: Pipe

    /// Starts it, and waits until it listens.
    ///
    /// - Parameters:
    ///   - scan: What its user may follow.
    ///   - folder: Where the program is written to.
    /// - Throws: If it does not start.
    init(scan: String, in folder: DemoFolder) throws {
        let program = try folder.write(PackageResources.app_py, as: "app.py")
        self.password = String(UUID().uuidString.prefix(8)).lowercased()
        self.input = Pipe()
        self.process = Process()
        let output = Pipe()
        self.process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        self.process.arguments = [
            "python3", program, "--port", "0", "--user", Self.user, "--scan", scan, "--attached",
        ]
        let own = ["APP_PASSWORD": self.password, "PYTHONDONTWRITEBYTECODE": "1"]
        self.process.environment = ProcessInfo.processInfo.environment.merging(own) { $1 }
        self.process.standardInput = self.input
        self.process.standardOutput = output
        try self.process.run()
        var line = Data()
        while line.last != UInt8(ascii: "\n") {
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else {
                throw Failure(description: "the application did not start; it needs python3")
            }
            line += more
        }
        guard let port = Int(String(decoding: line.dropLast(), as: UTF8.self)) else {
            throw Failure(description: "the application does not say where it listens")
        }
        self.port = port
    }

    /// What a gateway in front of it is told, beside the demo's own configuration.
    ///
    /// Who logs out is noticed soon, for people to see.
    var environment: [String: String] {
        let url = "http://127.0.0.1:\(self.port)"
        return [
            "SLUICE_PROXY__ROUTES": "[{ path: /, upstreams: [\"\(url)\"] }]",
            "SLUICE_CONSOLE__PATH": Self.console,
            "SLUICE_AUTH__FORWARD__URL": "\(url)/whoami",
            "SLUICE_AUTH__FORWARD__HEADERS": "[Cookie]",
            "SLUICE_AUTH__FORWARD__CACHE": "1s",
            "SLUICE_AUTH__FORWARD__RECHECK": "2s",
        ]
    }

    func end() {
        try? self.input.fileHandleForWriting.close()
        self.process.waitUntilExit()
    }
}
