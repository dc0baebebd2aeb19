/// Something that has to hold for all bytes, and does not for these.
struct BrokenPromise: Error, CustomStringConvertible {
    let what: String

    var description: String { self.what }
}
