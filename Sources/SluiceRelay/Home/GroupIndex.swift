/// The groups of a scan by the types they want: a message costs nothing for groups that do not want it.
struct GroupIndex {
    private(set) var all: [GroupID: HomeGroup] = [:]
    /// The groups without a filter.
    private var everything: [GroupID: HomeGroup] = [:]
    /// The groups with a filter, under each type that it names.
    private var byType: [String: [GroupID: HomeGroup]] = [:]

    mutating func insert(_ group: HomeGroup) {
        self.all[group.id] = group
        guard let types = group.key.terms.filter.types else {
            self.everything[group.id] = group
            return
        }
        for type in types {
            self.byType[type, default: [:]][group.id] = group
        }
    }

    mutating func remove(_ group: HomeGroup) {
        self.all[group.id] = nil
        self.everything[group.id] = nil
        for type in group.key.terms.filter.types ?? [] {
            self.byType[type]?[group.id] = nil
            if self.byType[type]?.isEmpty ?? false {
                self.byType[type] = nil
            }
        }
    }

    mutating func removeAll() {
        self = GroupIndex()
    }

    /// Calls `body` with each group that wants a message.
    ///
    /// Returns the number of those groups.
    func forEach(wanting message: Message, _ body: (HomeGroup) -> Void) -> Int {
        if message.fate == .critical {
            self.all.values.forEach(body)
            return self.all.count
        }
        self.everything.values.forEach(body)
        let named = self.byType[message.type]
        named?.values.forEach(body)
        return self.everything.count + (named?.count ?? 0)
    }
}
