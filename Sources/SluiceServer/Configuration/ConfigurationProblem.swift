/// Why one text is not the value that its key wants.
struct ConfigurationProblem: Error {
    let message: String

    init(_ message: String) {
        self.message = message
    }
}
