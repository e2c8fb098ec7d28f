// Nothing: the target is there for its resources, the files that the service serves to browsers.
//
// It is a C target, as the package manager gives a Swift one with resources a source file that imports Foundation.
