internal import GRDB

/// Errors in words for the operator; never with what was to be stored.
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
