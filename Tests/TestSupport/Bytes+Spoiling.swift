extension [UInt8] {
    /// Changes, removes, doubles or inserts one to three bytes, some of them for one of `marks`.
    package mutating func spoil(_ marks: [UInt8], using generator: inout SeededGenerator) {
        for _ in 0..<Int.random(in: 1...3, using: &generator) where !isEmpty {
            let place = Int.random(in: 0..<count, using: &generator)
            let mark = marks[Int.random(in: 0..<marks.count, using: &generator)]
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: self[place] = mark
            case 1: remove(at: place)
            case 2: insert(self[place], at: place)
            default: insert(mark, at: place)
            }
        }
    }
}
