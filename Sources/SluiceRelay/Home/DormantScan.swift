/// A scan that an earlier process left, and nobody has asked for yet: its log is still in the store.
struct DormantScan {
    var scan: StoredScan
    var lifecycle: ScanLifecycle
}
