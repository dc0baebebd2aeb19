/// A socket in the file system that listens (unix(7)).
package struct LocalSocket: Sendable {
    /// Why there is none.
    package enum Failure: Error, Equatable {
        /// The path is empty, or longer than the system takes.
        case length
        /// Something else than a socket has the path.
        case occupied
        /// Another process listens there.
        case inUse
        /// The system's error.
        case system(Int32)
    }

    /// How many connections wait to be accepted.
    private static let backlog: Int32 = 1024

    /// The path of the socket.
    package let path: String
    /// The descriptor that listens; the caller closes it.
    package let descriptor: Int32
    private let device: UInt64
    private let number: UInt64

    /// Listens at a path; a socket there that nobody listens on is replaced.
    ///
    /// - Parameters:
    ///   - path: Where.
    ///   - permissions: Of the socket's file: who may connect.
    /// - Throws: Why not.
    package init(path: String, permissions: UInt32) throws(Failure) {
        guard var name = Self.name(path) else {
            throw .length
        }
        try Self.clear(path, &name)
        let descriptor = try Self.open()
        do throws(Failure) {
            // Before the file exists, and not by its path: that may be another file's by then.
            guard fchmod(descriptor, permissions) == 0, Self.bind(descriptor, &name, permissions: permissions),
                listen(descriptor, Self.backlog) == 0
            else {
                throw errno == EADDRINUSE ? .inUse : .system(errno)
            }
            guard let status = FileStatus(path: path) else {
                throw .system(errno)
            }
            self.device = status.device
            self.number = status.number
        } catch {
            _ = close(descriptor)
            throw error
        }
        self.path = path
        self.descriptor = descriptor
    }

    /// Whether a path can be a socket's.
    package static func isPath(_ path: String) -> Bool {
        self.name(path) != nil
    }

    /// Removes the file, unless another one took its place.
    package func remove() {
        if let status = FileStatus(path: self.path), status.device == self.device, status.number == self.number {
            _ = unsafe unlink(self.path)
        }
    }

    /// Removes a socket that nobody listens on.
    private static func clear(_ path: String, _ name: inout sockaddr_un) throws(Failure) {
        guard let status = FileStatus(path: path) else {
            return
        }
        guard status.kind == .socket else {
            throw .occupied
        }
        let descriptor = try self.open()
        defer { _ = close(descriptor) }
        guard !self.connect(descriptor, &name), errno == ECONNREFUSED else {
            // Also where its queue is full, or where this process may not connect to it.
            throw .inUse
        }
        guard unsafe unlink(path) == 0 || errno == ENOENT else {
            throw .system(errno)
        }
    }

    private static func name(_ path: String) -> sockaddr_un? {
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let fits = unsafe withUnsafeMutableBytes(of: &name.sun_path) { room in
            guard !bytes.isEmpty, bytes.count < room.count, !bytes.contains(0) else {
                return false
            }
            unsafe room.copyBytes(from: bytes)
            return true
        }
        return fits ? name : nil
    }

    private static func open() throws(Failure) -> Int32 {
        #if canImport(Musl)
        let kind = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK
        #else
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        #endif
        let descriptor = socket(AF_UNIX, kind, 0)
        guard descriptor >= 0 else {
            throw .system(errno)
        }
        return descriptor
    }

    /// Makes the file, with the descriptor's permissions.
    ///
    /// The process's mask would take from these; for this moment it leaves them, and takes all others as before.
    private static func bind(_ descriptor: Int32, _ name: inout sockaddr_un, permissions: UInt32) -> Bool {
        let mask = umask(0o077)
        umask(mask & ~permissions)
        defer { umask(mask) }
        return unsafe self.withAddress(&name) { unsafe systemBind(descriptor, $0, $1) == 0 }
    }

    private static func connect(_ descriptor: Int32, _ name: inout sockaddr_un) -> Bool {
        unsafe self.withAddress(&name) { unsafe systemConnect(descriptor, $0, $1) == 0 }
    }

    private static func withAddress(
        _ name: inout sockaddr_un,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Bool
    ) -> Bool {
        // A name is one of the forms of an address: it begins with its family.
        unsafe withUnsafePointer(to: &name) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}

/// bind(2), whose name a method above has too.
private func systemBind(_ descriptor: Int32, _ address: UnsafePointer<sockaddr>, _ length: socklen_t) -> Int32 {
    unsafe bind(descriptor, address, length)
}

/// connect(2), likewise.
private func systemConnect(_ descriptor: Int32, _ address: UnsafePointer<sockaddr>, _ length: socklen_t) -> Int32 {
    unsafe connect(descriptor, address, length)
}
