import SluiceSystem
import Synchronization

/// The token or ingest key that requests bear: given once, or in a file that is read again when it changes.
///
/// A renewed file needs no restart. Its content while it is being written (nothing, or half of a token) does not
/// replace a good token.
final class Credential: Sendable {
    private struct State: Sendable {
        var token: String?
        /// The file as it was when the token was read.
        var status: FileStatus?
    }

    /// The most bytes of a file that are read.
    private static let maximumBytes = 64 * 1024

    private let file: String?
    private let state: Mutex<State>

    /// A token that stays as it is, or none.
    ///
    /// - Throws: If it is no token.
    init(token: String?) throws(ClientError) {
        if let token, !Self.isToken(token) {
            throw ClientError(.invalidToken, "The token is empty or holds characters that a token cannot have.")
        }
        self.file = nil
        self.state = Mutex(State(token: token))
    }

    /// The token of a file, without the white space around it.
    ///
    /// - Throws: If there is none.
    init(file: String) throws(ClientError) {
        guard let (token, status) = Self.read(file) else {
            throw ClientError(.invalidToken, "No token could be read from \(file).")
        }
        self.file = file
        self.state = Mutex(State(token: token, status: status))
    }

    /// Whether another token may come; a pipe gives its content once.
    var isRenewable: Bool { self.state.withLock { $0.status?.kind == .file } }

    /// The token for the next request: the present content of the file.
    var current: String? {
        self.state.withLock { state in
            guard let file = self.file, let known = state.status, known.kind == .file else { return state.token }
            guard let status = FileStatus(path: file), status != known else { return state.token }
            return self.readAgain(&state)
        }
    }

    /// Whether the file holds another token than the refused one.
    ///
    /// It is read even if it looks unchanged: two changes within a clock's tick look like one.
    func hasNew(insteadOf token: String?) -> Bool {
        self.state.withLock { state in
            guard state.status?.kind == .file else { return false }
            return self.readAgain(&state) != token
        }
    }

    private func readAgain(_ state: inout State) -> String? {
        if let file = self.file, let (token, status) = Self.read(file) {
            state = State(token: token, status: status)
        }
        return state.token
    }

    /// A line end in a header would be a second header.
    private static func isToken(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }

    private static func read(_ file: String) -> (token: String, status: FileStatus)? {
        let descriptor = unsafe open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        guard let status = FileStatus(descriptor: descriptor) else { return nil }
        var content: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while content.count <= self.maximumBytes {
            let count = CLibrary.fill(&buffer, from: descriptor)
            guard count > 0 else { break }
            content += buffer[..<count]
        }
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0D).contains($0) }
        var rest = content.drop(while: isSpace)
        while let last = rest.last, isSpace(last) { rest = rest.dropLast() }
        let token = String(decoding: rest, as: UTF8.self)
        guard content.count <= self.maximumBytes, self.isToken(token) else { return nil }
        return (token, status)
    }
}
