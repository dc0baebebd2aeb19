internal import NIOCore
internal import SluiceSystem

/// Why the gateway cannot listen where it was told to, in words for the operator.
package struct ListenFailure: Error, CustomStringConvertible {
    /// Whether something else listens there.
    package let isInUse: Bool
    /// Where, why, and which keys say so.
    package let description: String

    /// - Parameters:
    ///   - path: The socket that it was to be.
    ///   - reason: Why it cannot, in words behind its name.
    init(path: String, _ reason: String) {
        self.isInUse = false
        self.description = "\(path) \(reason) (listen.unix)"
    }

    /// A socket that cannot be made.
    init(path: String, failure: LocalSocket.Failure) {
        switch failure {
        case .length: self.init(path: path, "is no path that a socket can have")
        case .occupied: self.init(path: path, "is a file and no socket: remove it, or choose another path")
        case .inUse: self.init(path: path, "is in use: another program listens there")
        case .system(let number): self.init(path: path, "cannot be listened on: \(CLibrary.text(ofError: number))")
        }
    }

    /// - Parameters:
    ///   - host: Where it was to listen.
    ///   - port: Where it was to listen.
    ///   - section: The section of the configuration that says so.
    ///   - error: The system's error.
    init(host: String, port: Int, section: String, error: any Error) {
        let place = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        let code = (error as? IOError)?.errnoCode
        self.isInUse = code == EADDRINUSE
        switch code {
        case EADDRINUSE:
            self.description =
                "\(place) is in use: another program listens there; stop it, or change \(section).port"
        case EACCES:
            self.description =
                "\(place) may not be listened on by this user: ports below 1024 need CAP_NET_BIND_SERVICE "
                + "(\(section).port)"
        case EADDRNOTAVAIL:
            self.description = "\(place) is no address of this machine (\(section).host)"
        case nil where error is SocketAddressError || error is SocketAddressError.UnknownHost:
            self.description = "\(place) cannot be listened on: the host is not known (\(section).host)"
        default:
            self.description = "\(place) cannot be listened on: \(error) (\(section).host, \(section).port)"
        }
    }
}
