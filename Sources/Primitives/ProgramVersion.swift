/// The version of this release: what `--version` and the API show, and what the log of migrations keeps.
package enum ProgramVersion {
    package static let current = "0.1.0"
}
