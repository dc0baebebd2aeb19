import Foundation
import NIOCore

/// An answer as another JSON reader has it.
struct TestBody {
    let object: [String: Any]
    let byteCount: Int

    init?(_ body: ByteBuffer) {
        guard let object = try? JSONSerialization.jsonObject(with: Data(body.readableBytesView)) as? [String: Any]
        else {
            return nil
        }
        self.object = object
        self.byteCount = body.readableBytes
    }

    func number(_ name: String) -> Double? { (self.object[name] as? NSNumber)?.doubleValue }

    var scans: [[String: Any]] { self.object["scans"] as? [[String: Any]] ?? [] }

    var ids: [String] { self.scans.compactMap { $0["scan_id"] as? String } }

    var next: String? { self.object["next"] as? String }
}
