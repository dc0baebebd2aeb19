/// Where a text stopped being JSON.
struct JSONSyntaxError: Error, Equatable {
    /// How many bytes were read before the fault.
    let offset: Int
}
