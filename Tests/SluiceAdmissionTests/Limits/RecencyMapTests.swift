import TestSupport
import Testing

@testable import SluiceAdmission

@Suite struct RecencyMapTests {
    @Test(arguments: [1, 2, 3])
    func `a random history leaves what an ordered list would`(seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        var map = RecencyMap<Int, Int>()
        var model: [(key: Int, value: Int)] = []
        for step in 0..<5000 {
            let key = Int.random(in: 0..<20, using: &generator)
            switch Int.random(in: 0..<10, using: &generator) {
            case 0..<6:
                // Where it is said to be may be nowhere, or another's.
                let guess = Int.random(in: -1..<25, using: &generator)
                let slot = map.slot(of: key, guess: Bool.random(using: &generator) ? guess : nil)
                #expect(slot.flatMap { map.value(at: $0) } == model.first { $0.key == key }?.value)
                if let slot {
                    map.renew(at: slot, step)
                } else {
                    let made = map.renew(key, step)
                    #expect(map.slot(of: key, guess: made) == made && map.slot(of: key) == made)
                }
                model.removeAll { $0.key == key }
                model.append((key, step))
            case 6..<9:
                let removed = map.remove(key)
                #expect(removed == model.first { $0.key == key }?.value)
                model.removeAll { $0.key == key }
            default:
                map.removeAll { $0 % 3 == 0 }
                model.removeAll { $0.value % 3 == 0 }
            }
            #expect(map.count == model.count)
            #expect(map.oldest?.key == model.first?.key)
            #expect(map.oldest(100).map(\.key) == model.map(\.key))
            #expect(map.oldest(3).map(\.value) == model.prefix(3).map(\.value))
            #expect(map[key] == model.first { $0.key == key }?.value)
        }
    }
}
