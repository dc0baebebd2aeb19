import Dispatch
import GRDB

@testable import SluiceStorage

extension SQLiteStore {
    /// Does something with the writer's own connection.
    func onWriter<Answer: Sendable>(_ body: @escaping @Sendable (Database) throws -> Answer) async throws -> Answer {
        try self.writer.dispatch.sync {
            guard let database = self.writer.database else {
                throw StoreError.closed
            }
            return try database.writeWithoutTransaction(body)
        }
    }
}
