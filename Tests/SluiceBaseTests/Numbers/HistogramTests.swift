import SluiceBase
import Testing

@Suite("A histogram")
struct HistogramTests {
    @Test(
        "A value counts in the first bucket whose bound it does not pass",
        arguments: [(-1.0, 0), (0, 0), (1, 0), (1.5, 1), (2, 1), (2.5, 2), (1e300, 2)]
    )
    func buckets(value: Double, bucket: Int) {
        var histogram = Histogram(bounds: [1, 2])
        histogram.observe(value)
        var expected = [0, 0, 0]
        expected[bucket] = 1
        #expect(histogram.counts == expected)
        #expect(histogram.sum == value && histogram.count == 1)
    }

    @Test("A value that was seen by many counts as many times")
    func times() {
        var histogram = Histogram(bounds: [1])
        histogram.observe(0.5, times: 3)
        histogram.observe(4, times: 2)
        histogram.observe(9, times: 0)
        histogram.observe(9, times: -1)
        #expect(histogram.counts == [3, 2] && histogram.sum == 9.5 && histogram.count == 5)
    }

    @Test("What is no finite number is not counted", arguments: [Double.nan, .infinity, -.infinity])
    func notFinite(value: Double) {
        var histogram = Histogram(bounds: [1])
        histogram.observe(value)
        #expect(histogram == Histogram(bounds: [1]))
    }

    @Test("Two of the same bounds add up")
    func addition() {
        var left = Histogram(bounds: [1, 2])
        var right = left
        left.observe(1, times: 2)
        right.observe(2)
        right.observe(3)
        left.add(right)
        #expect(left.counts == [2, 1, 1] && left.sum == 7)
    }

    @Test("One without bounds keeps count and sum")
    func noBounds() {
        var histogram = Histogram(bounds: [])
        histogram.observe(7)
        #expect(histogram.counts == [1] && histogram.sum == 7)
    }
}
