import Logging
import SluiceServer
import SluiceStorage

/// Makes the store that a configuration describes.
enum StoreFactory {
    /// Opens the store; nil for history in memory only: without a path, or with `durability: none`.
    ///
    /// - Throws: The reason why it does not open, in words for the operator.
    static func open(_ storage: GatewayConfiguration.Storage, logger: Logger) throws -> SQLiteStore? {
        guard let path = storage.path, storage.durability != .none else {
            return nil
        }
        var settings = StoreSettings(path: path)
        settings.isSynced = storage.durability == .synced
        settings.retentionAge = storage.retention.age
        settings.retentionBytes = storage.retention.bytes
        return try SQLiteStore(settings, logger: logger)
    }
}
