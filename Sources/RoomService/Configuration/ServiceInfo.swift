import Primitives

/// What the service calls itself.
enum ServiceInfo {
    static let name = "RoomService"
    static let version = ProgramVersion.current
}
