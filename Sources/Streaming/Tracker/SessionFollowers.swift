/// The followers of all sessions. Those of one session are a chain, linked both ways through the followers themselves: there are many
/// thousands of sessions with a single one, and it comes and goes in the same time however many there are.
struct SessionFollowers {
    private var first: [String: SessionFollower] = [:]
    private(set) var count = 0

    mutating func add(_ follower: SessionFollower) {
        let next = first.updateValue(follower, forKey: follower.session.sessionID)
        follower.following = next
        next?.preceding = follower
        count += 1
    }

    mutating func remove(_ follower: SessionFollower) {
        let id = follower.session.sessionID
        guard follower.preceding != nil || first[id] === follower else { return }
        if let previous = follower.preceding {
            previous.following = follower.following
        } else {
            first[id] = follower.following
        }
        follower.following?.preceding = follower.preceding
        follower.following = nil
        follower.preceding = nil
        count -= 1
    }

    func forEach(of sessionID: String, _ body: (SessionFollower) -> Void) {
        var follower = first[sessionID]
        while let current = follower {
            body(current)
            follower = current.following
        }
    }

    func forEach(_ body: (SessionFollower) -> Void) {
        for id in first.keys { forEach(of: id, body) }
    }
}
