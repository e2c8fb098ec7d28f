/// The members of a JSON object, in the order in which they were written.
///
/// Keys are compared byte by byte; Swift's strings would take canonically equivalent ones for the same.
/// A key that comes twice keeps its first place and its last value, as browsers do (RFC 8259, section 4, leaves it open).
/// Look-ups are linear up to a few members, and by hash beyond.
package struct JSONObject: Sendable {
    package struct Member: Sendable, Hashable {
        package var key: String
        package var value: JSONValue

        package init(key: String, value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    package private(set) var members: [Member] = []
    /// Places of the keys; empty while the object is small enough to be searched.
    private var places: [ExactKey: Int] = [:]

    /// A key by its bytes. Swift's strings hash alike when they are canonically equivalent: who sends many such keys would
    /// make every look-up a search.
    private struct ExactKey: Hashable {
        var text: String

        static func == (left: ExactKey, right: ExactKey) -> Bool {
            left.text.utf8.elementsEqual(right.text.utf8)
        }

        func hash(into hasher: inout Hasher) {
            var text = text
            text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        }
    }

    private static let searchLimit = 16

    package init() {}

    package init(_ members: [Member]) {
        self.members.reserveCapacity(members.count)
        for member in members { self[member.key] = member.value }
    }

    package var isEmpty: Bool { members.isEmpty }
    package var count: Int { members.count }

    package subscript(key: String) -> JSONValue? {
        get { place(of: key).map { members[$0].value } }
        set {
            switch (place(of: key), newValue) {
            case (let place?, let value?):
                members[place].value = value
            case (let place?, nil):
                members.remove(at: place)
                reindex()
            case (nil, let value?):
                members.append(Member(key: key, value: value))
                if members.count == Self.searchLimit + 1 {
                    reindex()
                } else if members.count > Self.searchLimit {
                    places[ExactKey(text: key)] = members.count - 1
                }
            case (nil, nil):
                break
            }
        }
    }

    private func place(of key: String) -> Int? {
        members.count > Self.searchLimit
            ? places[ExactKey(text: key)] : members.firstIndex { ExactKey(text: $0.key) == ExactKey(text: key) }
    }

    private mutating func reindex() {
        places.removeAll()
        guard members.count > Self.searchLimit else { return }
        for (place, member) in members.enumerated() { places[ExactKey(text: member.key)] = place }
    }
}

extension JSONObject: Hashable {
    /// Equal when the same keys have the same values, in whatever order.
    package static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.count == right.count && left.members.allSatisfy { right[$0.key] == $0.value }
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(Set(members))
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self.init(elements.map { Member(key: $0, value: $1) })
    }
}
