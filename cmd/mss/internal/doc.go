// Package internal contains the parts of mss. The verbs are files of the main package;
// they read flags, use these packages, and return an error, which becomes the exit code.
//
// Each package imports only packages of the lines below its own:
//
//	main      → load serving attempt transport terminal address exit
//	load      → attempt transport terminal exit
//	serving   → attempt transport terminal address exit
//	attempt   → transport terminal address exit
//	transport → address exit
//	terminal  → exit
//	address   →
//	exit      →
//
// Package attempt is the initiator and package serving the responder. Both are above
// package transport, which opens and accepts streams. The negotiations that transport
// needs below a stream are methods of its callers: transport.Steps and
// transport.Host.
package internal
