/// Where a value was given.
enum ConfigurationPlace: Sendable, Equatable {
    /// The file as a whole: something is missing from it, or it cannot be read.
    case file
    /// A line and a column of the file, both from 1; columns count Unicode scalars.
    case position(line: Int, column: Int)
    /// An environment variable.
    case environment(String)
}
