/// The frame rates that subscribers share: however many different ones are asked for, they make few groups.
enum FrameRate {
    /// The steps of each power of ten from 10 on.
    private static let steps = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8]

    /// The greatest shared rate that is not above the one asked for.
    ///
    /// Below 1 those are the tenths; up to 10 the whole numbers, since a budget has no fraction of a frame in a second;
    /// above ten in each power of ten, 1 to 1.33 times apart.
    ///
    /// - Parameter asked: Frames a second; at least 0.1.
    /// - Returns: The shared rate.
    static func shared(atMost asked: Double) -> Double {
        guard asked >= 1 else {
            // So that three tenths, which are a little less than 0.3 when multiplied, stay three.
            return max(1, (asked * 10 + 1e-9).rounded(.down)) / 10
        }
        guard asked >= 10 else {
            return asked.rounded(.down)
        }
        var power = 10.0
        while asked >= power * 10, power < 1e12 {
            power *= 10
        }
        return (Self.steps.last { $0 * power <= asked } ?? 1) * power
    }
}
