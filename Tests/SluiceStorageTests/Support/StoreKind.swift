/// Every fulfilment of the protocol, for tests that hold for all of them.
enum StoreKind: String, CaseIterable, Sendable {
    case memory
    case batched
    case synced
}
