/// The listening sockets that the service manager holds for the process (sd_listen_fds(3)).
///
/// They outlive the process: a client that connects while one gateway ends and the next one starts waits, and is not
/// refused.
package struct InheritedSockets: Sendable, Equatable {
    /// The first descriptor that is handed over.
    private static let firstDescriptor: CInt = 3
    /// The most sockets that are accepted; a greater number is taken for a mistake, and none is used.
    private static let maximumCount = 16

    /// Where clients connect; nil where the gateway opens that itself.
    package private(set) var listen: CInt?
    /// Where the operator connects; nil where the gateway opens that itself.
    package private(set) var admin: CInt?
    /// The names of those that nothing here is called, or that come a second time.
    package private(set) var unused: [String] = []

    /// Nothing was handed over.
    package static let nothing = InheritedSockets(environment: [:], processID: 0)

    /// Reads the sockets from the environment.
    ///
    /// A socket serves the listener of its name, `listen` or `admin`; a socket with another name is for clients if
    /// there is no other.
    ///
    /// - Parameters:
    ///   - environment: The environment that the process was started with.
    ///   - processID: The process; sockets handed to another process are not for it.
    package init(environment: [String: String], processID: Int32) {
        guard environment["LISTEN_PID"] == String(processID),
            let count = environment["LISTEN_FDS"].flatMap({ Int($0) }), (1...Self.maximumCount).contains(count)
        else {
            return
        }
        let names = (environment["LISTEN_FDNAMES"] ?? "").split(separator: ":", omittingEmptySubsequences: false)
        for index in 0..<count {
            let descriptor = Self.firstDescriptor + CInt(index)
            let name = index < names.count ? String(names[index]) : ""
            switch name {
            case "listen" where self.listen == nil:
                self.listen = descriptor
            case "admin" where self.admin == nil:
                self.admin = descriptor
            case _ where count == 1 && name != "listen" && name != "admin":
                self.listen = descriptor
            default:
                self.unused.append(name)
            }
        }
    }
}
