import SluiceClient

/// Lines to a person.
enum Console {
    /// A line on standard output.
    static func line(_ line: String) {
        _ = PassThrough.write(Array("\(line)\n".utf8)[...], to: .standardOutput)
    }

    /// A line on standard error, as it is.
    static func error(_ line: String) {
        _ = PassThrough.write(Array("\(line)\n".utf8)[...], to: .standardError)
    }
}
