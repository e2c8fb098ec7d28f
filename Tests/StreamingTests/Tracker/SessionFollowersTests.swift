import HTTPServer
import Primitives
import TestSupport
import Testing

@testable import Streaming

struct SessionFollowersTests {
    @Test(arguments: 0..<10)
    func `those who came and have not left are found, in whatever order they come and leave`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let loop = try EventLoop(index: 0, time: SystemTimeSource())
        var followers = SessionFollowers()
        var model: [String: [SessionFollower]] = ["a": [], "b": [], "c": []]
        for _ in 0..<300 {
            guard let id = model.keys.sorted().randomElement(using: &random) else { continue }
            if Int.random(in: 0..<5, using: &random) < 3 {
                let session = FollowedSession(sessionID: id, roomID: "r", expiresAt: Timestamp(milliseconds: 0))
                let follower = SessionFollower(loop: loop, session: session)
                followers.add(follower)
                model[id]?.append(follower)
            } else if let index = model[id]?.indices.randomElement(using: &random),
                let gone = model[id]?.remove(at: index)
            {
                followers.remove(gone)
                // A second time it is not there.
                followers.remove(gone)
            }
            for (id, expected) in model {
                var found: [ObjectIdentifier] = []
                followers.forEach(of: id) { found.append(ObjectIdentifier($0)) }
                #expect(found.count == expected.count && Set(found) == Set(expected.map(ObjectIdentifier.init)))
            }
            #expect(followers.count == model.values.reduce(0) { $0 + $1.count })
        }
        for follower in model.values.joined() { followers.remove(follower) }
        #expect(followers.count == 0)
    }
}
