/// The files of `Files`, as they stand in the repository, within the program.
///
/// A target of their own, for they take long to compile and change seldom.
package enum AssetFiles {
    /// Each file: its path below `Files`, and its bytes.
    package static var all: [(path: String, content: [UInt8])] { Self.embedded }
}
