// Package serving is the responder of mss: it negotiates with each client, connects it to
// the target of the protocol, and logs what happens.
//
// It imports package attempt, whose records and reports it shares and whose peer the
// embedded responder is, and packages transport, terminal, address and exit.
package serving
