internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

extension ScanID {
    /// The scan that a path's segment names.
    ///
    /// - Throws: What to answer instead.
    init(segment: String) throws(Problem) {
        guard let scanID = ScanID(segment) else {
            throw Problem(
                .invalidScanID,
                "a scan's id has 1 to 128 of the characters A-Z a-z 0-9 . _ ~ -, and is not . or .. or stats"
            )
        }
        self = scanID
    }
}
