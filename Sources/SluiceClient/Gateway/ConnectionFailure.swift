import AsyncHTTPClient
import NIOCore
import NIOPosix
import NIOSSL
import SluiceSystem

/// Why there was no answer, in a person's words.
enum ConnectionFailure {
    /// A short reason, without addresses or secrets.
    static func describe(_ error: any Error) -> String {
        switch error {
        case let error as HTTPClientError:
            self.describe(error)
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { self.describe($0.error) } ?? "the name is not known"
        case let error as IOError:
            self.describe(error)
        case is ChannelError:
            "the connection ended or took too long"
        case let error where self.isCertificateFailure(error):
            "the gateway's certificate is not trusted (--ca FILE names the one to trust)"
        case is NIOSSLError, is BoringSSLError:
            "TLS failed: \(DisplayText.safe(String(describing: error)))"
        default:
            DisplayText.safe(String(describing: error))
        }
    }

    /// Whether the gateway's certificate is at fault: waiting does not help then.
    static func isCertificateFailure(_ error: any Error) -> Bool {
        switch error {
        case NIOSSLError.handshakeFailed(.sslError(let stack)):
            stack.contains { String(describing: $0).contains("CERTIFICATE_VERIFY_FAILED") }
        case let error as NIOSSLExtraError:
            error == .failedToValidateHostname
        default:
            false
        }
    }

    private static func describe(_ error: HTTPClientError) -> String {
        switch error {
        case .connectTimeout, .deadlineExceeded, .readTimeout, .getConnectionFromPoolTimeout:
            "no answer in time"
        case .remoteConnectionClosed:
            "the connection was closed"
        default:
            error.shortDescription
        }
    }

    private static func describe(_ error: IOError) -> String {
        switch error.errnoCode {
        case ECONNREFUSED:
            "connection refused"
        case ECONNRESET, EPIPE:
            "the connection was closed"
        case EHOSTUNREACH, ENETUNREACH:
            "no way to the host"
        default:
            "error \(error.errnoCode)"
        }
    }
}
