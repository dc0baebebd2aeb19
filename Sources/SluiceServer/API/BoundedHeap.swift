/// Keeps the first few of all given elements by an order, and returns them in that order.
///
/// A heap with the last of them on top, so that an element after all of them costs one comparison.
struct BoundedHeap<Element> {
    private let capacity: Int
    private let precedes: (Element, Element) -> Bool
    private var elements: [Element] = []

    /// Keeps at most `capacity` elements, at least one.
    init(capacity: Int, precedes: @escaping (Element, Element) -> Bool) {
        self.capacity = max(1, capacity)
        self.precedes = precedes
    }

    /// Takes an element, and gives up the last one where there is one too many.
    mutating func insert(_ element: Element) {
        if self.elements.count < self.capacity {
            self.elements.append(element)
            self.siftUp()
        } else if self.precedes(element, self.elements[0]) {
            self.elements[0] = element
            self.siftDown()
        }
    }

    /// All that it keeps, in order.
    mutating func takeSorted() -> [Element] {
        defer { self.elements = [] }
        return self.elements.sorted(by: self.precedes)
    }

    private mutating func siftUp() {
        var place = self.elements.count - 1
        while place > 0 {
            let parent = (place - 1) / 2
            guard self.precedes(self.elements[parent], self.elements[place]) else {
                return
            }
            self.elements.swapAt(parent, place)
            place = parent
        }
    }

    private mutating func siftDown() {
        var place = 0
        while true {
            var last = place
            for child in [2 * place + 1, 2 * place + 2] where child < self.elements.count {
                if self.precedes(self.elements[last], self.elements[child]) {
                    last = child
                }
            }
            guard last != place else {
                return
            }
            self.elements.swapAt(place, last)
            place = last
        }
    }
}
