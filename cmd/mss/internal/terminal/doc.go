// Package terminal writes for people and for programs that read the output of mss: error
// messages, colours, transcripts, progress, JSON documents. It knows nothing about
// peers and imports only package exit.
//
// Text that comes from the other end of a connection must pass one of the functions of
// quote.go on its way to a message.
package terminal
