/// What the service calls itself.
enum ServiceInfo {
    static let name = "RoomService"
    static let version = "0.1.0"
}
