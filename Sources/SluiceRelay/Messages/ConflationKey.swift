/// What two state messages have to share for the newer one to supersede the older.
///
/// Values are compared as bytes: strings after unescaping, so that `"\u0061"` is `"a"`, and all else as it was posted,
/// so that `1` and `1.0` are two keys. Bytes rather than `String`, whose equality folds different code points together.
package struct ConflationKey: Hashable, Sendable {
    /// The value of one configured field.
    enum Value: Hashable, Sendable {
        /// The message has no such field.
        case missing
        /// A string, unescaped. A lone surrogate stands as the three bytes that UTF-8 would give it if it could.
        case string([UInt8])
        /// A number, a literal, an array or an object, as posted.
        case raw([UInt8])
    }

    /// The type of the messages.
    let type: String
    /// The values of the fields configured for the type, in their configured order.
    let values: [Value]
}
