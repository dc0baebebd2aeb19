#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Where libFuzzer hands its bytes over; the target is named by the environment's `FUZZ_TARGET`.
enum Driver {
    static let target: FuzzTarget? = unsafe getenv("FUZZ_TARGET").flatMap { unsafe FuzzTarget(rawValue: String(cString: $0)) }

    @_cdecl("LLVMFuzzerTestOneInput")
    static func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
        guard let target = self.target else {
            fatalError("FUZZ_TARGET names one of \(FuzzTarget.allCases.map { $0.rawValue })")
        }
        do throws(BrokenPromise) {
            try target.run(Array(unsafe UnsafeBufferPointer(start: start, count: count)))
        } catch {
            fatalError("\(target.rawValue): \(error)")
        }
        return 0
    }
}
