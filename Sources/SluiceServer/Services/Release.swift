/// The version of this build.
package enum Release {
    /// By semantic versioning; the changelog has the same.
    package static let version = "0.1.0"
}
