#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The target that the environment's `FUZZ_TARGET` names.
private let target: FuzzTarget? =
    unsafe getenv("FUZZ_TARGET").flatMap { name in unsafe FuzzTarget(rawValue: String(cString: name)) }

/// Where libFuzzer hands its bytes over.
@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let target else {
        fatalError("FUZZ_TARGET names one of \(FuzzTarget.allCases.map { $0.rawValue })")
    }
    do throws(BrokenPromise) {
        try unsafe target.run(Array(UnsafeBufferPointer(start: start, count: count)))
    } catch {
        fatalError("\(target.rawValue): \(error)")
    }
    return 0
}
