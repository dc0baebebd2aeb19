import NIOCore
import SluiceRelay

/// A carry that this node writes, part by part.
struct CarryWriting {
    let id: String
    let image: ScanImage
    let parts: [ByteBuffer]
    /// The part to write next, counted from 1.
    var next = 1

    init(id: String, image: ScanImage, body: ByteBuffer, maximumPartBytes: Int) {
        self.id = id
        self.image = image
        var rest = body
        var parts: [ByteBuffer] = []
        while rest.readableBytes > 0, let part = rest.readSlice(length: min(rest.readableBytes, maximumPartBytes)) {
            parts.append(part)
        }
        self.parts = parts
    }

    /// The record id of a part.
    func id(ofPart index: Int) -> String { "\(self.id)/\(index)" }

    /// The id of the carry that a part belongs to.
    static func id(ofPart id: String) -> String {
        id.split(separator: "/", omittingEmptySubsequences: false).first.map(String.init) ?? id
    }
}
