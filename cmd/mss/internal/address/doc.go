// Package address reads and writes the addresses of mss: where a peer listens, and which
// layers are below its streams. It opens no connection and imports no other package of
// mss.
package address
