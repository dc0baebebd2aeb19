internal import SluiceSystem

/// A file as it was at one moment: its bytes, up to a limit, and its permissions to read.
struct FileContent {
    /// Certificates, keys and key sets are never larger.
    static let maximumKeyBytes = 1 << 20

    let bytes: [UInt8]
    let isReadableByEveryone: Bool

    /// Reads a file of at most `limit` bytes.
    ///
    /// Devices, pipes and folders are refused, and never waited for.
    init(path: String, limit: Int) throws(ConfigurationProblem) {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw ConfigurationProblem(errno == ENOENT || errno == ENOTDIR ? "no such file" : "not readable")
        }
        defer {
            _ = close(descriptor)
        }
        guard let status = FileStatus(descriptor: descriptor) else {
            throw ConfigurationProblem("not readable")
        }
        guard status.kind == .file else {
            throw ConfigurationProblem("not a file")
        }
        self.isReadableByEveryone = status.permissions & S_IROTH != 0
        self.bytes = try Self.read(descriptor, limit: limit)
    }

    /// Whether there is a folder at a path, and not something else; nil if there is nothing.
    static func isFolder(_ path: String) -> Bool? {
        FileStatus(path: path).map { $0.kind == .folder }
    }

    /// Whether this process may make files in a folder.
    static func isWritable(_ path: String) -> Bool {
        unsafe access(path, W_OK | X_OK) == 0
    }

    /// Whether this process may make a folder that is not there, with those above it.
    static func canMake(_ path: String) -> Bool {
        var path = path[...]
        while let slash = path.lastIndex(of: "/") {
            path = path[..<slash]
            let parent = path.isEmpty ? "/" : String(path)
            if let isFolder = Self.isFolder(parent) {
                return isFolder && Self.isWritable(parent)
            }
        }
        return false
    }

    /// How many bytes there are without the newline at the end, which no secret has.
    var secretByteCount: Int {
        var count = self.bytes.count
        for newline in [UInt8(ascii: "\n"), UInt8(ascii: "\r")] where count > 0 && self.bytes[count - 1] == newline {
            count -= 1
        }
        return count
    }

    /// Whether there is nothing in it but white space.
    var isBlank: Bool {
        self.bytes.allSatisfy { " \t\r\n".utf8.contains($0) }
    }

    private static func read(_ descriptor: CInt, limit: Int) throws(ConfigurationProblem) -> [UInt8] {
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = CLibrary.fill(&part, from: descriptor)
            guard count >= 0 else {
                throw ConfigurationProblem("not readable")
            }
            guard count > 0 else {
                return bytes
            }
            guard bytes.count + count <= limit else {
                throw ConfigurationProblem("larger than \(ConfigurationUnits.text(limit))")
            }
            bytes.append(contentsOf: part[..<count])
        }
    }
}
