internal import GRDB

/// A fault of a store.
package enum StoreError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Another process uses the folder.
    case inUse(path: String)
    /// The folder or the file cannot be used.
    case unusable(path: String, reason: String)
    /// The file is another program's.
    case foreign(path: String)
    /// A newer version of the product wrote it.
    case newerSchema(path: String, found: Int, known: Int)
    /// It does not work at the moment.
    case failed(reason: String)
    /// Too much waits for it.
    case full
    /// It was closed.
    case closed
    /// Something belongs to a scan that it does not know.
    case unknownScan

    package var description: String {
        switch self {
        case .inUse(let path):
            "storage in \(path) is used by another process"
        case .unusable(let path, let reason):
            "storage in \(path) cannot be used: \(reason)"
        case .foreign(let path):
            "\(path) was not written by sluice; name another folder as storage.path"
        case .newerSchema(let path, let found, let known):
            "\(path) has schema \(found), and this version knows \(known) at most: it was written by a newer version"
        case .failed(let reason):
            "storage failed: \(reason)"
        case .full:
            "too much waits for the storage"
        case .closed:
            "the storage is closed"
        case .unknownScan:
            "the storage does not know the scan"
        }
    }
}

/// Errors in words for the operator, without any stored text.
enum StoreReason {
    static func text(_ error: any Error) -> String {
        switch error {
        case let error as DatabaseError:
            "\(error.message ?? "SQLite error") (\(error.extendedResultCode.rawValue))"
        case let error as StoreError:
            error.description
        default:
            "\(type(of: error))"
        }
    }
}
