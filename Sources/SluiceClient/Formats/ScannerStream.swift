/// Where a scanner wrote something.
package enum ScannerStream: Sendable, Hashable {
    case standardOutput
    case standardError
}
