import Redis
import Testing

struct RedisAddressTests {
    @Test func `an address has a host, and may have a port, a database, a user and a password`() throws {
        var address = try RedisAddress("redis://cache")
        #expect(address.place == .tcp(host: "cache", port: 6379))
        #expect(address.database == 0 && address.user == nil && address.password == nil)
        address = try RedisAddress("redis://ada:s%40cr%3Ft@cache.example:7000/12")
        #expect(address.place == .tcp(host: "cache.example", port: 7000))
        #expect(address.database == 12 && address.user == "ada" && address.password == "s@cr?t")
        address = try RedisAddress("redis://:pass:word@[::1]:7000/")
        #expect(address.place == .tcp(host: "::1", port: 7000))
        #expect(address.user == nil && address.password == "pass:word")
        address = try RedisAddress("unix:///run/redis.sock?db=3")
        #expect(address.place == .unix(path: "/run/redis.sock") && address.database == 3)
    }

    @Test func `a password given apart is the one`() throws {
        #expect(try RedisAddress("redis://cache", password: "b").password == "b")
        #expect(try RedisAddress("redis://ada:a@cache", password: "b").password == "b")
        let address = try RedisAddress("redis://ada@cache", password: "b")
        #expect(address.user == "ada" && address.password == "b")
    }

    @Test(arguments: [
        "redis://cache:6379", "redis://cache:7000/2", "redis://ada@cache:6379", "redis://[::1]:6379",
        "unix:///run/redis.sock", "unix:///run/redis.sock?db=3",
    ])
    func `a description is the address without its password`(text: String) throws {
        #expect(try RedisAddress(text, password: "secret").description == text)
    }

    @Test(arguments: [
        ("", "no address"), ("cache:6379", "no address"), ("http://cache", "must begin"), ("rediss://cache", "TLS"),
        ("redis://", "no host"), ("redis://:secret@", "no host"), ("redis://cache:", "port"),
        ("redis://cache:0", "port"), ("redis://cache:65536", "port"), ("redis://cache:+1", "port"),
        ("redis://::1", "port"), ("redis://[::1", "']'"), ("redis://[::1]x", "port"), ("redis://ca che", "host"),
        ("redis://cache/x", "database"), ("redis://cache/-1", "database"), ("redis://cache/99999999999", "database"),
        ("redis://cache/1/2", "database"), ("redis://secret@cache", "without a password"),
        ("redis://:secret%@cache", "percent"), ("redis://:secret%2@cache", "percent"),
        ("redis://:secret%FF@cache", "percent"),
        ("redis://:sec?ret@cache", "'?'"), ("redis://cache?db=1", "'?'"), ("unix://run/redis.sock", "absolute"),
        ("unix:///run/redis.sock?x=1", "?db="), ("unix:///run/redis.sock?db=", "database"),
        ("unix:///\(String(repeating: "x", count: 107))", "107"),
    ])
    func `what is no address is refused, without a word of its password`(text: String, words: String) {
        let fault = #expect(throws: RedisAddress.Fault.self) { try RedisAddress(text) }
        #expect(fault?.description.contains(words) == true, "\(fault?.description ?? "")")
        #expect(fault?.description.contains("secret") != true)
    }
}
