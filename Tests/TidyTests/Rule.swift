/// The house rules by the names that the program knows them by.
enum Rule: String, CaseIterable, Sendable {
    case types, assertions, sizes, layout, imports, layers, words, safety, clock, traps, scripts
}
